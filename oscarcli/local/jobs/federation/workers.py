"""The services that take jobs of another one: made, changed and withdrawn at their clusters.

As the manager does it (`oscar-api` 3.6), with the definition of the service under the member's name.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from oscarcli.local.answers import ApiError
from oscarcli.local.jobs.federation.remote import (
    RemoteCluster,
    RemoteError,
    cluster_of,
    failure,
    not_defined,
    service_path,
)
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import ANNOTATION, OSCAR, Member, is_delegating, is_service, is_worker

log = logging.getLogger(__name__)

ORIGIN_CLUSTER, ORIGIN_SERVICE = "oscar.grycap/origin-cluster", "oscar.grycap/origin-service"

OwnStore = Callable[[Definition], dict[str, Any]]
"""Returns the storage provider by which others reach a service's objects."""


class FederationWorkers:
    """Spreads services over the members of their federations.

    Args:
        own_store: tells how members reach the objects of a service.
    """

    def __init__(self, own_store: OwnStore) -> None:
        self._own_store = own_store

    def check(self, definition: Definition, token: str) -> None:
        """Make sure that all members take the login. Raises ApiError 401 with what they say."""
        problems = []
        for member, cluster in _members(definition, token):
            if cluster is None:
                problems.append(not_defined(member))
                continue
            try:
                status, _ = cluster.ask("GET", service_path(member["service_name"]))
            except RemoteError as error:
                problems.append(f"auth check failed: {error}")
                continue
            if status in (401, 403) or status >= 500:
                problems.append(f'auth rejected by cluster "{cluster.identifier}" (status {status})')
        if problems:
            raise ApiError(401, f"federation auth failed: {_listed(problems)}")

    def create(self, definition: Definition, token: str) -> list[str]:
        """Make the service at all members; when one fails, withdraw the others and say what failed."""
        made: list[tuple[Member, RemoteCluster]] = []
        for member, cluster in _members(definition, token):
            problem = self._send("POST", definition, member, cluster)
            if problem is None and cluster is not None:
                made.append((member, cluster))
            elif problem is not None:
                _withdraw(made)
                return [problem]
        return []

    def update(self, definition: Definition, token: str) -> None:
        """Change the service at all members, and make it where it is not yet.

        Raises:
            ApiError: 200, as the manager has it, with the members that could not be told.
        """
        problems = []
        for member, cluster in _members(definition, token):
            problem = self._send("PUT", definition, member, cluster)
            if problem is not None:
                problems.append(problem)
        if problems:
            raise ApiError(200, f"Updated with federation warnings: {_listed(problems)}")

    def _send(
        self, method: str, definition: Definition, member: Member, cluster: RemoteCluster | None
    ) -> str | None:
        if cluster is None:
            return not_defined(member)
        worker = self._worker(definition, member)
        try:
            status, body = cluster.ask(method, "/system/services", worker)
            if (method, status) == ("PUT", 404):
                status, body = cluster.ask("POST", "/system/services", worker)
        except RemoteError as error:
            return f"request failed: {error}"
        return failure(status, body) if status >= 400 else None

    def _worker(self, definition: Definition, member: Member) -> Definition:
        """Return the definition of a member's service."""
        worker = copy.deepcopy(definition)
        federation = worker.pop("federation")
        own = definition["cluster_id"]
        worker["annotations"] = {**worker["annotations"], ANNOTATION: "true"}
        if own:
            worker["annotations"] |= {ORIGIN_CLUSTER: own, ORIGIN_SERVICE: definition["name"]}
            # Events name objects of this cluster's store; whoever gets one has to reach them.
            stores = worker["storage_providers"].setdefault("minio", {})
            stores.setdefault(own, self._own_store(definition))
        # Each cluster has its own.
        worker["storage_providers"].get("minio", {}).pop("default", None)
        for entry in worker.get("clusters", {}).values():
            entry.update(auth_user="", auth_password="")
        members = _peers(definition, member) if federation["topology"].lower() == "mesh" else []
        if not members:
            # It hands nothing on, so it needs no access to other clusters.
            worker["environment"]["secrets"].pop("refresh_token", None)
        worker["federation"] = {**federation, "members": members}
        worker.update(name=member["service_name"], cluster_id=member["cluster_id"], namespace="", owner="")
        return worker


def _peers(definition: Definition, member: Member) -> list[Member]:
    """Return the members that a member has in a mesh: the service itself, and the others."""
    origin = {
        "type": OSCAR,
        "cluster_id": definition["cluster_id"],
        "service_name": definition["name"],
        "url": "",
        "ssl_verify": True,
        "priority": 0,
        "headers": None,
    }
    others = [one for one in definition["federation"]["members"] if one != member]
    return [*([origin] if definition["cluster_id"] else []), *others]


def _members(definition: Definition, token: str) -> Iterator[tuple[Member, RemoteCluster | None]]:
    """Yield the members that are services, with their clusters, `None` for one that is not defined."""
    if not is_delegating(definition) or is_worker(definition):
        return
    for member in filter(is_service, definition["federation"]["members"]):
        yield member, cluster_of(definition, member, token)


def _withdraw(made: Iterable[tuple[Member, RemoteCluster]]) -> None:
    for member, cluster in made:
        try:
            status, body = cluster.ask("DELETE", service_path(member["service_name"]))
        except RemoteError as error:
            log.warning('service "%s" stays at %s: %s', member["service_name"], cluster.identifier, error)
            continue
        if status >= 400 and status != 404:
            told = failure(status, body)
            log.warning('service "%s" stays at %s: %s', member["service_name"], cluster.identifier, told)


def _listed(problems: Iterable[str]) -> str:
    """Return problems as Go prints a list."""
    return f"[{' '.join(problems)}]"
