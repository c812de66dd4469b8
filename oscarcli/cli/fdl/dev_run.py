"""One turn of `dev`: apply what changed, run the input, bring the results; told as events, in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oscarcli.cli.kit.apply_report import sentence
from oscarcli.cli.kit.fdl_plan import planned_fdl, read_fdl, wanted_services
from oscarcli.errors import JobFailedError, OscarError, PartialError, UsageError

if TYPE_CHECKING:
    from oscarcli.api.jobs import Job
    from oscarcli.cli.kit.session import Session
    from oscarcli.fdl.plan import Wanted
    from oscarcli.jobs.service_storage import ServiceStorage


@dataclass(frozen=True)
class DevOptions:
    """What is run, and how.

    Args:
        fdl: the FDL file.
        input: the input, a local file.
        service: the service that it is for; `None` for the one whose input no other service writes.
        cluster: the cluster for all services; `None` for those that the file names.
        folder: where results go.
        names: what `--name` was given.
        env_file: variables and secrets.
    """

    fdl: str
    input: Path
    service: str | None
    cluster: str | None
    folder: Path
    names: Sequence[str]
    env_file: Path | None


@dataclass(frozen=True)
class Applied:
    """A service was created or edited."""

    text: str


@dataclass(frozen=True)
class SyncAnswer:
    """What a synchronous run answered."""

    content: bytes


@dataclass(frozen=True)
class TurnEnded:
    """Nothing more comes of a turn: it is done, or it failed."""

    error: Exception | None


class DevTurn(threading.Thread):
    """A turn on its way.

    Args:
        session: of this run of the program.
        options: what is run.
        lock: held until the job is known, for a job is told from those of earlier turns by being new.
        tell: is given the turn and each event, in the turn's thread.

    Attributes:
        service: the service and its cluster, once they are known.
        job: the job, once it is known.
        is_cancelled: whether nobody wants to know any more.
    """

    def __init__(
        self,
        session: Session,
        options: DevOptions,
        lock: threading.Lock,
        tell: Callable[[DevTurn, Any], None],
    ) -> None:
        super().__init__(daemon=True)
        self._session, self._options, self._lock, self._tell = session, options, lock, tell
        self.service: tuple[str, str] | None = None
        self.job: str | None = None
        self.is_cancelled = False
        self.has_ended = False

    def cancel(self) -> None:
        """Stop the turn and its job, without waiting for either."""
        self.is_cancelled = True
        if self.job is not None and not self.has_ended:
            threading.Thread(target=self._remove_job, daemon=True).start()

    def run(self) -> None:
        """Do it. Whatever goes wrong is the last event."""
        error: Exception | None = None
        try:
            with contextlib.ExitStack() as until_job_is_known:
                until_job_is_known.enter_context(self._lock)
                if not self.is_cancelled:
                    self._work(until_job_is_known)
        except Exception as failure:  # noqa: BLE001 -- it is told by the thread that waits for this one
            error = failure
        self.has_ended = True
        self._tell(self, TurnEnded(error))

    def _work(self, until_job_is_known: contextlib.ExitStack) -> None:
        from oscarcli.jobs.events import ResultFailed, UploadFailed
        from oscarcli.jobs.finished import FinishedJob
        from oscarcli.jobs.uploaded import JobUpdate

        target = self._applied()
        problem: OscarError | None = None
        for event in self._events(target):
            if isinstance(event, UploadFailed):
                raise event.error
            if isinstance(event, JobUpdate):
                self.job = event.name
                until_job_is_known.close()
                if self.is_cancelled:
                    self._remove_job()
            if self.is_cancelled:
                return
            self._tell(self, event)
            if isinstance(event, FinishedJob):
                problem = _failure(event.name, event.job)
            elif isinstance(event, ResultFailed):
                problem = problem or PartialError("not all results of the job are here")
        if problem is not None:
            raise problem

    def _applied(self) -> Wanted:
        """Apply what changed, and return the service that the input is for."""
        from oscarcli.fdl.apply import apply_actions

        session, options = self._session, self._options
        fdl = read_fdl(session, options.fdl)
        wanted = wanted_services(session, fdl, options.names, False, options.cluster)
        target = chosen_service(wanted, options.service)
        self.service = target.service.name, target.cluster_id
        plan = planned_fdl(
            session,
            fdl,
            default=False,
            names=options.names,
            env_file=options.env_file,
            cluster_id=options.cluster,
        )
        for event in apply_actions(plan.actions, session.api_for):
            if event.error is not None:
                raise event.error
            if event.outcome == "done":
                self._tell(self, Applied(sentence(event.action)))
        return target

    def _events(self, target: Wanted) -> Iterator[Any]:
        from oscarcli.jobs.service_storage import ServiceStorage
        from oscarcli.jobs.upload_and_wait import upload_and_wait

        session, options = self._session, self._options
        _require_file(options.input)
        files = ServiceStorage(
            session.api_for(target.cluster_id),
            target.service.name,
            tls=session.known_cluster(target.cluster_id).tls,
            timeout=session.timeout,
            tell=session.note,
            note=session.verbose_note,
        )
        provider = _input_provider(target)
        if provider is None:
            yield SyncAnswer(self._answer(files, target.cluster_id))
            return
        task = files.input(options.input, provider)
        yield from upload_and_wait(files, [task], provider=provider, folder=options.folder)

    def _answer(self, files: ServiceStorage, cluster_id: str) -> bytes:
        from oscarcli.api.services import run_service, service_token
        from oscarcli.jobs.payload import Payload, decoded_answer

        is_basic = self._session.known_cluster(cluster_id).login == "basic"
        token = service_token(files.document) if is_basic else None
        answer = run_service(files.client, files.service, Payload(self._options.input), token)
        return decoded_answer(answer, "guess")

    def _remove_job(self) -> None:
        from oscarcli.api.jobs import delete_job

        if self.service is not None and self.job is not None:
            # It may have ended, or the cluster is away: the next turn tells.
            with contextlib.suppress(OscarError):
                delete_job(self._session.api_for(self.service[1]), self.service[0], self.job)


def chosen_service(wanted: Sequence[Wanted], name: str | None) -> Wanted:
    """Return the service that an input is for: the named one, or the one that begins a workflow.

    Raises:
        UsageError: there is none, or there are several.
    """
    if name is not None:
        found = [one for one in wanted if one.service.name == name]
    else:
        beginning = _beginning(wanted)
        found = [one for one in wanted if one.key in beginning] or list(wanted)
    if len(found) == 1:
        return found[0]
    names = ", ".join(dict.fromkeys(one.service.name for one in wanted))
    what = f'the file has no service "{name}"' if name is not None else "several services may take the input"
    raise UsageError(what, hint=f"name one with --service: {names}")


def _beginning(wanted: Sequence[Wanted]) -> set[tuple[str, str]]:
    """Return the keys of the services that have an input which no other service feeds."""
    from oscarcli.fdl.graph import workflow

    # A cluster's own store is told by the cluster that the services go to, whatever the file says.
    graph = workflow([replace(one.service, cluster_key=one.cluster_id) for one in wanted])
    return {
        (node.cluster, node.name)
        for number, node in enumerate(graph.nodes)
        if node.inputs and number not in graph.fed
    }


def _input_provider(wanted: Wanted) -> str | None:
    """Return the provider of the first input folder that this program can write to, if any."""
    from oscarcli.storage.provider import PROVIDER_TYPES, normalised

    entries = wanted.service.definition.get("input") or []
    names = [normalised(str(entry.get("storage_provider", ""))) for entry in entries]
    return next((name for name in names if name.partition(".")[0] in PROVIDER_TYPES), None)


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f'there is no input file "{path}"')


def _failure(name: str, job: Job) -> JobFailedError | None:
    from oscarcli.api.jobs import FAILED, failure_text

    return JobFailedError(failure_text(name, job)) if job.get("status") == FAILED else None
