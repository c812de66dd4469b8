"""The buckets that come with services, and go with them (`oscar-api` 5.1)."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from oscarcli.local.answers import ApiError
from oscarcli.local.objects.model import ObjectRecord
from oscarcli.local.objects.store import ObjectStore
from oscarcli.local.services.definition import (
    OWNER,
    BucketFolder,
    Definition,
    buckets_of,
    inputs_of,
    outputs_of,
)
from oscarcli.local.services.mounts import mount_of
from oscarcli.local.services.ownership import Ownership
from oscarcli.local.services.table import Services
from oscarcli.local.users.access import RequestCaller

log = logging.getLogger(__name__)

# A bucket with more than these is no new one.
MAX_FOLDERS = 100


class ServiceBuckets:
    """Makes and removes the buckets of services, in the caller's transaction.

    Args:
        store: buckets and objects.
        services: the table of services.
        ownership: gives buckets to users.
        strict: keep the buckets of a service that is deleted without an owner, as the manager does.
    """

    def __init__(self, store: ObjectStore, services: Services, ownership: Ownership, *, strict: bool) -> None:
        self._store = store
        self._services = services
        self._ownership = ownership
        self._strict = strict

    def cannot_free(self, definition: Definition) -> bool:
        """Tell whether the buckets stay, as with the manager, which frees them of their owner's policy.

        Only the cluster's own account has none. An update without `owner` leaves a service with nobody's.
        """
        buckets = buckets_of(definition)
        if definition["owner"] == OWNER or self._ownership.has_policies(buckets):
            return False
        if not self._strict:
            log.warning(
                'service "%s" has the owner "%s", by an update that did not carry "%s"; a real cluster fails '
                "to delete it and keeps its buckets",
                definition["name"],
                definition["owner"],
                OWNER,
            )
        return self._strict

    def make(self, definition: Definition, caller: RequestCaller, *, refuse_existing: bool) -> None:
        """Make the buckets and folders of a service.

        Args:
            definition: the service.
            caller: who creates or changes it.
            refuse_existing: whether an input or output bucket must not be there yet.

        Raises:
            ApiError: 403 above the quota; 500 for a bucket that is there and must not be, or is another's.
        """
        name = definition["name"]
        tags = _tags(definition)
        mount = mount_of(definition)
        wanted = dict.fromkeys(_used_buckets(definition))
        new = [bucket for bucket in wanted if self._store.bucket(bucket) is None]
        self._ownership.check_count(caller, len(new))
        made: set[str] = set()
        sources = inputs_of(definition)
        for number, place in enumerate([*sources, *outputs_of(definition)]):
            is_input = number < len(sources)
            if self._store.bucket(place.bucket) is None:
                self._store.create_bucket(place.bucket, tags)
                made.add(place.bucket)
            elif self._is_foreign(place.bucket, caller, made) or (
                refuse_existing and (is_input or place.bucket not in made)
            ):
                raise ApiError(500, f'the bucket "{place.bucket}" already exists\n')
            elif place.bucket not in made:
                self._note_shared(name, place.bucket)
            self._store.put_marker(place.bucket, place.prefix)
        if mount is not None and mount.is_own:
            self._make_mounted(definition, mount.place, caller, made)
        self._ownership.give_buckets(definition)

    def _make_mounted(
        self, definition: Definition, place: BucketFolder, caller: RequestCaller, made: set[str]
    ) -> None:
        """Make the bucket that a service mounts; one that is there has to be private."""
        if self._store.bucket(place.bucket) is None:
            self._store.create_bucket(place.bucket, _tags(definition))
            made.add(place.bucket)
        elif self._is_foreign(place.bucket, caller, made):
            raise ApiError(500, f'the bucket "{place.bucket}" already exists\n')
        elif place.bucket not in made and not self._ownership.is_private(place.bucket):
            raise ApiError(500, f'the bucket "{place.bucket}" must be private to be used as mount')
        if place.folder:
            self._store.put_marker(place.bucket, place.prefix)

    def _is_foreign(self, bucket: str, caller: RequestCaller, made: set[str]) -> bool:
        return bucket not in made and not self._ownership.may_use(caller, bucket)

    def isolate(self, definition: Definition) -> None:
        """Make the buckets that each allowed user has alone, with the folders of the service."""
        for bucket, uid in self._ownership.isolated(definition).items():
            if self._store.bucket(bucket) is None:
                self._store.create_bucket(bucket, {**_tags(definition), "owner": uid})
                self._ownership.give_isolated(bucket, uid)
            elif bucket not in definition["bucket_list"]:
                raise ApiError(500, f'the bucket "{bucket}" already exists\n')
            for place in (*inputs_of(definition), *outputs_of(definition)):
                self._store.put_marker(bucket, place.prefix)
            if bucket not in definition["bucket_list"]:
                definition["bucket_list"].append(bucket)

    def note_late_inputs(self, stored: Definition, definition: Definition) -> None:
        """Warn of inputs that an update adds in buckets that are there."""
        for place in inputs_of(definition):
            if place not in inputs_of(stored) and self._store.bucket(place.bucket) is not None:
                log.warning(
                    'service "%s" is started by %s/%s from now on; a real cluster only watches a bucket that '
                    "it makes for the service, so there the service has to be deleted and created again",
                    definition["name"],
                    place.bucket,
                    place.folder,
                )

    def _note_shared(self, service: str, bucket: str) -> None:
        owners = [other for other in self._users(bucket) if other != service]
        if owners:
            log.warning(
                'bucket "%s" of service "%s" is shared with %s; a real cluster refuses this at creation',
                bucket,
                service,
                ", ".join(owners),
            )

    def _users(self, bucket: str) -> list[str]:
        return [other["name"] for other in self._services.all() if bucket in _used_buckets(other)]

    def withdraw(self, definition: Definition) -> None:
        """Remove the buckets that a service came with, as far as nothing but folders is in them."""
        for bucket in dict.fromkeys([*_used_buckets(definition), *definition["bucket_list"]]):
            found = self._store.bucket(bucket)
            if found is not None and found.tags.get("from_service") == definition["name"]:
                page = self._store.list_page(bucket, "", "", MAX_FOLDERS)
                if not page.truncated and all(_is_marker(record) for record in page.objects):
                    self._remove_bucket(definition["name"], bucket)

    def remove(self, definition: Definition, isolated: Iterable[str]) -> None:
        """Remove the buckets of a service that is gone; what it or another service mounts or uses stays.

        Args:
            definition: the service.
            isolated: the buckets that were made for single users of it.
        """
        mount = mount_of(definition)
        for bucket in [*buckets_of(definition), *isolated]:
            if mount is None or not mount.is_own or bucket != mount.place.bucket:
                self._remove_bucket(definition["name"], bucket)

    def _remove_bucket(self, service: str, bucket: str) -> None:
        users = self._users(bucket)
        if users:
            log.warning(
                'bucket "%s" stays after service "%s": %s uses it too', bucket, service, ", ".join(users)
            )
        elif self._store.bucket(bucket) is not None:
            self._store.delete_bucket(bucket, with_objects=True)


def _is_marker(record: ObjectRecord) -> bool:
    return record.key.endswith("/") and not record.size


def _tags(definition: Definition) -> dict[str, str]:
    """Return the tags of a bucket that comes with a service; the cluster's own account has no uid."""
    owner = "" if definition["owner"] == OWNER else definition["owner"]
    name = definition["labels"].get("owner_name", "oscar")
    return {"owner": owner, "from_service": definition["name"], "owner_name": name}


def _used_buckets(definition: Definition) -> list[str]:
    mount = mount_of(definition)
    return [*buckets_of(definition), *([mount.place.bucket] if mount and mount.is_own else [])]
