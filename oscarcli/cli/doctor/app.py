"""`doctor`: what keeps a cluster from being used from here, step by step."""

from __future__ import annotations

from functools import partial
from itertools import chain
from textwrap import wrap
from typing import Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.errors import ConfigError
from oscarcli.output.render import Column, Result
from oscarcli.output.terminal import clean

app = noun("Find out what keeps a cluster from being used from here.")

COLUMNS = (
    Column("CHECK", "name"),
    Column("OUTCOME", "outcome"),
    Column("FINDING", "finding"),
    Column("CAUSE", "cause"),
    Column("NEXT", "next"),
)
# On a narrower terminal it breaks lines where it likes.
MIN_TEXT_COLUMNS = 20
# A mark and its colour for each outcome.
MARKS = {
    "ok": ("✓", "32"),
    "note": ("·", "2"),
    "warning": ("!", "33"),
    "failed": ("✗", "31"),
    "skipped": ("-", "2"),
}


@app.command("doctor", formats=TABLE_FORMATS, columns=COLUMNS)
def doctor(
    ctx: typer.Context,
    service: Annotated[
        str | None,
        typer.Argument(metavar="SERVICE_NAME", help="Look at the storage of this service, too."),
    ] = None,
) -> None:
    """Find out what keeps a cluster from being used from here.

    Each step of a request is tried by itself: configuration, name, connection, TLS, health, login, object
    store; with a service, each of its storage providers: login, paths, and whether outputs can be written.
    The exit code is that of the first failure. Nothing is left behind on the cluster or at a provider.
    """
    from oscarcli.cli.doctor.checks import STEPS
    from oscarcli.cli.doctor.model import CheckOutcome, Context, run_checks
    from oscarcli.cli.doctor.providers import service_steps

    session: Session = ctx.obj
    # A look must not mend what it is to find.
    session.tightens_config = False
    checks = []
    width = max(len(step.name) for step in STEPS)
    context = Context(session)
    about_service = () if service is None else service_steps(context, service)
    for check in run_checks(context, chain(STEPS, about_service)):
        checks.append(check)
        if session.wants_usual_table:
            _tell(session, check.document(), width)
    failed = [check for check in checks if check.outcome is CheckOutcome.FAILED]
    if not session.wants_usual_table:
        rows = [check.document() for check in checks]
        document = {"cluster": _cluster_id(session), "ok": not failed, "checks": rows}
        session.show(Result(document, COLUMNS, rows=rows))
    if failed:
        raise typer.Exit(failed[0].code)


def _tell(session: Session, check: dict[str, Any], width: int) -> None:
    mark, style = MARKS[check["outcome"]]
    beside = partial(_beside, room=session.out.width, column=width + 4)
    found = beside(clean(check["finding"]))
    session.answer(f"{session.out.styled(mark, style)} {check['name']:<{width}}  {found}\n")
    for key in ("cause", "next"):
        if check[key]:
            session.answer(f"  {key + ':':<{width}}  {beside(clean(check[key]))}\n")


def _beside(text: str, *, room: int | None, column: int) -> str:
    """Return a text that goes on below its beginning, in the same column, where a terminal is too narrow."""
    if room is None or room < column + MIN_TEXT_COLUMNS:
        return text
    # What may be typed again is not broken.
    lines = wrap(text, room - column, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * column}".join(lines)


def _cluster_id(session: Session) -> str | None:
    try:
        return session.cluster_id
    except ConfigError:
        return None
