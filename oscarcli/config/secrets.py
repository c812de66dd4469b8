"""Where a cluster's secret is kept: in the keyring of the operating system, or in the configuration file.

A cluster has one lasting secret: the password of basic authentication, or a refresh token. What is in the
file counts before what is in the keyring: whoever wrote it there, by hand or with the reference client,
did so later than this program, which empties one place when it fills the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from oscarcli.config.file import ConfigFile
from oscarcli.config.keyring import KeyringError, NoKeyringError, OsKeyring
from oscarcli.config.login_lock import login_lock
from oscarcli.config.model import Cluster
from oscarcli.config.token_cache import PendingRefreshTokens, origin_of
from oscarcli.errors import AuthError, OscarError

SERVICE = "oscar-cli"


class SecretKind(Enum):
    """What a secret is; the value is its key in the file."""

    PASSWORD = "auth_password"  # noqa: S105 -- the key's name
    REFRESH_TOKEN = "oidc_refresh_token"  # noqa: S105

    @property
    def words(self) -> str:
        """What a person calls it."""
        return "password" if self is SecretKind.PASSWORD else "refresh token"


class SecretLocation(Enum):
    """Where a secret is."""

    ENVIRONMENT = "environment"
    KEYRING = "keyring"
    FILE = "file"


@dataclass(frozen=True)
class Secret:
    """A secret and where it was found."""

    value: str = field(repr=False)
    place: SecretLocation


def kind_of(cluster: Cluster) -> SecretKind | None:
    """Return which lasting secret a cluster's way to log in needs, `None` for the ways that need none."""
    return {"basic": SecretKind.PASSWORD, "refresh-token": SecretKind.REFRESH_TOKEN}.get(cluster.login)


def with_secret(cluster: Cluster, kind: SecretKind, value: str) -> Cluster:
    """Return an entry with a secret in its place."""
    if kind is SecretKind.PASSWORD:
        return replace(cluster, auth_password=value)
    return replace(cluster, oidc_refresh_token=value)


