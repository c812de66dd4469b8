"""Single requests to the servers of other providers, from the standard library: the cluster stands alone."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

REDIRECTIONS = (301, 302, 303, 307, 308)
MAX_REDIRECTIONS = 30


def exchange(
    method: str, url: str, headers: Mapping[str, str], source: Path | None, timeout: float
) -> tuple[int, str]:
    """Send a request and return the status of the answer and where it redirects to, which may be nowhere.

    Takes and raises what `answering` does.
    """
    with answering(method, url, headers, source, timeout) as answer:
        return answer.status, answer.headers.get("Location", "")


@contextmanager
def answering(
    method: str, url: str, headers: Mapping[str, str], source: Path | None, timeout: float
) -> Iterator[http.client.HTTPResponse]:
    """Send a request and give the answer, whose content is still to be read.

    Args:
        method: of HTTP.
        url: encoded.
        headers: to send.
        source: the file to send, if any.
        timeout: seconds that the server may keep silent.

    Raises:
        OSError, HTTPException: there is no answer, or the file cannot be read.
    """
    connection, target = connection_to(url, timeout)
    try:
        if source is None:
            connection.request(method, target, headers=dict(headers))
        else:
            with source.open("rb") as file:
                length = {"Content-Length": str(source.stat().st_size)}
                connection.request(method, target, body=file, headers={**headers, **length})
        yield connection.getresponse()
    finally:
        connection.close()


def connection_to(url: str, timeout: float, *, verify: bool = True) -> tuple[http.client.HTTPConnection, str]:
    """Return a connection that is not open yet, and the target of a request to an address.

    Args:
        url: encoded.
        timeout: seconds that the server may keep silent.
        verify: whether its certificate has to be good.

    Raises:
        HTTPException: the port is no number.
    """
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.netloc, timeout=timeout), target
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=context), target
