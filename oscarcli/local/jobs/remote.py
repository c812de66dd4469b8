"""Single requests to the servers of other providers, from the standard library: the cluster stands alone."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

REDIRECTIONS = (301, 302, 303, 307, 308)
MAX_REDIRECTIONS = 30


def exchange(
    method: str, url: str, headers: Mapping[str, str], source: Path | None, timeout: float
) -> tuple[int, str]:
    """Send a request and return the status of the answer and where it redirects to, which may be nowhere.

    Args:
        method: of HTTP.
        url: encoded.
        headers: to send.
        source: the file to send, if any.
        timeout: seconds that the server may keep silent.

    Raises:
        OSError, HTTPException: there is no answer, or the file cannot be read.
    """
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.netloc, timeout)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        if source is None:
            connection.request(method, target, headers=dict(headers))
        else:
            with source.open("rb") as file:
                length = {"Content-Length": str(source.stat().st_size)}
                connection.request(method, target, body=file, headers={**headers, **length})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Location", "")
    finally:
        connection.close()


def _connection(scheme: str, place: str, timeout: float) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(place, timeout=timeout)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(place, timeout=timeout, context=context)
