"""Single requests to the servers of other providers, from the standard library: the cluster stands alone."""

from __future__ import annotations

import errno
import http.client
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

from oscarcli.local.objects.s3.documents import NoDoctypeBuilder

REDIRECTIONS = (301, 302, 303, 307, 308)
MAX_REDIRECTIONS = 30
COPY_BLOCK = 1 << 18


@dataclass(frozen=True)
class FileRange:
    """`length` bytes of a file from `offset` on; `file` is its path, or the descriptor of an open one."""

    file: Path | int
    offset: int
    length: int

    @classmethod
    def whole(cls, path: Path) -> FileRange:
        """Return all of a file. Raises OSError."""
        return cls(path, 0, path.stat().st_size)

    @classmethod
    def opened(cls, file: BinaryIO) -> FileRange:
        """Return all of an open file."""
        return cls(file.fileno(), 0, os.fstat(file.fileno()).st_size)

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes. Raises OSError, also when the file has become shorter."""
        with open(self.file, "rb", closefd=isinstance(self.file, Path)) as file:
            file.seek(self.offset)
            left = self.length
            while left:
                block = file.read(min(left, COPY_BLOCK))
                if not block:
                    raise OSError(errno.EIO, "the file has become shorter", str(self.file))
                left -= len(block)
                yield block


class RedirectedTooOftenError(Exception):
    """Every answer named yet another place."""


Body = FileRange | bytes
"""What a request carries."""


@contextmanager
def answering(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Body | None,
    timeout: float,
    *,
    verify: bool = True,
) -> Iterator[http.client.HTTPResponse]:
    """Send a request and give the answer, whose content is still to be read.

    Args:
        method: of HTTP.
        url: encoded.
        headers: to send.
        body: what to send, if anything.
        timeout: seconds that the server may keep silent.
        verify: whether its certificate has to be good.

    Raises:
        OSError, HTTPException: there is no answer, or the file cannot be read.
    """
    connection, target = connection_to(url, timeout, verify=verify)
    try:
        if body is None:
            connection.request(method, target, headers=dict(headers))
        else:
            _send(connection, method, target, headers, body)
        yield connection.getresponse()
    finally:
        connection.close()


def last_answer(
    opened: ExitStack,
    method: str,
    url: str,
    headers: Mapping[str, str],
    login: Mapping[str, str],
    body: Body | None,
    timeout: float,
    *,
    encoded: Callable[[str], str] = str,
) -> http.client.HTTPResponse:
    """Send a request and return the answer that is no redirection.

    Args:
        opened: closes the answer.
        method: of HTTP.
        url: encoded.
        headers: to send.
        login: further headers, which nobody but the server itself gets.
        body: what to send, if anything.
        timeout: seconds that a server may keep silent.
        encoded: makes an address of what a redirection names.

    Raises:
        OSError, HTTPException: there is no answer.
        RedirectedTooOftenError: there is no end of redirections.
    """
    server = urlsplit(url)[:2]
    for _ in range(MAX_REDIRECTIONS):
        sent = {**headers, **(login if urlsplit(url)[:2] == server else {})}
        answer = opened.enter_context(answering(method, url, sent, body, timeout))
        target = answer.headers.get("Location", "")
        if answer.status not in REDIRECTIONS or not target:
            return answer
        url = urljoin(url, encoded(target))
        if answer.status in (302, 303) and method != "HEAD":
            method, body = "GET", None
    raise RedirectedTooOftenError


def _send(
    connection: http.client.HTTPConnection, method: str, target: str, headers: Mapping[str, str], body: Body
) -> None:
    length = len(body) if isinstance(body, bytes) else body.length
    content = body if isinstance(body, bytes) else body.blocks()
    try:
        connection.request(method, target, content, {**headers, "Content-Length": str(length)})
    except (BrokenPipeError, ConnectionResetError):
        # Who refuses a request may say so before it is complete.
        if connection.sock is None:
            raise


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


def xml_root(document: bytes) -> ElementTree.Element | None:
    """Return the root of a document, `None` when it is no XML."""
    parser = ElementTree.XMLParser(target=NoDoctypeBuilder())  # noqa: S314 -- document types are refused
    try:
        parser.feed(document)
        root: ElementTree.Element = parser.close()
    except (ElementTree.ParseError, LookupError, ValueError):
        return None
    return root
