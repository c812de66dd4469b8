"""Chromium without a screen, driven over the WebDriver protocol of chromedriver."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

PROGRAMS = ("chromium", "chromedriver")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--no-proxy-server", "--window-size=1000,600",
)  # fmt: skip
# Keeps what the page is sent, before its own scripts run: a terminal is drawn, and has no text to be read.
RECORD = """
window.received = "";
const Original = window.WebSocket;
window.WebSocket = class extends Original {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", async (event) => {
      const data = event.data;
      window.received += typeof data === "string" ? data : new TextDecoder().decode(
        data instanceof Blob ? await data.arrayBuffer() : data);
    });
  }
};
"""


def is_there() -> bool:
    """Tell whether both programs are installed."""
    return all(shutil.which(name) for name in PROGRAMS)


class Browser:
    """One window.

    Args:
        driver: the address of chromedriver.
        profile: an empty folder.
    """

    def __init__(self, driver: str, profile: Path) -> None:
        # Not by way of a proxy of this machine.
        self._open = build_opener(ProxyHandler({})).open
        arguments = [*OPTIONS, f"--user-data-dir={profile}"]
        wanted = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self._call(f"{driver}/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"{driver}/session/{answer['sessionId']}"
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source=RECORD)

    def _call(self, url: str, document: Mapping[str, Any] | None = None, method: str = "POST") -> Any:
        body = json.dumps(document or {}).encode() if method == "POST" else None
        request = Request(url, body, {"Content-Type": "application/json"}, method=method)
        with self._open(request, timeout=60) as response:
            return json.load(response)["value"]

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self._call(f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def visit(self, address: str) -> None:
        """Go to an address."""
        self._call(f"{self._session}/url", {"url": address})

    def script(self, text: str) -> Any:
        """Return what a script in the page returns."""
        return self._call(f"{self._session}/execute/sync", {"script": text, "args": []})

    @property
    def address(self) -> str:
        """What the line of the address shows."""
        return str(self._call(f"{self._session}/url", method="GET"))

    @property
    def text(self) -> str:
        """What stands in the page."""
        return str(self.script("return document.body.innerText"))

    @property
    def received(self) -> str:
        """What came over WebSockets, without what moves the cursor and colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", str(self.script("return window.received")))

    def press(self, key: str) -> None:
        """Press a key that writes a letter."""
        self.devtools("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        self.devtools("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self) -> bytes:
        """Return what the window looks like, as a PNG."""
        return base64.b64decode(self._call(f"{self._session}/screenshot", method="GET"))

    def complaints(self) -> list[str]:
        """Return what the browser complained of since the last time."""
        found = self._call(f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in found if entry["level"] in ("WARNING", "SEVERE")]

    def close(self) -> None:
        """End the browser."""
        self._call(self._session, method="DELETE")


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Run a browser with a profile in a folder."""
    profile = folder / "profile"
    profile.mkdir()
    with subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        try:
            ports = (re.search(r"on port (\d+)", line) for line in driver.stdout)
            port = next(found[1] for found in ports if found and found[1] != "0")
            window = Browser(f"http://127.0.0.1:{port}", profile)
            try:
                yield window
            finally:
                window.close()
        finally:
            driver.kill()
