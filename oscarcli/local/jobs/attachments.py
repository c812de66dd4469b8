"""What a service's scripts see of files that outlive a job: its volume, and the bucket that it mounts.

In a container both are bound to their paths. On this machine itself a path has to lead there, by a link.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.local.first_use import MadeOnce
from oscarcli.local.jobs.engine.base import Bind
from oscarcli.local.jobs.engine.selection import EngineError, Engines
from oscarcli.local.jobs.mounts.schema import Note
from oscarcli.local.jobs.placement import Placement
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.host_links import HostLinks
from oscarcli.local.services.mounts import mount_of
from oscarcli.local.services.table import Services
from oscarcli.local.services.volumes import Volumes

if TYPE_CHECKING:
    from oscarcli.local.jobs.mounts.mounts import Mounts

# The user of an image is one of its own; nobody else of this machine gets as far as the volume.
VOLUME_MODE = 0o777


class Attachments:
    """Leads scripts to volumes and mounts.

    Args:
        services: the table of services.
        volumes: the volumes.
        mounts: makes what has the mounted buckets, which most clusters never need.
        links: the links of this machine.
        engines: tell whether a service's scripts run in containers.
    """

    def __init__(
        self,
        services: Services,
        volumes: Volumes,
        mounts: Callable[[], Mounts],
        links: HostLinks,
        engines: Engines,
    ) -> None:
        self._services = services
        self._volumes = volumes
        self._make_mounts = mounts
        self._links = links
        self._engines = engines

    @MadeOnce
    def _mounts(self) -> Mounts:
        return self._make_mounts()

    def unmet_requirement(self, definition: Definition) -> str | None:
        """Return why a service's scripts do not reach its files, after the field; `None` when they do.

        Where they run without a container the links are made.
        """
        loss = self._volumes.loss(definition)
        if loss is not None:
            return f"volume.mount_path: {loss}"
        if self._is_contained(definition):
            return None
        for field, path, target in self._places(definition):
            problem = self._links.ensure(path, target)
            if problem is not None:
                # A link of a service that is refused now would be known to nobody afterwards.
                self._sweep_links(self._services.all())
                return f"{field}: {problem}"
        return None

    def _is_contained(self, definition: Definition) -> bool:
        try:
            return self._engines.of(definition).images is not None
        except EngineError:
            # Its scripts run nowhere.
            return True

    def _places(self, definition: Definition) -> Iterator[tuple[str, Path, Path]]:
        """Yield field, path and folder of everything that a service's scripts are to see."""
        volume, mount = definition.get("volume"), mount_of(definition)
        if volume is not None:
            path = Path(os.path.normpath(volume["mount_path"]))
            yield "volume.mount_path", path, self._volumes.directory_of(definition)
        root = self._mounts.root_of(definition) if mount is not None else None
        if mount is not None and root is not None:
            yield "mount.path", Path(mount.path), root

    @contextmanager
    def attached(
        self, definition: Definition, placement: Placement, note: Note, check: Callable[[], None]
    ) -> Iterator[Placement]:
        """Let a job see its files while the block runs, and store what it changed in its mount afterwards.

        Args:
            definition: the service.
            placement: where the job runs; the one that is given has the binds.
            note: the job's log.
            check: called while files are fetched; an exception from it ends the work.

        Raises:
            MountError: the mounted files could not be fetched or stored.
        """
        placement = self.with_volume(definition, placement)
        has_mount = mount_of(definition) is not None
        visit = self._mounts.enter(definition, note, check) if has_mount else None
        if visit is None:
            yield placement
            self._tell_overfull(definition, note)
            return
        try:
            bind = Bind(visit.folder.root, visit.mount.path, read_only=visit.mount.read_only)
            yield replace(placement, binds=(*placement.binds, bind))
            self._tell_overfull(definition, note)
        finally:
            visit.folder.leave(note, visit.since)
            self._mounts.release_unused(self._services.all())

    def _tell_overfull(self, definition: Definition, note: Note) -> None:
        """Say in a job's log that its volume has become larger than a real one may."""
        volume = self._volumes.overfull(definition)
        if volume is not None:
            text = f"the volume {volume.name} holds more than its size, {volume.size}: a real one may be full"
            note("WARNING", text)

    def with_volume(self, definition: Definition, placement: Placement) -> Placement:
        """Return a placement with the volume of a service bound."""
        volume = definition.get("volume")
        if volume is None or placement.image is None:
            return placement
        directory = self._volumes.directory_of(definition)
        if not directory.is_symlink():
            with suppress(OSError):
                directory.chmod(VOLUME_MODE)
        target = os.path.normpath(volume["mount_path"])
        return replace(placement, binds=(*placement.binds, Bind(directory, target, keeps_owners=True)))

    def release(self) -> None:
        """Remove the links and the mounted folders of which no service has need any more."""
        services = self._services.all()
        self._sweep_links(services)
        if "_mounts" in vars(self):
            self._mounts.release_unused(services)

    def _sweep_links(self, services: Sequence[Definition]) -> None:
        self._links.sweep({path for each in services for _, path, _ in self._places(each)})

    def recover(self, *, has_mounts: bool) -> None:
        """Store what interrupted jobs have left in their mounts; nothing else runs.

        Args:
            has_mounts: whether there may be some.
        """
        if has_mounts:
            self._mounts.recover(self._services.all())
        self.release()
