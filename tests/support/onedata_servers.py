"""An Oneprovider on loopback: its CDMI and its REST file API over a folder, as its sources have them.

Written from src/http of the repository onedata/op-worker and from onedata/oneprovider-swagger: what is said
with 400 and an errno, where it redirects, and that a rename replaces nothing, are its own ways.
"""

from __future__ import annotations

import json
import re
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from oscarcli.storage.file_server.requests import FileServerSettings

TOKEN = "MDAxY2xvY2F00aW9uIG9uZXpvbmU-conformance-secret"
EXPIRED = "MDAxY2xvY2F00aW9uIG9uZXpvbmU-expired"
SPACE = "CMS 1"
BLOCK = 1 << 18
RANGE = re.compile(r"bytes=(\d+)-(\d*)")
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\*|\d+)")
TYPES = {"application/cdmi-object": "dataobject", "application/cdmi-container": "container"}


class RefusalError(Exception):
    """An error of the server: its status and its document."""

    def __init__(self, status: int, kind: str, description: str, details: Mapping[str, Any]) -> None:
        super().__init__(kind)
        self.status = status
        self.document = {"error": {"id": kind, "description": description, "details": details}}


def posix(errno: str) -> RefusalError:
    return RefusalError(400, "posix", f"Operation failed with POSIX error: {errno}.", {"errno": errno})


def bad_data(key: str) -> RefusalError:
    return RefusalError(
        400, "badData", f"Provided {key} could not be understood by the server.", {"key": key}
    )


def unauthorized(inner: Mapping[str, Any] | None) -> RefusalError:
    words = "You must authenticate yourself to perform this operation."
    return RefusalError(401, "unauthorized", words, {"authError": inner})


OUTDATED = {
    "id": "tokenCaveatUnverified",
    "details": {"caveat": {"type": "time", "validUntil": 1571147494}},
    "description": 'Provided token is not valid - the caveat "valid until 2019-10-15" is unverified.',
}


