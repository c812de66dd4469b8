"""Real proxies on loopback, each a process of its own: proxy.py for HTTP, and pproxy for SOCKS.

Both find every host below `.test` on this machine. Nobody else does: what comes from such a host has come
through the proxy.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

USER, PASSWORD = "ada", "p@ss/w:rd%41#ü"
# Generous, for a busy machine; it only ends a hung start.
PATIENCE = 120.0
FOLDER = Path(__file__).parents[2]


@dataclass(frozen=True)
class RealProxy:
    """A proxy that runs, with the login that it wants."""

    scheme: str
    port: int
    log: Path

    def url(self, scheme: str | None = None, password: str | None = PASSWORD) -> str:
        """Return its URL with the login, or without one when the password is `None`."""
        login = "" if password is None else f"{USER}:{quote(password, safe='')}@"
        return f"{scheme or self.scheme}://{login}127.0.0.1:{self.port}"


@contextmanager
def http_proxy(folder: Path, *options: str | Path, scheme: str = "http") -> Iterator[RealProxy]:
    """Run proxy.py.

    Args:
        folder: where its files go.
        options: more of its options.
        scheme: https when the options let it speak TLS itself.
    """
    pytest.importorskip("proxy", reason="proxy.py is not installed")
    words = (
        *("--hostname", "127.0.0.1", "--num-workers", "1", "--num-acceptors", "1"),
        *("--basic-auth", f"{USER}:{PASSWORD}", "--port", "0", "--port-file", folder / "port"),
        *("--data-dir", folder / "data", "--timeout", "60", "--inactive-conn-cleanup-timeout", "60"),
    )
    with _running("http", folder, *words, *options) as port:
        yield RealProxy(scheme, port, folder / "log")


@contextmanager
def socks_proxy(folder: Path) -> Iterator[RealProxy]:
    """Run pproxy as a SOCKS5 server that wants a login."""
    pytest.importorskip("pproxy", reason="pproxy is not installed")
    with _running("socks", folder, folder / "port") as port:
        yield RealProxy("socks5", port, folder / "log")


@contextmanager
def _running(kind: str, folder: Path, *words: str | Path) -> Iterator[int]:
    """Run this very file as a program, and give the port that it listens on."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.support.proxies", kind, *map(str, words)],
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            # Its workers are processes of their own, to be ended with it.
            start_new_session=True,
        )
    try:
        yield _port(process, folder)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(process: subprocess.Popen[bytes], folder: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return int((folder / "port").read_text())
        except (FileNotFoundError, ValueError):
            time.sleep(0.02)
    pytest.fail(f"the proxy does not start: {(folder / 'log').read_text()[-2000:]}")


# -- the processes themselves ------------------------------------------------------------------------


def _know_test_hosts() -> None:
    """Let names below `.test` be this machine."""
    import socket

    known: Callable[..., object] = socket.getaddrinfo

    def find(host: object, *rest: object, **more: object) -> object:
        name = host.decode() if isinstance(host, bytes) else str(host)
        return known("127.0.0.1" if name.endswith(".test") else host, *rest, **more)

    socket.getaddrinfo = find  # type: ignore[assignment]


def _serve_socks(port_file: Path) -> None:
    import asyncio

    import pproxy

    async def serve() -> None:
        server = pproxy.Server(f"socks5://127.0.0.1:0#{USER}:{PASSWORD}")
        listening = await server.start_server({"verbose": print, "rserver": [pproxy.DIRECT], "authtime": -1})
        port_file.write_text(str(listening.sockets[0].getsockname()[1]))
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    _know_test_hosts()
    if sys.argv[1] == "socks":
        _serve_socks(Path(sys.argv[2]))
    else:
        import proxy

        del sys.argv[1]
        proxy.main()
