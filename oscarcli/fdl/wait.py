"""Waits until services can be used, as far as the server can tell (`oscar-api` 3.5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

from oscarcli.api.client import Client
from oscarcli.api.deployments import get_deployment, get_deployment_logs
from oscarcli.api.responses import NoRouteError, ServerError
from oscarcli.api.services import get_service
from oscarcli.api.system import get_info
from oscarcli.errors import OscarError, UnreachableError
from oscarcli.polling import Poll

# Seconds between two looks; a failure is told two seconds after the server knows of it at the latest.
PAUSE_SECONDS = 0.5
# So long an updated service has to stay ready: for a moment the server shows the state of what it was.
SETTLE_SECONDS = 1.0
# Lines of the deployment's log that are shown of one that failed.
LOG_LINES = 20
MAX_CONCURRENT_REQUESTS = 8

WaitOutcome = Literal["waiting", "ready", "failed"]


@dataclass(frozen=True)
class Awaited:
    """A service that is waited for; `updated` when it was there before."""

    cluster_id: str
    name: str
    definition: Mapping[str, Any]
    updated: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it: cluster and name."""
        return (self.cluster_id, self.name)


@dataclass(frozen=True)
class ServiceUpdate:
    """What a look at a service showed.

    Attributes:
        service: the service.
        outcome: whether it is worth to go on waiting.
        state: the server's word for its state; `unknown` when it did not answer.
        reason: the server's reason, or why it did not answer.
        error: why the wait is over without success.
        log: the last lines of the deployment's log, of one that failed.
    """

    service: Awaited
    outcome: WaitOutcome
    state: str
    reason: str = ""
    error: OscarError | None = None
    log: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """State and reason."""
        return f"{self.state} ({self.reason})" if self.reason else self.state


def wait_until_ready(
    services: Sequence[Awaited], client_of: Callable[[str], Client], seconds: float
) -> Iterator[ServiceUpdate]:
    """Yield each change of a service's state, the last of each with an outcome.

    Args:
        services: what to wait for.
        client_of: gives the client of a cluster.
        seconds: how long to wait at most, for all of them.
    """
    # Clients are made here: threads share them, but must not race to make them.
    clients = {service.cluster_id: client_of(service.cluster_id) for service in services}
    wait = _Wait(services, clients, seconds)
    if len(services) == 1:
        yield from wait.run(map)
        return
    pool = ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS)
    try:
        yield from wait.run(pool.map)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Wait:
    """The services that are not ready yet, and what was told of them."""

    def __init__(self, services: Sequence[Awaited], clients: Mapping[str, Client], seconds: float) -> None:
        self._waiting = list(services)
        self._clients = clients
        self._seconds = seconds
        self._poll = Poll(PAUSE_SECONDS, limit=seconds)
        self._ready_since: dict[tuple[str, str], float] = {}
        self._told: dict[tuple[str, str], str] = {}

    def run(self, map_looks: Callable[..., Iterable[ServiceUpdate]]) -> Iterator[ServiceUpdate]:
        """Look at all that are waited for until there are none."""
        while self._waiting:
            for seen in list(map_looks(self._look, self._waiting)):
                update = self._judged(seen)
                if update.outcome != "waiting":
                    self._waiting.remove(update.service)
                elif self._told.get(update.service.key) == update.text:
                    continue
                self._told[update.service.key] = update.text
                yield update
            if self._waiting:
                self._poll.wait()

    def _look(self, service: Awaited) -> ServiceUpdate:
        return _look(self._clients[service.cluster_id], service)

    def _judged(self, update: ServiceUpdate) -> ServiceUpdate:
        """Return a sight with the outcome that time gives it, and the log of one that failed."""
        now, key = time.monotonic(), update.service.key
        if update.outcome != "ready":
            self._ready_since.pop(key, None)
        elif update.service.updated and now - self._ready_since.setdefault(key, now) < SETTLE_SECONDS:
            update = replace(update, outcome="waiting", reason=update.reason or "just updated")
        if update.outcome == "waiting" and self._poll.left == 0:
            update = replace(update, outcome="failed", error=_too_late(update, self._seconds))
        if update.outcome != "failed":
            return update
        return replace(update, log=_last_lines(self._clients[update.service.cluster_id], update.service.name))


def _look(client: Client, service: Awaited) -> ServiceUpdate:
    try:
        found = get_deployment(client, service.name)
    except NoRouteError:
        return _look_without_deployment(client, service)
    except (UnreachableError, ServerError) as error:
        return ServiceUpdate(service, "waiting", "unknown", error.message)
    except OscarError as error:
        return ServiceUpdate(service, "failed", "unknown", error.message, error)
    state, reason = str(found.get("state") or "unknown"), str(found.get("reason") or "")
    if state == "ready" or (state == "stopped" and _sleeps(service)):
        return ServiceUpdate(service, "ready", state, reason)
    if state == "unavailable" and _has_no_deployment(client, service):
        return ServiceUpdate(service, "ready", state, "it runs jobs only")
    if state in ("failed", "stopped"):
        return ServiceUpdate(service, "failed", state, reason, _failure(service, state, reason))
    return ServiceUpdate(service, "waiting", state, reason)


def _look_without_deployment(client: Client, service: Awaited) -> ServiceUpdate:
    """Look at a service on a server that tells no states: one that is there is as ready as can be told."""
    try:
        get_service(client, service.name)
    except (UnreachableError, ServerError) as error:
        return ServiceUpdate(service, "waiting", "unknown", error.message)
    except OscarError as error:
        return ServiceUpdate(service, "failed", "unknown", error.message, error)
    return ServiceUpdate(service, "ready", "created", "the server is too old to tell more")


def _sleeps(service: Awaited) -> bool:
    """Tell whether a service that nothing runs for starts by itself when it is called."""
    kserve = service.definition.get("kserve") or {}
    return bool(kserve) and not kserve.get("min_scale")


def _has_no_deployment(client: Client, service: Awaited) -> bool:
    """Tell whether there is nothing to wait for: on a server without Knative a service is a plan for jobs."""
    ports = (service.definition.get("expose") or {}).get("api_port")
    if (any(ports) if isinstance(ports, list) else ports) or service.definition.get("kserve"):
        return False
    try:
        return not get_info(client).get("serverless_backend")
    except OscarError:
        return False


def _failure(service: Awaited, state: str, reason: str) -> OscarError:
    name = service.name
    because = f": {reason}" if reason else ""
    if state == "stopped":
        hint = f"'oscar-cli service start {name}' starts it"
        return OscarError(f'service "{name}" is stopped{because}', hint=hint)
    hint = f"'oscar-cli service deployment logs {name}' shows more of what it wrote"
    return OscarError(f'service "{name}" failed{because}', hint=hint)


def _too_late(update: ServiceUpdate, seconds: float) -> OscarError:
    return UnreachableError(
        f'service "{update.service.name}" is not ready after {seconds:g} s: {update.text}',
        hint="--timeout SECONDS waits longer; "
        f"'oscar-cli service deployment status {update.service.name}' shows how it goes on",
    )


def _last_lines(client: Client, name: str) -> tuple[str, ...]:
    try:
        entries = get_deployment_logs(client, name, tail=LOG_LINES).get("entries") or []
    except OscarError:
        return ()
    lines = [str(entry.get("message") or "").rstrip("\n") for entry in entries if isinstance(entry, dict)]
    return tuple(lines[-LOG_LINES:])
