"""`local`: a cluster on this machine, without Kubernetes, Docker or root."""

from __future__ import annotations

import logging
from enum import Enum
from typing import Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, YesOption, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.local import images, user
from oscarcli.cli.local.cluster_entry import is_loopback, refuse_other_cluster, remember
from oscarcli.cli.local.options import DataDirOption, NameOption, folder_of
from oscarcli.cli.local.started import show_started, tell_next_step
from oscarcli.errors import ExitCode, NotFoundError, UsageError
from oscarcli.local.folder import DataFolder
from oscarcli.local.options import LOOPBACK, Binding, Endpoints, Options
from oscarcli.output.render import Column, Result

app = noun("Run an OSCAR cluster on this machine.")

MAX_PORT = 65535
# Each job that runs has a thread and a database connection of its own in the server.
MAX_PARALLEL_JOBS = 256


class EngineName(str, Enum):
    """What runs scripts: processes of this machine, containers, or the first container engine that works."""

    HOST = "host"
    AUTO = "auto"
    PODMAN = "podman"
    DOCKER = "docker"
    APPTAINER = "apptainer"
    SINGULARITY = "singularity"
    CHARLIECLOUD = "charliecloud"
    UDOCKER = "udocker"


class PullPolicy(str, Enum):
    """When images are pulled."""

    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"


STATUS_COLUMNS = (
    Column("NAME", "name"),
    Column("STATUS", lambda row: "running" if row["running"] else "stopped"),
    Column("PID", "pid"),
    Column("ENDPOINT", "endpoint"),
    Column("S3 ENDPOINT", "s3_endpoint"),
    Column("ENGINE", lambda row: row["engine"] and " ".join(filter(None, row["engine"].values()))),
    Column("PENDING", lambda row: row["jobs"]["pending"]),
    Column("RUNNING", lambda row: row["jobs"]["running"]),
    Column("DATA DIRECTORY", "data_dir"),
)


@app.command("start", formats=TABLE_FORMATS)
def start(
    ctx: typer.Context,
    name: NameOption = "local",
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_PORT,
            help="Port of the REST API, 0 for a free one.  [default: the one used last, or 8080]",
            show_default=False,
        ),
    ] = None,
    s3_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_PORT,
            help="Port of the object store, 0 for a free one.  [default: the one used last, or 9000]",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = None,
    engine: Annotated[
        EngineName,
        typer.Option(
            help="What runs scripts: host as processes of yours, without images; auto the first "
            "of the others that works, or host."
        ),
    ] = EngineName.HOST,
    pull: Annotated[
        PullPolicy,
        typer.Option(help="When images are pulled: before each job, when they are not here, or never."),
    ] = PullPolicy.MISSING,
    parallel: Annotated[
        int,
        typer.Option(
            min=0,
            max=MAX_PARALLEL_JOBS,
            help="Jobs at a time.  [default: as many as there are cores, at most four]",
            show_default=False,
        ),
    ] = 0,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay until Ctrl-C, with the log on stderr.")
    ] = False,
    bind: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address to listen on; other than loopback, others get in."),
    ] = LOOPBACK,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A further name under which it may be asked, such as host.docker.internal; may be repeated.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse what real clusters refuse, such as shared buckets.")
    ] = False,
    strict_exit: Annotated[
        bool, typer.Option("--strict-exit", help="A script's exit code decides over its job's success.")
    ] = False,
    sync_store: Annotated[
        bool, typer.Option("--sync-store", help="Synchronous runs store their results, too.")
    ] = False,
    users: Annotated[
        bool, typer.Option("--users", help="Let several people log in; 'local user add' makes them.")
    ] = False,
) -> None:
    """Start the local cluster and store it among the clusters.

    It stays when this command ends. When it runs already, that is said and all is well; it keeps the
    options of its start then.
    """
    from oscarcli.local import control

    session: Session = ctx.obj
    folder = folder_of(session, name, data_dir)
    refuse_other_cluster(session, name, folder)
    _warn_of_others(session, bind)
    binding = Binding(bind, port, s3_port, tuple(allow_host or ()))
    options = Options(
        engine=engine.value,
        pull=pull.value,
        parallel=parallel,
        strict=strict,
        strict_exit=strict_exit,
        sync_store=sync_store,
        users=users,
    )
    if foreground:
        _serve(session, name, folder, binding, options)
        return
    started = control.start(folder, binding, options)
    remember(session, name, folder, started.endpoints, started.settings)
    if started.was_running:
        session.note(f'the local cluster "{name}" is running already')
    show_started(session, name, folder, started.endpoints)
    if not started.was_running:
        tell_next_step(session, name)


