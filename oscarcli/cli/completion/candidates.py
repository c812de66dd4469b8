"""Names of clusters on record, and of what is on a cluster; left out when to ask for them takes long."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from oscarcli.cli.completion.name_cache import NameCache
from oscarcli.config.private import cache_home
from oscarcli.errors import UnreachableError
from oscarcli.output.terminal import clean
from oscarcli.threads import within

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.config.file import ConfigFile
    from oscarcli.config.model import Cluster, Configuration

Pair = tuple[str, str]
# Names of services, jobs, buckets and volumes; no server makes others.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Objects can be called anything: those with a character that could mean something to a shell are left out.
OBJECT = re.compile(r"[A-Za-z0-9][\w ./@%+=,:-]*")
# Kinds of folders that a service has.
SIDES = ("input", "output")
# A cluster that does not answer by then is slow, when there are names that it told a moment ago.
REMEMBERED_SECONDS = 0.3
# Whoever waits for the names ends the waiting, not the connection: that tells slow from away.
REST_SECONDS = 1.0


class NameSource:
    """Tells names of things: see `Names` in `oscarcli.cli.completion.line`.

    Args:
        deadline: the moment, of `time.monotonic`, at which names that are not there yet are none.
        environ: environment variables, OSCAR_CLI_CONFIG and OSCAR_CLI_CLUSTER among them.
        fill: has the same names asked for in the background, for the next Tab; `None` where this is that.
    """

    def __init__(
        self, deadline: float, environ: Mapping[str, str], fill: Callable[[], None] | None = None
    ) -> None:
        self._deadline, self._environ, self._fill = deadline, environ, fill

    def __call__(self, kind: str, chosen: Sequence[str], given: Mapping[str, str]) -> list[Pair]:
        """Return the names of a kind, each with a word about it; nothing at all when anything goes wrong."""
        found: list[Pair] = []
        with suppress(Exception):
            # Nothing that goes wrong may show in the middle of somebody's typing.
            found = self._found(kind, chosen, given)
        return [(name, clean(about)) for name, about in found if _can_be_typed(name, kind)]

    def _found(self, kind: str, chosen: Sequence[str], given: Mapping[str, str]) -> list[Pair]:
        # A file system can be away, too.
        configuration = within(self._left(), lambda: _configuration(given, self._environ))
        if kind == "cluster":
            return [(cluster.identifier, cluster.endpoint) for cluster in configuration.clusters.values()]
        ask = _ON_CLUSTER[kind]
        if kind == "object":
            service, provider, typed = chosen
            chosen = [service, provider, typed[: typed.rfind("/") + 1], typed]
        elif kind not in ("job", "provider", *SIDES):
            chosen = []
        cluster = _cluster(configuration, given, self._environ)
        cache = NameCache(cache_home(self._environ), cluster, kind, *chosen[:3])

        def asked() -> list[Pair]:
            with _client(cluster, given, self._environ, self._left()) as client:
                names = ask(client, cluster, chosen)
            cache.write(names)
            return names

        return self._asked_or_remembered(asked, cache)

    def _asked_or_remembered(self, asked: Callable[[], list[Pair]], cache: NameCache) -> list[Pair]:
        remembered = cache.read() if self._fill else None
        left = self._left() if remembered is None else min(self._left(), REMEMBERED_SECONDS)
        try:
            return within(left, asked)
        except TimeoutError:
            if self._fill and cache.begin_fill():
                self._fill()
        except UnreachableError:
            pass
        return remembered or []

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())


def _can_be_typed(name: str, kind: str) -> bool:
    """Tell whether a name may stand on somebody's command line: a server's must mean nothing to a shell."""
    if kind == "cluster":
        return bool(name) and name.isprintable()
    return (OBJECT if kind in ("object", *SIDES) else NAME).fullmatch(name) is not None


def _configuration(given: Mapping[str, str], environ: Mapping[str, str]) -> Configuration:
    from oscarcli.config.environment import with_environment

    return with_environment(_file(given, environ).read(tighten=False), environ)


def _file(given: Mapping[str, str], environ: Mapping[str, str]) -> ConfigFile:
    from pathlib import Path

    from oscarcli.config.file import ConfigFile

    named = given.get("--config") or environ.get("OSCAR_CLI_CONFIG") or "~/.oscar-cli/config.yaml"
    return ConfigFile(Path(named).expanduser())


def _cluster(configuration: Configuration, given: Mapping[str, str], environ: Mapping[str, str]) -> Cluster:
    from oscarcli.config.environment import chosen_cluster

    return chosen_cluster(given.get("--cluster"), environ, lambda: configuration)


def _client(cluster: Cluster, given: Mapping[str, str], environ: Mapping[str, str], seconds: float) -> Client:
    from oscarcli.api.auth import kept_auth_for
    from oscarcli.api.client import Client
    from oscarcli.config.private import cache_folder
    from oscarcli.config.secrets import Vault
    from oscarcli.login.logins import Logins

    logins = Logins(Vault(_file(given, environ), folder=cache_folder(environ)), environ)
    auth = kept_auth_for(cluster, logins)
    return Client(cluster.endpoint, auth, tls=cluster.tls, timeout=seconds + REST_SECONDS, retries=False)


def _services(client: Client, _cluster: Cluster, _: Sequence[str]) -> list[Pair]:
    from oscarcli.api.services import list_services

    return [(str(one.get("name")), str(one.get("image") or "")) for one in list_services(client)]


def _jobs(client: Client, _cluster: Cluster, chosen: Sequence[str]) -> list[Pair]:
    from oscarcli.api.jobs import list_jobs

    if not chosen:
        return []
    return [(name, str(job.get("status") or "")) for name, job in list_jobs(client, chosen[0]).items()]


def _providers(client: Client, _cluster: Cluster, chosen: Sequence[str]) -> list[Pair]:
    from oscarcli.api.services import get_service
    from oscarcli.storage.provider import defined_providers

    return [(name, "") for name in defined_providers(get_service(client, chosen[0]))] if chosen else []


def _folders(field: str, client: Client, _cluster: Cluster, chosen: Sequence[str]) -> list[Pair]:
    """Return the paths of a service's inputs or outputs, each with its provider."""
    from oscarcli.api.services import get_service
    from oscarcli.storage.provider import service_folders

    return [(path, name) for name, path in service_folders(get_service(client, chosen[0]), field)]


