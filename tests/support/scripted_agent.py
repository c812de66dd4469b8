"""An oidc-agent that plays a script: the real handshake, and then whatever a test wants."""

from __future__ import annotations

import base64
import json
import socket
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from nacl.public import Box, PrivateKey, PublicKey


class ScriptedAgent:
    """The agent, on a Unix socket or on a port.

    Attributes:
        environ: variables that lead to it.
        answer: what it says to every request; a mapping is encrypted, bytes are sent as they are.
        greeting: what it sends instead of its key.
        hangs: it says nothing after this step: "connect", "greeting".
        drip: seconds between single bytes of the answer.
        requests: what it was asked.
    """

    def __init__(self, *, remote: bool = False) -> None:
        self.answer: Mapping[str, Any] | bytes = {"status": "success", "access_token": "of-the-agent"}
        self.greeting: bytes | None = None
        self.hangs = ""
        self.drip = 0.0
        self.requests: list[dict[str, Any]] = []
        self._stopping = threading.Event()
        # Short: paths of sockets have a limit of 107 letters.
        self._folder = tempfile.TemporaryDirectory(prefix="agent")
        if remote:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.environ = {"OIDC_REMOTE_SOCK": f"127.0.0.1:{self._listener.getsockname()[1]}"}
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            path = Path(self._folder.name) / "socket"
            self._listener.bind(str(path))
            self._listener.listen()
            self.environ = {"OIDC_SOCK": str(path)}
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> ScriptedAgent:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._listener.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _address = self._listener.accept()
            except TimeoutError:
                continue
            with connection:
                try:
                    self._talk(connection)
                except OSError:
                    # The program hung up: it had enough.
                    continue

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        if self.hangs == "connect":
            self._stopping.wait()
            return
        peer = PublicKey(base64.b64decode(connection.recv(44, socket.MSG_WAITALL)))
        own = PrivateKey.generate()
        if self.greeting is not None:
            connection.sendall(self.greeting)
            return
        connection.sendall(base64.b64encode(bytes(own.public_key)))
        box = Box(own, peer)
        self._note(connection, box)
        if self.hangs == "greeting":
            self._stopping.wait()
            return
        answer = self.answer if isinstance(self.answer, bytes) else sealed(box, self.answer)
        if not self.drip:
            connection.sendall(answer)
            return
        for number in range(len(answer)):
            connection.sendall(answer[number : number + 1])
            if self._stopping.wait(self.drip):
                return

    def _note(self, connection: socket.socket, box: Box) -> None:
        data = b""
        while data.count(b":") < 2 or len(data.split(b":")[2]) < letters(int(data.split(b":")[0])):
            piece = connection.recv(65536)
            if not piece:
                raise ConnectionError
            data += piece
        _length, nonce, cipher = data.split(b":")
        text = box.decrypt(base64.b64decode(cipher), base64.b64decode(nonce))
        self.requests.append(json.loads(text))


def letters(length: int) -> int:
    """Return how long a text of this length is when it is sealed."""
    return -(-(length + 16) // 3) * 4


def sealed(box: Box, answer: Mapping[str, Any]) -> bytes:
    """Return an answer as it goes over the wire."""
    text = json.dumps(answer).encode()
    found = box.encrypt(text)
    parts = (str(len(text)).encode(), base64.b64encode(found.nonce), base64.b64encode(found.ciphertext))
    return b":".join(parts)


def later(seconds: float) -> int:
    """Return a moment from now as the agent tells it."""
    return int(time.time() + seconds)
