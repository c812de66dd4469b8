"""Looks after the waiting jobs of federated services: what cannot start here goes to a member.

A job is offered when it comes and finds no free place, and again each time it has waited for the threshold of
its service. While it is offered it is suspended, so that it runs once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from oscarcli.local.first_use import MadeOnce
from oscarcli.local.jobs.federation.queue import OfferedJobs
from oscarcli.local.jobs.table import Job, Jobs
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import is_delegating, refresh_token_of
from oscarcli.local.services.table import Services
from oscarcli.local.state import State

if TYPE_CHECKING:
    from oscarcli.local.jobs.federation.tokens import DelegationTokens

log = logging.getLogger(__name__)

# The manager's, for services that name none.
THRESHOLD_SECONDS = 30.0


class Members:
    """Offers jobs to the members of their services' federations.

    Args:
        state: the database.
        services: the table of services.
    """

    def __init__(self, state: State, services: Services) -> None:
        self._state = state
        self._services = services

    @MadeOnce
    def _tokens(self) -> DelegationTokens:
        from oscarcli.local.jobs.federation.tokens import DelegationTokens

        return DelegationTokens(self._state, self._services)

    def token(self, definition: Definition) -> str:
        """Return a token for the clusters of a service's members; empty when it has none to get one by."""
        return self._tokens.of(definition) if refresh_token_of(definition) else ""

    def take(self, job: Job) -> bool:
        """Offer a job to the members; tell whether one has taken it."""
        if not is_delegating(job.definition):
            return False
        # A cluster without federations has no need of it, nor of the libraries for requests to others.
        from oscarcli.local.jobs.federation.delegation import delegate, may_leave

        if not may_leave(job):
            return False
        try:
            taker = delegate(job, self.token(job.definition))
        except Exception:
            log.exception("job %s cannot be delegated", job.name)
            return False
        if taker is None:
            return False
        log.info('job %s of service "%s" was delegated to %s', job.name, job.service, taker)
        return True


class Delegator:
    """Offers jobs to members, in a thread of its own.

    Args:
        jobs: the table of jobs.
        offers: those that may go elsewhere.
        members: those who take them.
        parallel: how many jobs run here at a time.
        wake_scheduler: called when a job is back in the queue.
    """

    def __init__(
        self,
        jobs: Jobs,
        offers: OfferedJobs,
        members: Members,
        parallel: int,
        wake_scheduler: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._offers = offers
        self._members = members
        self._parallel = parallel
        self._wake_scheduler = wake_scheduler
        self._bell = threading.Condition()
        self._rings = 0
        self._stopping = False
        self._offered: dict[str, float] = {}
        self._thread = threading.Thread(target=self._work, name="delegator", daemon=True)

    def start(self) -> None:
        """Begin; jobs that a former server was about to hand over wait again."""
        self._offers.resume_all()
        self._thread.start()

    def wake(self) -> None:
        """Look for waiting jobs now."""
        with self._bell:
            self._rings += 1
            self._bell.notify()

    def stop(self, seconds: float) -> None:
        """End the thread; a job that is being offered waits at the next start."""
        with self._bell:
            self._stopping = True
            self._bell.notify()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _work(self) -> None:
        while not self._stopping:
            rings = self._rings
            try:
                pause = self._look()
            except sqlite3.Error as error:
                log.error("the queue cannot be read: %s", error)
                pause = THRESHOLD_SECONDS
            with self._bell:
                if rings == self._rings and not self._stopping:
                    self._bell.wait(pause)

    def _look(self) -> float | None:
        """Offer what is due; return in how many seconds something else is, `None` without such."""
        waiting = self._offers.waiting()
        self._offered = {name: when for name, when in self._offered.items() if name in waiting}
        soonest: float | None = None
        for name, definition in waiting.items():
            if self._stopping or len(self._jobs.running()) < self._parallel:
                # A worker takes it.
                return THRESHOLD_SECONDS
            left = self._offered.get(name, 0.0) - time.monotonic()
            if left <= 0:
                self._offer(name)
                left = _threshold(definition)
                self._offered[name] = time.monotonic() + left
            soonest = left if soonest is None else min(soonest, left)
        return soonest

    def _offer(self, name: str) -> None:
        job = self._offers.suspend(name)
        if job is None:
            return
        if self._members.take(job):
            self._jobs.remove([name])
        else:
            self._offers.resume(name)
            self._wake_scheduler()


def _threshold(definition: Definition) -> float:
    return float(definition["federation"].get("rescheduler_threshold") or THRESHOLD_SECONDS)
