"""The log of invocations that `GET /system/logs` shows: calls of `/job` and `/run`."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from oscarcli.local import clock
from oscarcli.local.http.messages import Request

# The manager's log lives as long as its pod; ours as long as the server, and not longer than this.
MAX_ENTRIES = 1000


class RequestLog:
    """Remembers the latest invocations."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=MAX_ENTRIES)

    def add(self, request: Request, status: int, seconds: float, user: str) -> None:
        """Remember a call.

        Args:
            request: the call.
            status: of the answer.
            seconds: how long it took.
            user: as the manager names the caller: `oscar` for synchronous calls, `nil` for jobs.
        """
        moment = time.time_ns()
        latency = _go_duration(seconds)
        date = clock.stamp(moment // 1_000_000_000).rstrip("Z").replace("-", "/").replace("T", " - ")
        entry = {
            "timestamp": clock.full(moment),
            "status": status,
            "latency": latency,
            "client_ip": request.remote_ip,
            "method": request.method,
            "path": request.path,
            "user": user,
            "raw": f"[GIN-EXECUTIONS-LOGGER] {date} | {status} | {latency} | {request.remote_ip} | "
            f"{request.method} {request.path} | {user}",
        }
        with self._lock:
            self._entries.append(entry)

    def entries(self) -> list[dict[str, Any]]:
        """Return what is remembered, oldest first."""
        with self._lock:
            return list(self._entries)


def _go_duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.3f}µs"
    return f"{seconds * 1e3:.6f}ms" if seconds < 1 else f"{seconds:.9f}s"
