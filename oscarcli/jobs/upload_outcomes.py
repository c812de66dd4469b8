"""What has become of uploads and of their jobs, gathered from what happens to them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from oscarcli.api.jobs import FAILED, failure_text
from oscarcli.errors import JobFailedError, OscarError
from oscarcli.jobs.events import Event, InputFailed, ResultSaved, Uploaded
from oscarcli.jobs.finished import FinishedJob
from oscarcli.jobs.outputs import output_keys
from oscarcli.jobs.service_storage import ServiceStorage
from oscarcli.jobs.supervisor_log import last_lines, parse_log
from oscarcli.jobs.uploaded import JobUpdate


class UploadOutcomes:
    """Takes events, and tells what they come to.

    Args:
        files: the service and its storage.

    Attributes:
        uploaded: the uploads that are stored.
        first: what was seen first of each job, by its name.
        done: the jobs that have ended.
        paths: the results that are here, in the order of their completion.
    """

    def __init__(self, files: ServiceStorage) -> None:
        self.uploaded: list[Uploaded] = []
        self.first: dict[str, JobUpdate] = {}
        self.done: list[FinishedJob] = []
        self.paths: list[Path] = []
        self._files = files

    def take(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, Uploaded):
            self.uploaded.append(event)
        elif isinstance(event, JobUpdate):
            self.first.setdefault(event.name, event)
        elif isinstance(event, FinishedJob):
            self.done.append(event)
        elif isinstance(event, ResultSaved):
            self.paths.append(event.path)

    def failures(self) -> list[InputFailed]:
        """Return the jobs that failed, with the last lines of their logs."""
        return [
            InputFailed(
                str(self.first[one.name].place) if one.name in self.first else one.name,
                JobFailedError(failure_text(one.name, one.job)),
                is_job=True,
                job=one.name,
                log=tuple(last_lines(one.log)),
            )
            for one in self.done
            if one.job.get("status") == FAILED
        ]

    def summary(self, total: int, folder: Path | None) -> str:
        """Return in words what several uploads come to.

        Args:
            total: how many there were to be.
            folder: where the results are, if anywhere.
        """
        failed = len(self.failures())
        return (
            f"{len(self.uploaded)} of {total} files uploaded, {len(self.done) - failed} jobs succeeded, "
            f"{failed} failed" + (f"; {len(self.paths)} files in {folder}" if folder is not None else "")
        )

    def document(self, provider: str) -> dict[str, Any]:
        """Return what a program reads of all this.

        Args:
            provider: the storage provider of the uploads.
        """
        ended = {one.name: one for one in self.done}
        jobs = [
            {"object": f"{provider}:{update.place}", **self._job(ended[name])}
            for name, update in self.first.items()
        ]
        return {
            "service": self._files.service,
            "uploaded": [f"{one.provider}:{one.task.target}" for one in self.uploaded],
            "jobs": jobs,
            "files": self._places(),
        }

    def single_document(self) -> dict[str, Any]:
        """Return what a program reads of a single job."""
        return {"service": self._files.service, **self._job(self.done[0]), "files": self._places()}

    def _job(self, done: FinishedJob) -> dict[str, Any]:
        return {
            "job": done.name,
            "status": done.job.get("status"),
            # The script's, which a local cluster tells.
            "exit_code": done.job.get("exit_code"),
            # Null where the log does not name them.
            "outputs": output_keys(_document(self._files), parse_log(done.log)),
            "log": done.log,
        }

    def _places(self) -> list[str]:
        return [os.path.abspath(path) for path in self.paths]  # noqa: PTH100 -- links stay


def _document(files: ServiceStorage) -> dict[str, Any]:
    """Return the service; nothing when it is not there any more: what its jobs did is told all the same."""
    try:
        return files.document
    except OscarError:
        return {}
