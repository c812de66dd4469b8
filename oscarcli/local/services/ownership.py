"""Services of users: whose they are, in which groups, and the buckets that come with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from oscarcli.local.answers import ApiError
from oscarcli.local.services.definition import (
    NAMESPACE,
    OWNER,
    Definition,
    buckets_of,
    inputs_of,
    set_labels,
)
from oscarcli.local.services.mounts import mount_of
from oscarcli.local.services.quotas import Quotas, check_volume, whole
from oscarcli.local.users.access import PRIVATE, BucketPolicies, BucketPolicy, RequestCaller

if TYPE_CHECKING:
    from oscarcli.local.users.table import ClusterUser, Users

ISOLATED = "USER"
# Of a uid, in the names of what is made for its user alone.
SHORT_UID = 10
NAMESPACE_LENGTH = 18


class Ownership:
    """Gives services and buckets to users.

    Args:
        policies: of the buckets.
        quotas: of the users.
        users: those of the cluster; `None` for a cluster without.
    """

    def __init__(self, policies: BucketPolicies, quotas: Quotas, users: Users | None) -> None:
        self._policies = policies
        self._quotas = quotas
        self._users = users

    def claim(self, definition: Definition, caller: RequestCaller) -> None:
        """Give a new service to who creates it. Raises ApiError 400 when its group is not one of theirs."""
        if caller.user is None:
            definition.update(owner=OWNER, namespace=definition["namespace"] or NAMESPACE)
            set_labels(definition, {"owner_name": "oscar"})
            return
        user = caller.user
        self._check_group(definition, user)
        definition.update(owner=user.uid, namespace=namespace_of(user), bucket_list=[])
        set_labels(definition, {"owner_name": user.label, "vo": definition["vo"] or user.groups[0]})
        if self.isolated(definition):
            set_labels(definition, {"uid": user.uid.partition("@")[0][:SHORT_UID]})
            if user.uid not in definition["allowed_users"]:
                definition["allowed_users"].append(user.uid)

    def _check_group(self, definition: Definition, user: ClusterUser) -> None:
        group = definition["vo"]
        known = self._users.groups() if self._users is not None else []
        if group in known and group not in user.groups:
            raise ApiError(400, f"this user isn't enrrolled on the vo: {group}")

    def check_count(self, caller: RequestCaller, more: int) -> None:
        """Raise ApiError 403 when a user would have more buckets than their quota."""
        if not caller.is_admin:
            check_bucket_count(self._policies, self._quotas, caller.uid, more)

    def check_volume(self, caller: RequestCaller, name: str, size: str, used: Iterable[str]) -> None:
        """Raise ApiError when a user would have more volumes, or larger ones, than their quota.

        Args:
            caller: who wants the volume.
            name: the volume's name.
            size: its size.
            used: the sizes of the volumes that they have.
        """
        if not caller.is_admin:
            check_volume(self._quotas.get(caller.uid).get("volumes", {}), name, size, list(used))

    def may_use(self, caller: RequestCaller, bucket: str) -> bool:
        """Tell whether a service of the caller may read and write a bucket that exists."""
        return caller.is_admin or self._policies.is_owner(caller.uid, bucket)

    def is_private(self, bucket: str) -> bool:
        """Tell whether nobody but its owner uses a bucket."""
        policy = self._policies.get(bucket)
        return policy is None or policy.visibility == PRIVATE

    def give_buckets(self, definition: Definition) -> None:
        """Let the owner of a service and whom it is for use the buckets that came with it."""
        owner = definition["owner"]
        for bucket in buckets_of(definition) if self._is_user(owner) else ():
            policy = self._policies.get(bucket)
            if policy is None or policy.owner == owner:
                allowed = tuple(definition["allowed_users"])
                self._policies.put(BucketPolicy(bucket, owner, definition["visibility"], allowed))
        mount = mount_of(definition)
        if mount is None or not mount.is_own or not self._is_user(owner):
            return
        if self._policies.get(mount.place.bucket) is None:
            self._policies.put(BucketPolicy(mount.place.bucket, owner))

    def has_policies(self, buckets: Iterable[str]) -> bool:
        """Tell whether all of some buckets belong to users."""
        return all(self._policies.get(bucket) is not None for bucket in buckets)

    def isolated(self, definition: Definition) -> dict[str, str]:
        """Return the buckets that are made for one allowed user each, and that user's uid."""
        is_wanted = definition["isolation_level"].upper() == ISOLATED and self._is_user(definition["owner"])
        sources = inputs_of(definition)
        return {
            f"{place.bucket}-{uid[:SHORT_UID]}": uid
            for place in (sources if is_wanted else ())
            for uid in definition["allowed_users"]
            if uid != definition["owner"]
        }

    def give_isolated(self, bucket: str, uid: str) -> None:
        """Let one user, and nobody else, use a bucket."""
        self._policies.put(BucketPolicy(bucket, uid))

    def _is_user(self, owner: str) -> bool:
        return self._users is not None and self._users.get(owner) is not None


def check_bucket_count(policies: BucketPolicies, quotas: Quotas, uid: str, more: int) -> None:
    """Raise ApiError 403 when a user would have more buckets than their quota, 0 of which is none."""
    quota = whole(quotas.get(uid).get("minio", {}).get("buckets", "0"))
    used = policies.count(uid)
    if more and quota and used + more > quota:
        raise ApiError(403, f"MinIO bucket quota exceeded for user {uid}: {used} of {quota} are in use")


def namespace_of(user: ClusterUser) -> str:
    """Return the namespace of a user: the services' and the uid, cut, with a digest where it is short."""
    name = f"{NAMESPACE}-{user.uid}"
    if len(name) < NAMESPACE_LENGTH:
        name += hashlib.sha1(user.uid.encode(), usedforsecurity=False).hexdigest()
    return name[:NAMESPACE_LENGTH].rstrip("-")
