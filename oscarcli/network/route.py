"""The way to a server step by step: its name, a connection, and, where one is in between, its proxy.

Requests that work need none of this; it is there to tell which step a request that fails comes to.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from oscarcli.config.model import TlsSettings
from oscarcli.errors import UnreachableError
from oscarcli.network.proxies import PORTS, Proxy, proxy_for
from oscarcli.threads import within

# A socket, or what urllib3 puts on one for TLS within TLS.
Connection = Any


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
class NetworkRoute:
    """Where connections for a URL go.

    Attributes:
        host, port: of the server.
        is_tls: whether TLS is spoken there.
        proxy: the proxy that the environment names for it, `None` for a direct way.
        tls: what TLS trusts and shows.
    """

    host: str
    port: int
    is_tls: bool
    proxy: Proxy | None = None
    tls: TlsSettings = field(default=TlsSettings(), repr=False)

    @property
    def first(self) -> tuple[str, int]:
        """Host and port of what is connected to: the proxy, or the server itself."""
        return (self.host, self.port) if self.proxy is None else (self.proxy.host, self.proxy.port)

    @property
    def place(self) -> str:
        """Host and port of what is connected to, for messages."""
        return self.server if self.proxy is None else f"the proxy {self.proxy.place}"

    @property
    def server(self) -> str:
        """Host and port of the server, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def route_to(url: str, tls: TlsSettings = TlsSettings()) -> NetworkRoute:
    """Return where connections for an HTTP URL go. Raises ConfigError for a proxy that cannot be used."""
    parts = urlsplit(url)
    port = parts.port or PORTS.get(parts.scheme, 80)
    return NetworkRoute(parts.hostname or "", port, parts.scheme == "https", proxy_for(url), tls)


def resolve(host: str, seconds: float) -> list[str]:
    """Return the addresses of a host, each once.

    Raises:
        ProbeError: nobody knows it, or nobody says so in time.
    """
    try:
        answer = within(seconds, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except TimeoutError as error:
        raise ProbeError(
            f'nobody tells the address of "{host}" within {seconds:g} s',
            cause="the name server of this machine does not answer",
            hint="check this machine's network",
        ) from error
    except (OSError, UnicodeError) as error:
        raise ProbeError(
            f'the host name "{host}" is not known',
            cause="it is mistyped, it exists only inside another network, or this machine is offline",
        ) from error
    return list(dict.fromkeys(str(found[4][0]) for found in answer))


def is_address(host: str) -> bool:
    """Tell whether a host is given by its address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def connect_first(route: NetworkRoute, seconds: float) -> socket.socket:
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


def open_connection(route: NetworkRoute, seconds: float) -> Connection:
    """Return a connection to the server itself, through the proxy if there is one.

    Raises:
        ProbeError: there is none.
    """
    if route.proxy is None:
        return connect_first(route, seconds)
    if route.proxy.is_socks:
        return _through_socks(route, route.proxy, seconds)
    return _through_http(route, route.proxy, seconds)


def begin_tls(connection: Connection, context: ssl.SSLContext, host: str) -> Connection:
    """Return a connection with TLS on it, after the handshake; the one below is closed if that fails."""
    try:
        if isinstance(connection, ssl.SSLSocket):
            # Python puts TLS on plain sockets alone.
            from urllib3.util.ssltransport import SSLTransport

            return SSLTransport(connection, context, server_hostname=host)
        return context.wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _through_socks(route: NetworkRoute, proxy: Proxy, seconds: float) -> Connection:
    import socks

    try:
        return socks.create_connection(
            (route.host, route.port),
            timeout=seconds,
            proxy_type=socks.SOCKS5,
            proxy_addr=proxy.host,
            proxy_port=proxy.port,
            proxy_rdns=True,
            proxy_username=proxy.user,
            proxy_password=proxy.password,
        )
    except OSError as error:
        raise _no_way(route, proxy, str(getattr(error, "msg", "") or error)) from error


def _through_http(route: NetworkRoute, proxy: Proxy, seconds: float) -> Connection:
    from oscarcli.network.trust import proxy_context

    with _proxy_failures(route, proxy):
        connection: Connection = connect_first(route, seconds)
        if proxy.scheme == "https":
            connection = begin_tls(connection, proxy_context(route.tls), proxy.host)
        try:
            _open_tunnel(connection, route, proxy)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def _proxy_failures(route: NetworkRoute, proxy: Proxy) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise _no_way(route, proxy, str(error) or type(error).__name__) from error


def _open_tunnel(connection: Connection, route: NetworkRoute, proxy: Proxy) -> None:
    """Ask an HTTP proxy for the way to the server."""
    lines = [f"CONNECT {route.server} HTTP/1.1", f"Host: {route.server}"]
    if proxy.login is not None:
        login = base64.b64encode(":".join(proxy.login).encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {login}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = http.client.HTTPResponse(connection, method="CONNECT")
    try:
        answer.begin()
    finally:
        answer.close()
    if answer.status != http.client.OK:
        raise OSError(f"{answer.status} {answer.reason}")


def _no_way(route: NetworkRoute, proxy: Proxy, said: str) -> ProbeError:
    message, hint = proxy.refusal(said)
    return ProbeError(
        message.replace("no way there", f"no way to {route.server}"),
        cause="the proxy refuses it, or wants a login, or cannot reach the server itself",
        hint=hint,
    )
