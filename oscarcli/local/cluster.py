"""The parts of a local cluster, put together; everything but its listeners."""

from __future__ import annotations

import logging
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from oscarcli.local.answers import ApiError
from oscarcli.local.exposed.calls import ExposedCalls
from oscarcli.local.exposed.deployments import Deployments
from oscarcli.local.exposed.environment import PodEnvironment
from oscarcli.local.exposed.ports import PortLeases
from oscarcli.local.exposed.table import StoppedDeployments
from oscarcli.local.first_use import MadeOnce
from oscarcli.local.folder import DataFolder, Settings
from oscarcli.local.jobs.admission import Admission
from oscarcli.local.jobs.attachments import Attachments
from oscarcli.local.jobs.begun import BegunJobs
from oscarcli.local.jobs.calls import Calls
from oscarcli.local.jobs.engine.selection import EngineError, Engines
from oscarcli.local.jobs.events import Announcer
from oscarcli.local.jobs.federation.delegator import Delegator, Members
from oscarcli.local.jobs.federation.queue import OfferedJobs
from oscarcli.local.jobs.placement import Placements
from oscarcli.local.jobs.request_log import RequestLog
from oscarcli.local.jobs.runner import JobRunner, missing_memory
from oscarcli.local.jobs.scheduler import Scheduler
from oscarcli.local.jobs.storage import ClusterStorage
from oscarcli.local.jobs.sync import SyncRuns
from oscarcli.local.jobs.table import Jobs
from oscarcli.local.objects.s3.signatures import Credentials
from oscarcli.local.objects.store import ObjectStore
from oscarcli.local.optional import (
    issuer_for,
    mounts_in,
    output_buckets_of,
    pulls_in,
    users_in,
    workers_with,
)
from oscarcli.local.options import Options
from oscarcli.local.recovery import Expiry, recover
from oscarcli.local.schema import SCHEMA
from oscarcli.local.services.definition import INVALID, REGION, Definition
from oscarcli.local.services.federation import Federations
from oscarcli.local.services.host_links import HostLinks
from oscarcli.local.services.lifecycle import Lifecycle
from oscarcli.local.services.ownership import Ownership
from oscarcli.local.services.quotas import Quotas, whole
from oscarcli.local.services.table import Services
from oscarcli.local.services.unsupported import Capabilities
from oscarcli.local.services.volumes import Volumes
from oscarcli.local.state import State
from oscarcli.local.users.access import BucketPolicies, ObjectStoreAccounts

if TYPE_CHECKING:
    from oscarcli.local.images.pulls import Pulls
    from oscarcli.local.jobs.federation.workers import FederationWorkers
    from oscarcli.local.jobs.providers.output_buckets import OutputBuckets
    from oscarcli.local.users.issuer import OpenIdIssuer
    from oscarcli.local.users.tokens import IssuedTokens

log = logging.getLogger(__name__)

# Scripts get TERM, two seconds, KILL, and then their ends are recorded.
STOP_SECONDS = 6.0
STOPPED = "the server was stopped while the job was running"


