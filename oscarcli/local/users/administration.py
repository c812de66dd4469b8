"""Users as the commands of the one who owns a local cluster see them, whether it runs or not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from oscarcli.errors import NotFoundError, OscarError, UsageError
from oscarcli.local.folder import DataFolder
from oscarcli.local.options import ISSUER_PATH, endpoint
from oscarcli.local.state import State
from oscarcli.local.users.table import SCHEMA, ClusterUser, Users
from oscarcli.local.users.tokens import IssuedTokens


@dataclass(frozen=True)
class NewUserLogin:
    """A user's login: where it is good, and the refresh token for it."""

    user: ClusterUser
    endpoint: str
    issuer: str
    refresh_token: str


class UserAdministration:
    """Adds and removes users in a data directory.

    Args:
        folder: of a cluster that was started at least once.

    Raises:
        NotFoundError: it never was.
    """

    def __init__(self, folder: DataFolder) -> None:
        settings = folder.read_settings() if folder.database.exists() else None
        if settings is None or not settings.port:
            raise NotFoundError(
                f"there is no local cluster in {folder.path}",
                hint="'oscar-cli local start --users' makes one for several people",
            )
        self._folder = folder
        self._endpoint = endpoint(settings.host, settings.port)

    def add(self, name: str, groups: Sequence[str]) -> NewUserLogin:
        """Add a user and return a login. Raises UsageError for a name that cannot be or is taken."""
        with self._users() as users:
            # Before anything is stored: the libraries may be missing.
            tokens = IssuedTokens(users, self._endpoint + ISSUER_PATH)
            try:
                user = users.add(name, groups)
            except ValueError as error:
                raise UsageError(f"add the user: {error}") from error
            return self._login(user, tokens)

    def token(self, name: str) -> NewUserLogin:
        """Return another login of a user. Raises NotFoundError."""
        with self._users() as users:
            user = users.named(name)
            if user is None:
                raise _unknown(name)
            return self._login(user, IssuedTokens(users, self._endpoint + ISSUER_PATH))

    def remove(self, name: str) -> None:
        """Remove a user, whose logins are void from then on. Raises NotFoundError."""
        with self._users() as users:
            if not users.remove(name):
                raise _unknown(name)

    def all(self) -> list[ClusterUser]:
        """Return all users by name."""
        with self._users() as users:
            return users.all()

    def _login(self, user: ClusterUser, tokens: IssuedTokens) -> NewUserLogin:
        token = tokens.refresh(user, "openid profile offline_access")
        return NewUserLogin(user, self._endpoint, tokens.issuer, token)

    @contextmanager
    def _users(self) -> Iterator[Users]:
        try:
            state = State(self._folder.database, [SCHEMA])
        except (RuntimeError, sqlite3.Error) as error:
            raise OscarError(f"open {self._folder.database}: {error}") from error
        try:
            yield Users(state)
        finally:
            state.close()


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f'there is no user "{name}"', hint="'oscar-cli local user list' shows those there are"
    )
