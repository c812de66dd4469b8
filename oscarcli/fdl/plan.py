"""What has to be done for an FDL, before anything is: pure functions of what is wanted and what is there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oscarcli.config.model import Cluster, Configuration
from oscarcli.errors import ConfigError, OscarError
from oscarcli.fdl.actions import Action, ActionKind
from oscarcli.fdl.compare import compare
from oscarcli.fdl.ordering import in_order
from oscarcli.fdl.service import ServiceDefinition
from oscarcli.fdl.to_server import reads_old_keys, to_server

# The key of an FDL that stands for whatever cluster is the default.
DEFAULT_KEY = "default-cluster"


@dataclass(frozen=True)
class Wanted:
    """A service and the cluster it goes to."""

    cluster_id: str
    service: ServiceDefinition

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it: cluster and name."""
        return (self.cluster_id, self.service.name)


@dataclass(frozen=True)
class Existing:
    """What is known of a wanted service on its cluster.

    Attributes:
        document: what the server has; `None` when it has nothing.
        error: why it is not known; then `document` says nothing.
        tried: whether the server was asked at all.
        version: the server's version, where it matters.
    """

    document: Mapping[str, Any] | None = None
    error: OscarError | None = None
    tried: bool = True
    version: str | None = None


def targets(
    services: Sequence[ServiceDefinition],
    config: Configuration,
    *,
    cluster_id: str | None = None,
    use_default: bool = False,
) -> list[Wanted]:
    """Return each service with its cluster (`cli-surface` 5.3).

    Args:
        services: those of a file.
        config: the clusters on record.
        cluster_id: a cluster for all of them, whatever the file says.
        use_default: send all of them to the default cluster; goes before `cluster_id`.

    Raises:
        ConfigError: a cluster is not on record, or a service would go to one cluster twice.
    """
    wanted = [Wanted(_target(service, config, cluster_id, use_default), service) for service in services]
    first: dict[tuple[str, str], int] = {}
    for item in wanted:
        config.cluster(item.cluster_id)
        if item.key in first:
            raise ConfigError(
                f'service "{item.service.name}" is in the FDL twice for cluster "{item.cluster_id}", '
                f"on lines {first[item.key]} and {item.service.line}",
                hint="leave --cluster and --default away, or rename one",
            )
        first[item.key] = item.service.line
    return [_addressed(item) for item in wanted]


def _target(
    service: ServiceDefinition, config: Configuration, cluster_id: str | None, use_default: bool
) -> str:
    if cluster_id and not use_default:
        return cluster_id
    if not use_default and service.cluster_key != DEFAULT_KEY:
        return service.cluster_key
    if not config.default:
        raise config.nothing_chosen()
    return config.default


def _addressed(wanted: Wanted) -> Wanted:
    definition = {**wanted.service.definition, "cluster_id": wanted.cluster_id}
    return replace(wanted, service=replace(wanted.service, definition=definition))


def with_logins(
    wanted: Sequence[Wanted],
    existing: Mapping[tuple[str, str], Existing],
    clusters: Mapping[str, Cluster],
    complete: Callable[[Cluster], Cluster] = lambda cluster: cluster,
) -> tuple[list[Wanted], dict[str, list[str]]]:
    """Give the services that delegate to other clusters the logins they need, and no other service any.

    Everybody who may read a service can read them (`cli-surface` D19). A login that the FDL itself carries
    under `clusters` stays as it is.

    Args:
        wanted: the services.
        existing: what is known of each, by `Wanted.key`: of its cluster's version, above all.
        clusters: those on record, by id.
        complete: gives an entry its password, which may be kept elsewhere.

    Returns:
        The services, and the ids of the clusters whose logins were added, by service.
    """
    added: dict[str, list[str]] = {}
    result = []
    for item in wanted:
        given = item.service.definition.get("clusters") or {}
        missing = [
            key
            for key in _delegates(item, existing[item.key].version)
            if key in clusters and key not in given
        ]
        if missing:
            added[item.service.name] = missing
            logins = {**given, **{key: _login(complete(clusters[key])) for key in missing}}
            definition = {**copy.deepcopy(item.service.definition), "clusters": logins}
            item = replace(item, service=replace(item.service, definition=definition))  # noqa: PLW2901
        result.append(item)
    return result, added


def _delegates(wanted: Wanted, version: str | None) -> list[str]:
    """Return the clusters that a service sends jobs to; in a mesh its own one is such a cluster, too."""
    definition = wanted.service.definition
    federation = definition.get("federation") or {}
    members = [*(federation.get("members") or []), *_old_members(definition, version)]
    found = [member["cluster_id"] for member in members if member.get("cluster_id")]
    if found and federation.get("topology") == "mesh":
        found.append(wanted.cluster_id)
    return list(dict.fromkeys(found))


def _old_members(definition: Mapping[str, Any], version: str | None) -> list[Mapping[str, Any]]:
    """Return the members in their old place; a server that does not read it needs no logins for them."""
    return list(definition.get("replicas") or []) if reads_old_keys(version) else []


def _login(cluster: Cluster) -> dict[str, Any]:
    is_basic = cluster.login == "basic"
    return {
        "endpoint": cluster.endpoint,
        "auth_user": cluster.auth_user if is_basic else "",
        "auth_password": cluster.auth_password if is_basic else "",
        "ssl_verify": cluster.ssl_verify,
    }


def plan(
    wanted: Sequence[Wanted], existing: Mapping[tuple[str, str], Existing], *, force: bool = False
) -> list[Action]:
    """Return the steps: create what is not there, edit what differs, leave the rest alone.

    They are in file order, but for services that share buckets (`ordering.py`).

    Args:
        wanted: the services with their clusters.
        existing: what is known of each, by `Wanted.key`.
        force: edit what does not differ, too.
    """
    steps = [_step(item, existing[item.key], force) for item in wanted]
    ordered: dict[str, list[Action]] = {}
    for cluster_id in dict.fromkeys(step.cluster_id for step in steps if step.kind != "check"):
        mine = [step for step in steps if step.cluster_id == cluster_id and step.kind != "check"]
        stored = [existing[step.key].document for step in mine]
        ordered[cluster_id] = in_order(mine, [document for document in stored if document is not None])
    # The clusters keep their places in the file among each other, and so do failures.
    return [step if step.kind == "check" else ordered[step.cluster_id].pop(0) for step in steps]


def _step(wanted: Wanted, existing: Existing, force: bool) -> Action:
    action = Action(
        "check", wanted.cluster_id, wanted.service.name, version=existing.version, error=existing.error
    )
    if existing.error is not None:
        return replace(action, tried=existing.tried)
    stored = existing.document
    try:
        definition = to_server(wanted.service.definition, stored, existing.version)
    except OscarError as error:
        return replace(action, error=error)
    action = replace(action, kind="create", definition=definition)
    if stored is None:
        return action
    comparison = compare(definition, stored, existing.version)
    kind: ActionKind = "edit" if force or comparison.needs_write else "none"
    return replace(action, kind=kind, comparison=comparison)
