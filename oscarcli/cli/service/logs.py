"""`service logs`: the jobs of a service and what they wrote."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.job_log import JobLogView, ScriptOption, tell_state
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.job_names import chosen_job, job_with
from oscarcli.errors import NotFoundError, OscarError, UsageError
from oscarcli.output.render import Column, Result
from oscarcli.output.terminal import RED

if TYPE_CHECKING:
    from oscarcli.jobs.log_lines import LineSelection

# So many characters of a log are written at a time.
PIECE_BYTES = 1 << 20

app = noun("The jobs of a service and what they wrote.")

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")]
RawOption = Annotated[
    bool,
    typer.Option("--raw", help="Write control characters as they are; without it they are made visible."),
]


def _duration(row: Any) -> str | None:
    """Return how long a job ran, until now if it still does."""
    from oscarcli.output.times import run_time

    job = row[1]
    return run_time(job.get("start_time"), job.get("finish_time"), is_running=job.get("status") == "Running")


COLUMNS = (
    Column("JOB NAME", lambda row: row[0]),
    Column("STATUS", lambda row: row[1].get("status")),
    Column("CREATION TIME", lambda row: row[1].get("creation_time"), is_time=True),
    Column("START TIME", lambda row: row[1].get("start_time"), is_time=True),
    Column("FINISH TIME", lambda row: row[1].get("finish_time"), is_time=True),
    Column("DURATION", _duration, is_number=True),
)


@app.command("list, ls", formats=TABLE_FORMATS, columns=COLUMNS, watch="changes")
def list_jobs(
    ctx: typer.Context,
    service: ServiceArgument,
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status",
            "-s",
            metavar="STATUS",
            help="Only jobs that are pending, running, suspended, succeeded or failed; several with commas.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Only the newest N jobs.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Newest first.")] = False,
) -> None:
    """List the jobs of a service, oldest first."""
    from oscarcli.api import jobs

    session: Session = ctx.obj
    wanted = {word.strip().lower() for words in status or [] for word in words.split(",")} - {""}

    def fits(job: Mapping[str, Any]) -> bool:
        return not wanted or str(job.get("status", "")).lower() in wanted

    def chosen(found: Mapping[str, Any]) -> dict[str, Any]:
        fitting = [(name, job) for name, job in found.items() if fits(job)]
        newest = fitting[-limit:] if limit else fitting
        return dict(reversed(newest) if reverse else newest)

    if session.watches:
        from oscarcli.cli.service import logs_watch

        logs_watch.watch(session, logs_watch.View(service, COLUMNS, chosen, fits, reverse))
        return
    found = jobs.list_jobs(session.api, service)
    shown = chosen(found)
    empty = _told_states(found) if found else "This service has no logs"
    session.show(Result({"jobs": shown}, COLUMNS, rows=list(shown.items()), empty=empty))


def _told_states(jobs: Mapping[str, Any]) -> str:
    states = dict.fromkeys(str(job["status"]).lower() for job in jobs.values() if job.get("status"))
    return f"No job has that status; there are {', '.join(states)}" if states else "No job has that status"


@app.command("get, g", formats=("text", "json", "yaml"), waits=True)
def get(
    ctx: typer.Context,
    service: ServiceArgument,
    job: Annotated[
        str | None, typer.Argument(metavar="JOB_NAME", help="The job's name, or a part that no other has.")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", "-l", help="The newest job.")] = False,
    timestamps: Annotated[
        bool, typer.Option("--show-timestamps", "-t", help="Begin each line with its time.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show lines as they come, until the job ends.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", metavar="N", min=0, help="Only the last N lines there are now.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="T", help="Only lines from then on: 10m, 2h, or a date and time."),
    ] = None,
    raw: RawOption = False,
    script: ScriptOption = False,
) -> None:
    r"""Show the log of a job.

    With --follow the job's state ends it, on stderr; exit code 9 tells that the job failed. Control
    characters other than line ends and TABs are shown as \x1b and the like: a log cannot move the cursor.
    On a terminal the supervisor's lines are dim, and the event is one short line.
    """
    from oscarcli.jobs.log_lines import LineSelection

    session: Session = ctx.obj
    is_text = session.output in (None, "text")
    if follow and not is_text:
        raise UsageError("--follow shows text only")
    if raw and not is_text:
        raise UsageError("--raw is for text; JSON and YAML have the log as it is, in their own escapes")
    selection = LineSelection(_moment(since), tail, timestamps, script)
    name = chosen_job(session, service, job, latest)

    def show(name: str) -> None:
        if follow:
            _follow(session, service, name, selection, raw=raw)
        else:
            _show_log(session, service, name, selection, raw=raw)

    try:
        show(name)
    except NotFoundError as error:
        whole = job_with(session, name, error)
        if whole is None:
            raise
        show(whole)


def _show_log(session: Session, service: str, name: str, selection: LineSelection, *, raw: bool) -> None:
    from oscarcli.api.jobs import get_log

    text = get_log(session.api, service, name, timestamps=selection.needs_times)
    script = selection.script_only
    is_whole = selection.tail is None and selection.since is None and not script
    if session.output not in (None, "text"):
        # The document has the log to the byte unless lines were chosen.
        shown = text if is_whole else _selected(text, selection, session)
        session.show(Result({"service": service, "job": name, "log": shown}))
    elif text:
        shown = _whole(text) if is_whole else _selected(text, selection, session)
        _write_log(session, shown, JobLogView(session.out, is_raw=raw))
        if script:
            _tell_exit_code(session, text)
    else:
        session.note("the log is empty")


def _moment(since: str | None) -> datetime | None:
    from oscarcli.cli.kit.time_arguments import moment

    return None if since is None else moment(since, datetime.now(timezone.utc))


def _follow(session: Session, service: str, name: str, selection: LineSelection, *, raw: bool) -> None:
    from oscarcli.api.jobs import raise_if_failed
    from oscarcli.jobs.follow import LogFollower

    follower = LogFollower(session.api, service, name, selection=selection)
    shown = JobLogView(session.out, is_raw=raw)
    for event in follower.events():
        if event.text:
            _write_log(session, event.text, shown)
        if event.note:
            session.note(event.note)
    if not follower.log:
        session.note("the log is empty, or gone")
    tell_state(session, name, follower.job)
    raise_if_failed(name, follower.job)


def _selected(text: str, selection: LineSelection, session: Session) -> str:
    """Return the wanted lines of a log that was asked for with times when these are needed."""
    from oscarcli.jobs.log_lines import NO_TIMES, have_times, lines_of
    from oscarcli.jobs.log_speakers import LogReader

    lines = lines_of(text)
    timed = selection.needs_times and have_times(lines)
    if lines and selection.since is not None and not timed:
        session.note(NO_TIMES)
    if selection.script_only:
        lines = LogReader().of_script(lines)
    wanted = selection.of(lines, timed=timed)
    return "\n".join(wanted) + "\n" if wanted else ""


def _whole(text: str) -> str:
    """Return a log of which all is wanted; its lines are not counted, for there may be millions."""
    return text if text.endswith("\n") else text + "\n"


def _write_log(session: Session, text: str, shown: JobLogView) -> None:
    """Write a log in pieces."""
    position = 0
    while position < len(text):
        # A piece ends with a line where it can: its end may be of two characters.
        end = text.find("\n", position + PIECE_BYTES) + 1 or len(text)
        session.answer(shown.shown(text[position:end]))
        position = end


def _tell_exit_code(session: Session, log: str) -> None:
    """Say on stderr what a local cluster's log tells of the script's exit code, when it is not 0."""
    from oscarcli.jobs.log_lines import lines_of
    from oscarcli.jobs.log_speakers import LogReader

    reader = LogReader()
    code = next((code for line in lines_of(log) if (code := reader.read(line).exit_code)), None)
    if code is not None:
        session.note(f"the script's exit code is {code}", style=RED)


@app.command("delete, d, del, remove, rm", formats=TABLE_FORMATS)
def delete(
    ctx: typer.Context,
    service: ServiceArgument,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB_NAME]...", help="Jobs to remove.")
    ] = None,
    succeeded: Annotated[
        bool, typer.Option("--succeeded", "-s", help="Remove all jobs that succeeded.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Remove all jobs; running ones are stopped.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Remove jobs with their logs; running ones are stopped."""
    from oscarcli.api import jobs
    from oscarcli.cli.kit.bulk import BulkDelete

    session: Session = ctx.obj
    if succeeded and everything:
        raise UsageError('only one of "--all" or "--succeeded" flags can be set')
    if bool(names) == (succeeded or everything):
        raise UsageError("name the jobs, or use one of --succeeded and --all")
    client = session.api
    if names:
        removal = BulkDelete(session, "jobs", partial(_say_removed, session, service))
        removal.run(names, lambda name: jobs.delete_job(client, service, name))
        return
    if everything and not yes and session.can_ask:
        _confirm_all(session, service)
    jobs.delete_jobs(client, service, everything=everything)
    kind = "all" if everything else "succeeded"
    if session.wants_table:
        words = "All" if everything else "All succeeded"
        session.line(f'{words} jobs from service "{service}" removed successfully')
    else:
        session.show(Result({"service": service, "deleted": kind}))


def _say_removed(session: Session, service: str, name: str, is_gone: bool) -> None:
    if is_gone:
        session.line(f'Job "{name}" from service "{service}" removed successfully')


def _confirm_all(session: Session, service: str) -> None:
    from oscarcli.api import jobs

    running = [name for name, job in jobs.list_jobs(session.api, service).items() if jobs.is_running(job)]
    number = "1 job has" if len(running) == 1 else f"{len(running)} jobs have"
    if running and not session.confirm(f"{number} not ended and will be stopped. Go on?"):
        raise OscarError("nothing was removed")
