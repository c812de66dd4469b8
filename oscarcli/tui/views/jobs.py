"""The jobs of a service, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from oscarcli.output.table import Column
from oscarcli.output.times import run_time
from oscarcli.tui.access import Access
from oscarcli.tui.views.base import ResourceView, RowCommand

if TYPE_CHECKING:
    from textual.screen import Screen

    from oscarcli.api.jobs import Job

NamedJob = tuple[str, "Job"]


def _run_time(item: NamedJob) -> str | None:
    job = item[1]
    return run_time(job.get("start_time"), job.get("finish_time"), is_running=job.get("status") == "Running")


class JobsView(ResourceView):
    """Jobs; each leads to its log.

    Args:
        access: the way to clusters.
        cluster: the cluster's id.
        service: the service's name.
    """

    title = "jobs"
    # Ten thousand jobs are many pages.
    seconds: ClassVar[float] = 120.0
    columns: ClassVar[Sequence[Column]] = (
        Column("JOB", lambda item: item[0]),
        Column("STATUS", lambda item: item[1].get("status")),
        Column("CREATED", lambda item: item[1].get("creation_time"), is_time=True),
        Column("DURATION", _run_time, is_number=True),
        Column("REASON", lambda item: item[1].get("reason")),
    )
    commands: ClassVar = {
        "d": RowCommand(
            "service logs delete {SERVICE_NAME} {JOB_NAME}", "Delete", is_ready=False, takes_many=True
        ),
        "u": RowCommand("service put-file {SERVICE_NAME} ", "Upload", is_ready=False),
        "x": RowCommand("service run {SERVICE_NAME} -i ", "Run", is_ready=False),
    }

    def __init__(self, access: Access, cluster: str, service: str) -> None:
        super().__init__(access, cluster)
        self.service = service

    @property
    def crumb(self) -> str:
        """The service whose jobs they are."""
        return f"{self.service} jobs"

    def load(self) -> Sequence[NamedJob]:
        """Return the jobs, newest first."""
        from oscarcli.api.jobs import list_jobs

        found = list_jobs(self.access.connect(self.cluster), self.service)
        return list(reversed(found.items()))

    def key(self, item: NamedJob) -> str:
        """Return the job's name."""
        return item[0]

    def is_settled(self, item: NamedJob) -> bool:
        """Tell whether a job's duration does not grow any more."""
        return item[1].get("status") != "Running"

    def open(self, item: NamedJob) -> Screen[None]:
        """Show the log of a job, line by line as it comes."""
        from oscarcli.tui.screens.log import LogScreen

        return LogScreen(self.access, self.cluster, self.service, item[0])

    def results(self, items: Sequence[NamedJob], *, left_out: int = 0) -> ResourceView:
        """Return the list of files that jobs wrote.

        Args:
            items: the jobs.
            left_out: how many more were marked.
        """
        from oscarcli.tui.views.results import ResultsView

        return ResultsView(self.access, self.cluster, self.service, items, left_out)

    def words(self, item: NamedJob | None) -> dict[str, str]:
        """Return service and job as commands call them."""
        own = {"SERVICE_NAME": self.service}
        return own if item is None else own | {"JOB_NAME": item[0]}
