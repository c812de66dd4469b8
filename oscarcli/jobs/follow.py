"""Follows a job's log. The server has no such route: the log is asked for again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from oscarcli.api.client import Client
from oscarcli.api.jobs import FAILED, Job, find_job, find_log, is_running
from oscarcli.api.services import get_service
from oscarcli.errors import NotFoundError, UnreachableError
from oscarcli.jobs.log_lines import NO_TIMES, LineSelection, SeenLines, have_times, without_time
from oscarcli.jobs.log_speakers import LogReader
from oscarcli.jobs.outage import TRANSIENT, ServerOutage
from oscarcli.jobs.supervisor_log import is_silent
from oscarcli.polling import Poll

# Seconds between two looks: short while something happens, longer while nothing does.
MIN_PAUSE_SECONDS = 0.3
MAX_PAUSE_SECONDS = 3.0
# A server that needs long for an answer is left alone for longer.
REST_FACTOR = 2.0
# The state is in a list of jobs that may have many pages: it is asked for when the log is quiet, and at the
# latest after so many seconds.
MAX_SECONDS_WITHOUT_STATE = 5.0
# Asking for the state takes at most a fifth of the time, and yet it is never older than this.
STATE_REST_FACTOR = 4.0
MAX_STATE_REST_SECONDS = 30.0
# The supervisor's last words: the state is about to change.
LAST_WORDS = " - supervisor - INFO - Creating response"
# States of a job without a container. Its log is not asked for: the manager breaks over it (`oscar-api` 3.7).
WAITING_STATES = ("Suspended", "Pending")


@dataclass(frozen=True)
class LogEvent:
    """Something that happened: new text of the log, a remark, or a new state of the job."""

    text: str = ""
    note: str = ""
    job: Job | None = None


class LogFollower:
    """A job that is looked at until it has ended.

    Args:
        client: the cluster.
        service: the job's service.
        name: the job.
        selection: which lines are wanted.
        limit: seconds to follow at most; `None` for as long as it takes.
        appear: seconds that the job may take to show in the list.

    Attributes:
        job: the job as last seen; empty before that.
    """

    def __init__(
        self,
        client: Client,
        service: str,
        name: str,
        *,
        selection: LineSelection | None = None,
        limit: float | None = None,
        appear: float = 0.0,
    ) -> None:
        self.job: Job = {}
        self._client, self._service, self._name = client, service, name
        self._selection = selection or LineSelection()
        self._limit = limit
        self._appear_until = time.monotonic() + appear
        self._poll = Poll(
            MIN_PAUSE_SECONDS,
            MAX_PAUSE_SECONDS,
            rest=REST_FACTOR,
            longest_rest=MAX_PAUSE_SECONDS,
            limit=limit,
        )
        self._outage = ServerOutage()
        self._seen = SeenLines()
        self._reader = LogReader()
        self._text = ""
        self._is_timed = True
        self._has_looked = False
        self._is_silent: bool | None = None
        self._is_quiet = True
        self._told_status: object = None
        self._is_done = False
        self._state_time = 0.0
        self._next_state = 0.0

    @property
    def log(self) -> str:
        """The log as last seen, all of it, without times."""
        if not self._is_timed:
            return self._text
        return "\n".join(map(without_time, self._text.split("\n")))

    def events(self) -> Iterator[LogEvent]:
        """Yield what happens until the job has ended and all of its log was given.

        A job that waits has no log yet. Lines come whole, except for what the job's last words lack.

        Raises:
            NotFoundError: there is no such job, or no more.
            UnreachableError: the server was away for too long, or the job did not end in time.
            OscarError: what else a request can raise.
        """
        while not self._is_done:
            self._poll.begin()
            try:
                yield from self._look()
            except TRANSIENT as error:
                self._is_quiet = True
                remark = self._outage.failed(error)
                if remark:
                    yield LogEvent(note=remark)
            if not self._is_done and not self._poll.wait(changed=not self._is_quiet):
                raise self._too_late()

    def _look(self) -> Iterator[LogEvent]:
        # The state before the log: what is written in between is seen by the next look.
        if self._wants_state():
            self._look_at_state()
        ended = bool(self.job) and not is_running(self.job)
        if not ended:
            yield from self._state_changes()
        text = None
        if self.job.get("status") not in WAITING_STATES:
            text = find_log(self._client, self._service, self._name, timestamps=True)
        if ended:
            self._require_end(text)
        remark = self._outage.succeeded()
        if remark:
            yield LogEvent(note=remark)
        yield from self._take(text, ended)
        # The end comes last.
        yield from self._state_changes()
        self._is_done = ended

    # -- state -----------------------------------------------------------------------------------

    def _wants_state(self) -> bool:
        now = time.monotonic()
        if not self.job:
            return True
        if not is_running(self.job):
            return False
        is_old = now - self._state_time >= MAX_SECONDS_WITHOUT_STATE
        return (self._is_quiet or is_old) and now >= self._next_state

    def _look_at_state(self) -> None:
        began = time.monotonic()
        try:
            self.job = find_job(self._client, self._service, self._name)
        except NotFoundError as error:
            self._miss(error)
            return
        self._state_time = time.monotonic()
        rest = min((self._state_time - began) * STATE_REST_FACTOR, MAX_STATE_REST_SECONDS)
        self._next_state = self._state_time + rest

    def _state_changes(self) -> Iterator[LogEvent]:
        status = self.job.get("status")
        if self.job and status != self._told_status:
            self._told_status = status
            yield LogEvent(job=self.job)

    def _miss(self, error: NotFoundError) -> None:
        """Take it that the job is not in the list. Raises NotFoundError unless it may still appear."""
        if self.job:
            raise NotFoundError(
                f'job "{self._name}" of service "{self._service}" was removed while it was followed; '
                f'its last status was "{self.job.get("status")}"'
            ) from error
        if time.monotonic() >= self._appear_until:
            raise error

    # -- log -------------------------------------------------------------------------------------

    def _take(self, text: str | None, ended: bool) -> Iterator[LogEvent]:
        lines = self._seen.new_lines(text or "", ended=ended)
        is_first, self._has_looked = not self._has_looked, True
        self._text = text or self._text
        self._is_quiet = not lines
        if not lines:
            return
        has_ended = any(line.endswith(LAST_WORDS) for line in lines)
        was_timed, self._is_timed = self._is_timed, self._is_timed and have_times(lines)
        if was_timed and not self._is_timed and self._selection.since is not None:
            yield LogEvent(note=NO_TIMES)
        if self._selection.script_only:
            lines = self._reader.of_script(lines)
        wanted = self._selection.of(lines, timed=self._is_timed, first=is_first)
        if wanted:
            yield LogEvent("\n".join(wanted) + "\n")
        if has_ended:
            self._next_state, self._state_time = 0.0, float("-inf")

    def _require_end(self, text: str | None) -> None:
        """Raise UnreachableError when an answer cannot be all of the log of a job that has ended.

        A server that restarts answers with nothing, or with less than it had before.
        """
        if self._seen:
            if not text or not self._seen.is_complete_in(text):
                raise UnreachableError(
                    f'cannot get the end of the log of job "{self._name}": '
                    f"the server answers with {'less than it had before' if text else 'nothing'}"
                )
        elif text == "" and self.job.get("status") != FAILED and not self._may_be_silent():
            raise UnreachableError(
                f'cannot get the log of job "{self._name}": the server answers with nothing',
                hint="the login may lack the permission",
            )

    def _may_be_silent(self) -> bool:
        """Tell whether a job of this service can succeed without a line in its log."""
        if self._is_silent is None:
            service = get_service(self._client, self._service)
            # Elsewhere it may be kept elsewhere, too.
            self._is_silent = is_silent(service) or bool(service.get("interlink_node_name"))
        return self._is_silent

    def _too_late(self) -> UnreachableError:
        state = self.job.get("status") or "not in the list of jobs"
        return UnreachableError(
            f'job "{self._name}" has not ended after {self._limit:g} s: {state}',
            hint=f"'oscar-cli service logs get {self._service} {self._name} --follow' goes on watching it",
        )
