"""`service deployment`: whether what a service needs is running, and what it wrote."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.service.logs import RawOption
from oscarcli.errors import UsageError
from oscarcli.output.render import Column, Result

app = noun("Whether what a service needs is running, and what it wrote.")

STATUS_COLUMNS = (
    Column("STATE", "state"),
    Column("REASON", "reason"),
    Column("ACTIVE", "active_instances"),
    Column("AFFECTED", "affected_instances"),
    Column("KIND", "resource_kind"),
    Column("LAST TRANSITION", "last_transition_time", is_time=True),
)
LOG_COLUMNS = (Column("TIMESTAMP", "timestamp", is_time=True), Column("MESSAGE", "message"))

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")]


@app.command(
    "status, st",
    formats=("yaml", "json", "table"),
    columns=STATUS_COLUMNS,
    watch="whole",
    on_terminal="table",
)
def status(ctx: typer.Context, service: ServiceArgument) -> None:
    """Show the state of a service's deployment."""
    from oscarcli.api.deployments import get_deployment

    session: Session = ctx.obj
    document = get_deployment(session.api, service)
    name = Column("SERVICE", lambda row: row.get("service_name") or service)
    session.show(Result(document, STATUS_COLUMNS, rows=[document], name=name, is_record=True))


@app.command("logs, log, l", formats=("yaml", "json", "table", "csv", "text"), columns=LOG_COLUMNS)
def logs(
    ctx: typer.Context,
    service: ServiceArgument,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", "-t", help="Ask for the time of each line.")
    ] = False,
    tail: Annotated[
        int | None,
        typer.Option("--tail", metavar="N", min=1, help="The last N lines; servers give 200, at most 1000."),
    ] = None,
    raw: RawOption = False,
) -> None:
    r"""Show what the pods of a service's deployment wrote.

    In text, control characters other than line ends and TABs are shown as \x1b and the like.
    """
    from oscarcli.api.deployments import MAX_LINES, get_deployment_logs

    session: Session = ctx.obj
    if raw and session.output != "text":
        raise UsageError("--raw is for -o text")
    if tail is not None and tail > MAX_LINES:
        session.warn(f"servers give at most {MAX_LINES} lines")
    document = get_deployment_logs(session.api, service, timestamps=timestamps, tail=tail)
    entries = [entry for entry in document.get("entries") or [] if isinstance(entry, dict)]
    if not entries and session.output not in ("json", "yaml"):
        session.note(str(document.get("message") or "the deployment has written nothing"))
    if session.output == "text":
        _write_text(session, entries, raw=raw)
    else:
        session.show(Result(document, LOG_COLUMNS, rows=entries, name=LOG_COLUMNS[1]))


def _write_text(session: Session, entries: list[dict[str, Any]], *, raw: bool) -> None:
    from oscarcli.output.terminal import clean_log

    for entry in entries:
        parts = (entry.get("timestamp"), entry.get("message"))
        line = " ".join(str(part) for part in parts if part is not None).rstrip("\n")
        session.answer((line if raw else clean_log(line + "\n").rstrip("\n")) + "\n")
