"""The files that jobs wrote."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from oscarcli.jobs.finished import FinishedJob, ResultFile
from oscarcli.output.table import Column
from oscarcli.storage.provider import DEFAULT_PROVIDER
from oscarcli.tui.access import Access
from oscarcli.tui.archive import ArchiveMember
from oscarcli.tui.views.base import ResourceView

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen

    from oscarcli.api.jobs import Job
    from oscarcli.jobs.service_storage import ServiceStorage
    from oscarcli.storage.base import Reader


class ResultsView(ResourceView):
    """Results of jobs; each can be looked at, and many become one zip.

    Args:
        access: the way to clusters.
        cluster: the cluster's id.
        service: the jobs' service.
        jobs: the jobs.
        left_out: how many more were marked, whose results are not looked for.
    """

    title = "results"
    # Each job's log is asked for.
    seconds: ClassVar[float] = 120.0
    columns: ClassVar[Sequence[Column]] = (
        Column("FILE", lambda file: file.name),
        Column("PLACE", lambda file: file.location),
        Column("JOB", lambda file: file.job),
        Column("PROVIDER", lambda file: file.provider or "the log"),
    )

    def __init__(
        self,
        access: Access,
        cluster: str,
        service: str,
        jobs: Sequence[tuple[str, Job]],
        left_out: int = 0,
    ) -> None:
        super().__init__(access, cluster)
        self.service, self.jobs = service, jobs
        self._left_out = left_out

    @property
    def crumb(self) -> str:
        """The jobs."""
        jobs = self.jobs[0][0] if len(self.jobs) == 1 else f"{len(self.jobs)} jobs of {self.service}"
        return f"{jobs} › results"

    def load(self) -> Sequence[ResultFile]:
        """Return the files."""
        from oscarcli.api.jobs import find_log
        from oscarcli.jobs.results import ResultFinder

        client = self.access.connect(self.cluster)
        done = [
            FinishedJob(name, job, find_log(client, self.service, name) or "", is_raw=False)
            for name, job in self.jobs
        ]
        found: list[ResultFile] = []
        marked = len(self.jobs) + self._left_out
        notes = [f"these are of the first {len(self.jobs)} of {marked} marked jobs"] if self._left_out else []
        for one in ResultFinder(self._storage()).files_of(done):
            if isinstance(one, ResultFile):
                found.append(one)
            else:
                notes.append(one.text)
        self.note = "; ".join(notes)
        return found

    def _storage(self) -> ServiceStorage:
        from oscarcli.jobs.service_storage import ServiceStorage
        from oscarcli.tui.access import MAX_STORE_SECONDS

        client, tls = self.access.connect(self.cluster), self.access.clusters[self.cluster].tls
        return ServiceStorage(client, self.service, tls=tls, timeout=MAX_STORE_SECONDS)

    def key(self, item: ResultFile) -> str:
        """Return what tells one file from the others."""
        return f"{item.job}\0{item.name}\0{item.location}"

    def open(self, item: ResultFile) -> Screen[None]:
        """Show what is in a file."""
        from oscarcli.tui.screens.file import FileScreen

        return FileScreen(self.access, item.name, self._command(item), partial(self._first_bytes, item))

    def _first_bytes(self, item: ResultFile, most: int) -> bytes:
        from oscarcli.tui.contents import first_bytes

        if item.location is None:
            return (item.content or b"")[:most]
        return first_bytes(self._storage().storage(item.provider), item.location, most)

    def _command(self, item: ResultFile) -> str:
        if item.location is None:
            return f"oscar-cli service logs get {self.service} {item.job} -c {self.cluster}"
        provider = "" if item.provider in ("", DEFAULT_PROVIDER) else f" {item.provider}"
        place = shlex.quote(str(item.location))
        return f"oscar-cli service get-file {self.service}{provider} {place} -c {self.cluster}"

    # -- archive -------------------------------------------------------------------------------------

    @property
    def archive_name(self) -> str:
        """The jobs' service, or the job."""
        return self.jobs[0][0] if len(self.jobs) == 1 else f"{self.service}-results"

    def members(self, items: Sequence[ResultFile]) -> list[ArchiveMember]:
        """Return the files for an archive; those of several jobs each in the job's folder."""
        storage = self._storage()
        return [
            ArchiveMember(
                file.name if len(self.jobs) == 1 else f"{file.job}/{file.name}",
                partial(_pieces, storage, file),
            )
            for file in items
        ]

    def archive_command(self, items: Sequence[ResultFile]) -> str:
        """Return the command that brings the first of them."""
        return self._command(items[0])


def _pieces(storage: ServiceStorage, file: ResultFile, opened: Callable[[Reader], None]) -> Iterator[bytes]:
    from oscarcli.tui.contents import pieces

    if file.location is None:
        yield file.content or b""
    else:
        yield from pieces(storage.storage(file.provider), file.location, opened)
