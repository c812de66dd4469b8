"""How requests to an object store travel: botocore makes and signs them, this sends them.

botocore's own sender knows neither SOCKS nor certificates beside its own file of them, and has no seam for
an SSL context. Its event `before-send` lets somebody else send; everything used here is public.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

from oscarcli.config.model import TlsSettings
from oscarcli.network.proxies import LOGIN_WANTED, Proxy, proxy_for
from oscarcli.network.route import route_to
from oscarcli.network.tls_failures import explain_break, explain_tls, lasting_causes
from oscarcli.network.trust import proxy_context, tls_context
from oscarcli.storage.wire.client import MAX_DOCUMENT_BYTES, too_large
from oscarcli.storage.wire.failures import (
    NoConnectionError,
    RefusedConnectionError,
    chain,
    is_refused,
    unreachable_proxy,
)

# As botocore has it: urllib3's own pieces of 16 KiB slow large transfers down.
PIECE_BYTES = 128 << 10


class _Document:
    """The body of an answer that is kept in memory, up to a bound."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def stream(self) -> Iterator[bytes]:
        """Yield its pieces. Raises NoConnectionError when it is longer than any document of a store."""
        left = MAX_DOCUMENT_BYTES
        for piece in self._answer.stream(PIECE_BYTES):
            left -= len(piece)
            if left < 0:
                self._answer.close()
                raise too_large(MAX_DOCUMENT_BYTES)
            yield piece


class Sender:
    """Connections of one client.

    Args:
        tls: whom TLS trusts, and what it shows. AWS_CA_BUNDLE names certificates in the system's place.
        connect_timeout, read_timeout: in seconds.
        connections: how many are kept open.
    """

    def __init__(
        self, tls: TlsSettings, *, connect_timeout: float, read_timeout: float, connections: int
    ) -> None:
        self._tls = tls
        self._timeouts = (connect_timeout, read_timeout)
        self._connections = connections
        self._opening = threading.Lock()
        # A server that refuses our certificate answers nothing at all.
        self._was_answered = False
        self._managers: dict[tuple[str, Proxy | None], Any] = {}

    def send(self, request: Any, **_: Any) -> Any:
        """Send a prepared request of botocore and return botocore's form of the answer.

        Raises:
            ConfigError: a certificate or a proxy that the settings name cannot be used.
            HTTPClientError: a child of it, of botocore, when there is no answer.
        """
        from urllib3.exceptions import HTTPError

        url = request.url
        proxy = proxy_for(url)
        # Without TLS an HTTP proxy is asked for the whole URL.
        is_whole = proxy is not None and not proxy.is_socks and not url.lower().startswith("https:")
        if proxy is not None:
            # Proxies that read along may wait for the whole request, and botocore's connections may wait for
            # consent until the time is up: what TLS 1.3 sends by itself looks like the beginning of it.
            request.headers.pop("Expect", None)
        try:
            response = self._exchange(request, proxy, url if is_whole else _target(url))
        except (HTTPError, OSError) as error:
            raise self._failure(error, request, proxy) from error
        self._was_answered = True
        if is_whole and proxy is not None and response.status_code == LOGIN_WANTED:
            raise NoConnectionError(*proxy.refusal(str(LOGIN_WANTED)))
        return response

    def _exchange(self, request: Any, proxy: Proxy | None, target: str) -> Any:
        from botocore.awsrequest import AWSResponse
        from urllib3.util.retry import Retry

        url = request.url
        pool = self._manager(url.partition(":")[0].lower(), proxy).connection_from_url(url)
        answer = pool.urlopen(
            request.method,
            target,
            body=request.body,
            headers=request.headers,
            retries=Retry(False),
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            chunked=_is_chunked(request.headers),
            enforce_content_length=False,
        )
        # botocore takes the body of a failure for a document, too, whatever was asked for.
        is_document = not request.stream_output or answer.status >= 300
        response = AWSResponse(
            url, answer.status, answer.headers, _Document(answer) if is_document else answer
        )
        if is_document:
            # Read at once, so that the connection is free for the next request.
            _ = response.content
        return response

    def _failure(self, error: Exception, request: Any, proxy: Proxy | None) -> Exception:
        """Return the exception to raise: botocore tries again after its own, not after NoConnectionError."""
        from urllib3.exceptions import ProtocolError, SSLError

        route = route_to(request.url, self._tls)
        causes = list(chain(error))
        final = _of_proxy(causes, proxy) or (
            explain_tls(lasting_causes(causes), route) if route.is_tls else None
        )
        if final is None and isinstance(error, (ProtocolError, SSLError)) and not self._was_answered:
            final = explain_break(route)
        if final is not None:
            return NoConnectionError(*final)
        if proxy is None and is_refused(causes):
            # Told at once, and not after botocore's own attempts: it is waited for elsewhere, and with words.
            return RefusedConnectionError()
        return _as_botocore(error, request, proxy)

    def _manager(self, scheme: str, proxy: Proxy | None) -> Any:
        """Return the pools for URLs of a scheme that go through a proxy, or none."""
        with self._opening:
            if (scheme, proxy) not in self._managers:
                self._managers[scheme, proxy] = self._opened(scheme, proxy)
            return self._managers[scheme, proxy]

    def _opened(self, scheme: str, proxy: Proxy | None) -> Any:
        import urllib3
        from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool

        connect, read = self._timeouts
        options: dict[str, Any] = {
            "timeout": urllib3.Timeout(connect=connect, read=read),
            "maxsize": self._connections,
            "blocksize": PIECE_BYTES,
        }
        if scheme == "https":
            options["ssl_context"] = tls_context(self._tls, bundle=os.environ.get("AWS_CA_BUNDLE", ""))
        manager: Any
        if proxy is not None and proxy.is_socks:
            return _socks(proxy, options)
        if proxy is None:
            manager = urllib3.PoolManager(**options)
        else:
            if proxy.scheme == "https":
                options["proxy_ssl_context"] = proxy_context(self._tls)
            if proxy.login is not None:
                login = ":".join(proxy.login)
                options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=_latin(login))
            manager = urllib3.ProxyManager(proxy.address, **options)
        # These wait for a server's consent before they send a large body.
        manager.pool_classes_by_scheme = {"http": AWSHTTPConnectionPool, "https": AWSHTTPSConnectionPool}
        return manager


