"""How a client comes to its server: directly or through an HTTP proxy, with or without TLS.

What goes wrong on the way is told in the same words as on the way of botocore, see `s3_connection`.
"""

from __future__ import annotations

import base64
import socket
import ssl
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from oscarcli.config.model import TlsSettings
from oscarcli.errors import UnreachableError
from oscarcli.network.proxies import LOGIN_WANTED, PORTS
from oscarcli.network.route import ProbeError, begin_tls, open_connection, route_to
from oscarcli.network.trust import proxy_context, tls_context
from oscarcli.storage.wire.connection import WireConnection
from oscarcli.storage.wire.failures import (
    UNREACHABLE_HINT,
    BrokenConnectionError,
    NoConnectionError,
    RefusedConnectionError,
    SilentServerError,
    chain,
    is_refused,
    reason_below,
    unreachable_proxy,
)


class Endpoint(Protocol):
    """Where a server is, and how to come to it."""

    @property
    def provider(self) -> str:
        """Its name, for messages."""

    @property
    def endpoint(self) -> str | None:
        """Its URL."""

    @property
    def tls(self) -> TlsSettings:
        """Whom TLS trusts, and what it shows."""

    @property
    def ca_bundle(self) -> str:
        """A file of certificates to trust in the system's place; empty for none."""

    @property
    def connect_timeout(self) -> float:
        """Seconds in which a connection must come about."""

    @property
    def read_timeout(self) -> float:
        """Seconds that it may keep silent."""


def require_url(settings: Endpoint) -> None:
    """Raise UnreachableError when the endpoint is given and not a URL."""
    if settings.endpoint is None:
        return
    try:
        parts = urlsplit(settings.endpoint)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UnreachableError(
            f'connect to {settings.provider}: "{settings.endpoint}" is not a usable endpoint',
            hint="an endpoint is a URL, such as https://minio.example:9000",
        )


class Connector:
    """Opens connections to one server.

    Args:
        settings: where it is.

    Attributes:
        host: as requests name it.
        base_path: what stands before each path.
        has_proxy: whether a proxy is on the way.
        is_tls_within_tls: whether TLS is spoken to a proxy, and within that to the server: such a connection
            can only be waited for.
        proxy_headers: lines that a proxy wants in each request.
        was_answered: whether the store has ever answered; one that refuses our certificate never does.

    Raises:
        UnreachableError: the endpoint is not a URL.
        ConfigError: the proxy that the environment names cannot be used.
    """

    def __init__(self, settings: Endpoint) -> None:
        require_url(settings)
        url = settings.endpoint or ""
        parts = urlsplit(url)
        self._settings = settings
        self._route = route_to(url, settings.tls)
        self._proxy = self._route.proxy
        self.host = _host(url)
        self.base_path = quote(parts.path.rstrip("/"), safe="/-_.~%")
        self.has_proxy = self._proxy is not None
        self.is_tls_within_tls = (
            self._proxy is not None and self._proxy.scheme == "https" and self._route.is_tls
        )
        # Without TLS an HTTP proxy is asked for the whole URL.
        self._is_whole = self._proxy is not None and not self._proxy.is_socks and not self._route.is_tls
        self.proxy_headers: list[str] = []
        if self._is_whole and self._proxy is not None and self._proxy.login is not None:
            login = base64.b64encode(":".join(self._proxy.login).encode()).decode()
            self.proxy_headers.append(f"proxy-authorization: Basic {login}")
        self.was_answered = False

    def target(self, path: str) -> str:
        """Return what a request line names."""
        return f"http://{self.host}{path}" if self._is_whole else path

    def check_proxy(self, status: int) -> None:
        """Raise NoConnectionError when an answer is that of a proxy that wants a login."""
        if self._is_whole and self._proxy is not None and status == LOGIN_WANTED:
            raise NoConnectionError(*self._proxy.refusal(str(LOGIN_WANTED)))

    def connect(self) -> WireConnection:
        """Return a new connection. Raises as `connected_socket` does."""
        return WireConnection(self.connected_socket(), read_timeout=self.read_timeout)

    @property
    def read_timeout(self) -> float:
        """Seconds that the server may keep silent."""
        return self._settings.read_timeout

    def connected_socket(self) -> socket.socket:
        """Return a new connection as a socket, with TLS where it belongs.

        Raises:
            ConfigError: a certificate that the settings name cannot be used.
            NoConnectionError, BrokenConnectionError, SilentServerError: there is none.
        """
        context = self._context()
        try:
            sock: socket.socket = self._opened()
            if context is not None:
                sock = begin_tls(sock, context, self._route.host)
        except ProbeError as error:
            raise NoConnectionError(error.message, error.hint or UNREACHABLE_HINT) from error
        except (OSError, UnicodeError) as error:
            raise self._failure(error) from error
        return sock

    def explain(self, error: Exception) -> NoConnectionError | None:
        """Return why a connection broke before the first answer, if it was for a certificate."""
        if self.was_answered or not self._route.is_tls:
            return None
        from oscarcli.network.tls_failures import explain_break, explain_tls, lasting_causes

        told = explain_tls(lasting_causes(chain(error)), self._route) or explain_break(self._route)
        return None if told is None else NoConnectionError(*told)

    def _context(self) -> ssl.SSLContext | None:
        if not self._route.is_tls:
            return None
        return tls_context(self._settings.tls, bundle=self._settings.ca_bundle)

    def _opened(self) -> Any:
        seconds = self._settings.connect_timeout
        if self._proxy is None or self._is_whole:
            sock: Any = socket.create_connection(self._route.first, timeout=seconds)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy is not None and self._proxy.scheme == "https":
                sock = begin_tls(sock, proxy_context(self._settings.tls), self._proxy.host)
            return sock
        return open_connection(self._route, seconds)

    def _failure(self, error: Exception) -> Exception:
        causes = list(chain(error))
        final = None if self._proxy is None else unreachable_proxy(causes, self._proxy)
        if final is None and self._route.is_tls:
            from oscarcli.network.tls_failures import explain_tls, lasting_causes

            final = explain_tls(lasting_causes(causes), self._route)
        if final is not None:
            return NoConnectionError(*final)
        if is_refused(causes):
            return RefusedConnectionError()
        if isinstance(error, TimeoutError):
            return SilentServerError()
        if isinstance(error, ssl.SSLError):
            return self.explain(error) or BrokenConnectionError()
        return NoConnectionError(f"no connection: {reason_below(error)}", UNREACHABLE_HINT, is_transient=True)


def _host(url: str) -> str:
    """Return the host as requests name it, with its port when that is not the usual one."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name if name.isascii() else name.encode("idna").decode()
    return host if parts.port in (None, PORTS[parts.scheme]) else f"{host}:{parts.port}"
