"""Who else runs a service: members are stored and shown, and told of it where there is a topology.

The rules of the four verbs are the manager's (`oscar-api` 3.6, 4.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oscarcli.local.services.definition import Definition
from oscarcli.local.services.table import Services
from oscarcli.local.state import State

Member = dict[str, Any]
Request = Mapping[str, Any]


STATIC, RANDOM, LOAD_BASED, TOPSIS = "static", "random", "load-based", "topsis"
DELEGATIONS = (STATIC, RANDOM, LOAD_BASED, TOPSIS)
TOPOLOGIES = ("star", "mesh")
# The type of members that are services of clusters; others are endpoints.
OSCAR = "oscar"
# Of a service that was made by another cluster's.
ANNOTATION = "oscar.grycap/federation-worker"


def is_worker(definition: Definition) -> bool:
    """Tell whether a service was made by that of another cluster, which looks after the members."""
    return str(definition["annotations"].get(ANNOTATION, "")) == "true"


def is_delegating(definition: Definition) -> bool:
    """Tell whether jobs of a service go to members; without a topology they are no more than a list."""
    federation = definition.get("federation") or {}
    return bool(federation.get("members")) and str(federation.get("topology", "")).lower() in TOPOLOGIES


def is_service(member: Member) -> bool:
    """Tell whether a member is a service of a cluster."""
    return str(member["type"]).lower() == OSCAR


def delegation_of(definition: Definition) -> str:
    """Return how a service's members are chosen, in lower case."""
    federation = definition.get("federation") or {}
    return str(federation.get("delegation") or STATIC).strip().lower()


def refresh_token_of(definition: Definition) -> str:
    """Return the token by which tokens for the members' clusters are got; empty without one."""
    return str(definition["environment"]["secrets"].get("refresh_token", "")).strip()


def complete_federation(definition: Definition) -> None:
    """Fill in the defaults of a service's federation, if it has one."""
    federation = definition.get("federation")
    if federation is not None:
        federation["group_id"] = federation.get("group_id") or definition["name"]
        federation["topology"] = federation.get("topology") or "none"


def federation_of(definition: Definition) -> dict[str, Any]:
    """Return topology and members as the API shows them."""
    federation = definition.get("federation") or {}
    return {"topology": federation.get("topology") or "none", "members": federation.get("members") or None}


class Federations:
    """Changes the members of services.

    Every change is handed the decoded request and returns the definition as it is then, `None` when there
    is no such service.

    Args:
        state: the database.
        services: the table of services.
    """

    def __init__(self, state: State, services: Services) -> None:
        # What `any_delegating` has found, and at which revision of the services.
        self._known = (-1, False)
        self._state = state
        self._services = services

    def any_delegating(self) -> bool:
        """Tell whether jobs of a service may go to members; asks the database after a change only."""
        revision = self._services.revision
        if self._known[0] != revision:
            self._known = (revision, any(is_delegating(each) for each in self._services.all()))
        return self._known[1]

    def add(self, service: str, request: Request) -> Definition | None:
        """Append members; one that is there already is there twice then, as with the manager."""
        with self._state.transaction():
            definition = self._services.get(service)
            if definition is None:
                return None
            return self._stored(definition, [*_members(definition), *request["members"]], request)

    def replace(self, service: str, request: Request) -> Definition | None:
        """Put the first of `update` in the place of every stored member that is among `members`."""
        with self._state.transaction():
            definition = self._services.get(service)
            if definition is None:
                return None
            meant = _identities(request["members"])
            new = request["update"][:1]
            members = [
                new[0] if new and _identity(member) in meant else member for member in _members(definition)
            ]
            return self._stored(definition, members, request)

    def remove(self, service: str, request: Request) -> tuple[Definition | None, list[str]]:
        """Remove members; return the definition, and the names of services that are to be deleted, too."""
        with self._state.transaction():
            definition = self._services.get(service)
            if definition is None:
                return None, []
            meant = _identities(request["members"])
            members = _members(definition)
            removed = [member for member in members if _identity(member) in meant]
            stored = self._stored(definition, [one for one in members if one not in removed], request)
            return stored, self._local_services(definition, removed) if request["delete"] else []

    def _local_services(self, definition: Definition, removed: list[Member]) -> list[str]:
        names = dict.fromkeys(member["service_name"] for member in removed)
        found = (self._services.get(name) for name in names)
        return [one["name"] for one in found if one and one["namespace"] == definition["namespace"]]

    def _stored(self, definition: Definition, members: list[Member], request: Request) -> Definition:
        federation = definition.get("federation") or {"group_id": "", "topology": ""}
        federation.pop("members", None)
        definition["federation"] = {**federation, **({"members": members} if members else {})}
        complete_federation(definition)
        clusters = {**definition.get("clusters", {}), **request["clusters"]}
        if clusters:
            definition["clusters"] = clusters
        if request["storage_providers"] is not None:
            definition["storage_providers"] = _with_own_store(definition, request["storage_providers"])
        self._services.put(definition)
        return definition


def _with_own_store(definition: Definition, providers: Mapping[str, Any]) -> dict[str, Any]:
    """Return other providers with the cluster's own store among them, which nobody can replace here."""
    own = definition["storage_providers"]["minio"]["default"]
    return {**providers, "minio": {**providers.get("minio", {}), "default": own}}


def _members(definition: Definition) -> list[Member]:
    return list((definition.get("federation") or {}).get("members") or [])


def _identity(member: Member) -> tuple[str, str, str]:
    return member["type"].lower(), member["cluster_id"], member["service_name"]


def _identities(members: list[Member]) -> set[tuple[str, str, str]]:
    return {_identity(member) for member in members}