def _socks(proxy: Proxy, options: dict[str, Any]) -> Any:
    from urllib3.contrib.socks import SOCKSProxyManager

    # The proxy looks up names, as it does for the requests of the HTTP library.
    return SOCKSProxyManager(
        f"socks5h://{proxy.place}", username=proxy.user, password=proxy.password, **options
    )


def _of_proxy(causes: list[BaseException], proxy: Proxy | None) -> tuple[str, str] | None:
    """Return what is wrong with the proxy, if it is the proxy and stays so."""
    import socks
    from urllib3.exceptions import ProxyError

    if proxy is None:
        return None
    found = unreachable_proxy(causes, proxy)
    if found is not None:
        return found
    for cause in causes:
        if isinstance(cause, socks.ProxyError) and not isinstance(cause, socks.ProxyConnectionError):
            return proxy.refusal(str(cause.msg))
    is_refused = any(isinstance(cause, ProxyError) for cause in causes)
    said = next((str(cause) for cause in causes if "Tunnel connection failed" in str(cause)), "")
    return proxy.refusal(said.rpartition("Tunnel connection failed: ")[2]) if is_refused and said else None


def _as_botocore(error: Exception, request: Any, proxy: Proxy | None) -> Exception:
    """Return botocore's exception for one of urllib3, as its own sender does."""
    import urllib3.exceptions as low
    from botocore import exceptions as boto

    kinds = (
        (low.SSLError, boto.SSLError),
        ((low.NewConnectionError, socket.gaierror), boto.EndpointConnectionError),
        (low.ConnectTimeoutError, boto.ConnectTimeoutError),
        (low.ReadTimeoutError, boto.ReadTimeoutError),
    )
    found: Any = boto.HTTPClientError(error=error)
    if isinstance(error, low.ProxyError):
        found = boto.ProxyConnectionError(proxy_url=proxy.place if proxy else "", error=error)
    elif isinstance(error, low.ProtocolError):
        found = boto.ConnectionClosedError(error=error, request=request, endpoint_url=request.url)
    else:
        for low_kind, kind in kinds:
            if isinstance(error, low_kind):
                found = kind(endpoint_url=request.url, error=error)
                break
    known: Exception = found
    return known


def _latin(login: str) -> str:
    # urllib3 encodes it in latin-1, and everybody else in UTF-8.
    return login.encode().decode("latin-1")


def _target(url: str) -> str:
    _, _, rest = url.partition("://")
    slash = rest.find("/")
    return rest[slash:] if slash >= 0 else "/" + rest[len(rest.partition("?")[0]) :]


def _is_chunked(headers: Any) -> bool:
    value = headers.get("Transfer-Encoding", b"")
    return (value.encode() if isinstance(value, str) else value).lower() == b"chunked"
