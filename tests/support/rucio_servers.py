"""A Rucio server and a door of grid storage on loopback, with TLS; what both have is in memory.

Written from lib/rucio/web/rest/flaskapi/v1 and lib/rucio/client of the repository rucio/rucio: paths, streams
of JSON, the headers of a login, classes of errors, and where an RSE of the usual rule has a file.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
import zlib
from ast import literal_eval
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

ACCOUNT, SCOPE, RSE = "ada", "user.ada", "PIC-DCACHE"
REFRESH_TOKEN = "refresh-conformance-secret"
USERNAME, PASSWORD = "ada", "password-conformance-secret"
PREFIX = "/pnfs/rucio"


@dataclass
class Grid:
    """What there is: data identifiers by scope and name, replicas by them, rules, and content by path."""

    scopes: list[str] = field(default_factory=lambda: [SCOPE, "cms"])
    dids: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    replicas: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {PREFIX})
    erased: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    # Tokens that are good, and how many were given.
    tokens: set[str] = field(default_factory=set)
    given: int = 0
    seconds: int = 3600
    # What storage got, by host: the header of the login.
    shown: list[str] = field(default_factory=list)
    rse: dict[str, Any] = field(default_factory=dict)
    # Answers in the place of the server's own, by method and the beginning of a path.
    script: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    door: str = ""
    room: int | None = None
    # So many requests later neither the tokens nor the refresh token are taken.
    login_ends_after: int | None = None
    # After how many bytes the content of a path breaks off, and paths whose ranges are passed over.
    breaks: dict[str, int] = field(default_factory=dict)
    without_ranges: set[str] = field(default_factory=set)

    def add(self, name: str, content: bytes, scope: str = SCOPE) -> None:
        """Put a file there as somebody else would."""
        self.register(scope, name, content)
        self.content[self.path(scope, name)] = content
        self.replicas[scope, name] = [self.pfn(scope, name)]

    def register(self, scope: str, name: str, content: bytes, kind: str = "FILE") -> None:
        self.dids[scope, name] = {
            "scope": scope,
            "name": name,
            "did_type": kind,
            "bytes": len(content),
            "adler32": f"{zlib.adler32(content):08x}",
            "md5": hashlib.md5(content).hexdigest(),
            "updated_at": formatdate(time.time(), usegmt=True).replace("GMT", "UTC"),
        }

    def count_request(self) -> None:
        if self.login_ends_after is not None:
            self.login_ends_after -= 1
            if self.login_ends_after < 0:
                self.tokens.clear()

    @staticmethod
    def path(scope: str, name: str) -> str:
        """Return where an RSE of the rule "hash" has a file."""
        digest = hashlib.md5(f"{scope}:{name}".encode()).hexdigest()
        folder = scope.replace(".", "/") if scope.startswith(("user", "group")) else scope
        return f"{PREFIX}/{folder}/{digest[:2]}/{digest[2:4]}/{name}"

    def pfn(self, scope: str, name: str) -> str:
        return f"davs://{self.door}{self.path(scope, name)}"

    def token(self, kind: str) -> str:
        self.given += 1
        token = f"head.{kind}-{self.given}.tail" if kind == "oidc" else f"{ACCOUNT}-{kind}-{self.given}"
        self.tokens = {token}
        return token


class GridServer(ThreadingHTTPServer):
    """One of the two servers."""

    daemon_threads = True

    def __init__(self, grid: Grid, handler: type[BaseHTTPRequestHandler], certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.grid = grid
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are what many tests are about."""


@dataclass(frozen=True)
class RunningGrid:
    """Both servers: the hosts of the catalogue and of storage, and what there is."""

    host: str
    grid: Grid

    def definition(self, **changes: str) -> dict[str, str]:
        """Return what a service has in `storage_providers.rucio.ID`."""
        return {
            "host": self.host,
            "auth_host": self.host,
            "account": ACCOUNT,
            "rse": RSE,
            "refresh_token": REFRESH_TOKEN,
            "token_endpoint": f"https://{self.host}/oidc/token",
            "oidc_audience": "rucio",
            **changes,
        }


