"""Carries a plan out, one event a step. A service that fails hides the outcome of no other one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from oscarcli.api.client import Client
from oscarcli.api.services import create_service, delete_service, find_service, update_service
from oscarcli.api.system import get_info
from oscarcli.errors import AuthError, ForbiddenError, NotFoundError, OscarError, UnreachableError
from oscarcli.fdl.plan import Action, Existing, Wanted
from oscarcli.fdl.wire import has_ports

# What the server says to a user who is no administrator instead of "not found" (`oscar-api` 3.3, DELETE).
NOT_YOURS = "does not have a registered ConfigMap"

MISSING_HINT = "with --ignore-missing a service that is gone already is no failure"

Outcome = Literal["started", "done", "missing", "failed", "not tried"]
ClientOf = Callable[[str], Client]


@dataclass(frozen=True)
class Event:
    """What became of a step. `error` is there when it failed or was not tried."""

    action: Action
    outcome: Outcome
    error: OscarError | None = None


class _Lost:
    """Clusters that answer nobody or refuse the login: the rest of their services is not tried."""

    def __init__(self) -> None:
        self.errors: dict[str, OscarError] = {}

    def note(self, cluster_id: str, error: OscarError) -> None:
        """Remember a failure when it concerns the cluster rather than one service."""
        is_refused_login = isinstance(error, AuthError) and not isinstance(error, ForbiddenError)
        if is_refused_login or isinstance(error, UnreachableError):
            self.errors.setdefault(cluster_id, error)


def look_up(wanted: Sequence[Wanted], client_of: ClientOf) -> dict[tuple[str, str], Existing]:
    """Ask the clusters which of the services there are; only their clear no counts as no.

    Args:
        wanted: the services with their clusters.
        client_of: gives the client of a cluster.
    """
    lost = _Lost()
    versions: dict[str, str] = {}
    existing: dict[tuple[str, str], Existing] = {}
    for item in wanted:
        error = lost.errors.get(item.cluster_id)
        if error is not None:
            existing[item.key] = Existing(error=error, tried=False)
            continue
        try:
            existing[item.key] = _found(item, client_of(item.cluster_id), versions)
        except OscarError as failure:
            lost.note(item.cluster_id, failure)
            existing[item.key] = Existing(error=failure)
    return existing


def _found(wanted: Wanted, client: Client, versions: dict[str, str]) -> Existing:
    document = find_service(client, wanted.service.name)
    if not has_ports(wanted.service.definition):
        return Existing(document)
    if wanted.cluster_id not in versions:
        versions[wanted.cluster_id] = str(get_info(client).get("version"))
    return Existing(document, version=versions[wanted.cluster_id])


def carry_out(actions: Sequence[Action], client_of: ClientOf) -> Iterator[Event]:
    """Do the steps in order and yield, for each, that it started and what became of it.

    Args:
        actions: the steps; those that already have an error are only reported.
        client_of: gives the client of a cluster.
    """
    lost = _Lost()
    for action in actions:
        if action.error is not None:
            lost.note(action.cluster_id, action.error)
            yield Event(action, "failed" if action.tried else "not tried", action.error)
            continue
        error = lost.errors.get(action.cluster_id)
        if error is not None:
            yield Event(action, "not tried", error)
            continue
        yield Event(action, "started")
        finished = _finished(action, client_of)
        if finished.error is not None:
            lost.note(action.cluster_id, finished.error)
        yield finished


def _finished(action: Action, client_of: ClientOf) -> Event:
    try:
        _do(action, client_of(action.cluster_id))
    except OscarError as error:
        is_missing = isinstance(error, NotFoundError) or NOT_YOURS in error.message
        if action.kind == "delete" and is_missing:
            return Event(action, "missing", NotFoundError(error.message, hint=MISSING_HINT))
        error.hint = error.hint or _hint(action, error.message)
        return Event(action, "failed", error)
    return Event(action, "done")


def _do(action: Action, client: Client) -> None:
    if action.kind == "delete":
        delete_service(client, action.name)
        return
    assert action.definition is not None
    if action.kind == "create":
        create_service(client, action.definition)
    else:
        update_service(client, action.definition)


def _hint(action: Action, message: str) -> str | None:
    """Return what to do about a refusal whose words do not say it."""
    if action.kind != "create" or "already exists" not in message:
        return None
    if "bucket" in message:
        return "servers refuse a new service whose bucket is there already; delete the bucket or name another"
    if "secret" in message:
        return f'delete service "{action.name}" first: its secrets are left over from an earlier attempt'
    return "somebody else has a service of that name; choose another one with --name"
