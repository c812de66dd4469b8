"""Servers that speak WebDAV on loopback: wsgidav, and Apache's mod_dav where it is installed."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from oscarcli.storage.file_server.requests import FileServerSettings
from oscarcli.storage.webdav.requests import login_headers
from tests.support.ports import free_port

LOGIN, PASSWORD = "ada", "conformance-secret"
APACHE = "/usr/sbin/apache2"
MODULES = Path("/usr/lib/apache2/modules")
CONFIGURATION = """\
ServerRoot "{root}"
ServerName 127.0.0.1
PidFile "{root}/apache.pid"
Listen 127.0.0.1:{port}
ErrorLog "{root}/error.log"
{modules}
{user}
DocumentRoot "{files}"
DavLockDB "{root}/locks"
<Directory "{files}">
  Dav On
  LimitRequestBody 0
  Options None
  AllowOverride None
  AuthType Basic
  AuthName files
  AuthBasicProvider file
  AuthUserFile "{root}/users"
  Require valid-user
</Directory>
"""
NEEDED = ("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dav", "dav_fs")


@dataclass
class DavFaults:
    """What a server refuses, and is told to in the middle of a test.

    Args:
        room: bytes that it takes; a file that has no place in them is answered with 507.
        login_ends_after: so many requests later nobody is let in.
    """

    room: int | None = None
    login_ends_after: int | None = None

    def refusal(self, size: int) -> str:
        """Return the status that a request of this size is refused with, empty for none."""
        if self.login_ends_after is not None:
            self.login_ends_after -= 1
            if self.login_ends_after < 0:
                return "401 Unauthorized"
        if self.room is not None and size > self.room:
            return "507 Insufficient Storage"
        self.room = None if self.room is None else self.room - size
        return ""


@dataclass(frozen=True)
class DavServer:
    """Something that speaks WebDAV on loopback, and the folder that it serves."""

    endpoint: str
    files: Path
    # Whether its ETag tells two versions within a second apart.
    has_fine_etags: bool = True
    # Characters that it does not take in the destination of a MOVE.
    misread: str = ""
    # Who must own the files; nobody else than us when empty.
    owner: str = ""
    # What was asked for, as "GET /path", and what is refused; wsgidav alone tells and is told.
    calls: list[str] = field(default_factory=list)
    faults: DavFaults = field(default_factory=DavFaults)

    def make_folder(self, name: str) -> None:
        """Make a folder as an administrator would."""
        (self.files / name).mkdir()
        if self.owner:
            shutil.chown(self.files / name, self.owner, self.owner)

    @property
    def settings(self) -> FileServerSettings:
        return FileServerSettings(
            "webdav.test", self.endpoint, login_headers(LOGIN, PASSWORD), read_timeout=30
        )


@contextmanager
def wsgidav_server(folder: Path, certificate: Path | None = None) -> Iterator[DavServer]:
    """Serve a folder by wsgidav, in this process; with TLS when there is a file of certificate and key."""
    application = pytest.importorskip("wsgidav.wsgidav_app")
    from cheroot.ssl.builtin import BuiltinSSLAdapter
    from cheroot.wsgi import Server

    files = folder / "files"
    files.mkdir()
    app = application.WsgiDAVApp(
        {
            "provider_mapping": {"/": str(files)},
            "simple_dc": {"user_mapping": {"*": {LOGIN: {"password": PASSWORD}}}},
            "logging": {"enable": False, "enable_loggers": []},
            "verbose": 0,
        }
    )
    calls: list[str] = []
    faults = DavFaults()

    def noted(environ: dict[str, Any], start_response: Any) -> Any:
        calls.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        is_put = environ["REQUEST_METHOD"] == "PUT"
        refusal = faults.refusal(int(environ.get("CONTENT_LENGTH") or 0) if is_put else 0)
        if refusal:
            environ["wsgi.input"].read()
            start_response(refusal, [("Content-Length", "0")])
            return [b""]
        return app(environ, start_response)

    server = Server(("127.0.0.1", 0), noted, numthreads=20)
    # It would speak of clients that go away where the program under test says what it has to.
    server.error_log = lambda *_, **__: None  # type: ignore[method-assign]
    server.ConnectionClass = _connection_class()
    if certificate is not None:
        server.ssl_adapter = BuiltinSSLAdapter(certificate, certificate)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        scheme = "http" if certificate is None else "https"
        yield DavServer(
            f"{scheme}://127.0.0.1:{server.bind_addr[1]}",
            files,
            has_fine_etags=False,
            misread="?#",
            calls=calls,
            faults=faults,
        )
    finally:
        server.stop()
        thread.join(10)


@contextmanager
def apache_server() -> Iterator[DavServer]:
    """Serve a folder by Apache with a configuration of its own; skip the test where it is missing."""
    missing = [name for name in NEEDED if not (MODULES / f"mod_{name}.so").exists()]
    if not Path(APACHE).exists() or missing:
        pytest.skip("Apache with mod_dav is not installed: Debian's package apache2 has it")
    # Not below the folders of pytest, which every run of it closes to other users.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        yield from _apache(Path(place))


def _apache(folder: Path) -> Iterator[DavServer]:
    files, port = folder / "files", free_port()
    files.mkdir()
    (folder / "users").write_text(f"{LOGIN}:{_hashed(PASSWORD)}\n")
    modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in NEEDED)
    user = ""
    if os.getuid() == 0:
        # Apache does not serve as root.
        user = "User www-data\nGroup www-data"
        shutil.chown(files, "www-data", "www-data")
        shutil.chown(folder, "www-data", "www-data")
    text = CONFIGURATION.format(root=folder, port=port, files=files, modules=modules, user=user)
    (folder / "apache.conf").write_text(text)
    process = subprocess.Popen(
        [APACHE, "-D", "FOREGROUND", "-f", str(folder / "apache.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _wait_for(port, process)
        yield DavServer(f"http://127.0.0.1:{port}", files, owner="www-data" if user else "")
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _connection_class() -> Any:
    """Return cheroot's connections, but closed whole when their client has gone away.

    What was not sent to it stays in a writer, which Python 3.13 would complain of when it collects it.
    """
    from cheroot.server import HTTPConnection

    class Connection(HTTPConnection):
        def close(self) -> None:
            super().close()
            with suppress(OSError):
                self.wfile.close()

    return Connection


def _hashed(password: str) -> str:
    """Return a password as Apache's files have it, in the one form that needs no program of Apache's."""
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "{SHA}" + base64.b64encode(digest).decode()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise AssertionError(f"Apache does not start: {process.communicate()[1].decode()}")
        assert time.monotonic() < deadline, "Apache does not come up"
        time.sleep(0.05)
