"""Requests to a server of files, such as a WebDAV door: the login, redirections, attempts, an outage.

A door may send a request on to the pool that has the file, as dCache does. The pool gets no credentials: what
it needs is in the URL that the door gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urljoin, urlsplit

from oscarcli.config.model import TlsSettings
from oscarcli.errors import OscarError, UnreachableError
from oscarcli.storage.answer_parts import whole_size
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.file_server.failures import file_failure
from oscarcli.storage.outage import Outage, Tell, delays, outage_limit
from oscarcli.storage.source import UploadPart
from oscarcli.storage.wire.client import WireClient, WireRequest, WireResponse, is_transient
from oscarcli.storage.wire.connection import Body, StreamedBody
from oscarcli.storage.wire.connector import require_url
from oscarcli.storage.wire.failures import NoConnectionError, StatusError, wait_or_raise

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 60.0
MAX_ATTEMPTS = 3
MAX_REDIRECTIONS = 5
REDIRECTIONS = (301, 302, 303, 307, 308)
# A folder is listed by one answer: some 500 bytes an entry.
MAX_LISTING_BYTES = 128 << 20
UNESCAPED = "/-_.~"

ReadRefusal = Callable[[WireResponse], tuple[int, str]]
"""Takes an answer that is no success, and returns the status of HTTP that it stands for, and its words."""


@dataclass(frozen=True)
class FileServerSettings:
    """How to reach one provider.

    Args:
        provider: its name, such as "webdav.dcache", for messages.
        endpoint: URL of the folder that paths start from.
        login_headers: sent to this server alone.
        tls: whom TLS trusts.
        read_timeout: seconds the server may keep silent.
        outage_limit: seconds it may be away; `None` for the usual patience.
    """

    provider: str
    endpoint: str
    login_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: TlsSettings = field(default=TlsSettings())
    read_timeout: float = READ_TIMEOUT_SECONDS
    outage_limit: float | None = None

    @property
    def ca_bundle(self) -> str:
        """None: the variable of object stores is not theirs."""
        return ""

    @property
    def connect_timeout(self) -> float:
        """Seconds in which a connection must come about."""
        return min(CONNECT_TIMEOUT_SECONDS, self.read_timeout)


class FileServer:
    """Sends requests to one server of files; may be used by several threads.

    Args:
        settings: where it is.
        tell: told that and why it is waited for.
        read_refusal: for a server that says in a document why it refuses; plain text is read when `None`.

    Raises:
        UnreachableError: the endpoint is not a URL.
    """

    def __init__(
        self,
        settings: FileServerSettings,
        tell: Tell = lambda _text: None,
        read_refusal: ReadRefusal | None = None,
    ) -> None:
        require_url(settings)
        self.settings = settings
        self._read_refusal = read_refusal or _plain_refusal
        self.provider = settings.provider
        limit = outage_limit(settings.outage_limit, settings.read_timeout)
        self._outage = Outage(settings.provider, limit, tell)
        self._base_path = quote(urlsplit(settings.endpoint).path.rstrip("/"), safe=UNESCAPED + "%")
        # By scheme, host and port: the server's own, and those that it sends requests on to.
        self._clients: dict[str, WireClient] = {}

    def close(self) -> None:
        """End the connections that nobody uses."""
        for client in list(self._clients.values()):
            client.close()

    def url_of(self, path: str) -> str:
        """Return the URL of a path, which is not encoded and starts with a slash."""
        return f"{_origin(self.settings.endpoint)}{self._base_path}{quote(path, safe=UNESCAPED)}"

    def call(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
        query: str = "",
        cancellation: Cancellation | None = None,
        is_stream: bool = False,
        follows: bool = True,
        is_encoded: bool = False,
    ) -> WireResponse:
        """Send a request, again and again while the server is away.

        Args:
            doing: what it is for, for messages.
            method: of HTTP; a request that arrives twice must do no harm.
            path: below the endpoint, not encoded, with a slash at its start.
            headers: by lower-case names.
            body: what to send.
            query: encoded.
            cancellation: ends the waiting; needed in any thread but the main one.
            is_stream: whether the content of the answer is handed on as it comes.
            follows: whether a redirection is followed; it is the answer otherwise.
            is_encoded: whether the path is.

        Raises:
            OscarError: as for `Storage`.
            Cancelled: the waiting was called off.
        """
        url = f"{_origin(self.settings.endpoint)}{self._base_path}{path}" if is_encoded else self.url_of(path)
        url += f"?{query}" if query else ""
        hops = MAX_REDIRECTIONS if follows else 0
        for delay in delays():
            try:
                answer = self._persist(doing, method, url, headers or {}, body, cancellation, is_stream, hops)
            except Exception as error:  # noqa: BLE001 -- raised again as one of ours
                wait_or_raise(error, file_failure(error, doing), self._outage, delay, cancellation)
            else:
                self._outage.end()
                return answer
        raise AssertionError("there is always another delay")

    def _persist(
        self,
        doing: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body,
        cancellation: Cancellation | None,
        is_stream: bool,
        hops: int,
    ) -> WireResponse:
        def attempt(wakeable: Cancellation | None) -> WireResponse:
            _rewind(body, doing)
            return self._follow(method, url, headers, body, wakeable, is_stream, hops)

        client = self._client(url)
        return client.retry(attempt, cancellation, MAX_ATTEMPTS, is_transient=is_transient)

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body,
        cancellation: Cancellation | None,
        is_stream: bool,
        hops: int,
    ) -> WireResponse:
        """Send a request to where it belongs."""
        for _ in range(max(hops, 1)):
            parts = urlsplit(url)
            own = self._is_own(url)
            sent = {**headers, **(self.settings.login_headers if own else {})}
            if not isinstance(body, StreamedBody):
                sent["content-length"] = str(len(body))
            else:
                sent["transfer-encoding"] = "chunked"
            request = WireRequest(method, parts.path or "/", {}, sent, body)
            answer = self._client(url).send(request, parts.query, cancellation, is_stream=is_stream)
            if answer.status < 300 or (not hops and answer.status in REDIRECTIONS):
                return answer
            target = answer.headers.get("location", "")
            if answer.status not in REDIRECTIONS or not target:
                status, said = self._read_refusal(answer) if own else _plain_refusal(answer)
                elsewhere = "" if own else f" (from {parts.netloc}, which gets no credentials)"
                raise StatusError(status, f"{said}{elsewhere}".strip())
            url = urljoin(url, target)
            if urlsplit(url).scheme not in ("http", "https"):
                raise NoConnectionError("the server sends the request on to something else than HTTP", None)
            if isinstance(body, StreamedBody) and body.was_begun:
                raise NoConnectionError("the server wanted the content elsewhere after it had taken it", None)
            if isinstance(body, UploadPart):
                body.seek(0)
        raise NoConnectionError("the server sends the request on and on", None)

    def _client(self, url: str) -> WireClient:
        origin = _origin(url)
        if origin not in self._clients:
            endpoint = replace(self.settings, endpoint=origin)
            self._clients.setdefault(origin, WireClient(endpoint, MAX_LISTING_BYTES))
        return self._clients[origin]

    def _is_own(self, url: str) -> bool:
        """Tell whether a URL is one of this server's: of its host and port, or its host's secure port."""
        here, there = urlsplit(self.settings.endpoint), urlsplit(url)
        is_secured = (here.scheme, there.scheme) == ("http", "https") and not here.port and not there.port
        return _origin(url) == _origin(self.settings.endpoint) or (
            is_secured and here.hostname == there.hostname
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{host.removesuffix(':443' if parts.scheme == 'https' else ':80')}"


def _rewind(body: Body, doing: str) -> None:
    if isinstance(body, UploadPart):
        body.seek(0)
    elif isinstance(body, StreamedBody) and body.was_begun:
        raise UnreachableError(f"{doing}: the server did not take it, and a stream cannot be sent again")


def _plain_refusal(answer: WireResponse) -> tuple[int, str]:
    """Return the status of an answer, and what it says in plain text."""
    is_text = answer.headers.get("content-type", "").partition(";")[0].strip() == "text/plain"
    text = answer.document.decode("utf-8", "replace") if is_text else ""
    return answer.status, " ".join(text.split())


def content_size(answer: WireResponse) -> int | None:
    """Return the size of a whole file, of which an answer has all or a range; `None` when it does not say."""
    whole = whole_size(answer.headers.get("content-range", ""))
    if whole is not None:
        return whole
    length = answer.headers.get("content-length", "")
    return int(length) if length.isdigit() and answer.status == 200 else None


def raised(error: OscarError) -> int | None:
    """Return the status of HTTP behind an error, `None` when there was no answer."""
    cause = error.__cause__
    return cause.status if isinstance(cause, StatusError) else None
