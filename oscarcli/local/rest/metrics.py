"""Routes of metrics (`oscar-api` 3.12, 4.15), from the cluster's own record of calls."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from oscarcli.local import clock
from oscarcli.local.answers import ApiError, json_answer
from oscarcli.local.http.messages import Response
from oscarcli.local.jobs.calls import ASYNC, NOBODY, SYNC, CallTotals, Window
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.users.access import usable

Document = dict[str, Any]

SOURCES = [{"name": "local", "status": "ok"}]
DAY = 24 * 3600
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(?:(Z)|([+-]\d\d:\d\d))")

CPU_HOURS = "cpu-hours"
METRICS = (
    CPU_HOURS,
    "gpu-hours",
    "requests-sync-per-service",
    "requests-async-per-service",
    "requests-exposed-per-service",
    "users-per-service",
)
# The manager knows these, and has them nowhere but in the summary.
NOT_OF_A_SERVICE = ("services-count", "requests-per-user", "countries-count", "countries-list")
GROUPS = ("service", "user", "country")
CSV_HEADERS = {
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


class MetricsError(ApiError):
    """A refusal of these routes, which comes as JSON."""

    def response(self) -> Response:
        """Return the answer to send."""
        return json_answer({"error": self.text}, self.status)


@dataclass(frozen=True)
class Span:
    """The window that was asked for, with its ends as they are shown."""

    window: Window
    shown: Document


def _all_totals(call: Call, span: Span) -> list[CallTotals]:
    """Return the calls of the services that the caller may use; those that are gone are for the account."""
    all_totals = call.cluster.calls.totals(span.window)
    if call.caller.is_admin:
        return list(all_totals)
    names = {definition["name"] for definition in usable(call.cluster.services.all(), call.caller)}
    return [totals for totals in all_totals if totals.service in names]


def _exposed(call: Call, span: Span) -> dict[str, int]:
    """Return how often the exposed services that the caller may use were called."""
    counts = call.cluster.exposed_calls.counts(span.window)
    if call.caller.is_admin:
        return counts
    names = {definition["name"] for definition in usable(call.cluster.services.all(), call.caller)}
    return {service: count for service, count in counts.items() if service in names}


def summary(call: Call) -> Response:
    """GET /system/metrics: active services are those that are there, all services those that were called."""
    span = _span(call)
    all_totals = _all_totals(call, span)
    exposed = _exposed(call, span)
    existing = {definition["name"] for definition in usable(call.cluster.services.all(), call.caller)}
    hours = {
        service: hours
        for service, hours in call.cluster.calls.cpu_hours(span.window).items()
        if call.caller.is_admin or service in existing
    }
    called = {totals.service for totals in all_totals} | set(exposed)
    users = _users(all_totals)
    totals = {
        "services_count_active": len(existing),
        "services_count_total": len(called),
        "cpu_hours_total": _number(sum(hours.values())),
        "gpu_hours_total": 0,
        **_requests(all_totals, sum(exposed.values())),
        "countries_count": 0,
        "countries": [] if all_totals else None,
        "users_count": len(users),
        "users": users if all_totals else None,
    }
    return json_answer({**span.shown, "totals": totals, "sources": SOURCES})


def breakdown(call: Call) -> Response:
    """GET /system/metrics/breakdown."""
    query = call.request.query
    span = _span(call)
    asked, form = query.get("group_by", ""), query.get("format", "").lower() or "json"
    group, include_users = asked.lower(), query.get("include_users") == "true"
    if not group:
        raise MetricsError(400, "group_by is required")
    if form not in ("json", "csv"):
        raise MetricsError(400, "invalid format")
    if group not in GROUPS:
        raise MetricsError(400, "unsupported group_by")
    if include_users and form == "csv":
        raise MetricsError(400, "include_users is not supported for csv")
    all_totals = _all_totals(call, span)
    exposed = _exposed(call, span)
    items = _items(group, all_totals, exposed, include_users=include_users)
    if form == "csv":
        return _csv(CSV_HEADERS[group], items)
    return json_answer({**span.shown, "group_by": asked, "items": items})


def _items(
    group: str, all_totals: Sequence[CallTotals], exposed: Mapping[str, int], *, include_users: bool
) -> list[Document]:
    # Every caller is on this machine, so there are no countries to tell apart.
    if group == "country":
        return []
    keys = {getattr(totals, group) for totals in all_totals} | (set(exposed) if group == "service" else set())
    parts = [
        (key, [totals for totals in all_totals if getattr(totals, group) == key]) for key in sorted(keys)
    ]
    if group == "user":
        return [_user_item(key, part) for key, part in parts]
    return [_service_item(key, part, exposed.get(key, 0), include_users) for key, part in parts]


def _service_item(
    service: str, all_totals: Sequence[CallTotals], exposed: int, include_users: bool
) -> Document:
    users = _users(all_totals)
    return {
        "key": service,
        **_requests(all_totals, exposed),
        "unique_users_count": len(users),
        **({"users": users} if include_users and users else {}),
        "countries": [],
    }


def _user_item(user: str, all_totals: Sequence[CallTotals]) -> Document:
    return {
        "key": user,
        "membership": "unknown" if user == NOBODY else "member",
        "executions_count": sum(totals.count for totals in all_totals),
        "countries": [],
    }


def _csv(header: Sequence[str], items: Iterable[Document]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for item in items:
        row = {**item, "countries": ""}
        writer.writerow([row.get(key, "") for key in header])
    return Response(200, {"Content-Type": "text/csv"}, text.getvalue().encode())


def of_service(call: Call) -> Response:
    """GET /system/metrics/{serviceName}: all metrics of a service, or the one that is asked for."""
    if not call.caller.is_admin:
        definition = call.cluster.services.get(call.name)
        if definition is None:
            raise ApiError(404)
        if not call.caller.uses(definition):
            raise ApiError(403)
    metric = call.request.query.get("metric", "")
    if metric in NOT_OF_A_SERVICE:
        raise MetricsError(400, "unsupported metric for value query")
    if metric and metric not in METRICS:
        raise MetricsError(400, "invalid metric key")
    span = _span(call)
    values = _values(call, span.window)
    if metric:
        shown = {"value": values[metric], **_unit(metric), "sources": SOURCES}
        return json_answer({"service_id": call.name, "metric": metric, **span.shown, **shown})
    metrics = [
        {"metric": key, "value": value, **_unit(key), "sources": SOURCES} for key, value in values.items()
    ]
    return json_answer({"service_name": call.name, **span.shown, "metrics": metrics})


def _values(call: Call, window: Window) -> dict[str, float]:
    all_totals = [totals for totals in call.cluster.calls.totals(window) if totals.service == call.name]
    hours = call.cluster.calls.cpu_hours(window).get(call.name, 0.0)
    counts = (
        _number(hours),
        0,
        _count(all_totals, SYNC),
        _count(all_totals, ASYNC),
        call.cluster.exposed_calls.counts(window).get(call.name, 0),
        len(_users(all_totals)),
    )
    return dict(zip(METRICS, counts, strict=True))


def _unit(metric: str) -> Document:
    return {"unit": "hours"} if metric.endswith("-hours") else {}


def _requests(all_totals: Sequence[CallTotals], exposed: int) -> Document:
    """Return the counts; those of exposed services are no part of the total."""
    sync, asynchronous = _count(all_totals, SYNC), _count(all_totals, ASYNC)
    return {
        "requests_count_total": sync + asynchronous,
        "requests_count_sync": sync,
        "requests_count_async": asynchronous,
        "requests_count_exposed": exposed,
    }


def _count(all_totals: Iterable[CallTotals], kind: str) -> int:
    return sum(totals.count for totals in all_totals if totals.kind == kind)


def _users(all_totals: Iterable[CallTotals]) -> list[str]:
    return sorted({totals.user for totals in all_totals} - {NOBODY})


def _number(value: float) -> float:
    """Return a float as Go writes it: without a fraction where there is none."""
    rounded = round(value, 9)
    return int(rounded) if rounded == int(rounded) else rounded


# -- time ----------------------------------------------------------------------------------------


def _span(call: Call) -> Span:
    query = call.request.query
    start, end = query.get("start", ""), query.get("end", "")
    first = _seconds(start, "invalid start timestamp") if start else None
    last = _seconds(end, "invalid end timestamp") if end else time.time()
    if first is None:
        first = last - DAY
    if last <= first:
        raise MetricsError(400, "end must be after start")
    return Span(Window(first, last), {"start": start or _shown(first), "end": end or _shown(last)})


def _seconds(text: str, refusal: str) -> float:
    """Return a time in RFC 3339 as seconds since the epoch."""
    match = _RFC3339.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        moment, fraction, _, offset = match.groups()
        whole = datetime.fromisoformat(moment + (offset or "+00:00")).astimezone(timezone.utc)
        return whole.timestamp() + float(fraction or 0)
    except (ValueError, OverflowError) as error:
        raise MetricsError(400, refusal) from error


def _shown(seconds: float) -> str:
    return clock.full(int(seconds * 1e9))


ROUTES = (
    Route("GET", "/system/metrics", summary),
    Route("GET", "/system/metrics/breakdown", breakdown),
    Route("GET", "/system/metrics/{serviceName}", of_service),
)
