"""`service logs`: the jobs of a service and what they wrote."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import typer

from oscarcli.cli.framework import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.session import Session
from oscarcli.errors import NotFoundError, OscarError, UsageError
from oscarcli.output.render import Column, Result

app = noun("The jobs of a service and what they wrote.")

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")]


def local_time(value: Any) -> str | None:
    """Return an RFC 3339 time as `YYYY-MM-DD HH:MM:SS` in this machine's zone; odd text as it is."""
    if not isinstance(value, str) or not value:
        return None
    try:
        # Python 3.10 does not read the "Z".
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return value


COLUMNS = (
    Column("JOB NAME", lambda row: row[0]),
    Column("STATUS", lambda row: row[1].get("status")),
    Column("CREATION TIME", lambda row: local_time(row[1].get("creation_time"))),
    Column("START TIME", lambda row: local_time(row[1].get("start_time"))),
    Column("FINISH TIME", lambda row: local_time(row[1].get("finish_time"))),
)


@app.command("list, ls", formats=TABLE_FORMATS)
def list_jobs(
    ctx: typer.Context,
    service: ServiceArgument,
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status", "-s", metavar="STATUS", help="Only jobs in this state; several with commas."
        ),
    ] = None,
) -> None:
    """List the jobs of a service, oldest first."""
    from oscarcli.api import jobs

    session: Session = ctx.obj
    wanted = {word.strip().lower() for words in status or [] for word in words.split(",")} - {""}
    found = jobs.list_jobs(session.api, service)
    shown = {
        name: job for name, job in found.items() if not wanted or str(job.get("status", "")).lower() in wanted
    }
    empty = "No job has that status" if found else "This service has no logs"
    session.show(Result({"jobs": shown}, COLUMNS, rows=list(shown.items()), empty=empty))


@app.command("get, g", formats=("text", "json", "yaml"))
def get(
    ctx: typer.Context,
    service: ServiceArgument,
    job: Annotated[str | None, typer.Argument(metavar="JOB_NAME", help="The job's name.")] = None,
    latest: Annotated[bool, typer.Option("--latest", "-l", help="The newest job.")] = False,
    timestamps: Annotated[
        bool, typer.Option("--show-timestamps", "-t", help="Begin each line with its time.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show lines as they come, until the job ends.")
    ] = False,
) -> None:
    """Show the log of a job.

    With --follow, exit code 9 tells that the job failed.
    """
    session: Session = ctx.obj
    name = _chosen_job(session, service, job, latest)
    if follow:
        if session.output != "text":
            raise UsageError("--follow shows text only")
        _follow(session, service, name, timestamps)
        return
    from oscarcli.api.jobs import get_log

    text = get_log(session.api, service, name, timestamps=timestamps)
    if session.output != "text":
        session.show(Result({"service": service, "job": name, "log": text}))
    elif text:
        _write_log(session, text if text.endswith("\n") else text + "\n")
    else:
        # An empty answer is also how the server says "not you" (`oscar-api` 3.7).
        session.note("the log is empty, or the login may not see it")


def _chosen_job(session: Session, service: str, job: str | None, latest: bool) -> str:
    if job is not None and latest:
        raise UsageError("JOB_NAME cannot be used together with --latest")
    if job is not None:
        return job
    if not latest:
        raise UsageError("requires JOB_NAME or use --latest")
    from oscarcli.api import jobs

    name = jobs.latest_job(jobs.list_jobs(session.api, service))
    if name is None:
        raise NotFoundError(f'service "{service}" has no logs')
    session.verbose_note(f'the latest job is "{name}"')
    return name


def _follow(session: Session, service: str, name: str, timestamps: bool) -> None:
    from oscarcli.api.follow import follow_log

    for event in follow_log(session.api, service, name, timestamps=timestamps):
        if event.text:
            _write_log(session, event.text)
        if event.note:
            session.note(event.note)


def _write_log(session: Session, text: str) -> None:
    """Write a log: bytes as they are for a program, nothing that moves the cursor for a person."""
    from oscarcli.output.terminal import clean

    session.answer(clean(text, keep="\n\t") if session.out.is_terminal else text)


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
    from oscarcli.cli.several import Removal

    session: Session = ctx.obj
    if succeeded and everything:
        raise UsageError('only one of "--all" or "--succeeded" flags can be set')
    if bool(names) == (succeeded or everything):
        raise UsageError("name the jobs, or use one of --succeeded and --all")
    client = session.api
    if names:
        removal = Removal(session, "jobs", partial(_say_removed, session, service))
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
    if running and not session.confirm(f"{len(running)} jobs have not ended and will be stopped. Go on?"):
        raise OscarError("nothing was removed")