class OneproviderServer(ThreadingHTTPServer):
    """The server. `files` is where its spaces are, each a folder; `calls` is what was asked for."""

    daemon_threads = True

    def __init__(self, files: Path, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        (files / SPACE).mkdir(parents=True)
        self.calls: list[str] = []
        # The most entries of a page, bytes that a space has room for, and whether content is thrown away.
        self.page = 1000
        self.room: int | None = None
        # So many requests later the token has expired.
        self.login_ends_after: int | None = None
        self.discards = False
        self.knows_tokens = True
        # Told of each answer, as "PUT /path 201"; one that it says yes to never arrives.
        self.loses: Callable[[str], bool] = lambda _: False
        # Answers in the place of the server's own, by method.
        self.script: dict[str, tuple[int, bytes]] = {}
        self.sizes: dict[str, int] = {}
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.endpoint = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server_address[1]}"

    @property
    def space(self) -> Path:
        """The folder of the one space that the token shows."""
        return self.files / SPACE

    def settings(self, token: str = TOKEN) -> FileServerSettings:
        return FileServerSettings("onedata.test", self.endpoint, {"x-auth-token": token}, read_timeout=30)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are what many tests are about."""


@contextmanager
def oneprovider(folder: Path, certificate: Path | None = None) -> Iterator[OneproviderServer]:
    """Serve a folder; with TLS when there is a file of certificate and key."""
    server = OneproviderServer(folder / "spaces", certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def identifier_of(path: Path) -> str:
    """Return the identifier of a file: it keeps it when it is renamed."""
    return f"{path.stat().st_ino:024X}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    @property
    def _served(self) -> OneproviderServer:
        return cast("OneproviderServer", self.server)

    def _answer(self) -> None:
        self._address = urlsplit(self.path)
        self._was_read = False
        self._served.calls.append(f"{self.command} {self.path}")
        try:
            self._login()
            if self.command in self._served.script:
                status, body = self._served.script[self.command]
                self._drain()
                self._send(status, body, "application/json")
                return
            path = unquote(self._address.path)
            if path.startswith("/cdmi/"):
                self._cdmi(path.removeprefix("/cdmi"))
            else:
                self._rest(path.removeprefix("/api/v3/oneprovider/"))
        except RefusalError as error:
            self._drain()
            self._send(error.status, json.dumps(error.document).encode(), "application/json")

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

    def _login(self) -> None:
        token = self.headers.get("X-Auth-Token") or self.headers.get("Authorization", "").partition(" ")[2]
        if self._served.login_ends_after is not None:
            self._served.login_ends_after -= 1
        if token == EXPIRED or (self._served.login_ends_after or 0) < 0:
            raise unauthorized(OUTDATED)
        if token != TOKEN:
            raise unauthorized({"id": "badToken", "description": "Provided token could not be understood."})

    def _place(self, path: str) -> Path:
        """Return the file of a path, whose first part is the space."""
        parts = [part for part in path.split("/") if part]
        if parts and parts[0] != SPACE:
            raise posix("enoent")
        place = self._served.files.joinpath(*parts)
        if any(above.is_file() for above in place.parents):
            raise posix("enotdir")
        return place

    # -- CDMI --------------------------------------------------------------------------------------

    def _cdmi(self, path: str) -> None:
        place, is_container = self._place(path), path.endswith("/")
        if place.exists() and place.is_dir() != is_container:
            # As it stands there, without percent signs.
            target = f"https://{self.headers['Host']}/cdmi{path.rstrip('/')}{'' if is_container else '/'}"
            query = f"?{self._address.query}" if self._address.query else ""
            self._drain()
            location = f"{target}{query}".encode().decode("latin-1")
            self._send(302, b"", None, {"Location": location, "Cache-Control": "max-age=3600"})
            return
        version = self.headers.get("X-CDMI-Specification-Version")
        if self.command == "PUT":
            self._cdmi_put(place, is_container, version)
        elif not place.exists():
            raise RefusalError(
                404, "posix", "Operation failed with POSIX error: enoent.", {"errno": "enoent"}
            )
        elif self.command == "DELETE":
            shutil.rmtree(place) if is_container else place.unlink()
            self._send(204)
        elif version is None and is_container:
            raise RefusalError(400, "missingRequiredValue", "Missing required value: version.", {})
        elif version is None:
            self._content(place)
        else:
            self._send(200, json.dumps(self._described(place)).encode(), "application/cdmi-object")

    def _described(self, place: Path) -> dict[str, Any]:
        state = place.stat()
        moment = datetime.fromtimestamp(int(state.st_mtime), timezone.utc)
        size = self._served.sizes.get(place.name, state.st_size)
        metadata = {"cdmi_size": str(size), "cdmi_mtime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
        fields: dict[str, Any] = {"objectID": identifier_of(place), "objectName": place.name}
        asked = [option.partition(":")[0] for option in self._address.query.split(";") if option]
        fields["metadata"] = metadata
        if place.is_dir():
            fields["children"] = [f"{one.name}{'/' if one.is_dir() else ''}" for one in place.iterdir()]
        return {name: value for name, value in fields.items() if not asked or name in asked}

    def _content(self, place: Path) -> None:
        size = place.stat().st_size
        first, last, status = 0, size - 1, 200
        if self.headers.get("Range"):
            found = RANGE.fullmatch(self.headers["Range"])
            if found is None:
                raise bad_data("range")
            first, last = int(found[1]), int(found[2] or size - 1)
            if first > last:
                raise bad_data("range")
            last, status = min(last, size - 1), 206
        # Without a word about the range, and with the type that it was uploaded with.
        self.send_response(status)
        self.send_header("Content-Length", str(max(0, last - first + 1)))
        self.end_headers()
        with place.open("rb") as file:
            file.seek(first)
            left = last - first + 1
            while left > 0 and (block := file.read(min(left, BLOCK))):
                self.wfile.write(block)
                left -= len(block)

    def _cdmi_put(self, place: Path, is_container: bool, version: str | None) -> None:
        kind = TYPES.get(self.headers.get("Content-Type", ""))
        if kind is not None and version is None:
            raise RefusalError(400, "missingRequiredValue", "Missing required value: version.", {})
        if kind is not None and kind != ("container" if is_container else "dataobject"):
            raise RefusalError(400, "badValueIdentifier", "Bad value: provided path is not valid.", {})
        accepted = ("*/*", self.headers.get("Content-Type"))
        if kind is not None and version and self.headers.get("Accept") not in accepted:
            self._drain()
            self._send(406)
            return
        if not place.parent.exists():
            raise posix("enoent")
        if is_container:
            self._drain()
            if place.exists() and kind is None:
                raise posix("eexist")
            was_there = place.exists()
            place.mkdir(exist_ok=True)
            self._send(204 if was_there else 201)
        elif kind == "dataobject":
            self._move(place, json.loads(self._body()))
        else:
            self._take(place)

    def _move(self, place: Path, wanted: Mapping[str, str]) -> None:
        if place.exists():
            # Its code has no case for this.
            raise RefusalError(500, "internalServerError", "The server has encountered an error.", {})
        source = self._place(wanted["move"])
        if not source.exists():
            raise posix("enoent")
        source.rename(place)
        self._send(201, json.dumps(self._described(place)).encode(), "application/cdmi-object")

    def _take(self, place: Path) -> None:
        was_there = place.exists()
        start = 0
        if was_there and self.headers.get("Content-Range"):
            found = CONTENT_RANGE.fullmatch(self.headers["Content-Range"])
            if found is None:
                raise bad_data("content-range")
            start = int(found[1])
            length = self.headers.get("Content-Length")
            if length is not None and int(length) != int(found[2]) - start + 1:
                raise bad_data("content-range")
        elif was_there:
            place.write_bytes(b"")
        else:
            place.touch()
        with place.open("r+b") as file:
            file.seek(start)
            for block in self._blocks():
                self._served.sizes[place.name] = start = start + len(block)
                if self._served.room is not None and start > self._served.room:
                    raise posix("enospc")
                if not self._served.discards:
                    file.write(block)
        if not self._served.discards:
            self._served.sizes.pop(place.name, None)
        self._send(204 if was_there else 201)

    # -- REST --------------------------------------------------------------------------------------

    def _rest(self, path: str) -> None:
        if self.command == "POST" and path.startswith("lookup-file-id/"):
            self._drain()
            place = self._place(path.removeprefix("lookup-file-id/"))
            if not place.exists():
                raise posix("enoent")
            self._send(200, json.dumps({"fileId": identifier_of(place)}).encode(), "application/json")
            return
        found = re.fullmatch(r"data/(\w+)/children", path)
        if self.command != "GET" or found is None:
            raise RefusalError(404, "notFound", "The resource could not be found.", {})
        folder = self._by_identifier(found[1])
        if not folder.is_dir():
            raise posix("enotdir")
        self._children(folder)

    def _by_identifier(self, identifier: str) -> Path:
        for place in (self._served.space, *self._served.space.rglob("*")):
            if identifier_of(place) == identifier:
                return place
        raise posix("enoent")

    def _children(self, folder: Path) -> None:
        query = parse_qs(self._address.query)
        # The names of old are heeded only when there are none of the new ones, which come in the body.
        body = json.loads(self._body() or b"{}")
        names = body.get("attributes") if self._served.knows_tokens else None
        names = names or query.get("attribute") or ["file_id", "name"]
        start = int(query.get("token", query.get("offset", ["0"]))[0].removeprefix("at-"))
        limit = min(int(query["limit"][0]), self._served.page)
        entries = sorted(folder.iterdir(), key=lambda one: one.name)
        children = [self._attributes(one, names) for one in entries[start : start + limit]]
        document: dict[str, Any] = {"children": children, "isLast": start + limit >= len(entries)}
        if self._served.knows_tokens and not document["isLast"]:
            document["nextPageToken"] = f"at-{start + limit}"
        self._send(200, json.dumps(document).encode(), "application/json")

    def _attributes(self, place: Path, names: list[str]) -> dict[str, Any]:
        state = place.lstat()
        kind = "SYMLNK" if place.is_symlink() else "DIR" if place.is_dir() else "REG"
        identifier = f"{state.st_ino:024X}"
        found = {"fileId": identifier, "file_id": identifier, "name": place.name, "type": kind}
        numbers = {"size": None if kind == "DIR" else state.st_size, "mtime": int(state.st_mtime)}
        return {name: {**found, **numbers}[name] for name in names}

    # -- bodies ------------------------------------------------------------------------------------

    def _blocks(self) -> Iterator[bytes]:
        self._was_read = True
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", "0"))
        while left and (block := self.rfile.read(min(left, BLOCK))):
            left -= len(block)
            yield block

    def _body(self) -> bytes:
        return b"".join(self._blocks())

    def _drain(self) -> None:
        """Read what is not wanted, so that the answer is read."""
        if self._was_read:
            self.close_connection = True
            return
        for _ in self._blocks():
            pass

    def _send(
        self,
        status: int,
        body: bytes = b"",
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if self._served.loses(f"{self.command} {self.path} {status}"):
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if kind is not None:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
