"""The HTTP client of one cluster: where requests go, how long they may take, what failures mean."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from oscarcli.api.responses import raise_for_status, refuse_page
from oscarcli.config.model import TlsSettings
from oscarcli.errors import MissingName, NotFoundError, OscarError, RefusedError, UsageError
from oscarcli.http.address import base_url, route, same_origin
from oscarcli.http.failures import explain, is_transient
from oscarcli.http.limits import EXTENSION, MAX_DOCUMENT_BYTES, BodyError, limit_body
from oscarcli.network.proxies import PORTS, Proxy, proxy_for

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
MAX_REDIRECTS = 10
# Answers that a repeated read may turn into a success.
PASSING_STATUSES = (429, 502, 503, 504)
# Seconds before the second and the third try of a read.
RETRY_DELAYS = (0.3, 1.0)
MAX_RETRY_SECONDS = 10.0
# What the second word of a route is the name of.
NAMED_BY_ROUTE = {
    "services": "service",
    "logs": "service",
    "federation": "service",
    "run": "service",
    "job": "service",
    "buckets": "bucket",
    "volumes": "volume",
}


class Client:
    """Requests to one cluster.

    Args:
        endpoint: the cluster's URL; a path in it is kept as prefix of every route.
        auth: how to log in.
        tls: whom TLS trusts, and what it shows to the endpoint itself.
        timeout: seconds to wait for an answer; replaces each operation's own limit.
        transport: what carries requests; the network when omitted.
        retries: whether a read is tried again when its failure may pass.
        trace: is told each request and its status, without headers or bodies: they hold secrets.

    Raises:
        ConfigError: the endpoint is not an HTTP URL.
    """

    def __init__(
        self,
        endpoint: str,
        auth: httpx.Auth,
        *,
        tls: TlsSettings = TlsSettings(),
        timeout: float | None = None,
        transport: httpx.BaseTransport | None = None,
        trace: Callable[[str], None] | None = None,
        retries: bool = True,
    ) -> None:
        self._base = base_url(endpoint)
        self._auth = auth
        self._tls = tls
        self._timeout = timeout
        self._transport = transport
        self._trace = trace or (lambda _text: None)
        self._pauses = RETRY_DELAYS if retries else ()
        self._connections: dict[tuple[str, Proxy | None, bool], httpx.Client] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        *segments: str,
        what: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: Iterable[bytes] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        read_timeout: float = READ_SECONDS,
        any_answer: bool = False,
        any_status: bool = False,
        largest: int = MAX_DOCUMENT_BYTES,
    ) -> httpx.Response:
        """Send a request and return the whole answer of a success.

        Args:
            method: HTTP method. GET is tried again when a failure may pass.
            segments: parts of the path, each percent-encoded here.
            what: what is tried, for messages, such as `get service "x"`.
            params: query parameters.
            json: a document to send.
            content: a body to send instead; an iterable must be able to start anew.
            headers: headers to add.
            auth: a login for this request alone.
            read_timeout: seconds to wait for each piece of the answer.
            any_answer: whether a web page may be the answer; elsewhere it comes from a wrong address.
            any_status: whether a failure's answer is returned, too.
            largest: bytes that the answer may have; of a failure's only the start is read.

        Raises:
            OscarError: a child of it by the answer's status, or UnreachableError without an answer.
        """
        import httpx

        url = route(self._base, segments)
        limit = self._timeout or read_timeout
        try:
            request = self._connection(url).build_request(
                method,
                url,
                params=params,
                json=json,
                content=content,
                headers=headers,
                timeout=httpx.Timeout(limit, connect=min(CONNECT_SECONDS, limit)),
                extensions={EXTENSION: largest},
            )
        except UnicodeEncodeError as error:
            raise UsageError(f"cannot {what}: bytes in it are not UTF-8 text") from error
        response = self._tried(request, auth or self._auth, what)
        if not any_status:
            try:
                raise_for_status(response, what, getattr(auth or self._auth, "hint", None))
            except NotFoundError as error:
                error.missing = _missing_name(segments)
                raise
        if not any_answer:
            refuse_page(response, what)
        return response

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()

    def _connection(self, url: str) -> httpx.Client:
        """Return the pool for a URL: certificates are loaded only where TLS is spoken.

        A redirect may lead to another host: it has a proxy of its own, is verified whatever the cluster's
        setting, and is not shown our certificate.
        """
        import httpx

        from oscarcli.http.connection import open_connection

        is_own = same_origin(httpx.URL(self._base), httpx.URL(url))
        key = (url.partition(":")[0], proxy_for(url), is_own)
        if key not in self._connections:
            tls = self._tls if is_own else TlsSettings(ca_file=self._tls.ca_file)
            self._connections[key] = open_connection(url, tls, transport=self._transport)
            self._connections[key].event_hooks["response"].append(limit_body)
        return self._connections[key]

    def _tried(self, request: httpx.Request, auth: httpx.Auth, what: str) -> httpx.Response:
        pauses = list(self._pauses) if request.method == "GET" else []
        while True:
            try:
                response = self._sent(request, auth, what)
                if response.status_code not in PASSING_STATUSES or not pauses:
                    return response
                pause = _wanted_pause(response, pauses.pop(0))
                if pause is None:
                    return response
            except _Passing as failure:
                if not pauses:
                    raise failure.error from failure.error.__cause__
                pause = _spread(pauses.pop(0))
            self._trace(f"trying again in {pause:.1f} s")
            time.sleep(pause)

    def _sent(self, request: httpx.Request, auth: httpx.Auth, what: str) -> httpx.Response:
        """Send a request and follow its redirects; the login goes to the configured origin alone."""
        import httpx

        origin = request.url
        for _ in range(MAX_REDIRECTS):
            login = auth if same_origin(origin, request.url) else None
            if login is None:
                request.headers.pop("Authorization", None)
            try:
                response = self._connection(str(request.url)).send(request, auth=login)
            except httpx.InvalidURL as error:
                raise RefusedError(f"cannot {what}: the server redirects to no valid address") from error
            except BodyError as error:
                self._trace(f"{request.method} {request.url}: the answer {error}")
                raise OscarError(
                    f"cannot {what}: the answer {error}",
                    hint="check that the endpoint is that of an OSCAR server",
                ) from error
            except (httpx.HTTPError, UnicodeError) as error:
                failure = explain(error, what, request)
                self._trace(f"{request.method} {request.url}: {failure.message}")
                if is_transient(error):
                    raise _Passing(failure) from error
                raise failure from error
            self._trace(f"{request.method} {request.url}: {response.status_code}")
            if not response.has_redirect_location or response.next_request is None:
                return response
            request = _redirected(request, response, what)
        raise RefusedError(f"cannot {what}: the server redirects in a circle")


def _missing_name(segments: Sequence[str]) -> MissingName | None:
    """Return what does not exist when the server says so of a path; `None` where no list has such names."""
    words = segments[1:] if segments[0] == "system" else segments
    if words[0] == "logs" and len(words) > 2:
        return MissingName("job", words[2], words[1])
    kind = NAMED_BY_ROUTE.get(words[0])
    return MissingName(kind, words[1]) if kind and len(words) > 1 else None


class _Passing(Exception):  # noqa: N818 -- carries the error to raise when patience is over
    """A connection that broke: a repeatable request may be tried again."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _redirected(request: httpx.Request, response: httpx.Response, what: str) -> httpx.Request:
    """Return the request to send next.

    A write is never turned into a read that looks like a success, and what it holds, which may be secret,
    is for the configured server alone.
    """
    following = response.next_request
    assert following is not None
    following.url = following.url.copy_with(userinfo=b"")
    if following.url.scheme not in PORTS:
        raise RefusedError(f"cannot {what}: the server redirects to {following.url}")
    is_read = request.method in ("GET", "HEAD")
    if not is_read and not (response.status_code in (307, 308) and same_origin(request.url, following.url)):
        raise RefusedError(
            f"cannot {what}: the server redirects to {following.url.copy_with(query=None)}",
            hint="store that address as the cluster's endpoint",
        )
    following.extensions |= {key: request.extensions[key] for key in ("timeout", EXTENSION)}
    return following


def _wanted_pause(response: httpx.Response, pause: float) -> float | None:
    """Return how many seconds to wait before the next try, `None` when the server wants too many."""
    wanted = _retry_after(response.headers.get("retry-after", ""))
    if wanted is not None:
        return wanted if wanted <= MAX_RETRY_SECONDS else None
    return _spread(pause)


def _retry_after(value: str) -> float | None:
    """Return what a server asks for in seconds; it may name a number or a moment."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max((moment - datetime.now(moment.tzinfo)).total_seconds(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _spread(pause: float) -> float:
    # Many clients that failed together should not come back together.
    return pause * random.uniform(0.8, 1.2)  # noqa: S311
