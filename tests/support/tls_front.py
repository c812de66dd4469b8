"""TLS in front of a server that speaks none, as a gateway puts it there."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PIECE = 1 << 16


@dataclass
class Front:
    """Where it listens, and what it saw.

    Attributes:
        port: on loopback.
        shown: for each connection, whom the client's certificate is for; empty without one.
    """

    port: int
    shown: list[str] = field(default_factory=list)


@contextmanager
def tls_front(context: ssl.SSLContext, port: int) -> Iterator[Front]:
    """Serve a port of this machine with TLS on another one."""
    listener = socket.create_server(("127.0.0.1", 0))
    front = Front(listener.getsockname()[1])
    serving = threading.Thread(target=_serve, args=(listener, context, port, front), daemon=True)
    serving.start()
    try:
        yield front
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        serving.join()


def _serve(listener: socket.socket, context: ssl.SSLContext, port: int, front: Front) -> None:
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return
        threading.Thread(target=_connect, args=(client, context, port, front), daemon=True).start()


def _connect(client: socket.socket, context: ssl.SSLContext, port: int, front: Front) -> None:
    with contextlib.suppress(OSError), client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with (
            context.wrap_socket(client, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", port)) as server,
        ):
            certificate: dict[str, Any] = secure.getpeercert() or {}
            subject = dict(part[0] for part in certificate.get("subject", ()))
            front.shown.append(str(subject.get("commonName", "")))
            back = threading.Thread(target=_copy, args=(server, secure), daemon=True)
            back.start()
            _copy(secure, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(PIECE):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
