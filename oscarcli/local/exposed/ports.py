"""At which ports of this machine exposed services are reached."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from oscarcli.local.jobs.engine.base import Engine
from oscarcli.local.options import LOOPBACK

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 -- bound for an instant, to find out whether others listen


class PortError(Exception):
    """A service cannot have its port; the text says why."""


class PortLeases:
    """The ports that this cluster's exposed services use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[int, str] = {}

    @contextmanager
    def lend(self, service: str, wanted: int, engine: Engine) -> Iterator[int]:
        """Give a service a port of this machine for as long as it runs.

        It is any free one where the engine publishes the container's, and the service's own elsewhere.

        Args:
            service: its name.
            wanted: the port that the service listens at.
            engine: what runs it.

        Raises:
            PortError: it is taken, or not ours to take.
        """
        with self._lock:
            port = self._free() if engine.has_own_network else wanted
            if not engine.has_own_network:
                self._check(wanted, engine.name)
            self._users[port] = service
        try:
            yield port
        finally:
            with self._lock:
                del self._users[port]

    def _free(self) -> int:
        while True:
            with socket.create_server((LOOPBACK, 0)) as found:
                port = int(found.getsockname()[1])
            if port not in self._users:
                return port

    def _check(self, port: int, engine: str) -> None:
        shares = f"with the engine {engine} services listen at ports of this machine"
        if port in self._users:
            raise PortError(f'the port {port} is in use by the service "{self._users[port]}"; {shares}')
        try:
            with socket.socket() as probe:
                # Without it connections that ended a moment ago would count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((EVERY_ADDRESS, port))
        except PermissionError as error:
            raise PortError(f"the port {port} is not for programs of yours; {shares}") from error
        except OSError as error:
            raise PortError(f"the port {port} is in use by another program; {shares}") from error
