"""Runs one queued job from claim to end: its folder, its log, its outcome."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from oscarcli.local.folder import remove_tree
from oscarcli.local.jobs.attachments import Attachments
from oscarcli.local.jobs.engine.base import Engine, RunCancellation
from oscarcli.local.jobs.federation.delegator import Members
from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.mounts.schema import MountError
from oscarcli.local.jobs.payloads import PayloadBytes
from oscarcli.local.jobs.placement import Placement, PlacementError, Placements
from oscarcli.local.jobs.removal import FolderRemover
from oscarcli.local.jobs.spare_workspaces import SpareWorkspaces
from oscarcli.local.jobs.staging import Workspace
from oscarcli.local.jobs.storage import ClusterStorage
from oscarcli.local.jobs.supervisor import Run, log_level, new_workspace, supervise
from oscarcli.local.jobs.table import Job, JobOutcome
from oscarcli.local.services import warnings
from oscarcli.local.services.definition import Definition, has_other_stores
from oscarcli.local.services.mounts import mount_of
from oscarcli.local.services.quantity import parse_quantity
from oscarcli.local.services.table import Services

WORK = "work"
# What a stopping server waits for the folders of the last runs; the next start removes the others.
REMOVE_SECONDS = 2.0

UnmetRequirement = Callable[[Definition], str | None]


class JobRunner:
    """Carries out jobs.

    Args:
        folder: where each job has a folder of its own; its log stays there.
        services: to know which revision of a service has said already what differs here.
        storage: the cluster's objects.
        placements: tells what executes a script.
        attachments: lead scripts to volumes and mounts.
        unmet_requirement: asked with a definition, says what its script needs that is not here, or `None`.
        members: take jobs that this machine is too small for.
        forget: called with the name of a job that another cluster has taken.
        strict_exit: let a script's exit code decide over success, which a real cluster does not.
    """

    def __init__(
        self,
        folder: Path,
        services: Services,
        storage: ClusterStorage,
        placements: Placements,
        attachments: Attachments,
        unmet_requirement: UnmetRequirement,
        members: Members,
        forget: Callable[[str], None],
        *,
        strict_exit: bool = False,
    ) -> None:
        self._folder = folder
        self._remover = FolderRemover(folder)
        self._spare = SpareWorkspaces(folder, self._remover)
        self._services = services
        self._storage = storage
        self._placements = placements
        self._attachments = attachments
        self._unmet_requirement = unmet_requirement
        self._members = members
        self._forget = forget
        self._strict_exit = strict_exit

    def run(self, job: Job, cancellation: RunCancellation) -> JobOutcome:
        """Run a job and write its log.

        Raises:
            RunCancelled: the job was told to stop.
            OSError: its folder or log cannot be written.
        """
        home = self._folder / job.name
        log = JobLog(home, log_level(job.definition))
        if self._is_all_here(job.definition):
            log.hold()
        else:
            cancellation.turn.leave()
        if os.path.lexists(home):
            # A folder left by a removed job of the same name would mix two logs.
            cancellation.turn.leave()
            remove_tree(home)
        try:
            outcome = self._logged(job, home, log, cancellation)
        except BaseException:
            log.close()
            raise
        return replace(outcome, log=log.end())

    def close(self) -> None:
        """Finish what is left to do of runs that have ended."""
        self._spare.close()
        self._remover.stop(REMOVE_SECONDS)

    def _logged(self, job: Job, home: Path, log: JobLog, cancellation: RunCancellation) -> JobOutcome:
        if missing_memory(job.definition) and self._members.take(job):
            self._forget(job.name)
            return JobOutcome(True)
        try:
            placement = self._place(job, cancellation)
        except PlacementError as error:
            log.note("ERROR", str(error))
            return JobOutcome(False, str(error))
        self._note_differences(job, placement.engine, log)
        run = Run(job.name, job.definition, PayloadBytes(job.payload), asynchronous=True)
        storage = self._storage.of(job.definition)
        attached = self._attachments.attached(job.definition, placement, log.note, cancellation.check)
        try:
            with attached as place, self._workspace(home / WORK, place) as workspace:
                outcome = supervise(run, workspace, storage, place, log, cancellation)
        except MountError as error:
            log.last("ERROR", str(error))
            return JobOutcome(False, str(error))
        return self._judged(outcome, log)

    def _is_all_here(self, definition: Definition) -> bool:
        """Tell whether jobs of a service use nothing but this machine and the cluster's store."""
        is_far = (
            not self._placements.is_at_once(definition)
            or definition.get("volume")
            or mount_of(definition)
            or missing_memory(definition)
            or has_other_stores(definition)
        )
        return not is_far

    @contextmanager
    def _workspace(self, root: Path, placement: Placement) -> Iterator[Workspace]:
        if placement.image is None:
            with self._spare.lent() as workspace:
                yield workspace
            return
        root.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            # A container's has modes of its own, and is where the next start looks for it.
            yield new_workspace(root, placement)
        finally:
            self._remover.remove(root)

    def _place(self, job: Job, cancellation: RunCancellation) -> Placement:
        unmet = self._unmet_requirement(job.definition)
        if unmet:
            raise PlacementError(unmet)
        return self._placements.of(job.definition, cancellation.check)

    def _note_differences(self, job: Job, engine: Engine, log: JobLog) -> None:
        if self._services.take_note(job.service):
            difference = engine.differences(job.definition["image"])
            if difference:
                log.note("WARNING", difference)
            for warning in warnings.warnings(job.definition, in_image=engine.images is not None):
                log.note("WARNING", warning)

    def _judged(self, outcome: JobOutcome, log: JobLog) -> JobOutcome:
        code = outcome.exit_code
        if not code:
            return outcome
        if self._strict_exit and outcome.succeeded:
            log.last("WARNING", f"the script ended with exit code {code}; --strict-exit makes the job fail")
            return JobOutcome(False, f"the script ended with exit code {code}", code)
        log.last("WARNING", f"the script ended with exit code {code}, which does not make a job fail")
        return outcome


def missing_memory(definition: Definition) -> str | None:
    """Return a sentence when a service asks for more memory than this machine has."""
    wanted = parse_quantity(definition["memory"])
    present = host_memory()
    if wanted <= present:
        return None
    return f"the service asks for {definition['memory']} of memory, this machine has {present >> 20}Mi"


@cache
def host_memory() -> int:
    """Return the bytes of memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
