"""Names of clusters on record, and of what is on a cluster; left out when to ask for them takes long."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from oscarcli.output.terminal import clean
from oscarcli.threads import within

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.config.file import ConfigFile
    from oscarcli.config.model import Configuration

Pair = tuple[str, str]
# Names of services, jobs, buckets and volumes; no server makes others.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def names_within(deadline: float, environ: Mapping[str, str]) -> Callable[..., Iterable[Pair]]:
    """Return what tells names of things: see `Names` in `oscarcli.cli.completion.complete`.

    Args:
        deadline: the moment, of `time.monotonic`, at which names that are not there yet are none.
        environ: environment variables, OSCAR_CLI_CONFIG and OSCAR_CLI_CLUSTER among them.
    """

    def names(kind: str, chosen: Sequence[str], given: Mapping[str, str]) -> list[Pair]:
        found: list[Pair] = []
        with suppress(TimeoutError):
            left = max(0.0, deadline - time.monotonic())
            found = within(left, lambda: _asked(kind, chosen, given, environ, deadline))
        return [(name, clean(about)) for name, about in found if _can_be_typed(name, kind)]

    return names


def _can_be_typed(name: str, kind: str) -> bool:
    """Tell whether a name may stand on somebody's command line: a server's must mean nothing to a shell."""
    return bool(name) and (name.isprintable() if kind == "cluster" else NAME.fullmatch(name) is not None)


def _asked(
    kind: str,
    chosen: Sequence[str],
    given: Mapping[str, str],
    environ: Mapping[str, str],
    deadline: float,
) -> list[Pair]:
    try:
        configuration = _configuration(given, environ)
        if kind == "cluster":
            return [(cluster.identifier, cluster.endpoint) for cluster in configuration.clusters.values()]
        with _client(configuration, given, environ, deadline) as client:
            return _ON_CLUSTER[kind](client, chosen)
    except Exception:  # noqa: BLE001 -- nothing that goes wrong may show in the middle of somebody's typing
        return []


def _configuration(given: Mapping[str, str], environ: Mapping[str, str]) -> Configuration:
    from oscarcli.config.environment import with_environment

    return with_environment(_file(given, environ).read(tighten=False), environ)


def _file(given: Mapping[str, str], environ: Mapping[str, str]) -> ConfigFile:
    from pathlib import Path

    from oscarcli.config.file import ConfigFile

    named = given.get("--config") or environ.get("OSCAR_CLI_CONFIG") or "~/.oscar-cli/config.yaml"
    return ConfigFile(Path(named).expanduser())


def _client(
    configuration: Configuration, given: Mapping[str, str], environ: Mapping[str, str], deadline: float
) -> Client:
    from oscarcli.api.auth import kept_auth_for
    from oscarcli.api.client import Client
    from oscarcli.config.environment import chosen_cluster
    from oscarcli.config.private import cache_folder
    from oscarcli.config.secrets import Vault
    from oscarcli.login.logins import Logins

    cluster = chosen_cluster(given.get("--cluster"), environ, lambda: configuration)
    logins = Logins(Vault(_file(given, environ), folder=cache_folder(environ)), environ)
    seconds = max(0.1, deadline - time.monotonic())
    return Client(
        cluster.endpoint, kept_auth_for(cluster, logins), tls=cluster.tls, timeout=seconds, retries=False
    )


def _services(client: Client, _: Sequence[str]) -> list[Pair]:
    from oscarcli.api.services import list_services

    return [(str(one.get("name")), str(one.get("image") or "")) for one in list_services(client)]


def _jobs(client: Client, chosen: Sequence[str]) -> list[Pair]:
    from oscarcli.api.jobs import list_jobs

    if not chosen:
        return []
    return [(name, str(job.get("status") or "")) for name, job in list_jobs(client, chosen[0]).items()]


def _buckets(client: Client, _: Sequence[str]) -> list[Pair]:
    from oscarcli.api.buckets import bucket_name, list_buckets

    return [(bucket_name(one), str(one.get("visibility") or "")) for one in list_buckets(client)]


def _volumes(client: Client, _: Sequence[str]) -> list[Pair]:
    from oscarcli.api.volumes import list_volumes

    return [(str(one.get("name")), str(one.get("size") or "")) for one in list_volumes(client)]


_ON_CLUSTER: Mapping[str, Callable[[Any, Sequence[str]], list[Pair]]] = {
    "service": _services,
    "job": _jobs,
    "bucket": _buckets,
    "volume": _volumes,
}
