"""Files behind WebDAV, in the way and with the failures of the supervisor's client, webdavclient3.

It asks whether something is there before it does anything, makes one folder and none above it, and ends with
an exception that nobody catches.
"""

from __future__ import annotations

import http.client
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from oscarcli.local.jobs.classify import SupervisorCrash
from oscarcli.local.jobs.providers.remote import MAX_REDIRECTIONS, FileRange, RedirectedTooOftenError
from oscarcli.local.jobs.providers.webdav_documents import DavResponse, read_responses
from oscarcli.local.jobs.providers.webdav_server import DavServer

COPY_BLOCK = 1 << 16
MAX_DOCUMENT_BYTES = 32 << 20
METHODS = {"check": "HEAD", "mkdir": "MKCOL", "upload": "PUT", "download": "GET"}
METHODS |= {"info": "PROPFIND", "list": "PROPFIND"}


class WebDavClient:
    """One provider.

    Args:
        settings: `hostname`, `login` and `password` of the definition.
        failure: what a crash is told to be, such as "a result could not be stored".
        printed: gets the lines that the client prints.
    """

    def __init__(self, settings: Mapping[str, Any], failure: str, printed: list[str]) -> None:
        self._server = DavServer(settings)
        self._base = self._server.base
        self._failure, self._printed = failure, printed

    def exists(self, path: str) -> bool:
        """Tell whether a file or folder is there. Raises SupervisorCrash."""
        with self._answer("check", _encoded(path), missing_is_answer=True) as answer:
            return answer.status == 200

    def make_folder(self, folder: str) -> None:
        """Make a folder in one that is there. Raises SupervisorCrash."""
        path = _encoded(f"{folder}/")
        if not self.exists(_parent(path)):
            raise self._crash("RemoteParentNotFound", f"Remote parent for: {unquote(path)} not found")
        self._printed.append(f"Making Directory {folder}")
        with self._answer("mkdir", path, refused_is_answer=True) as answer:
            if answer.status != 405:
                self._printed.append(f"Made Directory {folder}")

    def upload(self, source: Path, path: str) -> None:
        """Store a file in a folder that is there. Raises SupervisorCrash, OSError."""
        if not source.exists():
            raise self._crash("LocalResourceNotFound", f"Local file: {source} not found")
        encoded = _encoded(path)
        if not self.exists(_parent(encoded)):
            raise self._crash("RemoteParentNotFound", f"Remote parent for: {unquote(encoded)} not found")
        with self._answer("upload", encoded, source):
            pass

    # -- download --------------------------------------------------------------------------------

    def download(self, path: str, target: Path) -> None:
        """Write a file to `target`; a folder with all that is in it takes the place of what is there.

        Raises SupervisorCrash, OSError.
        """
        if self._is_folder(path):
            self._download_folder(path, target)
            return
        if target.is_dir():
            raise self._crash("OptionNotValid", f"Option (local_path={target}) have invalid name or value")
        with target.open("wb") as file, self._answer("download", _encoded(path)) as answer:
            for block in self._blocks(answer):
                file.write(block)

    def _download_folder(self, path: str, target: Path) -> None:
        if target.exists():
            shutil.rmtree(target)
        target.mkdir(parents=True)
        folder = unquote(_encoded(f"{path}/"))
        for name in self._names(folder):
            # So it passes over itself, and over what has the last name of its folder.
            if not folder.endswith(name):
                self.download(f"{folder}{name}", target / name)

    def _is_folder(self, path: str) -> bool:
        encoded = _encoded(path)
        if not self.exists(path) and not self.exists(f"{path}/"):
            raise self._crash("RemoteResourceNotFound", f"Remote resource: {unquote(encoded)} not found")
        prefix = urlsplit(self._base).path
        for response in self._responses("info", encoded, "0") or ():
            paths = (response.path, response.path.removeprefix(prefix))
            if any(_same(unquote(encoded), one) for one in paths):
                if response.is_folder is None:
                    break
                return response.is_folder
        else:
            raise self._crash("RemoteResourceNotFound", f"Remote resource: {unquote(encoded)} not found")
        raise self._crash("MethodNotSupported", f"Method 'is_dir' not supported for {self._base}")

    def _names(self, folder: str) -> list[str]:
        """Return the names in a folder, those of folders with a slash."""
        found = []
        for response in self._responses("list", _encoded(folder), "1") or ():
            encoded = _encoded(f"{response.path}/" if response.is_folder else response.path)
            if not _same(folder, unquote(encoded)):
                parts = encoded.split("/")
                found.append(unquote(parts[-1] or f"{parts[-2]}/"))
        return found

    def _responses(self, action: str, path: str, depth: str) -> list[DavResponse] | None:
        with self._answer(action, path, headers={"Accept": "*/*", "Depth": depth}) as answer:
            document = b"".join(self._blocks(answer, MAX_DOCUMENT_BYTES))
        return read_responses(document)

    def _blocks(self, answer: http.client.HTTPResponse, limit: int | None = None) -> Iterator[bytes]:
        received = 0
        try:
            while block := answer.read(COPY_BLOCK):
                received += len(block)
                if limit is not None and received > limit:
                    raise SupervisorCrash(f"{self._failure}: the answer is too large", "MemoryError")
                yield block
        except (OSError, http.client.HTTPException) as error:
            raise self._crash(
                "ConnectionException", f"('Connection broken: {error!r}', {error!r})"
            ) from error
        if answer.length:
            words = f"IncompleteRead({received} bytes read, {answer.length} more expected)"
            raise self._crash("ConnectionException", f"('Connection broken: {words}', {words})")

    # -- requests --------------------------------------------------------------------------------

    @contextmanager
    def _answer(
        self,
        action: str,
        path: str,
        source: Path | None = None,
        *,
        headers: Mapping[str, str] = {},
        missing_is_answer: bool = False,
        refused_is_answer: bool = False,
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request for an encoded path and give the answer, after redirections."""
        with ExitStack() as opened:
            answer = self._last(opened, METHODS[action], path, source, headers)
            expected = {404: missing_is_answer, 405: refused_is_answer}
            if not expected.get(answer.status):
                self._require(action, path, answer)
            yield answer

    def _require(self, action: str, path: str, answer: http.client.HTTPResponse) -> None:
        """Raise SupervisorCrash for what the client takes for a failure."""
        if answer.status < 400:
            return
        known = {
            404: ("RemoteResourceNotFound", f"Remote resource: {path} not found"),
            405: ("MethodNotSupported", f"Method '{action}' not supported for {self._base}"),
            423: ("ResourceLocked", f"Resource {path} locked"),
            507: ("NotEnoughSpace", "Not enough space on the server"),
        }
        if answer.status in known:
            raise self._crash(*known[answer.status])
        told = b"".join(self._blocks(answer, MAX_DOCUMENT_BYTES))
        words = f"Request to {self._base}{path} failed with code {answer.status} and message: {told!r}"
        raise self._crash("ResponseErrorCode", words)

    def _last(
        self, opened: ExitStack, method: str, path: str, source: Path | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """Return the answer that is no redirection; `opened` closes it."""
        try:
            body = None if source is None else FileRange.whole(source)
            return self._server.answer(opened, method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            raise self._crash("NoConnection", f"No connection with {self._base}") from error
        except RedirectedTooOftenError as error:
            words = f"Exceeded {MAX_REDIRECTIONS} redirects."
            raise self._crash("ConnectionException", words) from error

    def _crash(self, kind: str, words: str) -> SupervisorCrash:
        return SupervisorCrash(f"{self._failure}: {words}", f"webdav3.exceptions.{kind}: {words}")


def _encoded(path: str) -> str:
    """Return a path as the client sends it: from the root, without empty parts and those of dots alone."""
    encoded = re.sub(r"/+", "/", re.sub(r"/\.+/", "/", quote(path)))
    return encoded if encoded.startswith("/") else f"/{encoded}"


def _parent(path: str) -> str:
    """Return the folder above an encoded path, decoded and with a slash at its end."""
    return unquote(f"{path.rstrip('/').rpartition('/')[0]}/")


def _same(path: str, other: str) -> bool:
    """Tell whether two decoded paths are one."""
    first, second = (re.sub(r"/{2,}", "/", f"/{one}").removesuffix("/") for one in (path, other))
    return first == second
