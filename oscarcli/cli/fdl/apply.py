"""`apply` and `delete`: the services of an FDL file, created, updated or removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.apply_plan import apply_plan
from oscarcli.cli.kit.apply_report import ApplyReport
from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.fdl_plan import (
    DefaultOption,
    EnvFileOption,
    FdlArgument,
    NameOption,
    planned,
    read_fdl,
    wanted_services,
)
from oscarcli.cli.kit.session import Session
from oscarcli.errors import UsageError

if TYPE_CHECKING:
    from oscarcli.fdl.actions import Action

app = noun("Create, update or delete the services of an FDL file.")

DELETED = (("removed", "delete"),)


@app.command("apply, a", formats=TABLE_FORMATS, waits=True)
def apply(
    ctx: typer.Context,
    fdl_file: FdlArgument,
    default: DefaultOption = False,
    name: NameOption = None,
    env_file: EnvFileOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, field by field, and do nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Send services that are as the file has them, too.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait until all services are ready, 300 seconds or --timeout at most."),
    ] = False,
) -> None:
    """Create or update the services of an FDL file.

    Each service goes to the cluster it stands under in the file; --cluster names another one. An existing
    service that differs is replaced as a whole: what the file leaves out falls back to its default. One
    that does not differ is left alone, unless the file has values of secrets, which no server shows.
    """
    from oscarcli.cli.kit.fdl_changes import show_plan

    session: Session = ctx.obj
    plan = planned(session, fdl_file, default=default, names=name, env_file=env_file, force=force)
    if dry_run:
        show_plan(session, plan, "Planning")
        return
    apply_plan(session, plan, wait=wait)


@app.command("delete, d, del, remove, rm", formats=TABLE_FORMATS)
def delete(
    ctx: typer.Context,
    fdl_file: FdlArgument,
    default: DefaultOption = False,
    name: NameOption = None,
    ignore_missing: Annotated[
        bool, typer.Option("--ignore-missing", help="A service that does not exist is no failure.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Delete the services of an FDL file, with their jobs and buckets.

    Clusters and names are found as by apply; of the file nothing but names is read.
    """
    from oscarcli.fdl.actions import Action
    from oscarcli.fdl.apply import apply_actions

    session: Session = ctx.obj
    fdl = read_fdl(session, fdl_file, names_only=True)
    wanted = wanted_services(session, fdl, name or [], default)
    actions = [Action("delete", item.cluster_id, item.service.name) for item in wanted]
    _ask(session, actions, yes)
    report = ApplyReport(session, fdl.label, len(actions), ignore_missing=ignore_missing)
    report.title("Deleting")
    report.follow(apply_actions(actions, session.api_for))
    report.close(DELETED)


def _ask(session: Session, actions: Sequence[Action], yes: bool) -> None:
    """Ask before data is lost; without a terminal go ahead, as the reference client does."""
    if yes or not session.can_ask:
        return
    for action in actions:
        session.note(f'service "{action.name}" in cluster "{action.cluster_id}"')
    what = "this service" if len(actions) == 1 else f"these {len(actions)} services"
    if not session.confirm(f"Delete {what} with all jobs, and with buckets and the files in them?"):
        raise UsageError("nothing was deleted")
