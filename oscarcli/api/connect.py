"""From a cluster on record to a client of it, for programs that import this package."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.api.auth import auth_for
from oscarcli.api.client import Client
from oscarcli.config.environment import chosen_cluster, with_environment
from oscarcli.config.file import ConfigFile, config_path
from oscarcli.config.private import cache_folder
from oscarcli.config.secrets import Vault
from oscarcli.login.logins import Logins

if TYPE_CHECKING:
    from oscarcli.config.model import Cluster


@dataclass(frozen=True)
class ClusterConnection:
    """A cluster's entry, and a client that logs in to it as the entry says."""

    cluster: Cluster
    client: Client


def client_for(
    cluster: Cluster,
    logins: Logins,
    *,
    timeout: float | None = None,
    trace: Callable[[str], None] | None = None,
) -> Client:
    """Return a client of a cluster. Nothing is sent before the first request.

    Args:
        cluster: its entry.
        logins: what this machine keeps of logins.
        timeout: seconds to wait for an answer; replaces each operation's own limit.
        trace: is told each request and its status.

    Raises:
        AuthError: the token that the environment gives can be none.
        ConfigError: the endpoint is not an HTTP URL.
    """
    return Client(cluster.endpoint, auth_for(cluster, logins), tls=cluster.tls, timeout=timeout, trace=trace)


@contextmanager
def connect(
    identifier: str | None = None,
    *,
    config: Path | None = None,
    timeout: float | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[ClusterConnection]:
    """Connect to a cluster as the commands do, with the same configuration, environment and logins.

    Args:
        identifier: the cluster's id; the environment's or the default one when `None`.
        config: the configuration file; that of OSCAR_CLI_CONFIG or the usual one when `None`.
        timeout: seconds to wait for an answer; replaces each operation's own limit.
        environ: environment variables; those of this process when `None`.

    Raises:
        ConfigError: the configuration cannot be read, or has no such cluster.
        AuthError: there is no login.
    """
    environ = os.environ if environ is None else environ
    file = ConfigFile(config or config_path(environ))
    cluster = chosen_cluster(identifier, environ, lambda: with_environment(file.read(), environ))
    logins = Logins(Vault(file, folder=cache_folder(environ)), environ)
    with client_for(cluster, logins, timeout=timeout) as client:
        yield ClusterConnection(cluster, client)
