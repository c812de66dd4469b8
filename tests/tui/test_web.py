"""The full screen in a browser: who is let in, and what a real one shows."""

from __future__ import annotations

import io
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Runner
from tests.support import chromium
from tests.support.server import ScriptedServer, document

SECRET_VARIABLE = "never-to-be-seen-4711"


class Served:
    """The command with `--web`, running."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stdout is not None
        self.address = process.stdout.readline().decode().strip()
        self.port = urlsplit(self.address).port or 0
        self.token = self.address.rpartition("=")[2]

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        """Return status, headers and text of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(
                "GET", path, headers={name.replace("_", "-"): v for name, v in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")
        finally:
            connection.close()


@pytest.fixture
def served(run: Runner) -> Iterator[Served]:
    """The command; the test says what it knows of clusters, if the one that is dead will not do."""
    if not run.config.exists():
        run.know("http://127.0.0.1:9")
    with run.start("interactive", "--web", env={"SOME_SECRET": SECRET_VARIABLE}) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


@pytest.fixture
def known(run: Runner, server: ScriptedServer) -> None:
    """A cluster with one service."""
    server.always("GET", "/system/services", document([{"name": "grayify", "image": "an/image"}]))
    run.know(server.url)


WEBSOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec_WebSocket_Version": "13",
}


def test_nothing_is_served_before_the_token_and_it_works_once(served: Served) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", served.address)
    own = f"http://127.0.0.1:{served.port}"
    for path in ("/", "/?token=", f"/?token={served.token[:-1]}", "/static/js/textual.js", "/nowhere"):
        assert served.get(path)[0] == 403
    assert served.get(f"/static/js/textual.js?token={served.token}")[0] == 403
    assert served.get("/ws", Origin=own, **WEBSOCKET)[0] == 403
    # A page of somebody else's whose name leads here.
    assert served.get(f"/?token={served.token}", Host=f"evil.example:{served.port}")[0] == 403

    status, headers, text = served.get(f"/?token={served.token}")
    assert (status, headers["Location"], text) == (303, "/", "")
    set_cookie = headers["Set-Cookie"]
    assert re.fullmatch(r"oscar-cli-screen=[\w-]{43}; HttpOnly; Path=/; SameSite=Strict", set_cookie)
    assert served.token not in set_cookie
    assert served.get(f"/?token={served.token}")[0] == 403
    cookie = set_cookie.partition(";")[0]
    status, headers, text = served.get("/", Cookie=cookie)
    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    for hidden in (SECRET_VARIABLE, "python", "home", "s3cr3t-pass", "googleapis"):
        assert hidden not in text
    assert served.get("/", Cookie="oscar-cli-screen=x")[0] == 403
    assert served.get("/ws", Cookie=cookie, Origin="http://evil.example", **WEBSOCKET)[0] == 403
    assert served.get("/ws", Cookie=cookie, **WEBSOCKET)[0] == 403


@pytest.mark.thorough
@pytest.mark.skipif(not chromium.is_there(), reason="Chromium is not installed")
def test_a_real_browser_shows_names_and_takes_keys(
    known: None, served: Served, tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    from PIL import Image

    with chromium.browser(tmp_path) as window:
        window.visit(served.address)
        assert window.address == f"http://127.0.0.1:{served.port}/"
        wait_until(lambda: "grayify" in window.received)
        window.press("?")
        wait_until(lambda: "In the list of services" in window.received)
        assert SECRET_VARIABLE not in window.received
        # The terminal is drawn: in more colours than those of an empty page.
        with Image.open(io.BytesIO(window.picture())) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 20
        assert [
            line for line in window.complaints() if "Content Security" in line or "Failed to load" in line
        ] == []
        # Somebody who looks over a shoulder comes too late.
        window.visit(served.address)
        assert window.text.strip() == "not without a token that was not used before"
        # Whoever was let in may come back.
        window.visit(f"http://127.0.0.1:{served.port}/")
        wait_until(lambda: "grayify" in window.received)
        window.press("q")
        wait_until(lambda: "The screen was closed." in window.text)
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(60) == 130
