"""The files of a mounted folder behind WebDAV, with the login of the definition."""

from __future__ import annotations

import errno
import http.client
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from oscarcli.local.jobs.mounts.index import FolderKey
from oscarcli.local.jobs.mounts.objects import COPY_BLOCK, MountedObject, is_same, type_of
from oscarcli.local.jobs.mounts.s3_objects import nanoseconds
from oscarcli.local.jobs.providers.remote import Body, FileRange, RedirectedTooOftenError
from oscarcli.local.jobs.providers.webdav_documents import DavResponse, read_responses
from oscarcli.local.jobs.providers.webdav_server import DavServer

MAX_DOCUMENT_BYTES = 128 << 20
# Folders in one another: a server that shows itself in itself has no end of them.
MAX_DEPTH = 64


class WebDavFiles:
    """Files by their names below a folder. Every method raises OSError.

    Args:
        settings: the provider's, of the definition.
        key: which files.
    """

    def __init__(self, settings: Mapping[str, Any], key: FolderKey) -> None:
        self._server = DavServer(settings)
        self._root = f"/{key.bucket}/{key.prefix}".rstrip("/")
        self._above = urlsplit(self._server.base).path

    def exist(self) -> bool:
        """Tell whether the folder is there."""
        return self._found("") is not None

    def all(self) -> Iterator[tuple[str, MountedObject]]:
        """Yield name and version of every file, and the folders."""
        if not self.exist():
            raise OSError(errno.ENOENT, f"there is no folder {self._root} at {self._server.base}")
        yield from self._below("", 0)

    def _below(self, folder: str, depth: int) -> Iterator[tuple[str, MountedObject]]:
        if depth > MAX_DEPTH:
            raise OSError(errno.ELOOP, f"the folder {self._root}/{folder} is too deep")
        for response in self._described(folder, "1") or ():
            name = self._name(response.path)
            if name is None or name.rstrip("/") == folder.rstrip("/"):
                continue
            name = name.rstrip("/")
            if response.is_folder:
                yield f"{name}/", MountedObject("", 0, 0)
                yield from self._below(f"{name}/", depth + 1)
            else:
                yield name, _version(response)

    def _name(self, path: str) -> str | None:
        """Return a path below the folder, `None` for one that is elsewhere."""
        inside = path.removeprefix(self._above) + "/"
        if not inside.startswith(f"{self._root}/"):
            return None
        return inside.removeprefix(f"{self._root}/").removesuffix("/")

    def find(self, name: str) -> MountedObject | None:
        """Return a file's version, `None` when there is none."""
        found = self._found(name)
        return None if found is None or found.is_folder else _version(found)

    def _found(self, name: str) -> DavResponse | None:
        responses = self._described(name, "0")
        return responses[0] if responses else None

    def _described(self, name: str, depth: str) -> list[DavResponse] | None:
        with self._answer("PROPFIND", name, {"Depth": depth}, accepted=(404,)) as answer:
            if answer.status == http.client.NOT_FOUND:
                return None
            responses = read_responses(answer.read(MAX_DOCUMENT_BYTES))
        if responses is None:
            raise OSError(errno.EIO, "what the server says of its files is no XML")
        return responses

    def read(self, name: str, target: BinaryIO) -> MountedObject:
        """Write a file to another one and return which version it was."""
        version = self.find(name)
        with self._answer("GET", name) as answer:
            received = 0
            while block := answer.read(COPY_BLOCK):
                target.write(block)
                received += len(block)
        if version is None or received != version.size:
            raise OSError(errno.EIO, f"the file {name!a} came incomplete, or has changed meanwhile")
        return version

    def equals(self, name: str, file: BinaryIO) -> bool:
        """Tell whether a file has the bytes of one that is there."""
        with self._answer("GET", name) as answer:
            return is_same(answer.read, file)

    def write(self, name: str, file: BinaryIO) -> MountedObject:
        """Store a file, and the folders above it."""
        self._make_folders(name)
        headers = {"Content-Type": type_of(name)}
        with self._answer("PUT", name, headers, FileRange.opened(file)):
            pass
        stored = self.find(name)
        if stored is None:
            raise OSError(errno.EIO, "it is not there after it was stored")
        return stored

    def _make_folders(self, name: str) -> None:
        folder = name.rpartition("/")[0]
        if not folder or self._found(folder) is not None:
            return
        self._make_folders(folder)
        # Another job may have made it.
        with self._answer("MKCOL", f"{folder}/", accepted=(405,)):
            pass

    def remove(self, name: str, content: str) -> None:
        """Delete a version of a file; one that came after it stays."""
        there = self.find(name)
        if there is not None and there.content == content:
            with self._answer("DELETE", name, accepted=(404,)):
                pass

    @contextmanager
    def _answer(
        self,
        method: str,
        name: str,
        headers: Mapping[str, str] = {},
        body: Body | None = None,
        *,
        accepted: tuple[int, ...] = (),
    ) -> Iterator[http.client.HTTPResponse]:
        path = quote(f"{self._root}/{name}".rstrip("/") + "/" * name.endswith("/"))
        with ExitStack() as opened:
            answer = self._sent(opened, method, path, headers, body)
            if answer.status >= 400 and answer.status not in accepted:
                words = f"{answer.status} {http.client.responses.get(answer.status, '')}".strip()
                raise OSError(errno.EIO, f"{self._server.base} answers {words}")
            try:
                yield answer
            except http.client.HTTPException as error:
                raise OSError(errno.EIO, f"{self._server.base} broke off: {error!r}") from error

    def _sent(
        self, opened: ExitStack, method: str, path: str, headers: Mapping[str, str], body: Body | None
    ) -> http.client.HTTPResponse:
        try:
            return self._server.answer(opened, method, path, headers, body)
        except (OSError, http.client.HTTPException, RedirectedTooOftenError) as error:
            cause = (isinstance(error, OSError) and error.strerror) or repr(error)
            raise OSError(errno.EIO, f"{self._server.base} cannot be reached: {cause}") from error


def _version(response: DavResponse) -> MountedObject:
    try:
        moment = parsedate_to_datetime(response.modified)
    except (TypeError, ValueError):
        moment = None
    return MountedObject(
        response.tag or f"{response.size} {response.modified}", response.size, nanoseconds(moment)
    )
