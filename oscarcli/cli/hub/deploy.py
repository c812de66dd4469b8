"""`hub deploy`: the services of a package created or updated on a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.hub.definition import fdl_of
from oscarcli.cli.hub.options import (
    OWNER,
    PATH,
    REF,
    REPO,
    ApiBaseOption,
    LocalPathOption,
    OwnerOption,
    PathOption,
    RefOption,
    RepoOption,
    SlugArgument,
    as_pinned,
    opened_package,
)
from oscarcli.cli.kit.apply_plan import apply_plan
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.fdl_changes import show_plan
from oscarcli.cli.kit.fdl_plan import EnvFileOption, NameOption, planned_fdl
from oscarcli.cli.kit.session import Session
from oscarcli.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from oscarcli.fdl.read import Fdl

app = noun("Deploy a service of the hub.")


@app.command("deploy, d", formats=TABLE_FORMATS, waits=True)
def deploy(
    ctx: typer.Context,
    slug: SlugArgument,
    owner: OwnerOption = OWNER,
    repo: RepoOption = REPO,
    path: PathOption = PATH,
    ref: RefOption = None,
    api_base: ApiBaseOption = "",
    local_path: LocalPathOption = None,
    name: NameOption = None,
    service: Annotated[
        str | None, typer.Option("--service", metavar="NAME", help="Only this one of the FDL's services.")
    ] = None,
    env_file: EnvFileOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, field by field, and do nothing.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait until all services are ready, 300 seconds or --timeout at most."),
    ] = False,
    pin: Annotated[
        bool,
        typer.Option("--pin", help="Write the version to the lock: it is deployed again until it changes."),
    ] = False,
    lock: Annotated[
        Path | None,
        typer.Option("--lock", metavar="FILE", help="The lock.  [default: hub.lock, if there is one]"),
    ] = None,
) -> None:
    """Create or update the services of a package on the chosen cluster.

    The cluster's id in the hub's FDL means nothing here. A version that is pinned in the lock is the one
    that is deployed; one that has changed since is refused.
    """
    from oscarcli.hub.lock import LOCK_NAME, Lock, Pin
    from oscarcli.hub.origin import HubOrigin

    session: Session = ctx.obj
    if pin and local_path:
        raise UsageError("--pin is for a version of the hub, --local-path for files of this machine")
    origin = HubOrigin.checked(owner, repo, path, ref or REF, api_base)
    locked = Lock(lock or Path(LOCK_NAME))
    if local_path is None and ref is None and not pin:
        origin = as_pinned(session, locked, slug, origin)
    with opened_package(session, origin, slug, local_path) as package:
        definition, fdl = fdl_of(session, package)
    found = Pin(origin.name, ref or REF, package.commit, definition.digest)
    if local_path is None:
        session.note(
            f"{slug} of {origin.name}, commit {package.commit[:12] or 'unknown'}, {definition.digest}"
        )
        if not pin:
            locked.check(slug, found)
    plan = planned_fdl(
        session,
        _only(fdl, service),
        default=False,
        names=name,
        env_file=env_file,
        cluster_id=session.cluster_id,
    )
    if dry_run:
        show_plan(session, plan, "Planning")
        return
    apply_plan(session, plan, wait=wait)
    if pin:
        locked.pin(slug, found)
        session.note(f'pinned in "{locked.path}"')
    if session.wants_table:
        for action in plan.actions:
            session.line(f'Service "{action.name}" deployed successfully.')


def _only(fdl: Fdl, service: str | None) -> Fdl:
    """Return an FDL with one of its services alone. Raises NotFoundError when it has none of this name."""
    if service is None:
        return fdl
    chosen = tuple(found for found in fdl.services if found.name == service)
    if not chosen:
        names = ", ".join(found.name for found in fdl.services)
        raise NotFoundError(f'the FDL has no service "{service}"', hint=f"it has {names}")
    return replace(fdl, services=chosen)
