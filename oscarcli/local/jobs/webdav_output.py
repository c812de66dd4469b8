"""Results stored behind WebDAV, in the way and with the failures of the supervisor's client, webdavclient3.

It makes the output's folder, but no folder above or below it, and ends with an exception that nobody catches.
"""

from __future__ import annotations

import base64
import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from oscarcli.local.jobs.classify import SupervisorCrash
from oscarcli.local.jobs.remote import MAX_REDIRECTIONS, REDIRECTIONS, exchange

# As webdavclient3 has it.
TIMEOUT_SECONDS = 30


class WebDavOutput:
    """One provider.

    Args:
        settings: `hostname`, `login` and `password` of the definition.
        printed: gets the lines that the client prints.
    """

    def __init__(self, settings: Mapping[str, Any], printed: list[str]) -> None:
        # Without TLS there is no way to it, for a real job neither.
        self._base = f"https://{settings['hostname']}".rstrip("/")
        login = f"{settings['login']}:{settings['password']}".encode()
        self._authorization = f"Basic {base64.b64encode(login).decode()}"
        self._printed = printed

    def upload(self, source: Path, folder: str, name: str) -> None:
        """Store a file as `name`, a path, in a folder. Raises SupervisorCrash, OSError."""
        folder = f"/{folder.strip('/')}"
        if not self._exists(folder):
            self._make_folder(folder)
        path = f"{folder}/{name}"
        if not source.exists():
            raise _crash("LocalResourceNotFound", f"Local file: {source} not found")
        if not self._exists(_parent(path)):
            raise _crash("RemoteParentNotFound", f"Remote parent for: {path} not found")
        self._require("upload", self._request("PUT", path, source), path)

    def _make_folder(self, folder: str) -> None:
        if not self._exists(_parent(folder)):
            raise _crash("RemoteParentNotFound", f"Remote parent for: {folder}/ not found")
        self._printed.append(f"Making Directory {folder.strip('/')}")
        status = self._request("MKCOL", f"{folder}/")
        if status == 405:
            return
        self._require("mkdir", status, f"{folder}/")
        self._printed.append(f"Made Directory {folder.strip('/')}")

    def _exists(self, path: str) -> bool:
        status = self._request("HEAD", path)
        if status == 404:
            return False
        self._require("check", status, path)
        return status == 200

    def _require(self, action: str, status: int, path: str) -> None:
        """Raise SupervisorCrash for what the client takes for a failure."""
        if status < 400:
            return
        told = {
            404: ("RemoteResourceNotFound", f"Remote resource: {quote(path)} not found"),
            405: ("MethodNotSupported", f"Method '{action}' not supported for {self._base}"),
            423: ("ResourceLocked", f"Resource {quote(path)} locked"),
            507: ("NotEnoughSpace", "Not enough space on the server"),
        }
        url = f"{self._base}{quote(path)}"
        raise _crash(*told.get(status, ("ResponseErrorCode", f"Request to {url} failed with code {status}")))

    def _request(self, method: str, path: str, source: Path | None = None) -> int:
        """Return the status of an answer, after redirections."""
        url = f"{self._base}{quote(path)}"
        try:
            for _ in range(MAX_REDIRECTIONS):
                status, target = self._send(method, url, source)
                if status not in REDIRECTIONS or not target:
                    return status
                url = urljoin(url, target)
        except (OSError, http.client.HTTPException) as error:
            raise _crash("NoConnection", f"No connection with {self._base}") from error
        raise _crash("ConnectionException", f"Exceeded {MAX_REDIRECTIONS} redirects.")

    def _send(self, method: str, url: str, source: Path | None) -> tuple[int, str]:
        own = urlsplit(url)[:2] == urlsplit(self._base)[:2]
        headers = {"Authorization": self._authorization} if own else {}
        return exchange(method, url, headers, source, TIMEOUT_SECONDS)


def _parent(path: str) -> str:
    """Return the folder above a path, with a slash at its end."""
    return f"{path.rstrip('/').rpartition('/')[0]}/"


def _crash(kind: str, words: str) -> SupervisorCrash:
    return SupervisorCrash(f"a result could not be stored: {words}", f"webdav3.exceptions.{kind}: {words}")
