"""`federation`: which other services take jobs of a service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from oscarcli.cli.federation.members import (
    SSL_VERIFY_WORDS,
    ClusterIdOption,
    HeaderOption,
    InsecureOption,
    Member,
    PriorityOption,
    ServiceNameOption,
    SslVerifyOption,
    TypeOption,
    UrlOption,
    check_complete,
    described,
    headers_of,
    is_equal,
    is_same_place,
    member_type,
    one_of,
    selected,
    verification,
)
from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError, OscarError, PartialError, RefusedError, UsageError
from oscarcli.output.render import Column, Result

app = noun("Services of other clusters that take jobs of a service.")

COLUMNS = (
    Column("TYPE", "type"),
    Column("CLUSTER ID", "cluster_id"),
    Column("SERVICE NAME", "service_name"),
    Column("URL", "url"),
    Column("PRIORITY", "priority"),
)

NAME_COLUMN = Column("NAME", lambda member: member.get("service_name") or member.get("url"))

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")]


@app.command("get, get-federation, g", formats=("text", "json", "yaml", "table"), columns=COLUMNS)
def get(
    ctx: typer.Context,
    service: ServiceArgument,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Show values of headers instead of ***.")
    ] = False,
) -> None:
    """Show how a service is federated, and with whom."""
    from oscarcli.api.federation import get_federation, members_of
    from oscarcli.http.redaction import masked

    session: Session = ctx.obj
    document = get_federation(session.api, service)
    document = document if show_secrets else masked(document)
    members = members_of(document)
    if session.output not in ("text", "table"):
        session.show(Result(document))
        return
    if not session.layout.names_only and not session.layout.columns:
        _write_summary(session, document, members)
    if session.output == "text":
        _write_members(session, members)
    elif members:
        session.show(Result(members, COLUMNS, name=NAME_COLUMN))


def _write_summary(session: Session, document: Member, members: Sequence[Member]) -> None:
    session.line(f"Topology:  {document.get('topology') or 'none'}")
    session.line(f"Members:  {len(members)}")
    if not members:
        session.line("No federation members found")


def _write_members(session: Session, members: Sequence[Member]) -> None:
    titles = {"Type": "type", "Cluster ID": "cluster_id", "Service Name": "service_name", "URL": "url"}
    for member in members:
        for title, key in titles.items():
            session.line(f"{title}: {member.get(key) or ''}".rstrip())
        session.line(f"Priority: {member.get('priority') or 0}")
        session.line("")


@app.command("add-member, add, a, create", formats=TABLE_FORMATS, optional_values=SSL_VERIFY_WORDS)
def add_member(
    ctx: typer.Context,
    service: ServiceArgument,
    kind: TypeOption = None,
    cluster_id: ClusterIdOption = None,
    service_name: ServiceNameOption = None,
    url: UrlOption = None,
    priority: PriorityOption = None,
    insecure: InsecureOption = False,
    ssl_verify: SslVerifyOption = None,
    header: HeaderOption = None,
) -> None:
    """Add a member: a service of another cluster, or an endpoint."""
    from oscarcli.api import federation

    session: Session = ctx.obj
    verify = verification(insecure, ssl_verify)
    member: Member = {
        "type": member_type(kind) or "oscar",
        "cluster_id": cluster_id or "",
        "service_name": service_name or "",
        "url": url or "",
        "ssl_verify": True if verify is None else verify,
        "priority": priority or 0,
        "headers": headers_of(header) or {},
    }
    check_complete(member)
    members = federation.members_of(federation.get_federation(session.api, service))
    if any(is_same_place(one, member) for one in members):
        raise RefusedError(
            f"{described(member)} is a member already", hint="'oscar-cli federation update' changes a member"
        )
    _carry_out(
        session,
        service,
        lambda: federation.add_member(session.api, service, member),
        lambda now: any(is_equal(one, member) for one in now),
        f'Federation member added for service "{service}"',
    )


def _carry_out(
    session: Session,
    service: str,
    write: Callable[[], str | None],
    is_done: Callable[[list[Member]], bool],
    line: str,
) -> None:
    """Change a federation, look whether it is changed, and say so.

    Raises:
        PartialError: it is stored here, but members could not be told.
        OscarError: what the server says, or that nothing changed though it said nothing.
    """
    from oscarcli.api.federation import get_federation, members_of
    from oscarcli.http.redaction import masked

    problem: str | None
    failure: OscarError | None = None
    try:
        problem = write()
    except (NotFoundError, RefusedError, UsageError):
        raise
    except OscarError as error:
        # Members are told after the change is stored: a failure may come from the second.
        problem, failure = error.message, error
    try:
        stored = get_federation(session.api, service)
    except OscarError as error:
        raise failure or error from error
    if not is_done(members_of(stored)):
        raise failure or RefusedError(
            f'the federation of service "{service}" is as it was, though the server reported no failure'
        )
    session.done(line, masked(stored))
    if problem:
        raise PartialError(
            f"the change is stored, but not everything went well: {problem}",
            hint=f"'oscar-cli federation get {service}' shows what is stored",
        )


@app.command("update, update-member, u", formats=TABLE_FORMATS, optional_values=SSL_VERIFY_WORDS)
def update(
    ctx: typer.Context,
    service: ServiceArgument,
    kind: TypeOption = None,
    cluster_id: ClusterIdOption = None,
    service_name: ServiceNameOption = None,
    url: UrlOption = None,
    priority: PriorityOption = None,
    insecure: InsecureOption = False,
    ssl_verify: SslVerifyOption = None,
    header: HeaderOption = None,
    new_type: Annotated[
        str | None, typer.Option("--new-type", metavar="TYPE", help="What its type becomes.")
    ] = None,
    new_cluster_id: Annotated[
        str | None, typer.Option("--new-cluster-id", metavar="ID", help="What its cluster becomes.")
    ] = None,
    new_service_name: Annotated[
        str | None, typer.Option("--new-service-name", metavar="NAME", help="What its service becomes.")
    ] = None,
) -> None:
    """Change a member.

    --type, --cluster-id and --service-name name the member; the other options say what it becomes, and
    what is not given stays.
    """
    from oscarcli.api import federation

    session: Session = ctx.obj
    changes = {
        "type": member_type(new_type),
        "cluster_id": new_cluster_id,
        "service_name": new_service_name,
        "url": url,
        "ssl_verify": verification(insecure, ssl_verify),
        "priority": priority,
        "headers": headers_of(header),
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    if not changes:
        raise UsageError("say what to change, such as --priority 1 or --url URL")
    members = federation.members_of(federation.get_federation(session.api, service))
    old = one_of(selected(members, service, member_type(kind), cluster_id, service_name))
    new = {**old, **changes}
    check_complete({"url": "", "cluster_id": "", "service_name": "", **new})
    _carry_out(
        session,
        service,
        lambda: federation.replace_member(session.api, service, old, new),
        lambda now: any(is_equal(one, new) for one in now),
        f'Federation member updated for service "{service}"',
    )


@app.command("delete, rm, del, d, delete-member, remove-member", formats=TABLE_FORMATS)
def delete(
    ctx: typer.Context,
    service: ServiceArgument,
    kind: TypeOption = None,
    cluster_id: ClusterIdOption = None,
    service_name: ServiceNameOption = None,
    delete_service: Annotated[
        bool,
        typer.Option(
            "--delete-service",
            help="Also delete this cluster's service of the member's name, with its buckets and files.",
        ),
    ] = False,
    yes: YesOption = False,
) -> None:
    """Remove the members that all given options fit; their services stay."""
    from oscarcli.api import federation

    session: Session = ctx.obj
    if not (kind or cluster_id or service_name):
        raise UsageError("name the member with --cluster-id, --service-name or --type")
    members = federation.members_of(federation.get_federation(session.api, service))
    chosen = selected(members, service, member_type(kind), cluster_id, service_name)
    doomed = sorted({str(one.get("service_name")) for one in chosen if one.get("service_name")})
    if delete_service:
        _confirm_services(session, service, doomed, yes)
    gone = {federation.identity(one) for one in chosen}
    _carry_out(
        session,
        service,
        lambda: federation.remove_members(session.api, service, chosen, delete_services=delete_service),
        lambda now: not any(federation.identity(one) in gone for one in now),
        f'Federation members deleted for service "{service}"',
    )
    for member in chosen:
        session.note(f"removed: {described(member)}")
    if delete_service:
        _check_deleted(session, doomed)


def _confirm_services(session: Session, service: str, doomed: Sequence[str], yes: bool) -> None:
    """Ask before services are deleted: the server deletes those of this cluster, whoever the member is."""
    if service in doomed:
        raise RefusedError(
            f'--delete-service would delete service "{service}" itself: the server takes the member\'s name '
            "for one of this cluster",
            hint=f"'oscar-cli service delete {service}' is for that",
        )
    listed = ", ".join(f'"{name}"' for name in doomed)
    if yes or not doomed:
        return
    if not session.can_ask:
        raise UsageError(f"--delete-service deletes service {listed} of this cluster; say --yes to do it")
    if not session.confirm(f"Delete service {listed} of this cluster with all buckets and files?"):
        raise OscarError("nothing was removed")


def _check_deleted(session: Session, doomed: Sequence[str]) -> None:
    """Look whether the services are gone: the server tells nobody when they are not."""
    from oscarcli.api.services import find_service

    left = [name for name in doomed if find_service(session.api, name) is not None]
    for name in doomed:
        if name not in left:
            session.note(f'there is no service "{name}" in this cluster any more')
    if left:
        raise PartialError(f"the members are removed, but not the service {', '.join(left)}")