class Vault:
    """The secrets of the clusters in a configuration.

    Args:
        file: the configuration.
        keyring: that of the operating system.
        folder: where locks and refresh tokens are kept that cannot be beside the configuration.
    """

    def __init__(
        self, file: ConfigFile, keyring: OsKeyring | None = None, folder: Path | None = None
    ) -> None:
        self._file = file
        self.keyring = keyring or OsKeyring()
        self._folder = folder
        self._successors = PendingRefreshTokens(folder)

    @contextmanager
    def locked(self, *clusters: Cluster | None) -> Iterator[None]:
        """Let no other process change or use the login of a cluster, if it is one by refresh token.

        Args:
            clusters: entries of one id: the one that is there, and the one that is to be.
        """
        names = {one.identifier for one in clusters if one and kind_of(one) is SecretKind.REFRESH_TOKEN}
        if not names:
            yield
            return
        target = Path(os.path.realpath(self._file.path))
        digest = origin_of(str(target), *names)[:16]
        places = [target.parent / f".{target.name}.{digest}.lock"]
        places += [self._folder / f"{digest}.lock"] if self._folder else []
        with login_lock(places):
            yield

    def find(self, cluster: Cluster, kind: SecretKind) -> Secret | None:
        """Return a secret of a cluster, `None` when there is none anywhere.

        Raises:
            AuthError: the keyring, which may have it, does not answer.
        """
        stored = self._stored(cluster, kind)
        is_token = kind is SecretKind.REFRESH_TOKEN
        newer = self._successors.of(self._login(cluster), stored.value) if stored and is_token else None
        return Secret(newer, stored.place) if stored and newer else stored

    def _login(self, cluster: Cluster) -> str:
        return f"{os.path.realpath(self._file.path)}\0{cluster.identifier}\0{cluster.endpoint}"

    def _stored(self, cluster: Cluster, kind: SecretKind) -> Secret | None:
        value = getattr(cluster, kind.value)
        if value:
            return Secret(
                value, SecretLocation.ENVIRONMENT if cluster.from_environment else SecretLocation.FILE
            )
        if cluster.from_environment:
            return None
        try:
            value = self.keyring.get(*_keyring_name(cluster, kind))
        except NoKeyringError:
            return None
        except KeyringError as error:
            raise AuthError(
                f'the {kind.words} of cluster "{cluster.identifier}" is not in {self._file.path}, and the '
                f"keyring cannot be asked: {error}",
                hint="unlock the keyring, or store the login again: "
                f"'oscar-cli auth login -c {cluster.identifier}'",
            ) from error
        return Secret(value, SecretLocation.KEYRING) if value else None

    def on_record(self, cluster: Cluster) -> Cluster:
        """Return a cluster with the refresh token that the file has now: another process may have put one."""
        if cluster.from_environment:
            return cluster
        stored = self._file.read(tighten=False).clusters.get(cluster.identifier)
        if stored is None or stored.endpoint != cluster.endpoint:
            return cluster
        return replace(cluster, oidc_refresh_token=stored.oidc_refresh_token)

    def keep(self, cluster: Cluster, kind: SecretKind, value: str, place: SecretLocation) -> None:
        """Keep a secret of a cluster on record, in one place alone.

        Args:
            cluster: its entry.
            kind: what it is.
            value: the secret.
            place: the keyring or the file.

        Raises:
            OscarError: the keyring does not take it, or does not let go of it.
            ConfigError: the file cannot be written.
        """
        if place is SecretLocation.KEYRING:
            with self.on_failure(cluster, kind):
                self.keep_in_keyring(cluster, kind, value)
                self._file.set_key(cluster.identifier, kind.value, None)
        else:
            self._file.set_key(cluster.identifier, kind.value, value)
            self._forget_in_keyring(cluster, kind)
        self.forget_successor(cluster)

    def keep_in_keyring(self, cluster: Cluster, kind: SecretKind, value: str) -> None:
        """Keep a secret in the keyring. Raises OscarError when it does not take it."""
        try:
            self.keyring.set(*_keyring_name(cluster, kind), value)
        except KeyringError as error:
            raise OscarError(
                f'cannot keep the {kind.words} of cluster "{cluster.identifier}" in the keyring: {error}',
                hint="unlock the keyring, or keep it in the file with --insecure-storage",
            ) from error

    @contextmanager
    def on_failure(self, cluster: Cluster, kind: SecretKind) -> Iterator[None]:
        """Give the keyring back what it had when what is done meanwhile fails."""
        name = _keyring_name(cluster, kind)
        try:
            former = self.keyring.get(*name)
        except KeyringError:
            # What cannot be read cannot be given back.
            yield
            return
        try:
            yield
        except BaseException:
            with suppress(KeyringError):
                if former is None:
                    self.keyring.delete(*name)
                else:
                    self.keyring.set(*name, former)
            raise

    def renew(self, cluster: Cluster, old: str, new: str) -> None:
        """Put a new refresh token where the old one is; leave alone what somebody else put there since.

        Where that place cannot be written it is kept among the access tokens, and found there.

        Raises:
            OscarError: it cannot be kept anywhere.
        """
        kind, login = SecretKind.REFRESH_TOKEN, self._login(cluster)
        if cluster.identifier not in self._file.read(tighten=False).clusters:
            # Deleted meanwhile: what is not kept cannot be found.
            return
        stored = self._stored(self.on_record(cluster), kind)
        if stored is None or old not in (stored.value, self._successors.of(login, stored.value)):
            return
        try:
            if stored.place is SecretLocation.KEYRING:
                self.keep_in_keyring(cluster, kind, new)
            else:
                self._file.set_key(cluster.identifier, kind.value, new)
            self._successors.forget(login)
        except OscarError as error:
            try:
                self._successors.keep(login, stored.value, new)
            except OSError:
                raise error from None

    def forget_successor(self, cluster: Cluster) -> None:
        """Forget a refresh token that is kept because the stored one could not be written over."""
        self._successors.forget(self._login(cluster))

    def forget(self, cluster: Cluster) -> list[SecretLocation]:
        """Remove the secrets of a cluster from everywhere they are and return these places.

        Raises:
            OscarError: the file has none any more, but the keyring may: it does not let go of them.
        """
        stored = self._file.read(tighten=False).clusters.get(cluster.identifier)
        places = []
        for kind in SecretKind:
            if stored is not None and getattr(stored, kind.value):
                self._file.set_key(cluster.identifier, kind.value, None)
                places.append(SecretLocation.FILE)
        self.forget_successor(cluster)
        return [*places, *([SecretLocation.KEYRING] if self.forget_in_keyring(cluster) else [])]

    def forget_in_keyring(self, cluster: Cluster, keep: tuple[Cluster, SecretKind] | None = None) -> bool:
        """Remove what the keyring has of a cluster and tell whether it had something.

        Args:
            cluster: whose secrets they are.
            keep: an entry whose secret of one kind was kept in the keyring just now.

        Raises:
            OscarError: the keyring does not let go of them.
        """
        spared = _keyring_name(*keep) if keep else None
        gone = [kind for kind in SecretKind if _keyring_name(cluster, kind) != spared]
        return sum(self._forget_in_keyring(cluster, kind) for kind in gone) > 0

    def _forget_in_keyring(self, cluster: Cluster, kind: SecretKind) -> bool:
        try:
            return self.keyring.delete(*_keyring_name(cluster, kind))
        except NoKeyringError:
            return False
        except KeyringError as error:
            raise OscarError(
                f"cannot tell whether the keyring still has the {kind.words} of cluster "
                f'"{cluster.identifier}": {error}',
                hint=f"unlock the keyring and look for '{SERVICE}' in it",
            ) from error


def _keyring_name(cluster: Cluster, kind: SecretKind) -> tuple[str, str]:
    """Return place and account of a secret.

    The endpoint is part of the name: when somebody changes it in the file, the secret does not go there.
    """
    endpoint = cluster.endpoint.strip().rstrip("/")
    user = f" of {cluster.auth_user}" if kind is SecretKind.PASSWORD else ""
    return f"{SERVICE} {endpoint}", f"{cluster.identifier}: {kind.words}{user}"