@contextmanager
def rucio_grid(certificate: Path) -> Iterator[RunningGrid]:
    """Serve an empty catalogue and an empty storage with a file of certificate and key."""
    grid = Grid()
    servers = [GridServer(grid, _Catalogue, certificate), GridServer(grid, _Door, certificate)]
    grid.door = servers[1].host
    domains = {"wan": {"read": 1, "write": 1, "delete": 1}, "lan": {"read": 0, "write": 0, "delete": 0}}
    grid.rse = {
        "rse": RSE,
        "deterministic": True,
        "availability_write": True,
        "protocols": [
            {"scheme": "root", "hostname": "127.0.0.1", "port": 1094, "prefix": "/x", "domains": domains},
            {"scheme": "davs", "hostname": "127.0.0.1", "prefix": f"{PREFIX}/", "domains": domains},
        ],
    }
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        for server in servers
    ]
    for thread in threads:
        thread.start()
    try:
        yield RunningGrid(servers[0].host, grid)
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join(10)
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    @property
    def _grid(self) -> Grid:
        return cast("GridServer", self.server).grid

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Catalogue(_Handler):
    def _answer(self) -> None:
        body, address = self._body(), urlsplit(self.path)
        self._grid.calls.append(f"{self.command} {self.path}")
        self._grid.count_request()
        for begin, (status, kind, said) in self._grid.script.items():
            if f"{self.command} {address.path}".startswith(begin):
                self._refuse(status, kind, said)
                return
        if address.path == "/oidc/token":
            self._refresh(parse_qs(body.decode()))
        elif address.path.startswith("/auth/"):
            self._log_in(address.path.removeprefix("/auth/"))
        elif self.headers.get("X-Rucio-Auth-Token") not in self._grid.tokens:
            self._refuse(401, "CannotAuthenticate", "Cannot authenticate with given credentials")
        else:
            parts = [unquote(part) for part in address.path.strip("/").split("/")]
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            self._route(parts, query, json.loads(body) if body else {})

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def _refuse(self, status: int, kind: str, said: str) -> None:
        document = json.dumps({"ExceptionClass": kind, "ExceptionMessage": said}).encode()
        headers = {
            "Content-Type": "application/octet-stream",
            "ExceptionClass": kind,
            "ExceptionMessage": " ".join(said.encode("ascii", "replace").decode().split()),
        }
        self._send(status, document, headers)

    def _refresh(self, form: Mapping[str, list[str]]) -> None:
        wanted = {"grant_type": "refresh_token", "client_id": "token-portal", "audience": "rucio"}
        given = {name: form.get(name, [""])[0] for name in wanted}
        has_ended = (self._grid.login_ends_after or 0) < 0
        if form.get("refresh_token") != [REFRESH_TOKEN] or given != wanted or has_ended:
            self._send(400, b'{"error":"invalid_grant"}', {"Content-Type": "application/json"})
            return
        answer = {"access_token": self._grid.token("oidc"), "expires_in": self._grid.seconds}
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _log_in(self, kind: str) -> None:
        is_known = self.headers.get("X-Rucio-Account") == ACCOUNT and (
            kind != "userpass"
            or (self.headers.get("X-Rucio-Username"), self.headers.get("X-Rucio-Password"))
            == (USERNAME, PASSWORD)
        )
        if not is_known:
            self._refuse(401, "CannotAuthenticate", f"Cannot authenticate to account {ACCOUNT}")
            return
        end = formatdate(time.time() + self._grid.seconds, usegmt=True).replace("GMT", "UTC")
        token = self._grid.token(kind)
        self._send(200, b"", {"X-Rucio-Auth-Token": token, "X-Rucio-Auth-Token-Expires": end})

    def _route(self, parts: list[str], query: Mapping[str, str], body: Any) -> None:
        grid = self._grid
        match self.command, *parts:
            case "GET", "scopes":
                self._json(grid.scopes)
            case "GET", "dids", scope, "dids", "search":
                assert query["type"] == "file"
                # As a parameter of its own, or as the literal that newer clients send.
                filters = literal_eval(query["filters"]) if "filters" in query else [dict(query)]
                pattern = filters[0]["name"]
                names = [name for one, name in grid.dids if one == scope and fnmatchcase(name, pattern)]
                self._stream([n for n in names if grid.dids[scope, n]["did_type"] == "FILE"])
            case "POST", "dids", "bulkmeta":
                asked = [(did["scope"], did["name"]) for did in body["dids"]]
                self._stream([grid.dids[did] for did in asked if did in grid.dids])
            case "GET", "dids", scope, name, "meta":
                if (scope, name) not in grid.dids:
                    self._refuse(404, "DataIdentifierNotFound", f"Data identifier '{scope}:{name}' not found")
                    return
                self._json(grid.dids[scope, name])
            case "POST", "dids", scope, name, "meta", "lifetime":
                assert body["value"] in (None, 86400)
                is_going = body["value"] is not None
                grid.dids[scope, name]["expired_at"] = "Sat, 28 Nov 2026 12:00:00 UTC" if is_going else None
                if is_going:
                    grid.erased.append((scope, name))
                self._send(201, b"Created")
            case "GET", "dids", scope, name, "rules":
                ruled = {"scope": scope, "name": name}
                found = [rule for rule in grid.rules if ruled in rule["dids"]]
                self._stream([{**ruled, "account": rule["account"]} for rule in found])
            case "POST", "replicas", "list":
                did = (body["dids"][0]["scope"], body["dids"][0]["name"])
                self._stream([self._replicas(did)] if did in grid.dids else [])
            case "POST", "replicas":
                self._register(body)
            case "GET", "rses", name:
                if name != RSE:
                    self._refuse(404, "RSENotFound", f"RSE '{name}' cannot be found")
                    return
                self._json(grid.rse)
            case "GET", "rses", _, "lfns2pfns":
                assert (query["operation"], query["scheme"]) == ("write", "davs")
                scope, _, name = query["lfn"].partition(":")
                self._json({query["lfn"]: grid.pfn(scope, name)})
            case "POST", "rules":
                grid.rules.append(body)
                self._json([f"rule-{len(grid.rules)}"], 201)
            case _:
                self._refuse(404, "NotFound", "no such resource")

    def _replicas(self, did: tuple[str, str]) -> dict[str, Any]:
        pfns = {
            pfn: {"rse": f"RSE-{number}", "type": "DISK", "priority": number, "domain": "wan"}
            for number, pfn in enumerate(self._grid.replicas.get(did, []), 1)
        }
        return {**self._grid.dids[did], "pfns": pfns, "rses": {}, "states": {}}

    def _register(self, body: Mapping[str, Any]) -> None:
        grid = self._grid
        for file in body["files"]:
            did = (file["scope"], file["name"])
            if file["scope"] not in grid.scopes:
                self._refuse(404, "ScopeNotFound", f"Scope '{file['scope']}' not found")
                return
            if did in grid.dids:
                self._refuse(409, "Duplicate", "An object with the same identifier already exists.")
                return
            # What is told of it has to be true.
            content = grid.content[grid.path(*did)]
            grid.register(*did, content)
            told = {name: file[name] for name in ("bytes", "adler32", "md5")}
            assert told == {name: grid.dids[did][name] for name in told}
            assert file["state"] == "A"
            grid.replicas[did] = [grid.pfn(*did)]
        self._send(201, b"Created")

    def _json(self, document: Any, status: int = 200) -> None:
        self._send(status, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _stream(self, documents: list[Any]) -> None:
        body = "".join(json.dumps(document) + "\n" for document in documents).encode()
        self._send(200, body, {"Content-Type": "application/x-json-stream"})


class _Door(_Handler):
    """WebDAV as a door of dCache has it: bearer tokens, ranges, digests."""

    def _answer(self) -> None:
        body, path = self._body(), unquote(urlsplit(self.path).path).rstrip("/")
        grid = self._grid
        grid.count_request()
        grid.shown.append(self.headers.get("Authorization", ""))
        grid.calls.append(f"{self.command} {path}")
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in grid.tokens:
            self._send(401)
        elif self.command == "GET" and path in grid.content:
            self._content(path, grid.content[path])
        elif self.command == "PROPFIND" and (path in grid.content or path in grid.folders):
            self._describe(path)
        elif self.command == "MKCOL":
            grid.folders.add(path)
            self._send(201)
        elif self.command == "PUT":
            self._take(path, body)
        elif self.command == "MOVE":
            target = unquote(urlsplit(self.headers["Destination"]).path)
            grid.content[target] = grid.content.pop(path)
            self._send(201)
        elif self.command == "DELETE" and grid.content.pop(path, None) is not None:
            self._send(204)
        else:
            self._send(404)

    do_GET = do_PUT = do_DELETE = do_PROPFIND = do_MKCOL = do_MOVE = _answer  # noqa: N815

    def _take(self, path: str, body: bytes) -> None:
        if path.rpartition("/")[0] not in self._grid.folders:
            self._send(409)
        elif self._grid.room is not None and len(body) > self._grid.room:
            self._send(507)
        else:
            self._grid.content[path] = body
            self._send(201)

    def _content(self, path: str, content: bytes) -> None:
        wanted = "" if path in self._grid.without_ranges else self.headers.get("Range", "")
        status, begin, end = 200, 0, len(content)
        headers = {}
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            status, begin, end = 206, int(first), min(int(last or end), end - 1) + 1
            headers = {"Content-Range": f"bytes {begin}-{end - 1}/{len(content)}"}
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(end - begin)}.items():
            self.send_header(name, value)
        self.end_headers()
        limit = self._grid.breaks.get(path)
        self.wfile.write(content[begin : end if limit is None else min(end, max(begin, limit))])
        self.close_connection = self.close_connection or limit is not None

    def _describe(self, path: str) -> None:
        content = self._grid.content.get(path)
        kind = "<collection/>" if content is None else ""
        told = ""
        if content is not None:
            told = (
                f"<getcontentlength>{len(content)}</getcontentlength>"
                f'<c:Checksums xmlns:c="http://www.dcache.org/2013/webdav">adler32={zlib.adler32(content):08x}'
                "</c:Checksums>"
            )
        text = (
            f'<multistatus xmlns="DAV:"><response><href>{quote(path)}</href><propstat><prop>'
            f"<resourcetype>{kind}</resourcetype>{told}</prop><status>HTTP/1.1 200 OK</status></propstat>"
            "</response></multistatus>"
        )
        self._send(207, text.encode())
