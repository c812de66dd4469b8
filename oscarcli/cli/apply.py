"""`apply` and `delete`: the services of an FDL file, created, updated or removed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.framework import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.session import Session
from oscarcli.errors import ExitCode, OscarError, PartialError, UsageError
from oscarcli.output.render import Result
from oscarcli.output.terminal import clean

if TYPE_CHECKING:
    from oscarcli.fdl.apply import Event
    from oscarcli.fdl.plan import Action, Wanted
    from oscarcli.fdl.read import Fdl

app = noun("Create, update or delete the services of an FDL file.")

# The reference client's words, which scripts look for.
DOING = {"create": "Creating", "edit": "Editing", "delete": "Removing", "check": "Checking"}
ERASE_LINE = "\r\x1b[K"

FdlArgument = Annotated[
    str, typer.Argument(metavar="FDL_FILE", help="File, YAML or JSON; - for standard input.")
]
DefaultOption = Annotated[
    bool, typer.Option("--default", help="Use the default cluster, whatever the file says.")
]
NameOption = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        "-n",
        metavar="NAME|OLD=NEW",
        help="Name of the service and its bucket instead of the file's; OLD=NEW, repeated, for several.",
    ),
]


@app.command("apply, a", formats=TABLE_FORMATS)
def apply(
    ctx: typer.Context,
    fdl_file: FdlArgument,
    default: DefaultOption = False,
    name: NameOption = None,
    env_file: Annotated[
        Path | None,
        typer.Option("--env-file", metavar="FILE", help="KEY=value lines for variables and secrets."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Create or update the services of an FDL file.

    Each service goes to the cluster it stands under in the file; --cluster names another one. An existing
    service is replaced as a whole: what the file leaves out falls back to its default.
    """
    from oscarcli.fdl.apply import carry_out, look_up
    from oscarcli.fdl.plan import plan, with_logins

    session: Session = ctx.obj
    fdl = _read(session, fdl_file)
    wanted = _wanted(session, fdl, name or [], default)
    if env_file is not None:
        _fill_in(session, env_file, wanted)
    wanted, lent = with_logins(wanted, session.config.clusters)
    for service, clusters in lent.items():
        session.note(
            f'service "{service}" is given the login of {", ".join(clusters)} to delegate jobs with; '
            "whoever may read the service can read it"
        )
    actions = plan(wanted, look_up(wanted, session.api_for))
    if dry_run:
        _show_plan(session, fdl, actions)
        return
    _report(session, fdl, "Applying", len(actions), carry_out(actions, session.api_for))


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
    from oscarcli.fdl.apply import carry_out
    from oscarcli.fdl.plan import Action

    session: Session = ctx.obj
    fdl = _read(session, fdl_file, names_only=True)
    wanted = _wanted(session, fdl, name or [], default)
    actions = [Action("delete", item.cluster_id, item.service.name) for item in wanted]
    _ask(session, actions, yes)
    events = carry_out(actions, session.api_for)
    _report(session, fdl, "Deleting", len(actions), events, ignore_missing=ignore_missing)


def _read(session: Session, path: str, *, names_only: bool = False) -> Fdl:
    from oscarcli.fdl.findings import FdlError
    from oscarcli.fdl.read import read

    try:
        fdl = read(path, standard_input=getattr(sys.stdin, "buffer", None), names_only=names_only)
    except FdlError as error:
        for warning in error.warnings:
            session.warn(warning)
        raise
    for warning in fdl.warnings:
        session.warn(warning)
    return fdl


def _wanted(session: Session, fdl: Fdl, names: Sequence[str], default: bool) -> list[Wanted]:
    from oscarcli.fdl.plan import targets
    from oscarcli.fdl.rename import renamed

    # Not OSCAR_CLI_CLUSTER: it says which cluster is meant where nothing else does, and here the file does.
    services = renamed(fdl.services, names)
    return targets(services, session.config, cluster_id=session.cluster_option, use_default=default)


def _fill_in(session: Session, path: Path, wanted: Sequence[Wanted]) -> None:
    from oscarcli.fdl.env_file import fill_in, read_env_file

    usage = fill_in([item.service.definition for item in wanted], read_env_file(path))
    if usage.used:
        session.note(f"from {path}: {', '.join(usage.used)}")
    if usage.unused:
        session.warn(f"no service has these variables or secrets of {path}: {', '.join(usage.unused)}")


def _ask(session: Session, actions: Sequence[Action], yes: bool) -> None:
    """Ask before data is lost; without a terminal go ahead, as the reference client does."""
    if yes or not session.can_ask:
        return
    for action in actions:
        session.note(f'service "{action.name}" in cluster "{action.cluster_id}"')
    what = "this service" if len(actions) == 1 else f"these {len(actions)} services"
    if not session.confirm(f"Delete {what} with all jobs, and with buckets and the files in them?"):
        raise UsageError("nothing was deleted")


