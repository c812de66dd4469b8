"""oidc-agent's own protocol: one encrypted request and answer on a socket, the keys made for it alone."""

from __future__ import annotations

import base64
import binascii
import json
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oscarcli.login.agent_failures import AgentError, AgentProtocolError, AgentTimeoutError, NoAgentError

if TYPE_CHECKING:
    from nacl.public import Box, PrivateKey

DEFAULT_PORT = 42424
# Of an answer; tokens have some KiB.
MAX_ANSWER_BYTES = 1 << 20
# A public key of 32 bytes in Base64; authentication adds 16 bytes to a message.
KEY_LETTERS = 44
ADDED_BYTES = 16
PIECE_BYTES = 64 << 10


def ask(request: Mapping[str, Any], environ: Mapping[str, str], deadline: float) -> dict[str, Any]:
    """Send a request and return the agent's answer.

    Args:
        request: in the agent's words.
        environ: says where it is; `OIDC_SOCK` goes before `OIDC_REMOTE_SOCK`.
        deadline: until when the whole exchange may last, on the monotonic clock.

    Raises:
        AgentTimeoutError: there was no whole answer by then.
        AgentError: nobody is there, or what is there does not speak as an agent does.
    """
    try:
        with _connected(environ, deadline) as connection:
            return _exchanged(_Timed(connection, deadline), json.dumps(request).encode())
    except TimeoutError as error:
        raise AgentTimeoutError from error
    except (OSError, UnicodeError) as error:
        raise NoAgentError(error) from error


def remote_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST[:PORT]`, an IPv6 address in brackets. Raises AgentError."""
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]") or (":" in host.strip("[]") and not host.startswith("[")):
        host, port = text, str(DEFAULT_PORT)
    if not host.strip("[]") or not (port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16):
        raise AgentError("that is no host, or host:port")
    return host.strip("[]"), int(port)


def _connected(environ: Mapping[str, str], deadline: float) -> socket.socket:
    path = environ.get("OIDC_SOCK")
    if not path:
        from oscarcli.threads import within

        host, port = remote_address(environ.get("OIDC_REMOTE_SOCK", ""))
        # The resolver of names knows no limit.
        left = _left(deadline)
        return within(left, lambda: socket.create_connection((host, port), timeout=left))
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_left(deadline))
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _exchanged(connection: _Timed, message: bytes) -> dict[str, Any]:
    from nacl.exceptions import CryptoError
    from nacl.public import Box, PrivateKey, PublicKey

    own: PrivateKey = PrivateKey.generate()
    connection.send(base64.b64encode(bytes(own.public_key)))
    greeting = connection.receive(KEY_LETTERS)
    if greeting.startswith(b"{"):
        return _document(greeting + connection.receive(MAX_ANSWER_BYTES))
    try:
        box = Box(own, PublicKey(base64.b64decode(greeting, validate=True)))
        sealed = box.encrypt(message)
    except (CryptoError, ValueError, TypeError) as error:
        raise AgentProtocolError("it does not begin with a key") from error
    parts = (str(len(message)).encode(), base64.b64encode(sealed.nonce), base64.b64encode(sealed.ciphertext))
    connection.send(b":".join(parts))
    return _answer(connection, box)


def _answer(connection: _Timed, box: Box) -> dict[str, Any]:
    """Return the answer `LENGTH:NONCE:CIPHER`; the length tells where it ends. Complaints may be plain."""
    from nacl.exceptions import CryptoError

    head = connection.receive(MAX_ANSWER_BYTES, until=b":")
    if head.startswith(b"{"):
        return _document(head + connection.receive(MAX_ANSWER_BYTES))
    if not head:
        raise AgentProtocolError("it hangs up without an answer")
    length = head.rstrip(b":")
    if not length.isdigit() or len(length) > len(str(MAX_ANSWER_BYTES)) or int(length) > MAX_ANSWER_BYTES:
        raise AgentProtocolError("its answer is none")
    nonce = connection.receive(PIECE_BYTES, until=b":").rstrip(b":")
    letters = -(-(int(length) + ADDED_BYTES) // 3) * 4
    cipher = connection.receive(letters)
    if len(cipher) < letters:
        raise AgentProtocolError("it hangs up within its answer")
    try:
        text = box.decrypt(base64.b64decode(cipher, validate=True), base64.b64decode(nonce, validate=True))
    except (CryptoError, binascii.Error, ValueError, TypeError) as error:
        raise AgentProtocolError("its answer cannot be decrypted") from error
    return _document(text)


def _document(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text.rstrip(b"\0"))
    except (ValueError, RecursionError) as error:
        raise AgentProtocolError("its answer is none") from error
    if not isinstance(found, dict):
        raise AgentProtocolError("its answer is none")
    return found


class _Timed:
    """A connection with one limit of time for all that is sent and received."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._unread = b""

    def send(self, data: bytes) -> None:
        self._connection.settimeout(_left(self._deadline))
        self._connection.sendall(data)

    def receive(self, most: int, until: bytes = b"") -> bytes:
        """Return so many bytes, fewer when the other side ends, and none after the mark to stop at."""
        data = bytearray(self._unread)
        while len(data) < most and not (until and until in data):
            self._connection.settimeout(_left(self._deadline))
            piece = self._connection.recv(PIECE_BYTES)
            if not piece:
                break
            data += piece
        end = data.find(until) + len(until) if until and until in data else most
        self._unread = bytes(data[end:])
        return bytes(data[:end])


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
