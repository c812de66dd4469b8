"""The HTTP client of one cluster: where requests go, how long they may take, what failures mean."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from oscarcli import __version__
from oscarcli.api.failures import explain
from oscarcli.api.responses import raise_for_status
from oscarcli.errors import ConfigError, RefusedError, UsageError

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
MOST_REDIRECTS = 10
# Answers that a repeated read may turn into a success.
PASSING_STATUSES = (429, 502, 503, 504)
# Seconds before the second and the third try of a read.
PAUSES = (0.3, 1.0)
LONGEST_PAUSE = 10.0
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Client:
    """Requests to one cluster.

    Args:
        endpoint: the cluster's URL; a path in it is kept as prefix of every route.
        auth: how to log in.
        verify: whether TLS certificates are checked.
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
        verify: bool = True,
        timeout: float | None = None,
        transport: httpx.BaseTransport | None = None,
        trace: Callable[[str], None] | None = None,
        retries: bool = True,
    ) -> None:
        self._base = base_url(endpoint)
        self._auth = auth
        self._verify = verify
        self._timeout = timeout
        self._transport = transport
        self._trace = trace or (lambda _text: None)
        self._pauses = PAUSES if retries else ()
        self._connections: dict[str, httpx.Client] = {}

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

        Raises:
            OscarError: a child of it by the answer's status, or UnreachableError without an answer.
        """
        import httpx

        url = self._url(segments)
        limit = self._timeout or read_timeout
        request = self._connection(url).build_request(
            method,
            url,
            params=params,
            json=json,
            content=content,
            headers=headers,
            timeout=httpx.Timeout(limit, connect=min(CONNECT_SECONDS, limit)),
        )
        response = self._tried(request, auth or self._auth, what)
        raise_for_status(response, what)
        return response

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()

    def _url(self, segments: Iterable[str]) -> str:
        for segment in segments:
            if segment in ("", ".", ".."):
                raise UsageError(f'"{segment}" is not a name')
        return "/".join([self._base, *(quote(segment, safe="") for segment in segments)])

    def _connection(self, url: str) -> httpx.Client:
        """Return the pool for a URL's scheme: certificates are loaded only where TLS is spoken."""
        import httpx

        scheme = url.partition(":")[0]
        if scheme not in self._connections:
            self._connections[scheme] = httpx.Client(
                verify=self._verify if scheme == "https" else False,
                headers={"User-Agent": f"oscar-cli/{__version__}"},
                transport=self._transport,
                # A proxy in the environment is for the world outside, as for the reference client.
                mounts=None if self._transport else {f"all://{host}": None for host in LOOPBACK},
            )
        return self._connections[scheme]

    def _tried(self, request: httpx.Request, auth: httpx.Auth, what: str) -> httpx.Response:
        pauses = list(self._pauses) if request.method == "GET" else []
        while True:
            try:
                response = self._sent(request, auth, what)
            except _Passing as failure:
                if not pauses:
                    raise failure.error from failure.error.__cause__
                pause = pauses.pop(0)
            else:
                if response.status_code not in PASSING_STATUSES or not pauses:
                    return response
                pause = _wanted_pause(response, pauses.pop(0))
            self._trace(f"trying again in {pause:.1f} s")
            time.sleep(pause)

    def _sent(self, request: httpx.Request, auth: httpx.Auth, what: str) -> httpx.Response:
        """Send a request and follow its redirects; the login goes to the configured origin alone."""
        import httpx

        origin = request.url
        for _ in range(MOST_REDIRECTS):
            login = auth if _same_origin(origin, request.url) else None
            if login is None:
                request.headers.pop("Authorization", None)
            try:
                response = self._connection(str(request.url)).send(request, auth=login)
            except httpx.HTTPError as error:
                failure = explain(error, what, request)
                self._trace(f"{request.method} {request.url}: {failure.message}")
                if isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError)):
                    raise _Passing(failure) from error
                raise failure from error
            self._trace(f"{request.method} {request.url}: {response.status_code}")
            if not response.has_redirect_location or response.next_request is None:
                return response
            request = _redirected(request, response, what)
        raise RefusedError(f"cannot {what}: the server redirects in a circle")


class _Passing(Exception):  # noqa: N818 -- carries the error to raise when patience is over
    """A connection that broke: a repeatable request may be tried again."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def base_url(endpoint: str) -> str:
    """Return an endpoint without query and final slash. Raises ConfigError when it is not an HTTP URL."""
    import httpx

    try:
        url = httpx.URL(endpoint.strip())
    except httpx.InvalidURL as error:
        raise ConfigError(f'"{endpoint}" is not a URL: {error}') from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(
            f'the endpoint "{endpoint}" is not an HTTP URL',
            hint="it looks like https://oscar.example.org",
        )
    return str(url.copy_with(query=None, fragment=None)).rstrip("/")


def _redirected(request: httpx.Request, response: httpx.Response, what: str) -> httpx.Request:
    """Return the request to send next. A write is never turned into a read that looks like a success."""
    following = response.next_request
    assert following is not None
    if request.method not in ("GET", "HEAD") and response.status_code not in (307, 308):
        raise RefusedError(
            f"cannot {what}: the server redirects to {following.url.copy_with(query=None)}",
            hint="store that address as the cluster's endpoint",
        )
    following.extensions["timeout"] = request.extensions["timeout"]
    return following


def _same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    ports = {"http": 80, "https": 443}
    upgraded = (one.scheme, other.scheme) == ("http", "https") and one.port is None and other.port is None
    same_port = (one.port or ports.get(one.scheme)) == (other.port or ports.get(other.scheme))
    return one.host == other.host and ((one.scheme == other.scheme and same_port) or upgraded)


def _wanted_pause(response: httpx.Response, pause: float) -> float:
    wanted = response.headers.get("retry-after", "")
    if wanted.isdigit():
        return min(float(wanted), LONGEST_PAUSE)
    # Spread a little: many clients that failed together should not come back together.
    return pause * random.uniform(0.8, 1.2)  # noqa: S311
