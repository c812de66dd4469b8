"""How a server is, asked without a login. The way to it, step by step, is in `oscarcli.network.route`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from oscarcli.config.model import TlsSettings


@dataclass(frozen=True)
class HealthAnswer:
    """What came from `/health`.

    Attributes:
        status: of HTTP.
        body: the text.
        is_page: whether it is a web page.
        url: where it came from in the end, after redirects.
        skew: how much the server's clock is ahead of this machine's; `None` when the server tells no time.
    """

    status: int
    body: str
    is_page: bool
    url: str
    skew: timedelta | None


def ask_health(endpoint: str, *, tls: TlsSettings, seconds: float, trace: Any = None) -> HealthAnswer:
    """Ask a server how it is, without a login. Raises UnreachableError when nothing answers."""
    import httpx

    from oscarcli.api.client import Client
    from oscarcli.api.responses import is_html

    with Client(endpoint, httpx.Auth(), tls=tls, timeout=seconds, retries=False, trace=trace) as client:
        begun = time.monotonic()
        what = "ask for the cluster's health"
        response = client.request("GET", "health", what=what, any_answer=True, any_status=True)
        taken = timedelta(seconds=time.monotonic() - begun)
    return HealthAnswer(
        response.status_code,
        response.text.strip(),
        is_html(response),
        str(response.url),
        _skew(response.headers.get("date", ""), taken),
    )


def _skew(date: str, taken: timedelta) -> timedelta | None:
    """Return how much a server's clock is ahead, as far as whole seconds and the way of an answer tell."""
    try:
        sent = parsedate_to_datetime(date)
    except (TypeError, ValueError, OverflowError):
        return None
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=timezone.utc)
    # The header has no fractions: on average it is half a second behind.
    return sent + timedelta(seconds=0.5) - (datetime.now(timezone.utc) - taken / 2)
