"""`cluster status` and `cluster config`: how much of a cluster is in use, and how it is set up."""

from __future__ import annotations

from typing import Annotated

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import OscarError
from oscarcli.output.render import Column, Result

app = noun("How a cluster is and how it is set up.")

NODE_COLUMNS = (
    Column("NODE", lambda node: node.name),
    Column("STATUS", lambda node: node.status),
    Column("CPU USED", lambda node: node.cpu.text),
    Column("MEMORY USED", lambda node: node.memory.text),
    Column("GPU", lambda node: node.gpu),
)
# A spreadsheet computes with numbers, each in a column of its own.
CSV_COLUMNS = (
    *NODE_COLUMNS[:2],
    Column("CPU USED", lambda node: node.cpu.numbers[0]),
    Column("CPU", lambda node: node.cpu.numbers[1]),
    Column("MEMORY USED (B)", lambda node: node.memory.numbers[0]),
    Column("MEMORY (B)", lambda node: node.memory.numbers[1]),
    NODE_COLUMNS[-1],
)
PART_COLUMNS = (Column("PART", lambda row: row[0]), Column("STATE", lambda row: row[1]))
SETTING_COLUMNS = (Column("SETTING", lambda row: row[0]), Column("VALUE", lambda row: row[1]))


@app.command("status, s", formats=TABLE_FORMATS, columns=NODE_COLUMNS, watch="whole")
def status(ctx: typer.Context) -> None:
    """Show the nodes of a cluster with their load, then OSCAR, jobs and object store."""
    from oscarcli.api.system import get_status
    from oscarcli.output.cluster_status import nodes, parts

    session: Session = ctx.obj
    document = get_status(session.api)
    rows = nodes(document)
    columns = CSV_COLUMNS if session.output == "csv" else NODE_COLUMNS
    session.show(Result(document, columns, rows=rows, empty="The server tells of no nodes"))
    if not session.wants_table or session.layout.names_only or session.layout.columns:
        # These are about the nodes alone.
        return
    session.answer("\n" if rows else "")
    session.show(Result(document, PART_COLUMNS, rows=parts(document)))


@app.command("config", formats=("yaml", "json", "table"), columns=SETTING_COLUMNS, on_terminal="table")
def config(
    ctx: typer.Context,
    set_images: Annotated[
        str | None,
        typer.Option(
            "--set-images",
            metavar="PART,...",
            help="Allow images with one of these parts in their names, and no others; '' allows all.",
        ),
    ] = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Show the object store's keys instead of ***.")
    ] = False,
) -> None:
    """Show how a cluster is set up, or set which images its services may use."""
    from oscarcli.api.system import get_config
    from oscarcli.http.redaction import mask_document
    from oscarcli.output.cluster_status import settings

    session: Session = ctx.obj
    if set_images is not None:
        _set_images(session, set_images)
        return
    document = get_config(session.api)
    shown = document if show_secrets else mask_document(document)
    session.show(Result(shown, SETTING_COLUMNS, rows=settings(shown)))


def _set_images(session: Session, text: str) -> None:
    from oscarcli.api.system import set_allowed_images

    wanted = [part.strip() for part in text.split(",") if part.strip()]
    stored = set_allowed_images(session.api, wanted)
    if sorted(stored) != sorted(wanted):
        raise OscarError(f"the server stored other images than these: {', '.join(stored) or 'none'}")
    if session.output == "json":
        session.show(Result(stored))
    else:
        session.line(f'Images allowed in cluster "{session.cluster_id}": {", ".join(stored) or "all"}')
