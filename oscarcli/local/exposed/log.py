"""What an exposed service prints: its last lines, with the time of each."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from oscarcli.local import clock

# What the route gives when nobody says, and at most; more is not kept.
DEFAULT_LINES = 200
MAX_LINES = 1000
MAX_LINE_BYTES = 8 << 10
# Who speaks in lines that a real cluster has no line for.
LOCAL_CLUSTER = "local cluster"


class DeploymentLog:
    """The last lines of all containers that a service has had since the server started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[tuple[int, bytes]] = deque(maxlen=MAX_LINES)
        self._open_line = b""

    def write(self, data: bytes) -> None:
        """Add what a service printed."""
        now = time.time_ns()
        with self._lock:
            *whole, rest = (self._open_line + data).split(b"\n")
            self._lines.extend((now, line[:MAX_LINE_BYTES]) for line in whole)
            while len(rest) > MAX_LINE_BYTES:
                # A line without end is shown in pieces, as a kubelet's log has it.
                self._lines.append((now, rest[:MAX_LINE_BYTES]))
                rest = rest[MAX_LINE_BYTES:]
            self._open_line = rest

    def end_line(self) -> None:
        """End a line that is not ended: the next one is another container's."""
        with self._lock:
            if self._open_line:
                self._lines.append((time.time_ns(), self._open_line))
                self._open_line = b""

    def note(self, level: str, message: str) -> None:
        """Add a line of the local cluster's own."""
        self.end_line()
        self.write(f"{LOCAL_CLUSTER} - {level} - {message}\n".encode("utf-8", "backslashreplace"))

    def entries(self, count: int, *, timestamps: bool) -> list[dict[str, Any]]:
        """Return the last lines, as the REST API has them."""
        with self._lock:
            open_line = [(time.time_ns(), self._open_line)] if self._open_line else []
            lines = [*self._lines, *open_line][-count:]
        return [
            {
                **({"timestamp": clock.stamp(moment / 1e9)} if timestamps else {}),
                "message": line.rstrip(b"\r").decode("utf-8", "replace"),
            }
            for moment, line in lines
        ]