class LocalCluster:
    """A local cluster on a data directory whose lock the caller holds.

    Args:
        folder: the data directory, created.
        settings: its credentials.
        options: how it behaves.

    Raises:
        EngineError: the engine that was asked for cannot be used.
        RuntimeError: the database was written by a newer version of this program.
    """

    def __init__(self, folder: DataFolder, settings: Settings, options: Options) -> None:
        self.folder = folder
        self.settings = settings
        self.options = options
        self.state = State(folder.database, SCHEMA)
        try:
            self._build()
        except BaseException:
            self.state.close()
            raise
        self.s3_endpoint = ""
        self._is_ending = False

    def _build(self) -> None:
        folder, settings, options = self.folder, self.settings, self.options
        self.services = Services(self.state)
        self.users = users_in(self.state) if options.users else None
        self.policies = BucketPolicies(self.state)
        root = Credentials(settings.access_key, settings.secret_key)
        self.accounts = ObjectStoreAccounts(root, self.users, self.policies)
        self.quotas = Quotas(self.state)
        self.admission = Admission(self.quotas, self.accounts.is_user)
        self.jobs = Jobs(self.state, self.admission.is_held if options.users else None)
        self.calls = Calls(self.state)
        self.exposed_calls = ExposedCalls(self.state)
        self.volumes = Volumes(self.state, folder.volumes, self.services)
        self.federations = Federations(self.state, self.services)
        self.requests = RequestLog()
        self.tokens: IssuedTokens | None = None
        self.openid: OpenIdIssuer | None = None
        self._announcer = Announcer(settings.deployment, settings.access_key, markers=options.strict)
        self.store = ObjectStore(
            self.state,
            folder.blobs,
            on_created=self._announcer,
            committed=self._committed,
            limit_of=self._bucket_limit,
        )
        self.engines = Engines(options.engine, folder.images)
        self.placements = Placements(self.engines, lambda: self._pulls)
        self._build_runs()
        self.ownership = Ownership(self.policies, self.quotas, self.users)
        self.lifecycle = Lifecycle(
            self.state,
            self.store,
            self.services,
            self.jobs,
            self.scheduler,
            self.volumes,
            self._capabilities,
            self.ownership,
            self.attachments.unmet_requirement,
            strict=options.strict,
        )
        self._expiry = Expiry(folder, self.jobs)

    def _build_runs(self) -> None:
        options = self.options
        storage = ClusterStorage(self.store, self.accounts, self.settings.access_key)
        links = HostLinks(self.state, self.folder.path)
        self.attachments = Attachments(
            self.services,
            self.volumes,
            lambda: mounts_in(self.state, self.folder.mounts, self.store, self.accounts, storage.account_of),
            links,
            self.engines,
        )
        self.members = Members(self.state, self.services)
        self._runner = JobRunner(
            self.folder.jobs,
            self.services,
            storage,
            self.placements,
            self.attachments,
            self._unmet_requirement,
            self.members,
            lambda name: self.scheduler.remove([name]),
            strict_exit=options.strict_exit,
        )
        self._begun = BegunJobs(self.folder.begun_jobs)
        self.scheduler = Scheduler(
            self.jobs,
            self.folder.jobs,
            self._runner.run,
            options.parallel or default_parallel(),
            self.folder.free_bytes,
            self.state.work,
            self._begun,
        )
        self.delegator = Delegator(
            self.jobs,
            OfferedJobs(self.state),
            self.members,
            options.parallel or default_parallel(),
            self.scheduler.wake,
        )
        self._account_of = storage.account_of
        self.sync = SyncRuns(
            self.folder.jobs,
            self.placements,
            self.attachments,
            storage if options.sync_store else None,
            self._unmet_requirement,
            ended=self.calls.add_sync,
            limit=options.sync_limit,
        )
        self.deployments = Deployments(
            PodEnvironment(
                self.folder.deployments,
                self.placements,
                self.attachments,
                PortLeases(),
                self._unmet_requirement,
            ),
            self.services,
            StoppedDeployments(self.state),
        )

    @cached_property
    def workers(self) -> FederationWorkers:
        """The services at the members of federations; made with the first service that comes or changes."""
        return workers_with(self._store_for_others)

    @cached_property
    def output_buckets(self) -> OutputBuckets:
        """What outputs at other providers need; made with the first service that comes or changes."""
        return output_buckets_of(self.store, strict=self.options.strict)

    @MadeOnce
    def _pulls(self) -> Pulls:
        """What gets images; made with the first service that runs in one."""
        made = pulls_in(self.state, self.folder, self.options.pull)
        if self._is_ending:
            made.stop()
        return made

    def _capabilities(self, definition: Definition) -> Capabilities:
        try:
            engine = self.engines.of(definition)
        except EngineError as error:
            raise ApiError(400, f"{INVALID}annotations: {error}") from error
        store = self.store_settings(self.settings.access_key, self.settings.secret_key)
        return Capabilities(engine.name, engine.images is not None, engine.passes_gpus, store)

    def _unmet_requirement(self, definition: Definition) -> str | None:
        return missing_memory(definition) or self.attachments.unmet_requirement(definition)

    def _committed(self) -> None:
        self.scheduler.wake()
        if self.federations.any_delegating():
            self.delegator.wake()

    def _bucket_limit(self, bucket: str) -> int | None:
        """Return the bytes that a bucket may hold by its owner's quota, `None` without one."""
        if self.users is None:
            return None
        policy = self.policies.get(bucket)
        settings = {} if policy is None else self.quotas.get(policy.owner).get("minio", {})
        return whole(settings["storage_per_bucket"]) if "storage_per_bucket" in settings else None

    def _store_for_others(self, definition: Definition) -> dict[str, Any]:
        account = self.accounts.find(self._account_of(definition))
        if account is None:
            return self.store_settings("", "")
        return self.store_settings(account.access_key, account.secret_key)

    def store_settings(self, access_key: str, secret_key: str) -> dict[str, Any]:
        """Return what a definition has of the cluster's store for an account."""
        return {
            "endpoint": self.s3_endpoint,
            "verify": False,
            "access_key": access_key,
            "secret_key": secret_key,
            "region": REGION,
        }

    def start(self, s3_endpoint: str, api_endpoint: str = "") -> None:
        """Bring the data directory in order and begin to run jobs."""
        if self.users is not None:
            self.tokens, self.openid = issuer_for(self.users, api_endpoint)
        self.s3_endpoint = self._announcer.origin = self.lifecycle.endpoint = s3_endpoint
        self.calls.prepare()
        self.exposed_calls.prepare()
        self.volumes.prepare()
        recover(self.folder, self.jobs, self.engines, self._begun)
        self.attachments.recover(has_mounts=self.folder.mounts.is_dir())
        self.folder.remember_engine(self.engines.default.name, self.engines.default.version)
        self.store.sweep()
        self.delegator.start()
        self.scheduler.start()
        self.deployments.start_all(self.engines)
        self._expiry.start()

    def stop_runs(self) -> None:
        """Stop all runs; jobs among them count as failed, pending ones stay."""
        self._is_ending = True
        if "_pulls" in vars(self):
            self._pulls.stop()
        self.sync.stop("the server was stopped")
        self.deployments.close()
        self.scheduler.stop(STOPPED, STOP_SECONDS)
        self.delegator.stop(STOP_SECONDS)

    def close(self) -> None:
        """Close the database, after everyone who uses it has stopped."""
        self._expiry.stop()
        self._runner.close()
        self.exposed_calls.save()
        self._begun.close()
        self.state.close()


def default_parallel() -> int:
    """Return how many jobs run at a time when nobody says: the cores, four at most."""
    return min(4, os.cpu_count() or 1)
