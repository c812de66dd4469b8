"""A local cluster's entry in the configuration, which is like any other one."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.store_secret import forget_former
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import SecretKind
from oscarcli.errors import AuthError, ConfigError
from oscarcli.local.control import default_folder
from oscarcli.local.folder import DataFolder, Settings
from oscarcli.local.options import Endpoints


def refuse_other_cluster(session: Session, name: str, folder: DataFolder) -> None:
    """Do not replace somebody's real cluster of the same id."""
    entry = session.config.clusters.get(name)
    if entry is None:
        return
    settings = folder.read_settings()
    ours = settings is not None and settings.password == _password(session, entry)
    if not ours and not is_loopback(urlsplit(entry.endpoint).hostname or ""):
        raise ConfigError(
            f'the cluster "{name}" on record is another one, at {entry.shown_endpoint}',
            hint="choose another id for the local one with --name ID",
        )


def find_folder(session: Session, name: str, data_dir: Path | None) -> DataFolder:
    """Return the data directory of a local cluster: the one given, that of its entry, or the usual one."""
    if data_dir is not None:
        return DataFolder(data_dir.expanduser())
    entry = session.config.clusters.get(name)
    if entry is not None and entry.local_data_dir:
        return DataFolder(Path(entry.local_data_dir))
    return DataFolder(default_folder(name, session.environ))


def remember(
    session: Session, name: str, folder: DataFolder, endpoints: Endpoints, settings: Settings
) -> None:
    """Store the cluster's entry, as the default one if there is none."""
    is_usual = folder.path == DataFolder(default_folder(name, session.environ)).path
    cluster = Cluster(
        name,
        endpoints.api,
        auth_user=settings.user,
        auth_password=settings.password,
        local_data_dir="" if is_usual else str(folder.path),
    )
    entry = session.config_file.read().clusters.get(name)
    # It may have been moved into the keyring.
    is_same = entry is not None and replace(entry, auth_password=cluster.auth_password) == cluster
    if entry is None or not is_same or _password(session, entry) != cluster.auth_password:
        session.config_file.put(cluster)
        forget_former(session, None if entry is None or entry.auth_password else entry)
    if session.config_file.read().default is None:
        session.config_file.set_default(name)


def _password(session: Session, entry: Cluster) -> str:
    """Return the password of an entry, empty when there is none or nobody tells it."""
    try:
        secret = session.logins.vault.find(entry, SecretKind.PASSWORD)
    except AuthError:
        return ""
    return secret.value if secret is not None else ""


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, as nobody else can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
