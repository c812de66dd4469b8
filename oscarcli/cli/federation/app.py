"""`federation`: which other services take jobs of a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from oscarcli.cli.federation import delete
from oscarcli.cli.federation.change import ServiceArgument, change_federation
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
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, RefusedError, UsageError
from oscarcli.output.render import Column, Result

app = noun("Services of other clusters that take jobs of a service.")

COLUMNS = (
    Column("TYPE", "type"),
    Column("CLUSTER ID", "cluster_id", is_name=True),
    Column("SERVICE NAME", "service_name", is_name=True),
    Column("URL", "url"),
    Column("PRIORITY", "priority"),
)

NAME_COLUMN = Column("NAME", lambda member: member.get("service_name") or member.get("url"))


@app.command(
    "get, get-federation, g", formats=("text", "json", "yaml", "table"), columns=COLUMNS, watch="whole"
)
def get(
    ctx: typer.Context,
    service: ServiceArgument,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Show values of headers instead of ***.")
    ] = False,
) -> None:
    """Show how a service is federated, and with whom; exit 1 when it is not."""
    from oscarcli.api.federation import get_federation, is_federated, members_of
    from oscarcli.http.redaction import mask_document

    session: Session = ctx.obj
    document = get_federation(session.api, service)
    if not is_federated(document):
        hint = f"'oscar-cli federation add-member {service}' with --cluster-id and --service-name begins one"
        raise OscarError(f'service "{service}" has no federation', hint=hint)
    document = document if show_secrets else mask_document(document)
    members = members_of(document)
    if session.output not in ("text", "table"):
        session.show(Result(document, COLUMNS, members))
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
    change_federation(
        session,
        service,
        lambda: federation.add_member(session.api, service, member),
        lambda now: any(is_equal(one, member) for one in now),
        f'Federation member added for service "{service}"',
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
        str | None, typer.Option("--new-type", metavar="[oscar|endpoint]", help="What its type becomes.")
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
    change_federation(
        session,
        service,
        lambda: federation.replace_member(session.api, service, old, new),
        lambda now: any(is_equal(one, new) for one in now),
        f'Federation member updated for service "{service}"',
    )


app.include(delete.app)
