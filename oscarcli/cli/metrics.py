"""`metrics`: what services consumed, and who called them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.session import Session
from oscarcli.coercion import as_mapping
from oscarcli.errors import UsageError
from oscarcli.output.render import Column, Result

app = noun("What services consumed, and who called them.")

# Where no time is asked for a server tells that of the question, which moves from one to the next.
WINDOW_KEYS = ("start", "end")
NOBODY = "Nobody called anything in that time"
FORMATS = ("yaml", "json", "table", "csv")
ROW_COLUMNS = (Column("METRIC", lambda row: row[0]), Column("VALUE", lambda row: row[1]))

SERVICE_COLUMNS = (
    Column("METRIC", "metric"),
    Column("VALUE", "value"),
    Column("UNIT", "unit"),
    Column(
        "SOURCES",
        lambda row: [f"{one.get('name')}:{one.get('status')}" for one in _records(row.get("sources"))],
    ),
)
METRIC_CHOICES = (
    "[cpu-hours|gpu-hours|requests-sync-per-service|requests-async-per-service"
    "|requests-exposed-per-service|users-per-service]"
)
# Keys of an item by group, in the order of the server's own CSV (`oscar-api` 4.15).
ITEM_KEYS = {
    "service": (
        "key",
        "membership",
        "requests_count_total",
        "requests_count_sync",
        "requests_count_async",
        "requests_count_exposed",
        "unique_users_count",
        "countries",
    ),
    "user": ("key", "membership", "executions_count", "countries"),
    "country": ("key", "membership", "executions_count", "unique_users_count", "countries"),
}
# Their titles in a table; what has none is left out there.
TITLES = {
    "requests_count_total": "TOTAL",
    "requests_count_sync": "SYNC",
    "requests_count_async": "ASYNC",
    "requests_count_exposed": "EXPOSED",
    "executions_count": "CALLS",
    "unique_users_count": "USERS",
    "countries": "COUNTRIES",
}
# What only some groups have: the key itself, and what a country would say of itself.
LEFT_OUT = {"service": ("membership",), "user": (), "country": ("membership", "countries")}
# All that a table may have, for any group.
BREAKDOWN_COLUMNS = tuple(
    Column(title, title) for title in ("SERVICE", "USER", "COUNTRY", "MEMBERSHIP", *TITLES.values(), "WHO")
)

StartOption = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="TIME",
        help="Since when: a time ago (7d, 24h, 30m), a date or a time in RFC 3339.  [default: 24h]",
    ),
]
EndOption = Annotated[
    str | None,
    typer.Option("--end", metavar="TIME", help="Until when, in the same forms.  [default: now]"),
]


def window(start: str | None, end: str | None, now: datetime) -> dict[str, str]:
    """Return the time that metrics are about, as the server takes it.

    Raises:
        UsageError: a word is not a time, or the end is not after the start.
    """
    from oscarcli.cli.kit.time_arguments import moment
    from oscarcli.timestamps import rfc3339

    moments = {key: moment(text, now) for key, text in (("start", start), ("end", end)) if text}
    last = moments.get("end", now)
    if "start" in moments and moments["start"] >= last:
        raise UsageError(
            f"--start is {rfc3339(moments['start'])}, which is not before the end, {rfc3339(last)}"
        )
    return {key: rfc3339(when) for key, when in moments.items()}


def _window(start: str | None, end: str | None) -> dict[str, str]:
    return window(start, end, datetime.now(timezone.utc))


@app.command("summary, sum", formats=FORMATS, columns=ROW_COLUMNS, watch="whole", on_terminal="table")
def summary(ctx: typer.Context, start: StartOption = None, end: EndOption = None) -> None:
    """Show the totals of a cluster."""
    from oscarcli.api.metrics import get_summary

    session: Session = ctx.obj
    document = get_summary(session.api, _window(start, end))
    rows = list(_summary_rows(document, for_csv=session.output == "csv"))
    session.show(Result(document, ROW_COLUMNS, rows=rows, moving=WINDOW_KEYS))


def _summary_rows(document: dict[str, Any], *, for_csv: bool) -> Iterator[tuple[str, Any]]:
    from oscarcli.output.times import shown_time

    for key in WINDOW_KEYS:
        # Rows for programs have the server's own text, as everywhere.
        yield key, document.get(key) if for_csv else shown_time(document.get(key))
    for key, value in as_mapping(document.get("totals")).items():
        yield key, _countries(value) if key == "countries" else value
    for source in _records(document.get("sources")):
        yield f"source {source.get('name')}", _joined(source.get("status"), source.get("notes"))


def _joined(status: Any, notes: Any) -> str:
    text = "; ".join(map(str, notes)) if isinstance(notes, list) else str(notes or "")
    return f"{status} ({text})" if text else str(status)


@app.command("breakdown, bd", formats=FORMATS, columns=BREAKDOWN_COLUMNS, watch="whole", on_terminal="table")
def breakdown(
    ctx: typer.Context,
    group_by: Annotated[
        str, typer.Option("--group-by", metavar="[service|user|country]", help="What has a line each.")
    ] = "service",
    include_users: Annotated[
        bool, typer.Option("--include-users", help="Name the users of each service.")
    ] = False,
    start: StartOption = None,
    end: EndOption = None,
) -> None:
    """Show calls by service, user or country; on a terminal a table has bars."""
    from oscarcli.api.metrics import GROUPS, get_breakdown

    session: Session = ctx.obj
    group = group_by.strip().lower()
    if group not in GROUPS:
        raise UsageError(f'--group-by takes {", ".join(GROUPS)}, not "{group_by}"')
    if include_users and group != "service":
        raise UsageError("--include-users goes with --group-by service only")
    document = get_breakdown(session.api, group, _window(start, end), include_users=include_users)
    _show_breakdown(session, document, group, include_users)


def _show_breakdown(session: Session, document: dict[str, Any], group: str, include_users: bool) -> None:
    rows = _records(document.get("items"))
    columns = breakdown_columns(group, include_users, for_csv=session.output == "csv")
    if session.wants_usual_table and session.out.is_terminal and rows:
        from oscarcli.output.bars import to_chart

        told = [column for column in columns if any(column.text(row) for row in rows)]
        session.answer(to_chart(told, rows, _calls, session.out))
    else:
        session.show(Result(document, columns, rows=rows, empty=NOBODY, moving=WINDOW_KEYS))


def breakdown_columns(group: str, include_users: bool, *, for_csv: bool) -> list[Column]:
    """Return a breakdown's columns: for CSV the server's own, for people without the empty ones."""
    titles = {**TITLES, "key": group.upper(), "membership": "MEMBERSHIP"}
    keys = [key for key in ITEM_KEYS[group] if for_csv or key not in LEFT_OUT[group]]
    columns = [Column(key if for_csv else titles[key], _value_of(key)) for key in keys]
    return [*columns, Column("users" if for_csv else "WHO", "users")] if include_users else columns


def _value_of(key: str) -> str | Callable[[dict[str, Any]], Any]:
    return (lambda item: _countries(item.get("countries"))) if key == "countries" else key


def _calls(item: dict[str, Any]) -> float:
    value = item.get("requests_count_total", item.get("executions_count"))
    return float(value) if isinstance(value, (int, float)) else 0.0


@app.command("service, svc", formats=FORMATS, columns=SERVICE_COLUMNS, watch="whole", on_terminal="table")
def service(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="SERVICE_NAME", help="The service's name.")],
    metric: Annotated[
        str | None, typer.Option("--metric", metavar=METRIC_CHOICES, help="Show one metric alone.")
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
) -> None:
    """Show the metrics of one service."""
    from oscarcli.api.metrics import METRICS, get_service_metrics

    session: Session = ctx.obj
    if metric is not None and metric not in METRICS:
        raise UsageError(f'--metric takes {", ".join(METRICS)}, not "{metric}"')
    document = get_service_metrics(session.api, name, _window(start, end), metric)
    rows = _records(document["metrics"]) if "metrics" in document else [document]
    session.show(Result(document, SERVICE_COLUMNS, rows=rows, moving=WINDOW_KEYS))


def _countries(value: Any) -> str | None:
    """Return countries as the server's CSV has them: `ES:3|FR:1`."""
    return "|".join(f"{one.get('country')}:{one.get('request_count')}" for one in _records(value)) or None


def _records(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
