"""The users of a cluster that several people share, and who may use which bucket."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from oscarcli.local.state import State

# Refresh tokens by their own identifier; one that is not here any more is void.
SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    uid TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    user_groups TEXT NOT NULL,
    secret_key TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refresh_tokens (
    id TEXT PRIMARY KEY,
    uid TEXT NOT NULL REFERENCES users (uid) ON DELETE CASCADE
);
CREATE TABLE IF NOT EXISTS signing_keys (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL
);
"""
# Who is in no group is let in by no real cluster.
DEFAULT_GROUP = "users"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class ClusterUser:
    """Somebody with a login of their own.

    `uid` is what an issuer calls them, and their access key at the object store.
    """

    uid: str
    name: str
    groups: tuple[str, ...]
    secret_key: str

    @property
    def tags(self) -> dict[str, str]:
        """The tags of what is theirs."""
        return {"owner": self.uid, "owner_name": self.label}

    @property
    def label(self) -> str:
        """The name as the label `owner_name` of a service: without accents, blanks as `_`."""
        import unicodedata

        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode()
        return plain.replace(" ", "_")


class Users:
    """Users by name and by uid. Changes join the caller's transaction.

    Args:
        state: the database; its schema includes `SCHEMA`.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, name: str, groups: Sequence[str] = ()) -> ClusterUser:
        """Add a user.

        Raises:
            ValueError: the name or a group cannot be one, or the name is taken.
        """
        for word in (name, *groups):
            if not _NAME.fullmatch(word):
                raise ValueError(
                    f'"{word}" is no name: at most 64 letters, digits, ".", "_", "-" and "@", not first'
                )
        chosen = tuple(dict.fromkeys(groups)) or (DEFAULT_GROUP,)
        user = ClusterUser(str(uuid.uuid4()), name, chosen, secrets.token_hex(20))
        with self._state.transaction() as connection:
            if self.named(name) is not None:
                raise ValueError(f'there is a user "{name}" already')
            connection.execute(
                "INSERT INTO users VALUES (?, ?, ?, ?)",
                (user.uid, name, json.dumps(chosen), user.secret_key),
            )
        return user

    def remove(self, name: str) -> bool:
        """Remove a user, whose logins are void from now on; False when there is none."""
        with self._state.transaction() as connection:
            return connection.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount == 1

    def named(self, name: str) -> ClusterUser | None:
        """Return a user by name, or `None`."""
        return self._one("SELECT * FROM users WHERE name = ?", name)

    def get(self, uid: str) -> ClusterUser | None:
        """Return a user by uid, or `None`."""
        return self._one("SELECT * FROM users WHERE uid = ?", uid)

    def all(self) -> list[ClusterUser]:
        """Return all users by name."""
        return [_user(row) for row in self._state.read().execute("SELECT * FROM users ORDER BY name")]

    def groups(self) -> list[str]:
        """Return the groups that somebody is in, in order: those the cluster lets in."""
        return sorted({group for user in self.all() for group in user.groups})

    def _one(self, query: str, value: str) -> ClusterUser | None:
        row = self._state.read().execute(query, (value,)).fetchone()
        return None if row is None else _user(row)

    # -- logins ----------------------------------------------------------------------------------

    def add_login(self, uid: str) -> str:
        """Return the identifier of a new refresh token."""
        identifier = secrets.token_hex(16)
        with self._state.transaction() as connection:
            connection.execute("INSERT INTO refresh_tokens VALUES (?, ?)", (identifier, uid))
        return identifier

    def has_login(self, identifier: str, uid: str) -> bool:
        """Tell whether a refresh token of a user is good."""
        query = "SELECT 1 FROM refresh_tokens WHERE id = ? AND uid = ?"
        return self._state.read().execute(query, (identifier, uid)).fetchone() is not None

    def end_login(self, identifier: str) -> None:
        """Make a refresh token void."""
        with self._state.transaction() as connection:
            connection.execute("DELETE FROM refresh_tokens WHERE id = ?", (identifier,))

    # -- the issuer's key ------------------------------------------------------------------------

    def signing_key(self) -> str | None:
        """Return the issuer's private key as a JSON document, `None` before there is one."""
        row = self._state.read().execute("SELECT document FROM signing_keys").fetchone()
        return None if row is None else str(row["document"])

    def keep_signing_key(self, identifier: str, document: str) -> str:
        """Store the issuer's key unless there is one; return the one in force."""
        with self._state.transaction() as connection:
            stored = self.signing_key()
            if stored is None:
                connection.execute("INSERT INTO signing_keys VALUES (?, ?)", (identifier, document))
            return stored or document


def _user(row: sqlite3.Row) -> ClusterUser:
    return ClusterUser(row["uid"], row["name"], tuple(json.loads(row["user_groups"])), row["secret_key"])
