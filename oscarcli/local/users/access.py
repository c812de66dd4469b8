"""Who may do what: the rules of the manager for services and buckets (`oscar-api` 1.4, 3.8)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oscarcli.local.objects.s3.signatures import Credentials
from oscarcli.local.state import State

if TYPE_CHECKING:
    from oscarcli.local.users.table import ClusterUser, Users

PRIVATE, RESTRICTED, PUBLIC = "private", "restricted", "public"
VISIBILITIES = (PRIVATE, RESTRICTED, PUBLIC)

# A row for each bucket that a user made, by itself or with a service; without one nobody but the cluster's
# own account gets at a bucket.
SCHEMA = """
CREATE TABLE IF NOT EXISTS bucket_policies (
    bucket TEXT PRIMARY KEY REFERENCES buckets (name) ON DELETE CASCADE,
    owner TEXT NOT NULL,
    visibility TEXT NOT NULL,
    allowed_users TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class BucketPolicy:
    """Who may use a bucket. `allowed_users` are uids, and count only for a restricted one."""

    bucket: str
    owner: str
    visibility: str = PRIVATE
    allowed_users: tuple[str, ...] = ()

    def admits(self, uid: str) -> bool:
        """Tell whether a user may read, write and list."""
        if self.visibility == PUBLIC or uid == self.owner:
            return True
        return self.visibility == RESTRICTED and uid in self.allowed_users


class BucketPolicies:
    """Policies by bucket. Changes join the caller's transaction.

    Args:
        state: the database; its schema includes `SCHEMA` and that of the objects.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, bucket: str) -> BucketPolicy | None:
        """Return a bucket's policy, or `None`."""
        query = "SELECT * FROM bucket_policies WHERE bucket = ?"
        row = self._state.read().execute(query, (bucket,)).fetchone()
        if row is None:
            return None
        return BucketPolicy(
            row["bucket"], row["owner"], row["visibility"], tuple(json.loads(row["allowed_users"]))
        )

    def is_owner(self, uid: str, bucket: str) -> bool:
        """Tell whether a bucket is a user's own."""
        policy = self.get(bucket)
        return policy is not None and policy.owner == uid

    def put(self, policy: BucketPolicy) -> None:
        """Store a policy, in place of the bucket's former one."""
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO bucket_policies VALUES (?, ?, ?, ?)",
                (policy.bucket, policy.owner, policy.visibility, json.dumps(policy.allowed_users)),
            )

    def count(self, owner: str) -> int:
        """Return how many buckets a user has."""
        query = "SELECT count(*) FROM bucket_policies WHERE owner = ?"
        return int(self._state.read().execute(query, (owner,)).fetchone()[0])

    def owned(self, owner: str) -> list[str]:
        """Return the buckets of a user by name."""
        query = "SELECT bucket FROM bucket_policies WHERE owner = ? ORDER BY bucket"
        return [row["bucket"] for row in self._state.read().execute(query, (owner,))]


class ObjectStoreAccounts:
    """Whose keys the object store takes, and what each may do with them.

    Args:
        root: the cluster's own account, which may do everything.
        users: the others; `None` on a cluster without users.
        policies: what is theirs.
    """

    def __init__(self, root: Credentials, users: Users | None, policies: BucketPolicies) -> None:
        self._root = root
        self._users = users
        self._policies = policies

    def find(self, access_key: str) -> Credentials | None:
        """Return an account by its access key, or `None`."""
        found = self._root.find(access_key)
        if found is not None or self._users is None:
            return found
        user = self._users.get(access_key)
        return None if user is None else _credentials_of(user)

    def of(self, caller: RequestCaller) -> Credentials:
        """Return the keys of who calls the REST API."""
        return self._root if caller.user is None else _credentials_of(caller.user)

    def is_user(self, uid: str) -> bool:
        """Tell whether something has an owner that is a user."""
        return self._users is not None and self._users.get(uid) is not None

    def may_use(self, access_key: str, bucket: str) -> bool:
        """Tell whether an account may work with a bucket that exists or not."""
        if access_key == self._root.access_key:
            return True
        policy = self._policies.get(bucket)
        return policy is not None and policy.admits(access_key)

    def may_make_buckets(self, access_key: str) -> bool:
        """Tell whether an account may make and delete buckets; users do so by the manager."""
        return access_key == self._root.access_key


def _credentials_of(user: ClusterUser) -> Credentials:
    """Return the keys of a user at the object store."""
    return Credentials(user.uid, user.secret_key)


@dataclass(frozen=True)
class RequestCaller:
    """Who calls the REST API: a user, or the cluster's own account."""

    user: ClusterUser | None = None

    @property
    def is_admin(self) -> bool:
        """Whether it is the cluster's own account."""
        return self.user is None

    @property
    def uid(self) -> str:
        """The user's uid; empty for the cluster's own account."""
        return "" if self.user is None else self.user.uid

    def sees(self, definition: Mapping[str, Any]) -> bool:
        """Tell whether a service is there for this caller: nobody's of a visibility that does not exist."""
        return self.is_admin or (definition["visibility"] in VISIBILITIES and self.uses(definition))

    def uses(self, definition: Mapping[str, Any]) -> bool:
        """Tell whether this caller may call a service that they know of, and look at its runs."""
        visibility = definition["visibility"]
        if self.is_admin or visibility == PUBLIC or definition["owner"] == self.uid:
            return True
        allowed: Collection[str] = definition["allowed_users"] if visibility == RESTRICTED else ()
        return self.uid in allowed

    def owns(self, definition: Mapping[str, Any]) -> bool:
        """Tell whether this caller may change a service."""
        return self.is_admin or definition["owner"] == self.uid


ADMIN = RequestCaller()


def usable(definitions: Sequence[dict[str, Any]], caller: RequestCaller) -> list[dict[str, Any]]:
    """Return the services that a caller may use."""
    return [definition for definition in definitions if caller.uses(definition)]