def _serve(session: Session, name: str, folder: DataFolder, binding: Binding, options: Options) -> None:
    from oscarcli.local.server import begin_log, serve

    def ready(endpoints: Endpoints) -> None:
        remember(session, name, folder, endpoints, folder.settings())
        show_started(session, name, folder, endpoints)
        session.out.flush()

    folder.create()
    with folder.open_log() as file:
        begin_log(logging.StreamHandler(file), logging.StreamHandler())
        serve(folder, binding, options, ready)


def _warn_of_others(session: Session, bind: str) -> None:
    if not is_loopback(bind):
        session.warn(
            f"other machines can reach the local cluster at {bind}: whoever knows its password runs scripts "
            "with your rights, and the password travels unencrypted"
        )


@app.command("stop", formats=TABLE_FORMATS)
def stop(ctx: typer.Context, name: NameOption = "local", data_dir: DataDirOption = None) -> None:
    """Stop the local cluster. Jobs that wait go on at the next start, running ones fail."""
    from oscarcli.local import control

    session: Session = ctx.obj
    was_running = control.stop(folder_of(session, name, data_dir))
    if was_running or not session.wants_table:
        session.done(f'Local cluster "{name}" stopped', {"name": name, "was_running": was_running})
    else:
        session.note(f'the local cluster "{name}" is not running')


@app.command("status", formats=TABLE_FORMATS, columns=STATUS_COLUMNS, watch="whole")
def status(ctx: typer.Context, name: NameOption = "local", data_dir: DataDirOption = None) -> None:
    """Show whether the local cluster runs, and where; exits with 1 when it does not."""
    from oscarcli.local import control

    session: Session = ctx.obj
    folder = folder_of(session, name, data_dir)
    found = control.status(folder)
    document: dict[str, Any] = {
        "name": name,
        "running": found.pid is not None,
        "pid": found.pid,
        "endpoint": found.endpoints.api if found.endpoints else None,
        "s3_endpoint": found.endpoints.s3 if found.endpoints else None,
        "engine": found.engine,
        "data_dir": str(folder.path),
        "jobs": {"pending": found.pending, "running": found.running},
    }
    session.show(Result(document, STATUS_COLUMNS, rows=[document], is_record=True))
    if found.pid is None:
        raise typer.Exit(ExitCode.FAILED)


@app.command("logs, log")
def logs(
    ctx: typer.Context,
    name: NameOption = "local",
    data_dir: DataDirOption = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show lines as they come, until the cluster stops.")
    ] = False,
) -> None:
    """Show what the local cluster itself has to say; 'service logs get' shows what jobs wrote."""
    from oscarcli.local import control

    session: Session = ctx.obj
    folder = folder_of(session, name, data_dir)
    if not folder.server_log.exists():
        raise NotFoundError(
            f'the local cluster "{name}" has no log in {folder.path}',
            hint=f"it was never started there; 'oscar-cli local start --name {name}' starts it",
        )
    for block in control.log_blocks(folder, follow=follow):
        session.out.write(_readable(session, block))
        session.out.flush()


def _readable(session: Session, text: str) -> str:
    from oscarcli.output.terminal import clean

    return clean(text, keep="\n\t") if session.out.is_terminal else text


@app.command("reset", formats=TABLE_FORMATS)
def reset(
    ctx: typer.Context, name: NameOption = "local", data_dir: DataDirOption = None, yes: YesOption = False
) -> None:
    """Stop the local cluster and remove its services, jobs, buckets and files."""
    from oscarcli.local import control

    session: Session = ctx.obj
    folder = folder_of(session, name, data_dir)
    if not yes:
        if not session.can_ask:
            raise UsageError("this removes all data of the local cluster", hint="confirm it with --yes")
        if not session.confirm(f"Remove all services, jobs, buckets and files in {folder.path}?"):
            raise UsageError("nothing was removed")
    control.reset(folder)
    text = f'Local cluster "{name}" reset: nothing of it is left in {folder.path}'
    session.done(text, {"name": name, "data_dir": str(folder.path)})


app.add_typer(images.app, name="images")
app.add_typer(user.app, name="user")
