"""Services come, change and go, each time with their buckets and volumes, in one transaction."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable

from oscarcli.local.answers import ApiError
from oscarcli.local.objects.store import ObjectStore
from oscarcli.local.services.buckets import ServiceBuckets
from oscarcli.local.services.definition import (
    INVALID,
    OWNER,
    REGION,
    Definition,
    buckets_of,
    check_names_and_quantities,
    read_definition,
)
from oscarcli.local.services.exposure import check_scale
from oscarcli.local.services.federation import complete_federation, is_worker
from oscarcli.local.services.job_protocols import JobQueue, JobTable
from oscarcli.local.services.mounts import check_mount
from oscarcli.local.services.ownership import Ownership
from oscarcli.local.services.table import Services
from oscarcli.local.services.unsupported import Capabilities, refuse_impossible
from oscarcli.local.services.volume_checks import complete_volume
from oscarcli.local.services.volumes import UNCHANGEABLE, Volumes
from oscarcli.local.state import State
from oscarcli.local.users.access import ADMIN, RequestCaller

log = logging.getLogger(__name__)

_TOKEN = re.compile("[0-9a-f]{64}")

# The manager's words, with what Go makes of an argument that its format has no place for.
BUCKETS_STAY = (
    "Error deleting service buckets: %!(EXTRA *errors.errorString=error while removing MinIO bucket "
    "error removing resource)"
)
INVALID_POLICY = "Invalid arguments specified. (Invalid arguments specified)"
NO_USER = "The specified user does not exist. (Specified user does not exist)"


CapabilitiesOf = Callable[[Definition], Capabilities]
"""Tells what the engine of a service can do. Raises ApiError when it cannot be used."""


class Lifecycle:
    """Creates, updates and deletes services.

    Args:
        state: the database that all the others share.
        store: buckets and objects.
        services: the table of services.
        jobs: the table of jobs.
        scheduler: stops the jobs of a service that goes.
        volumes: the volumes that services mount.
        capabilities: tells what the engine of a service can do.
        ownership: gives services and buckets to users.
        unmet_requirement: says why a service's scripts do not reach its volume or mount, or `None`.
        strict: refuse an input or output bucket that exists already, and keep those of a service that is
            deleted without an owner, as the manager does.
    """

    def __init__(
        self,
        state: State,
        store: ObjectStore,
        services: Services,
        jobs: JobTable,
        scheduler: JobQueue,
        volumes: Volumes,
        capabilities: CapabilitiesOf,
        ownership: Ownership,
        unmet_requirement: Callable[[Definition], str | None],
        *,
        strict: bool,
    ) -> None:
        self._state = state
        self._services = services
        self._jobs = jobs
        self._scheduler = scheduler
        self._volumes = volumes
        self._capabilities = capabilities
        self._ownership = ownership
        self._buckets = ServiceBuckets(store, services, ownership, strict=strict)
        self._unmet_requirement = unmet_requirement
        self._strict = strict
        self.endpoint = ""
        """The S3 endpoint that definitions show; known once the listener has its port."""

    def create(self, body: bytes, caller: RequestCaller = ADMIN) -> Definition:
        """Create the service that a request describes, with its buckets and folders; return its definition.

        Raises:
            ApiError: it is refused.
        """
        definition = self._read(body)
        if not (is_worker(definition) and _TOKEN.fullmatch(definition["token"])):
            definition["token"] = secrets.token_hex(32)
        self._ownership.claim(definition, caller)
        with self._state.transaction():
            if self._services.get(definition["name"]) is not None:
                self._refuse_existing(definition)
            check_names_and_quantities(definition, "Error creating the service: ")
            if self._strict:
                check_scale(definition, "Error creating the service: ")
            self._buckets.make(definition, caller, refuse_existing=self._strict)
            self._buckets.isolate(definition)
            self._volumes.require(definition)
            self._check_volume(definition, caller)
            self._reach(definition)
            self._volumes.provide(definition)
            self._services.put(definition)
        log.info('service "%s" created', definition["name"])
        return definition

    def update(self, body: bytes, caller: RequestCaller = ADMIN) -> Definition:
        """Replace the definition of a service and return the new one; its token and namespace stay.

        Raises:
            ApiError: 404 when there is none, 400 and 500 when it is refused; 500 also when it is stored, but
                a bucket could not be given to its owner.
        """
        definition = self._read(body)
        with self._state.transaction():
            stored = self._services.get(definition["name"])
            if stored is None:
                raise ApiError(404)
            if not caller.owns(stored):
                raise ApiError(403, f"User {caller.uid} doesn't have permision to modify this service")
            if not caller.is_admin:
                definition.update(owner=stored["owner"], bucket_list=stored["bucket_list"])
            if definition.get("volume") != stored.get("volume"):
                raise ApiError(400, UNCHANGEABLE)
            check_names_and_quantities(definition, "Error updating the service: ")
            if self._strict:
                check_scale(definition, "Error updating the service: ")
            definition.update(token=stored["token"], namespace=stored["namespace"])
            if not definition["environment"]["secrets"]:
                definition["environment"]["secrets"] = stored["environment"]["secrets"]
            self._buckets.note_late_inputs(stored, definition)
            self._buckets.make(definition, caller, refuse_existing=False)
            self._buckets.isolate(definition)
            self._reach(definition)
            self._services.put(definition)
        log.info('service "%s" updated', definition["name"])
        if self._strict and _has_new_private_bucket(stored, definition) and definition["owner"] != OWNER:
            raise ApiError(500, _policy_failure(definition["owner"]))
        return definition

    def _check_volume(self, definition: Definition, caller: RequestCaller) -> None:
        volume = definition.get("volume")
        if volume is not None and volume.get("size"):
            used = [one.size for one in self._volumes.of(definition["namespace"])]
            self._ownership.check_volume(caller, volume["name"], volume["size"], used)

    def _reach(self, definition: Definition) -> None:
        unmet = self._unmet_requirement(definition)
        if unmet is not None:
            raise ApiError(400, INVALID + unmet)

    def withdraw(self, name: str) -> None:
        """Take back a service that was just created, and the buckets that came with it and are empty."""
        with self._state.transaction():
            definition = self._services.get(name)
            if definition is not None:
                self._services.remove(name)
                self._buckets.withdraw(definition)
                self._volumes.release(definition)

    def delete(self, name: str, caller: RequestCaller = ADMIN) -> None:
        """Delete a service, its jobs, and what it came with that no other service uses.

        Raises:
            ApiError: 404 when there is none; 500 when it is gone, but its buckets are not.
        """
        with self._state.transaction(is_large=True):
            definition = self._services.get(name)
            if not caller.is_admin and (definition is None or not caller.owns(definition)):
                # It is looked for in the caller's own namespace.
                raise ApiError(500, f'the service "{name}" does not have a registered ConfigMap')
            if definition is None:
                raise ApiError(404)
            self._services.remove(name)
            jobs = self._jobs.names(name)
            self._jobs.remove(jobs)
            is_stuck = self._buckets.cannot_free(definition)
            isolated = self._ownership.isolated(definition)
            if not is_stuck:
                self._buckets.remove(definition, isolated)
            self._volumes.release(definition)
        self._scheduler.forget(jobs)
        log.info('service "%s" deleted', name)
        if is_stuck:
            raise ApiError(500, BUCKETS_STAY)

    def _read(self, body: bytes) -> Definition:
        definition = read_definition(body)
        complete_volume(definition)
        check_mount(definition)
        complete_federation(definition)
        refuse_impossible(definition, self._capabilities(definition))
        definition.pop("replicas", None)
        definition["storage_providers"].setdefault("minio", {})["default"] = {
            "endpoint": self.endpoint,
            "verify": False,
            "access_key": "hidden",
            "secret_key": "hidden",
            "region": REGION,
        }
        return definition

    def _refuse_existing(self, definition: Definition) -> None:
        # The manager stores secrets before it looks for the service, so a clash shows up there first.
        if definition["environment"]["secrets"]:
            raise ApiError(409, "A secret with the given name already exists")
        raise ApiError(400, "A service with the provided name already exists")


def _has_new_private_bucket(stored: Definition, definition: Definition) -> bool:
    is_public = definition["visibility"] == "public"
    return not is_public and bool(set(buckets_of(definition)) - set(buckets_of(stored)))


def _policy_failure(owner: str) -> str:
    """Return the manager's words, with MinIO's about a policy of nobody, or of somebody who is no user."""
    failure = f"setting MinIO policy for user/group {owner}: {NO_USER}"
    if not owner:
        failure = f"creating/adding MinIO policy for user/group : {INVALID_POLICY}"
    return f"Error creating the service: error {failure}"
