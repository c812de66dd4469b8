"""`federation delete`: members go, all of them or those that options fit; services only when that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from oscarcli.cli.federation.change import ServiceArgument, change_federation
from oscarcli.cli.federation.members import (
    ClusterIdOption,
    Member,
    ServiceNameOption,
    TypeOption,
    described,
    member_type,
    selected,
)
from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError, PartialError, RefusedError, UsageError

app = noun("")


@app.command("delete, rm, del, d, delete-member, remove-member", formats=TABLE_FORMATS)
def delete(
    ctx: typer.Context,
    service: ServiceArgument,
    kind: TypeOption = None,
    cluster_id: ClusterIdOption = None,
    service_name: ServiceNameOption = None,
    all_members: Annotated[
        bool, typer.Option("--all", help="All members, as without any option that names some.")
    ] = False,
    delete_service: Annotated[
        bool,
        typer.Option(
            "--delete-service",
            help="Also delete this cluster's service of the member's name, with its buckets and files.",
        ),
    ] = False,
    yes: YesOption = False,
) -> None:
    """Remove the members that all given options fit, or all members; their services stay."""
    from oscarcli.api import federation
    from oscarcli.http.redaction import mask_document

    session: Session = ctx.obj
    is_selective = _is_selective(all_members, kind, cluster_id, service_name)
    selectors = (member_type(kind), cluster_id, service_name)
    stored = federation.get_federation(session.api, service)
    members = federation.members_of(stored)
    chosen = selected(members, service, *selectors) if is_selective else members
    if not chosen:
        session.done(f'Service "{service}" has no federation members', mask_document(stored))
        return
    if not (is_selective or all_members or yes):
        _confirm_all(session, service, chosen)
    to_delete = sorted({str(one.get("service_name")) for one in chosen if one.get("service_name")})
    if delete_service:
        _confirm_services(session, service, to_delete, yes)
    gone = {federation.identity(one) for one in chosen}
    change_federation(
        session,
        service,
        lambda: federation.remove_members(session.api, service, chosen, delete_services=delete_service),
        lambda now: not any(federation.identity(one) in gone for one in now),
        f'Federation members deleted for service "{service}"',
    )
    for member in chosen:
        session.note(f"removed: {described(member)}")
    if delete_service:
        _check_deleted(session, to_delete)


def _is_selective(
    all_members: bool, kind: str | None, cluster_id: str | None, service_name: str | None
) -> bool:
    """Tell whether options name some members.

    Raises:
        UsageError: they name some and all, or nothing: an empty word, as of a script's variable that is
            not set, must not remove every member.
    """
    given = {"--type": kind, "--cluster-id": cluster_id, "--service-name": service_name}
    selectors = {option: word for option, word in given.items() if word is not None}
    for option, word in selectors.items():
        if not word.strip():
            raise UsageError(f"{option} is empty", hint="--all, or no such option, removes all members")
    if selectors and all_members:
        raise UsageError(f"--all goes without {' and '.join(selectors)}")
    return bool(selectors)


def _confirm_all(session: Session, service: str, members: Sequence[Member]) -> None:
    """Ask before all members go, where a person is there to be asked; scripts rely on it elsewhere."""
    if not session.can_ask:
        return
    for member in members:
        session.note(described(member))
    if not session.confirm(f'Remove all {len(members)} federation members of service "{service}"?'):
        raise OscarError("nothing was removed")


def _confirm_services(session: Session, service: str, to_delete: Sequence[str], yes: bool) -> None:
    """Ask before services are deleted: the server deletes those of this cluster, whoever the member is."""
    if service in to_delete:
        raise RefusedError(
            f'--delete-service would delete service "{service}" itself: the server takes the member\'s name '
            "for one of this cluster",
            hint=f"'oscar-cli service delete {service}' is for that",
        )
    listed = ", ".join(f'"{name}"' for name in to_delete)
    if yes or not to_delete:
        return
    if not session.can_ask:
        raise UsageError(f"--delete-service deletes service {listed} of this cluster; say --yes to do it")
    if not session.confirm(f"Delete service {listed} of this cluster with all buckets and files?"):
        raise OscarError("nothing was removed")


def _check_deleted(session: Session, to_delete: Sequence[str]) -> None:
    """Look whether the services are gone: the server tells nobody when they are not."""
    from oscarcli.api.services import find_service

    left = [name for name in to_delete if find_service(session.api, name) is not None]
    for name in to_delete:
        if name not in left:
            session.note(f'there is no service "{name}" in this cluster any more')
    if left:
        raise PartialError(f"the members are removed, but not the service {', '.join(left)}")
