"""Ports for servers that have to know theirs before they listen."""

from __future__ import annotations

import random
import socket

# The system gives those above to whoever asks for any, local clusters take theirs from 20,000 on, and
# browsers refuse one below: nobody else takes a port of these before its server has begun to listen.
PORTS = range(11_000, 20_000)
# Somebody may have one in mind without listening there.
_given: set[int] = set()


def free_port() -> int:
    """Return a port that nobody uses, and that was not returned before."""
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise AssertionError("all ports are in use")
