"""`service start`, `stop`, `restart`, `url` and `system-logs`: what runs all the time, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from oscarcli.cli.kit.browser import open_page
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import RefusedError
from oscarcli.output.render import Column, Result

if TYPE_CHECKING:
    from oscarcli.api.deployments import Change

app = noun("Start, stop and find exposed services.")

DONE = {"start": "started", "stop": "stopped", "restart": "restarted"}
SYSTEM_LOG_COLUMNS = (
    Column("TIMESTAMP", "timestamp", is_time=True),
    Column("METHOD", "method"),
    Column("PATH", "path"),
    Column("STATUS", "status"),
    Column("USER", "user"),
    Column("LATENCY", "latency"),
    Column("CLIENT_IP", "client_ip"),
    Column("RAW", "raw"),
)

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")]


@app.command("start", formats=TABLE_FORMATS)
def start(ctx: typer.Context, service: ServiceArgument) -> None:
    """Start an exposed service that was stopped."""
    _change(ctx.obj, service, "start")


@app.command("stop", formats=TABLE_FORMATS)
def stop(ctx: typer.Context, service: ServiceArgument) -> None:
    """Stop an exposed service; it keeps its definition and its address."""
    _change(ctx.obj, service, "stop")


@app.command("restart", formats=TABLE_FORMATS)
def restart(ctx: typer.Context, service: ServiceArgument) -> None:
    """Start the pods of an exposed service anew."""
    _change(ctx.obj, service, "restart")


def _change(session: Session, service: str, change: Change) -> None:
    from oscarcli.api.deployments import change_deployment

    document = change_deployment(session.api, service, change)
    if session.wants_table:
        reason = f" ({document['reason']})" if document.get("reason") else ""
        session.line(f'Service "{service}" {DONE[change]}: {document.get("state", "unknown")}{reason}')
    else:
        session.show(Result(document))
    if change == "restart" and document.get("state") == "stopped":
        session.warn(
            f"a restart leaves a stopped service stopped; 'oscar-cli service start {service}' starts it"
        )


@app.command("url", formats=TABLE_FORMATS)
def url(
    ctx: typer.Context,
    service: ServiceArgument,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser, too.")] = False,
) -> None:
    """Show the address of an exposed service."""
    from oscarcli.api.services import get_service
    from oscarcli.http.address import base_url

    session: Session = ctx.obj
    document = get_service(session.api, service)
    address = (
        f"{base_url(session.cluster.endpoint)}/system/services/{service}/{_path_segment(service, document)}/"
    )
    expose = document.get("expose") or {}
    if session.wants_table:
        session.line(address)
    else:
        session.show(Result(_address_document(service, address, expose)))
    _tell_about(session, service, expose)
    if open_it:
        open_page(address)


def _path_segment(service: str, document: dict[str, Any]) -> str:
    """Return the part of the path that leads to a service. Raises RefusedError when nothing does."""
    if document.get("kserve"):
        return "models"
    if not any(ports((document.get("expose") or {}).get("api_port"))):
        raise RefusedError(
            f'service "{service}" is not exposed: its definition has no expose.api_port',
            hint=f"'oscar-cli service run {service}' calls a service that is not",
        )
    return "exposed"


def ports(value: Any) -> list[int]:
    """Return ports as a list; servers before 4.1 have a single number, 0 for none."""
    return list(value) if isinstance(value, (list, tuple)) else [value] if value else []


def _address_document(service: str, address: str, expose: dict[str, Any]) -> dict[str, Any]:
    return {
        "service": service,
        "url": address,
        "node_ports": [port for port in ports(expose.get("nodePort")) if port],
        "set_auth": bool(expose.get("set_auth")),
    }


def _tell_about(session: Session, service: str, expose: dict[str, Any]) -> None:
    if expose.get("set_auth"):
        session.note(
            f'it asks for a user, "{service}", and a password: oscar-cli service get {service} --token'
        )
    fixed = [str(port) for port in ports(expose.get("nodePort")) if port]
    if fixed:
        # The server shows an assigned port as it shows a fixed one, and a fixed one has no other address.
        session.note(
            f"port {', '.join(fixed)} of the cluster's nodes leads there, too; alone if it was fixed"
        )


@app.command("system-logs", formats=("text", "json", "csv", "yaml", "table"), columns=SYSTEM_LOG_COLUMNS)
def system_logs(
    ctx: typer.Context,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", "-t", help="Begin lines with the container's time.")
    ] = False,
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="Of the server that ran before a restart.")
    ] = False,
) -> None:
    """Show the server's own log of calls to services."""
    from oscarcli.api.system import get_system_logs

    session: Session = ctx.obj
    document = get_system_logs(session.api, timestamps=timestamps, previous=previous)
    entries = [entry for entry in document["logs"] if isinstance(entry, dict)]
    empty = "the log has no calls"
    if session.output == "text":
        if not entries:
            session.note(empty)
        for entry in entries:
            session.line(_log_line(entry))
    else:
        session.show(Result(document, SYSTEM_LOG_COLUMNS, rows=entries, empty=empty))


def _log_line(entry: dict[str, Any]) -> str:
    """Return the server's own line; made of its parts where a server leaves it out."""
    keys = ("timestamp", "method", "path", "status", "user", "latency", "client_ip")
    return str(entry.get("raw") or " ".join(str(entry[key]) for key in keys if entry.get(key) is not None))
