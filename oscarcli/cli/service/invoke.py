"""`service run` and `service job`: give a service an input directly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.job_log import JobLogView, ScriptOption
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.stored_files import service_storage
from oscarcli.cli.service.wait import (
    OutputOption,
    WaitOption,
    settle_output,
    tell_name,
    wait_for_started,
    wait_limit,
)
from oscarcli.config.model import TlsSettings
from oscarcli.errors import ConfigError, OscarError, UsageError
from oscarcli.files import behind_links, write_atomic
from oscarcli.output.render import Result

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.api.job_start import StartedJob
    from oscarcli.jobs.payload import Payload

app = noun("Give a service an input directly.")

# A job gets its event in one environment variable, and Linux starts no program with a longer one
# (`job-runtime` 1.1).
MAX_EVENT_BYTES = 131_065

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")]
SourceArgument = Annotated[
    str | None, typer.Argument(metavar="[-]", help="A dash takes the input from standard input.")
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", "-e", metavar="URL", help="Cluster to call without any configuration."),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", "-t", metavar="TOKEN", help="The service's token, together with --endpoint."),
]
FileOption = Annotated[
    str | None,
    typer.Option("--file-input", "-f", metavar="PATH", help="File to send; - is standard input."),
]
TextOption = Annotated[str | None, typer.Option("--text-input", "-i", metavar="TEXT", help="Text to send.")]


@app.command("run, invoke, r", waits=True)
def run(
    ctx: typer.Context,
    name: ServiceArgument,
    source: SourceArgument = None,
    endpoint: EndpointOption = None,
    token: TokenOption = None,
    file_input: FileOption = None,
    text_input: TextOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="File for the answer.")
    ] = None,
    decode_output: Annotated[
        bool, typer.Option("--decode-output", help="Decode the last base64 line, behind lines of a log.")
    ] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Never decode the answer.")] = False,
    decode: Annotated[bool, typer.Option("--decode", help="Decode the answer, or fail.")] = False,
) -> None:
    """Run a service synchronously and print its answer.

    A service answers in base64 when its script left a file, in plain text otherwise. Without --raw or
    --decode the answer is decoded when it clearly is base64: it decodes to readable text or to a known
    kind of file, or it is long.
    """
    from oscarcli.api.services import run_service
    from oscarcli.jobs.payload import decoded_answer, has_result_behind_log

    session: Session = ctx.obj
    if sum((decode_output, raw, decode)) > 1:
        raise UsageError("only one of --raw, --decode and --decode-output can be set")
    payload = _payload(session, source, file_input, text_input)
    client, service_token = _target(session, name, endpoint, token)
    answer = run_service(client, name, payload, service_token)
    mode = "raw" if raw else "decode" if decode else "last-line" if decode_output else "guess"
    shown = decoded_answer(answer, mode)
    _deliver(session, shown, output)
    if mode == "guess" and shown is answer and has_result_behind_log(answer):
        session.note(
            "the answer is a log with a result in base64 behind it; --decode-output gives the result"
        )


@app.command("job, j", formats=TABLE_FORMATS, waits=True)
def job(
    ctx: typer.Context,
    name: ServiceArgument,
    source: SourceArgument = None,
    endpoint: EndpointOption = None,
    token: TokenOption = None,
    file_input: FileOption = None,
    text_input: TextOption = None,
    wait: WaitOption = False,
    output: OutputOption = None,
    script: ScriptOption = False,
) -> None:
    """Start a job of a service and print the job's name.

    With --wait, state changes and the log are shown on stderr, and exit code 9 tells that the job failed.
    With --output DIR, the paths of the downloaded files follow the name.
    """
    session: Session = ctx.obj
    folder = settle_output(session, output or [], wait, script=script)
    payload = _payload(session, source, file_input, text_input)
    if payload.encoded_size > MAX_EVENT_BYTES:
        session.warn(
            f"the input is {payload.encoded_size} bytes in base64 and no cluster can start a job with more "
            f"than {MAX_EVENT_BYTES}; upload it with 'oscar-cli service put-file' instead"
        )
    if not wait:
        started = _started(session, name, payload, endpoint, token)
        tell_name(session, started.name)
        if not session.wants_table:
            session.show(Result({"service": name, "job": started.name}))
        return
    if endpoint:
        raise UsageError("--wait needs a cluster on record: a service's token does not show its jobs")
    limit = wait_limit(session)
    files = service_storage(session, name)
    started = _started(session, name, payload, None, None)
    if started.name is None:
        raise OscarError(
            "a job without a name cannot be waited for",
            hint=f"'oscar-cli service logs list {name}' shows all jobs",
        )
    wait_for_started(session, files, started.name, limit, folder, script_only=script)


def _started(
    session: Session, name: str, payload: Payload, endpoint: str | None, token: str | None
) -> StartedJob:
    """Start a job; say how its name is known, or that it cannot be told."""
    from oscarcli.api.job_start import StartedJob, new_job_name, start_job, submit_job

    client, service_token = _target(session, name, endpoint, token)
    if endpoint:
        # Without a login there is no list to look the name up in.
        started = StartedJob(new_job_name(name), "chosen by this program; servers before 4.1 pick another")
        submit_job(client, name, payload, token=service_token, job=started.name)
    else:
        started = start_job(client, name, payload, service_token)
    if started.name is None:
        session.warn(f"the job was started, but its name cannot be told: {started.how}")
    else:
        session.verbose_note(f"the job's name: {started.how}")
    return started


def _payload(session: Session, source: str | None, file_input: str | None, text_input: str | None) -> Payload:
    from oscarcli.jobs.payload import Payload

    if source not in (None, "-"):
        raise UsageError(f'unexpected argument "{source}"', hint="an input comes with -f FILE, -i TEXT or -")
    given = [value for value in (source, file_input, text_input) if value is not None]
    if not given:
        raise UsageError('you must specify "--file-input" or "--text-input" flag, or - for standard input')
    if len(given) > 1:
        raise UsageError('you only can specify one of "--file-input" and "--text-input" flags, or -')
    if text_input is not None:
        # A word of the command line may hold bytes that are not UTF-8; they are sent as they are.
        return Payload(text_input.encode(errors="surrogateescape"))
    if "-" in (source, file_input):
        return Payload(session.read_stdin())
    return _file_payload(Path(str(file_input)))


def _file_payload(path: Path) -> Payload:
    from oscarcli.jobs.payload import Payload

    if path.is_dir():
        raise UsageError(f'unable to read the file "{path}": it is a folder')
    try:
        with path.open("rb") as file:
            # A pipe or a device can be read only once.
            return Payload(path) if path.is_file() else Payload(file.read())
    except OSError as error:
        raise UsageError(f'unable to read the file "{path}": {error.strerror}') from error


def _target(
    session: Session, name: str, endpoint: str | None, token: str | None
) -> tuple[Client, str | None]:
    """Return where to send an invocation, and the token when the login itself is not accepted there."""
    from oscarcli.api.services import get_service, service_token

    if endpoint is not None and not token:
        raise UsageError('you must specify a service token with the flag "--token"')
    if token is not None and not endpoint:
        raise UsageError('you must specify the cluster endpoint with the flag "--endpoint"')
    if endpoint and token:
        session.diagnostics.hide(token)
        client = session.keep(_free_client(session, endpoint, token))
        session.warn(
            "the token on the command line is in the shell's history, and others here can see it; "
            "OSCAR_CLI_ENDPOINT and OSCAR_CLI_TOKEN give both without that"
        )
        return client, token
    if session.cluster.login != "basic":
        return session.api, None
    return session.api, service_token(get_service(session.api, name))


def _free_client(session: Session, endpoint: str, token: str) -> Client:
    """Return a client for an endpoint that need not be on record."""
    from oscarcli.api.auth import bearer
    from oscarcli.api.client import Client

    try:
        return Client(
            endpoint,
            bearer(token),
            tls=_tls(session, endpoint),
            timeout=session.timeout,
            trace=session.trace if session.debug else None,
        )
    except ConfigError as error:
        raise UsageError(error.message, hint=error.hint) from error


def _tls(session: Session, endpoint: str) -> TlsSettings:
    """Return the TLS settings of the cluster on record with this endpoint; the usual ones without any."""
    try:
        clusters = session.config.clusters.values()
    except ConfigError:
        # None is needed here.
        return TlsSettings()
    known = [cluster for cluster in clusters if cluster.endpoint.rstrip("/") == endpoint.rstrip("/")]
    # One that does not verify comes first: somebody had a reason for it.
    for cluster in sorted(known, key=lambda one: one.ssl_verify):
        session.warn_unverified(cluster)
        return cluster.tls
    return TlsSettings()


def _deliver(session: Session, answer: bytes, output: Path | None) -> None:
    """Write the answer's bytes untouched, to a file or to stdout; on a terminal nothing moves the cursor."""
    if output is None and session.out.is_terminal:
        session.answer(JobLogView(session.out).shown(answer.decode("utf-8", "backslashreplace")))
        return
    if output is None:
        session.answer_bytes(answer)
        return
    try:
        if output.exists() and not output.is_file():
            # A device or a pipe is written to, not replaced; a folder fails here.
            output.write_bytes(answer)
        else:
            write_atomic(behind_links(output), answer)
    except OSError as error:
        raise OscarError(f'cannot write the answer to "{output}": {error.strerror}') from error