def _show_plan(session: Session, fdl: Fdl, actions: Sequence[Action]) -> None:
    from oscarcli.fdl.apply import carry_out

    planned = [action for action in actions if action.error is None]
    unknown = list(carry_out([action for action in actions if action.error is not None], session.api_for))
    if session.wants_table:
        session.line(f'Planning file "{Path(fdl.label).name}"...')
        for action in planned:
            session.line(f'Would {action.kind} service "{action.name}" in cluster "{action.cluster_id}"')
    for event in unknown:
        _tell(session, event, alone=len(actions) == 1, ignore_missing=False)
    if not session.wants_table:
        rows = [_row(action, "planned", None) for action in planned]
        rows += [_row(event.action, event.outcome, event.error) for event in unknown]
        session.show(Result({"file": fdl.label, "services": rows}))
    errors = [event.error for event in unknown if event.error is not None]
    if errors:
        raise _failure(errors, len(actions))


def _report(
    session: Session,
    fdl: Fdl,
    doing: str,
    total: int,
    events: Iterable[Event],
    *,
    ignore_missing: bool = False,
) -> None:
    """Tell each step's outcome as it comes, then the whole; raise what the exit code is made of."""
    if session.wants_table:
        session.line(f'{doing} file "{Path(fdl.label).name}"...')
    finished: list[Event] = []
    for event in events:
        if event.outcome == "started":
            _begin(session, event.action)
            continue
        finished.append(event)
        _tell(session, event, alone=total == 1, ignore_missing=ignore_missing)
    if not session.wants_table:
        rows = [_row(event.action, event.outcome, event.error) for event in finished]
        session.show(Result({"file": fdl.label, "services": rows}))
    failed = [event.error for event in finished if event.error and not _is_fine(event, ignore_missing)]
    if failed or total > 1:
        session.note(_summary(finished, doing))
    if failed:
        raise _failure(failed, total)


def _begin(session: Session, action: Action) -> None:
    """Say what is going on: the server takes its time. On a terminal the outcome replaces the line."""
    if _is_live(session):
        session.diagnostics.terminal.write(f"{clean(_sentence(action))}...")
    else:
        session.verbose_note(f"{_sentence(action)}...")


def _is_live(session: Session) -> bool:
    terminal = session.diagnostics.terminal
    return terminal.is_terminal and terminal.colour and not session.debug


def _is_fine(event: Event, ignore_missing: bool) -> bool:
    return event.outcome == "done" or (event.outcome == "missing" and ignore_missing)


def _tell(session: Session, event: Event, *, alone: bool, ignore_missing: bool) -> None:
    if _is_live(session):
        session.diagnostics.terminal.write(ERASE_LINE)
    if session.wants_table and event.outcome != "not tried":
        session.mark(_sentence(event.action), done=_is_fine(event, ignore_missing))
    place = clean(f'service "{event.action.name}" in cluster "{event.action.cluster_id}"')
    if event.outcome == "not tried":
        session.note(f"{place}: not tried, the cluster failed before")
    elif event.outcome == "missing" and ignore_missing:
        session.note(f"{place}: there is none")
    elif event.error is not None and not alone:
        hint = f"\nhint: {event.error.hint}" if event.error.hint else ""
        session.note(f"{place}: {event.error.message}{hint}")


def _sentence(action: Action) -> str:
    return f'{DOING[action.kind]} service "{action.name}" in cluster "{action.cluster_id}"'


def _row(action: Action, outcome: str, error: OscarError | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "service": action.name,
        "cluster": action.cluster_id,
        "action": action.kind,
        "outcome": outcome,
    }
    if error is not None:
        row["error"] = error.message
        row["code"] = int(error.exit_code)
    return row


def _summary(events: Sequence[Event], doing: str) -> str:
    counts = [("removed", "delete")] if doing == "Deleting" else [("created", "create"), ("edited", "edit")]
    parts = [
        f"{word} {sum(event.outcome == 'done' and event.action.kind == kind for event in events)}"
        for word, kind in counts
    ]
    missing = sum(event.outcome == "missing" for event in events)
    parts += [f"missing {missing}"] if doing == "Deleting" else []
    parts += [f"{word} {sum(event.outcome == word for event in events)}" for word in ("failed", "not tried")]
    return ", ".join(parts)


def _failure(errors: Sequence[OscarError], total: int) -> OscarError:
    """Return the error to end with: the only one, one with the code all failures share, or PARTIAL."""
    if total == 1:
        return errors[0]
    message = f"{len(errors)} of {total} services failed"
    codes = {error.exit_code for error in errors}
    if len(errors) < total or len(codes) > 1:
        return PartialError(message)
    failure = OscarError(message)
    failure.exit_code = ExitCode(codes.pop())
    return failure
