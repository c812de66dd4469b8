"""Whether an exposed service answers, asked as a real cluster asks it: by HTTP, below status 400.

Delays, periods and the number of failures are those that the manager gives to Kubernetes, or that Kubernetes
takes by itself. Only the first question for readiness comes at once, where a real cluster waits 10 seconds.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from oscarcli.local.options import LOOPBACK
from oscarcli.local.services.exposure import base_path

TIMEOUT_SECONDS = 2.0
READINESS_PERIOD_SECONDS = 5.0
LIVENESS_DELAY_SECONDS = 30.0
LIVENESS_PERIOD_SECONDS = 10.0
# In a row: then a service gets no calls any more, or is killed.
MAX_FAILURES = 3
DIRECT = "direct"


def health_path(definition: Mapping[str, Any]) -> str:
    """Return the path that is asked for."""
    expose = definition["expose"]
    path = "/" + str(expose["health_path"]).removeprefix("/")
    is_direct = str(expose.get("probe_mode") or "").strip().lower() == DIRECT
    return path if is_direct or not expose["rewrite_target"] else base_path(definition["name"]) + path


def why_not_ready(definition: Mapping[str, Any], port: int) -> str | None:
    """Ask a service; return why it is not ready, `None` when it is.

    Args:
        definition: the service.
        port: where it is reached on this machine.
    """
    path = health_path(definition)
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"User-Agent": "kube-probe/1.0", "Connection": "close"})
        status = connection.getresponse().status
    except ConnectionRefusedError:
        return f"nothing listens at its port {definition['expose']['api_port'][0]} yet"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"GET {path} is not answered: {error or type(error).__name__}"
    finally:
        connection.close()
    if status < 400:
        return None
    return f"GET {path} is answered by {status}; a service is ready when expose.health_path is not an error"


class _Probe:
    """One question that is asked again and again.

    Args:
        delay: seconds until the first time.
        period: seconds between two times.
    """

    def __init__(self, delay: float, period: float) -> None:
        self._period = period
        self.due = time.monotonic() + delay
        self._failures = 0

    def count(self, found: str | None) -> bool:
        """Take note of an answer; tell whether the service has failed by now."""
        self.due = max(self.due + self._period, time.monotonic())
        self._failures = self._failures + 1 if found else 0
        return self._failures >= MAX_FAILURES


@contextmanager
def probing(
    definition: Mapping[str, Any],
    port: int,
    ready: Callable[[str | None], None],
    dead: Callable[[str], None],
) -> Iterator[None]:
    """Probe a service for as long as it runs, in a thread.

    Args:
        definition: the service.
        port: where it is reached on this machine.
        ready: is told `None` each time it is ready, and why it is not when it has not been for some time.
        dead: is told why it is to be killed.
    """
    ended = threading.Event()

    def probe() -> None:
        readiness = _Probe(READINESS_PERIOD_SECONDS, READINESS_PERIOD_SECONDS)
        liveness = _Probe(LIVENESS_DELAY_SECONDS, LIVENESS_PERIOD_SECONDS)
        while not ended.wait(max(min(readiness.due, liveness.due) - time.monotonic(), 0)):
            chosen = readiness if readiness.due <= liveness.due else liveness
            found = why_not_ready(definition, port)
            has_failed = chosen.count(found)
            if ended.is_set():
                return
            if chosen is liveness and has_failed:
                dead(f"{found}, {MAX_FAILURES} times in a row, so it was ended, as on a real cluster")
                return
            if chosen is readiness and (has_failed or found is None):
                ready(found)

    threading.Thread(target=probe, name=f"probes-{definition['name']}", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