def _buckets(client: Client, _cluster: Cluster, _: Sequence[str]) -> list[Pair]:
    from oscarcli.api.buckets import bucket_name, list_buckets

    return [(bucket_name(one), str(one.get("visibility") or "")) for one in list_buckets(client)]


def _volumes(client: Client, _cluster: Cluster, _: Sequence[str]) -> list[Pair]:
    from oscarcli.api.volumes import list_volumes

    return [(str(one.get("name")), str(one.get("size") or "")) for one in list_volumes(client)]


def _objects(client: Client, cluster: Cluster, chosen: Sequence[str]) -> list[Pair]:
    """Return what is right below a folder.

    Args:
        client: the cluster.
        cluster: its entry.
        chosen: service and provider, both perhaps empty, the folder as BUCKET/FOLDER/, or nothing for all
            that a path can begin with, and what is typed.
    """
    from oscarcli.api.services import get_service
    from oscarcli.jobs.service_storage import storage_at
    from oscarcli.storage.listing import MAX_LEVEL_KEYS, buckets, level
    from oscarcli.storage.location import parse_location
    from oscarcli.storage.provider import DEFAULT_PROVIDER, normalised

    service, provider, folder, typed = chosen
    provider = normalised(provider or DEFAULT_PROVIDER)
    document = get_service(client, service) if provider != DEFAULT_PROVIDER else {}
    storage = storage_at(client, provider, document, tls=cluster.tls, timeout=None, tell=lambda _text: None)
    if not folder:
        return [(f"{name}/", "") for name in buckets(storage)]
    location = parse_location(folder)
    keys = level(storage, location)
    if len(keys) >= MAX_LEVEL_KEYS:
        # What begins as the word that is typed need not be among the first ones.
        keys = level(storage, parse_location(typed))
    return [(f"{location.bucket}/{key}", "") for key in keys if key != location.key]


_ON_CLUSTER: Mapping[str, Callable[[Client, Cluster, Sequence[str]], list[Pair]]] = {
    "object": _objects,
    "service": _services,
    "provider": _providers,
    "input": partial(_folders, "input"),
    "output": partial(_folders, "output"),
    "job": _jobs,
    "bucket": _buckets,
    "volume": _volumes,
}
