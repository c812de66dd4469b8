"""What a command is handed: lazy configuration and API client, and a voice on both streams.

Nothing is read from disk or the network before a command asks for it. What there is of the configuration,
each made of what stands above it:

  property       what it is                       reads from disk    read in
  config_path    where the file is                nothing (4)        cluster doctor kit
  config_file    the file, to look anew and edit  file, each time    auth cluster kit local
  recorded       the clusters in the file         file, once         auth cluster
  config         those, and the environment's     as `recorded` (4)  auth cluster doctor fdl kit local service
  cluster        the chosen one of them           as `recorded` (1)  auth bucket cluster doctor hub service
  cluster_id     its id                           as `cluster`       auth cluster doctor health hub service
  known_cluster  the one with an id               as `cluster`       api_for
  logins         passwords and tokens             what is asked (2)  auth cluster doctor kit local
  with_secret    a cluster with its password      as `logins`        kit
  api, api_for   a client for a cluster           as `cluster` (3)  nearly all nouns

(1) Nothing where the environment gives an endpoint. (2) Keyring, file, or cache of tokens. (3) As `logins`
when a request needs one. (4) And `interactive`, as `cluster_id`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.cli.kit.console import Console

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.config.file import ConfigFile
    from oscarcli.config.model import Cluster, Configuration
    from oscarcli.login.logins import Logins


class Session(Console):
    """State of one run of the program.

    Args:
        environ: environment variables: OSCAR_CLI_CONFIG, OSCAR_CLI_CLUSTER and those of the streams.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.environ = environ
        self.config_option: str | None = None
        self.cluster_option: str | None = None
        self.timeout: float | None = None
        # What the command takes for `-o`; `None` until the command is known.
        self.formats: Sequence[str] | None = None
        # Whether to read the configuration takes it away from other users' eyes.
        self.tightens_config = True
        self._clients: dict[str, Client] = {}

    # -- configuration ---------------------------------------------------------------------------

    @property
    def config_path(self) -> Path:
        """The configuration file: option, then OSCAR_CLI_CONFIG, then the reference client's place."""
        from oscarcli.config.file import config_path

        return config_path(self.environ, self.config_option)

    @cached_property
    def config_file(self) -> ConfigFile:
        """The file itself, for edits."""
        from oscarcli.config.file import ConfigFile

        return ConfigFile(self.config_path, warn=self.warn)

    @cached_property
    def recorded(self) -> Configuration:
        """The clusters on record, as they were at first. Raises ConfigError when the file cannot be read."""
        configuration = self.config_file.read(tighten=self.tightens_config)
        for warning in configuration.warnings:
            self.warn(warning)
        return configuration

    @cached_property
    def config(self) -> Configuration:
        """The clusters on record and that of the environment. Raises ConfigError."""
        from oscarcli.config.environment import with_environment

        return with_environment(self.recorded, self.environ)

    @property
    def cluster_id(self) -> str:
        """The chosen cluster: option, then the environment, then the default. Raises ConfigError."""
        return self.cluster.identifier

    @property
    def cluster(self) -> Cluster:
        """The chosen cluster's entry. Raises ConfigError when none is chosen or it is not on record."""
        from oscarcli.config.environment import chosen_cluster

        return chosen_cluster(self.cluster_option, self.environ, lambda: self.config)

    def known_cluster(self, cluster_id: str) -> Cluster:
        """Return a cluster on record, or that of the environment. Raises ConfigError when it is neither."""
        from oscarcli.config.environment import IDENTIFIER, chosen_cluster

        named = None if cluster_id == IDENTIFIER else cluster_id
        return chosen_cluster(named, self.environ, lambda: self.config)

    def with_secret(self, cluster: Cluster) -> Cluster:
        """Return a cluster with its password. Raises AuthError when there is none."""
        from oscarcli.api.auth import password_of

        if cluster.login != "basic" or not cluster.auth_user:
            return cluster
        return replace(cluster, auth_password=password_of(cluster, self.logins)[1])

    @cached_property
    def logins(self) -> Logins:
        """What this machine keeps of logins."""
        from oscarcli.config.private import cache_folder
        from oscarcli.config.secrets import Vault
        from oscarcli.login.logins import Logins

        trace = self.trace if self.debug else lambda _text: None
        vault = Vault(self.config_file, folder=cache_folder(self.environ))
        return Logins(vault, self.environ, self.warn, self.diagnostics.hide, trace)

    def tell_how_to_begin(self) -> None:
        """Say, where there is no cluster, how to get one."""
        from oscarcli.config.model import HOW_TO_BEGIN

        self.note(f"hint: {HOW_TO_BEGIN}")

    def forget_configuration(self) -> None:
        """Let the file be read anew when it is asked for next."""
        for name in ("recorded", "config"):
            self.__dict__.pop(name, None)

    # -- API -------------------------------------------------------------------------------------

    @property
    def api(self) -> Client:
        """A client of the chosen cluster."""
        return self.api_for(self.cluster_id)

    def api_for(self, cluster_id: str) -> Client:
        """Return the client of a cluster on record; one a cluster, so that its connections are reused."""
        if cluster_id not in self._clients:
            from oscarcli.api.connect import client_for

            cluster = self.known_cluster(cluster_id)
            self.warn_unverified(cluster)
            trace = self.trace if self.debug else None
            self._clients[cluster_id] = client_for(cluster, self.logins, timeout=self.timeout, trace=trace)
        return self._clients[cluster_id]

    def forget_client(self, cluster_id: str) -> None:
        """Make a client anew when it is asked for next: the cluster's entry is another one by now."""
        self._clients.pop(cluster_id, None)

    @property
    def only_client(self) -> Client | None:
        """The client of the one cluster that this run speaks to; `None` when there are several, or none."""
        clients = list(self._clients.values())
        return clients[0] if len(clients) == 1 else None

    def warn_unverified(self, cluster: Cluster) -> None:
        """Say that the certificates of a cluster are not verified, where that is so."""
        if not cluster.ssl_verify and cluster.endpoint.lower().startswith("https:"):
            self.warn(f'TLS certificates of cluster "{cluster.identifier}" are not verified')

    def keep(self, client: Client) -> Client:
        """Take over a client that a command made, to be closed with the others."""
        self._clients[f"({len(self._clients)})"] = client
        return client

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()
