"""The way to a server step by step, without a login: its name, a connection, and what answers there.

Requests that work need none of this; it is there to tell which step a request that fails comes to.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import socket
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from oscarcli.api.address import LOOPBACK, PORTS
from oscarcli.errors import UnreachableError


class ProbeError(UnreachableError):
    """A step that failed.

    Args:
        message: what was seen.
        cause: why that is, most likely.
        hint: what to do next.
    """

    def __init__(self, message: str, *, cause: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.cause = cause


@dataclass(frozen=True)
class Route:
    """Where connections for a URL go.

    Attributes:
        host, port: of the server.
        is_tls: whether TLS is spoken there.
        proxy: the proxy that the environment names for it, `None` for a direct way.
    """

    host: str
    port: int
    is_tls: bool
    proxy: str | None = field(default=None, repr=False)

    @property
    def first(self) -> tuple[str, int]:
        """Host and port of what is connected to: the proxy, or the server itself."""
        if self.proxy is None:
            return self.host, self.port
        parts = urlsplit(self.proxy)
        return parts.hostname or "", parts.port or PORTS.get(parts.scheme, 1080)

    @property
    def place(self) -> str:
        """Host and port of what is connected to, for messages."""
        host, port = self.first
        text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return text if self.proxy is None else f"the proxy {text}"


def route_to(url: str) -> Route:
    """Return where connections for an HTTP URL go."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if host in LOOPBACK or urllib.request.proxy_bypass(host):
        proxy = None
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    return Route(host, parts.port or PORTS.get(parts.scheme, 80), parts.scheme == "https", proxy or None)


def resolve(host: str, seconds: float) -> list[str]:
    """Return the addresses of a host, each once.

    Raises:
        ProbeError: nobody knows it, or nobody says so in time.
    """
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.append(error)

    # In a thread, for the resolver keeps to no time limit.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if not answers:
        raise ProbeError(
            f'nobody tells the address of "{host}" within {seconds:g} s',
            cause="the name server of this machine does not answer",
            hint="check this machine's network",
        )
    if isinstance(answers[0], Exception):
        raise ProbeError(
            f'the host name "{host}" is not known',
            cause="it is mistyped, it exists only inside another network, or this machine is offline",
        )
    return list(dict.fromkeys(str(found[4][0]) for found in answers[0]))


def is_address(host: str) -> bool:
    """Tell whether a host is given by its address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def connect(route: Route, seconds: float) -> socket.socket:
    """Return a connection to the first step of a route: to the server, or to the proxy.

    Raises:
        ProbeError: there is none.
    """
    try:
        return socket.create_connection(route.first, timeout=seconds)
    except ConnectionRefusedError as error:
        raise ProbeError(
            f"{route.place} refuses connections",
            cause="nothing listens on that port: the server is not running, or its port is another one",
        ) from error
    except TimeoutError as error:
        raise ProbeError(
            f"{route.place} does not answer within {seconds:g} s",
            cause="a firewall drops what is sent there, or the machine is off",
            hint="check the endpoint and the network, or give it longer with --timeout",
        ) from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ProbeError(
            f"no connection to {route.place}: {reason}", cause="the network has no way there"
        ) from error


def reach(route: Route, seconds: float) -> socket.socket:
    """Return a connection to the server itself, through the proxy if there is one.

    Raises:
        ProbeError: there is none.
    """
    if route.proxy is None:
        return connect(route, seconds)
    parts = urlsplit(route.proxy)
    if parts.scheme != "http":
        raise ProbeError(
            f"the way through {route.place} cannot be looked at",
            cause=f"it is a proxy of the kind {parts.scheme}",
        )
    headers = {}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    tunnel = http.client.HTTPConnection(*route.first, timeout=seconds)
    tunnel.set_tunnel(route.host, route.port, headers)
    try:
        tunnel.connect()
    except (OSError, http.client.HTTPException) as error:
        tunnel.close()
        raise ProbeError(
            f"{route.place} opens no way to {route.host}:{route.port}: {error}",
            cause="the proxy refuses it, or wants a login, or cannot reach the server itself",
            hint="check HTTP_PROXY and HTTPS_PROXY, or except the host with NO_PROXY",
        ) from error
    connection: socket.socket = tunnel.sock
    return connection


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


def ask_health(endpoint: str, *, verify: bool, seconds: float, trace: Any = None) -> HealthAnswer:
    """Ask a server how it is, without a login. Raises UnreachableError when nothing answers."""
    import httpx

    from oscarcli.api.client import Client
    from oscarcli.api.responses import is_html

    with Client(endpoint, httpx.Auth(), verify=verify, timeout=seconds, retries=False, trace=trace) as client:
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
