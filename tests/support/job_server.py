"""A manager whose jobs are those of a real store's objects: they go as a test wants, with real logs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from tests.support import s3_servers
from tests.support.server import Answer, Request, ScriptedServer, document, text

LOG = (Path(__file__).parent / "supervisor_logs" / "object.txt").read_text(encoding="utf-8")
OUTPUT_LINE = "Uploading file 'out/result.txt' to bucket 'svc'"
# As many as a manager puts on a page.
PAGE_SIZE = 70
MOMENT = "2026-06-12T09:00:00Z"
WAITING = ("Pending", "Suspended")


@dataclass
class Job:
    """A job of the service "svc".

    Attributes:
        key: the object that started it.
        name: its name.
        output: the key that it writes; its input's name, for a start.
        states: what each look sees, the last one for ever; "Gone" is no entry in the list.
        log: its log once it has begun; the real supervisor's with its own objects when `None`.
        is_stored: whether its output is.
    """

    key: str
    name: str
    output: str
    states: list[str] = field(default_factory=lambda: ["Succeeded"])
    log: str | None = None
    is_stored: bool = False

    @property
    def words(self) -> str:
        """The log."""
        if self.log is not None:
            return self.log
        said = LOG.replace("in%2Fa+b.txt", quote_plus(self.key)).replace("in/a b.txt", self.key)
        return said.replace(OUTPUT_LINE, f"Uploading file '{self.output}' to bucket 'svc'")


class JobServer(ScriptedServer):
    """The manager, and a client of its store.

    Args:
        store: what its provider is.
        s3: a client of the store, which has an empty bucket "svc".

    Attributes:
        jobs: all jobs by the key of their objects, as they came.
        arrange: is given each new job, to change it.
        others: jobs that nobody here started.
        faults: what the list of jobs answers instead, one a time.
    """

    def __init__(self, store: s3_servers.Server, s3: Any) -> None:
        super().__init__()
        self.jobs: dict[str, Job] = {}
        self.arrange: Callable[[Job], object] = lambda _job: None
        self.others: dict[str, dict[str, str]] = {}
        self.faults: list[Answer] = []
        self._store, self._turn = store, threading.Lock()
        self.s3 = s3

    def keys(self, prefix: str = "in/") -> list[str]:
        """Return the keys of the service's bucket that begin so."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="svc", Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def reply_to(self, request: Request) -> Answer:
        """Answer as a manager does."""
        with self._turn:
            self.requests.append(request)
            if request.path == "/system/services/svc":
                return document(self._definition())
            if request.path == "/system/config":
                return document({"minio_provider": self._credentials()})
            if request.path == "/system/logs/svc":
                return self.faults.pop(0) if self.faults else self._page(request)
            name = request.path.removeprefix("/system/logs/svc/")
            found = [job for job in self.jobs.values() if job.name == name and job.states[0] not in WAITING]
            # The manager breaks over a job that has no pod.
            return text(found[0].words) if found else Answer(500)

    def _definition(self) -> dict[str, Any]:
        return {
            "name": "svc",
            "token": "f" * 64,
            "input": [{"storage_provider": "minio.default", "path": "svc/in"}],
            "output": [{"storage_provider": "minio.default", "path": "svc/out"}],
            "storage_providers": {"minio": {"default": self._credentials()}},
        }

    def _credentials(self) -> dict[str, Any]:
        return s3_servers.minio_provider(self._store.endpoint) | {"region": "us-east-1"}

    def _page(self, request: Request) -> Answer:
        number = int(request.query.get("page", "0"))
        if number == 0:
            self._go_on()
        shown = dict(self.others)
        for job in self.jobs.values():
            begun = {} if job.states[0] in WAITING else {"start_time": MOMENT}
            shown |= {job.name: {"status": job.states[0], **begun}} if job.states[0] != "Gone" else {}
        names = sorted(shown)[number * PAGE_SIZE :]
        more = {"next_page": str(number + 1)} if len(names) > PAGE_SIZE else {}
        return document({"jobs": {name: shown[name] for name in names[:PAGE_SIZE]}, **more})

    def _go_on(self) -> None:
        """Let each job be a step further, and begin those of new objects."""
        for job in self.jobs.values():
            if len(job.states) > 1:
                job.states.pop(0)
        for key in self.keys():
            if key not in self.jobs:
                job = Job(key, f"svc-{len(self.jobs):04}", f"out/{key.rpartition('/')[2]}")
                self.jobs[key] = job
                self.arrange(job)
        for job in self.jobs.values():
            if job.states[0] == "Succeeded" and job.output and not job.is_stored:
                job.is_stored = True
                with self.s3.get_object(Bucket="svc", Key=job.key)["Body"] as body:
                    self.s3.put_object(Bucket="svc", Key=job.output, Body=body.read().upper())


@contextmanager
def job_server(folder: Path) -> Iterator[JobServer]:
    """Serve the manager and its store, with its data in a folder."""
    with (
        s3_servers.local_server(folder) as store,
        s3_servers.empty_bucket(store, "svc") as client,
    ):
        server = JobServer(store, client)
        with server:
            yield server
