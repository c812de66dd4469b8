"""Carries a plan out, one event a step. A service that fails hides the outcome of no other one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from oscarcli.api.client import Client
from oscarcli.api.responses import UnconfirmedError
from oscarcli.api.services import create_service, delete_service, find_service
from oscarcli.api.system import get_info
from oscarcli.errors import NotFoundError, OscarError, RefusedError, is_general
from oscarcli.fdl.actions import Action
from oscarcli.fdl.compare import compare
from oscarcli.fdl.plan import Existing, Wanted
from oscarcli.fdl.to_server import depends_on_version
from oscarcli.fdl.update import replace_service

# What the server says to a user who is no administrator instead of "not found" (`oscar-api` 3.3, DELETE).
NOT_YOURS = "does not have a registered ConfigMap"

# What it says of a bucket that it has made in another store, after it has made the service (`oscar-api` 5.1).
TAGGING = "Error tagging bucket"

MISSING_HINT = "with --ignore-missing a service that is gone already is no failure"
AGAIN_HINT = "'oscar-cli apply' of the same file goes on from here"

ApplyOutcome = Literal["started", "done", "unchanged", "missing", "failed", "not tried"]
ClientOf = Callable[[str], Client]


@dataclass(frozen=True)
class ApplyEvent:
    """What became of a step.

    Attributes:
        action: the step.
        outcome: what became of it.
        error: why it failed or was not tried.
        remark: what else there is to say about it.
    """

    action: Action
    outcome: ApplyOutcome
    error: OscarError | None = None
    remark: str | None = None


class _UnreachableClusters:
    """Clusters that answer nobody or refuse the login: the rest of their services is not tried."""

    def __init__(self) -> None:
        self.errors: dict[str, OscarError] = {}

    def note(self, cluster_id: str, error: OscarError) -> None:
        """Remember a failure when it concerns the cluster rather than one service."""
        if is_general(error):
            self.errors.setdefault(cluster_id, error)


def read_existing(wanted: Sequence[Wanted], client_of: ClientOf) -> dict[tuple[str, str], Existing]:
    """Ask the clusters which of the services there are; only their clear no counts as no.

    Args:
        wanted: the services with their clusters.
        client_of: gives the client of a cluster.
    """
    lost = _UnreachableClusters()
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
    if not depends_on_version(wanted.service.definition):
        return Existing(document)
    if wanted.cluster_id not in versions:
        versions[wanted.cluster_id] = str(get_info(client).get("version"))
    return Existing(document, version=versions[wanted.cluster_id])


def apply_actions(actions: Sequence[Action], client_of: ClientOf) -> Iterator[ApplyEvent]:
    """Do the steps in order and yield, for each, that it started and what became of it.

    Args:
        actions: the steps; those that already have an error are only reported.
        client_of: gives the client of a cluster.
    """
    run = _Run(client_of)
    for action in actions:
        yield from run.begin(action)
    for action in run.begun:
        yield run.end(action)


class _Run:
    """The steps on their way.

    Attributes:
        begun: services that were created in part and wait for others.
    """

    def __init__(self, client_of: ClientOf) -> None:
        self._client_of = client_of
        self._lost = _UnreachableClusters()
        self._succeeded: set[tuple[str, str]] = set()
        self._failures: dict[tuple[str, str], OscarError] = {}
        self.begun: list[Action] = []

    def begin(self, action: Action) -> Iterator[ApplyEvent]:
        """Do a step, or as much of it as can be done before the services it needs are there."""
        blocked = self._blocked(action)
        if blocked is not None:
            yield blocked
            return
        if action.kind == "none":
            yield self._noted(ApplyEvent(action, "unchanged"))
            return
        yield ApplyEvent(action, "started")
        if action.beginning is None:
            yield self._noted(self._outcome(action, _do))
            return
        event = self._outcome(action, _do_beginning)
        if event.error is not None:
            yield self._noted(event)
        elif all((action.cluster_id, name) in self._succeeded for name in action.needs):
            yield self.end(action)
        else:
            self.begun.append(action)

    def end(self, action: Action) -> ApplyEvent:
        """Complete a service that was created in part."""
        failed = next((name for name in action.needs if (action.cluster_id, name) in self._failures), None)
        if failed is None:
            event = self._outcome(action, _do_rest)
        else:
            event = ApplyEvent(action, "failed", OscarError(f'service "{failed}", which it needs, failed'))
        if event.error is not None:
            event.error.message = (
                f'service "{action.name}" was created without some of its outputs: {event.error.message}'
            )
            event.error.hint = event.error.hint or AGAIN_HINT
        return self._noted(event)

    def _blocked(self, action: Action) -> ApplyEvent | None:
        """Return the event of a step that cannot be done, `None` for any other."""
        if action.error is not None:
            return self._noted(ApplyEvent(action, "failed" if action.tried else "not tried", action.error))
        lost = self._lost.errors.get(action.cluster_id)
        if lost is not None:
            return ApplyEvent(action, "not tried", lost, "the cluster failed before")
        for name in action.needs:
            failure = self._failures.get((action.cluster_id, name))
            if failure is not None:
                remark = f'service "{name}", which has to be there first, failed'
                return self._noted(ApplyEvent(action, "not tried", failure, remark))
        return None

    def _noted(self, event: ApplyEvent) -> ApplyEvent:
        if event.error is None:
            self._succeeded.add(event.action.key)
        else:
            self._failures[event.action.key] = event.error
            if event.remark is None:
                self._lost.note(event.action.cluster_id, event.error)
        return event

    def _outcome(self, action: Action, do: Callable[[Action, Client], str | None]) -> ApplyEvent:
        try:
            remark = do(action, self._client_of(action.cluster_id))
        except OscarError as error:
            is_missing = isinstance(error, NotFoundError) or NOT_YOURS in error.message
            if action.kind == "delete" and is_missing:
                return ApplyEvent(action, "missing", NotFoundError(error.message, hint=MISSING_HINT))
            error.hint = error.hint or _hint(action, error.message)
            return ApplyEvent(action, "failed", error)
        return ApplyEvent(action, "done", remark=remark)


def _do(action: Action, client: Client) -> str | None:
    if action.kind == "delete":
        delete_service(client, action.name)
        return None
    assert action.definition is not None
    if action.kind == "create":
        return _create(action, client)
    return replace_service(client, action.definition, action.version)


def _do_beginning(action: Action, client: Client) -> None:
    assert action.beginning is not None
    create_service(client, action.beginning)


def _do_rest(action: Action, client: Client) -> str | None:
    assert action.definition is not None
    return replace_service(client, action.definition, action.version)


def _create(action: Action, client: Client) -> str | None:
    """Create a service; return a remark when the answer did not say so, and yet it is there."""
    assert action.definition is not None
    try:
        create_service(client, action.definition)
    except (UnconfirmedError, RefusedError) as error:
        is_doubtful = isinstance(error, UnconfirmedError) or TAGGING in error.message
        if not is_doubtful or not _is_as_wanted(action, client):
            raise
        return f"{error.message}; and yet the service is as wanted"
    return None


def _is_as_wanted(action: Action, client: Client) -> bool:
    try:
        stored = find_service(client, action.name)
    except OscarError:
        return False
    assert action.definition is not None
    return stored is not None and not compare(action.definition, stored, action.version).changes


def _hint(action: Action, message: str) -> str | None:
    """Return what to do about a refusal whose words do not say it."""
    if action.kind != "create" or "already exists" not in message:
        return None
    if "bucket" in message:
        return (
            "servers refuse a new service whose bucket is there already; delete the bucket, name another, or "
            "apply one FDL that has the bucket's service, too"
        )
    if "secret" in message:
        return f'delete service "{action.name}" first: its secrets are left over from an earlier attempt'
    return "somebody else has a service of that name; choose another one with --name"
