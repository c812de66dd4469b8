"""One request to a server that is no cluster: the answer's head and its bytes, within a limit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oscarcli.config.model import TlsSettings
from oscarcli.errors import OscarError

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0


@dataclass(frozen=True)
class FetchedFile:
    """What came back, whatever the status.

    Attributes:
        url: what was asked, without its query and login.
        status: the HTTP status.
        headers: by name, in lower case.
        body: the bytes.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def fetch(
    url: str,
    *,
    what: str,
    headers: Mapping[str, str],
    max_bytes: int,
    tls: TlsSettings | None = None,
    method: str = "GET",
    content: bytes | None = None,
    read_seconds: float = READ_SECONDS,
) -> FetchedFile:
    """Ask for a URL; redirects are not followed.

    Args:
        url: what to get.
        what: what is tried, for messages.
        headers: to send with it.
        max_bytes: what a body may have, unpacked; of a failure's only the start is read.
        tls: what TLS trusts; the system's certificates when omitted.
        method: the HTTP method.
        content: a body to send.
        read_seconds: how long the server may be silent.

    Raises:
        OscarError: the body is larger.
        UnreachableError: there is no whole answer; it has no hint of a cluster's.
    """
    import httpx

    from oscarcli.http.connection import open_connection
    from oscarcli.http.failures import explain
    from oscarcli.http.limits import EXTENSION

    with closing(open_connection(url, tls or TlsSettings())) as connection:
        timeout = httpx.Timeout(read_seconds, connect=min(read_seconds, CONNECT_SECONDS))
        request = connection.build_request(
            method,
            url,
            headers=dict(headers),
            content=content,
            timeout=timeout,
            extensions={EXTENSION: max_bytes},
        )
        try:
            return _read(connection, request, what)
        except (httpx.HTTPError, UnicodeError) as error:
            failure = explain(error, what, request)
            failure.hint = f"check the network and the address ({request.url.host}), then try again"
            raise failure from error


def encode_form(files: Mapping[str, tuple[str, bytes]]) -> tuple[str, bytes]:
    """Return the media type and the body of a form with files.

    Args:
        files: by the names of the form's fields, each file's name and bytes.
    """
    import httpx

    form = httpx.Request("POST", "http://form", files=dict(files))
    return form.headers["Content-Type"], form.read()


def _read(connection: httpx.Client, request: httpx.Request, what: str) -> FetchedFile:
    from oscarcli.http.limits import BodyError, limit_body

    with closing(connection.send(request, stream=True, follow_redirects=False)) as response:
        try:
            limit_body(response)
            body = response.read()
        except BodyError as error:
            raise OscarError(f"cannot {what}: the answer {error}") from error
        place = str(request.url.copy_with(query=None, userinfo=b""))
        headers = {name.lower(): value for name, value in response.headers.items()}
        return FetchedFile(place, response.status_code, headers, body)
