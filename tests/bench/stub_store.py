"""A store to measure against: a process of its own, in Go, so that it is never the slowest one."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "stub" / "main.go"
BUCKET = "bench"
CONFIGURATION = """oscar:
  bench:
    endpoint: {endpoint}
    auth_user: user
    auth_password: password
    ssl_verify: true
default: bench
"""


@dataclass(frozen=True)
class Stub:
    """A store that runs."""

    url: str

    def counts(self) -> dict[str, int]:
        """Return requests, HEAD requests and most connections at once since the last look."""
        with urllib.request.urlopen(f"{self.url}/_stats") as answer:
            counts: dict[str, int] = json.load(answer)
        return counts


def built(folder: Path) -> Path:
    """Return the store's program. Raises SystemExit where there is no Go to build it with."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise SystemExit("these measurements need Go, for the store that they are taken against")
    program = folder / "stub"
    subprocess.run([go, "build", "-o", program, SOURCE], check=True, cwd=SOURCE.parent)
    return program


@contextmanager
def stub(program: Path, *options: str) -> Iterator[Stub]:
    """Run a store; it ends with its standard input."""
    process = subprocess.Popen(
        [program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="ascii"
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Stub(f"http://127.0.0.1:{process.stdout.readline().strip()}")
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@contextmanager
def manager(store: Stub) -> Iterator[dict[str, str]]:
    """Serve what oscar-cli asks a cluster whose store is `store`; give variables for its commands."""
    documents: dict[str, Any] = {
        "/system/config": {
            "minio_provider": {"endpoint": store.url, "access_key": "key", "secret_key": "secret"}
        }
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave together, as from a real manager. In two pieces the second one waits up to 40 ms
        # until the other side has acknowledged the first.
        wbufsize = -1

        def do_GET(self) -> None:
            body = json.dumps(documents.get(self.path, {"name": "svc", "input": [], "output": []})).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="oscar-bench-") as home:
        path = Path(home) / "config.yaml"
        path.write_text(CONFIGURATION.format(endpoint=f"http://127.0.0.1:{server.server_port}"))
        path.chmod(0o600)
        yield {"HOME": home, "OSCAR_CLI_CONFIG": str(path)}
    server.shutdown()
    server.server_close()
