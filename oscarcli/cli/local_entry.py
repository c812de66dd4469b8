"""A local cluster's entry in the configuration, which is like any other one."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from urllib.parse import urlsplit

from oscarcli.cli.session import Session
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import Kind
from oscarcli.errors import AuthError, ConfigError
from oscarcli.local.folder import DataFolder, Settings
from oscarcli.local.options import Endpoints


def refuse_other_cluster(session: Session, name: str, folder: DataFolder) -> None:
    """Do not replace somebody's real cluster of the same id."""
    entry = session.config.clusters.get(name)
    if entry is None:
        return
    settings = folder.read_settings()
    ours = settings is not None and entry.auth_password == settings.password
    if not ours and not is_loopback(urlsplit(entry.endpoint).hostname or ""):
        raise ConfigError(
            f'the cluster "{name}" on record is another one, at {entry.shown_endpoint}',
            hint="choose another id for the local one with --name ID",
        )


def remember(session: Session, name: str, endpoints: Endpoints, settings: Settings) -> None:
    """Store the cluster's entry, as the default one if there is none."""
    cluster = Cluster(name, endpoints.api, auth_user=settings.user, auth_password=settings.password)
    if not _is_remembered(session, cluster):
        session.config_file.put(cluster)
    if session.config_file.read().default is None:
        session.config_file.set_default(name)


def _is_remembered(session: Session, cluster: Cluster) -> bool:
    """Tell whether the entry is as it was, and its password was moved into the keyring."""
    entry = session.config_file.read().clusters.get(cluster.identifier)
    if entry is None or replace(entry, auth_password=cluster.auth_password) != cluster:
        return False
    try:
        secret = session.logins.vault.find(entry, Kind.PASSWORD)
    except AuthError:
        return False
    return secret is not None and secret.value == cluster.auth_password


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, as nobody else can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
