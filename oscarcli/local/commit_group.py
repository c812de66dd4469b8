"""Changes that are committed together, and how those learn of it who do not wait."""

from __future__ import annotations

import copy
import logging
import queue
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class CommitGroup:
    """Transactions that are committed together."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.members = 0
        self.is_committed = False
        """Whether all that is missing is the flush."""
        self.ended = threading.Event()
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._actions: list[Callable[[], None]] | None = []

    def end(self, error: BaseException | None = None) -> None:
        """Tell those who wait how it ended; only the first word counts."""
        if not self.ended.is_set():
            self.error = error
            self.ended.set()

    def check(self) -> None:
        """Raise sqlite3.Error when there was no commit."""
        if self.error is not None:
            # Each member gets an exception of its own: their tracebacks differ.
            raise copy.copy(self.error) from self.error

    def when_told(self, action: Callable[[], None]) -> None:
        """Run an action that does not raise once `tell` is called; at once when it was."""
        with self._lock:
            if self._actions is not None:
                self._actions.append(action)
                return
        action()

    def tell(self) -> None:
        """Run the actions of those who did not wait. To be called once it has ended, without any lock."""
        with self._lock:
            actions, self._actions = self._actions or [], None
        for action in actions:
            try:
                action()
            except Exception:
                log.exception("what follows a commit failed")


class PendingCommit:
    """The commit of a transaction that did not wait for it.

    The transaction gets it from its caller, who has to call `when_ended`: before that the changes may not be
    committed, so that others can join them. Where the transaction had nothing to wait for, or is part of
    another one, `is_pending` remains False.
    """

    def __init__(self) -> None:
        self._group: CommitGroup | None = None
        self._begin: Callable[[CommitGroup], None] | None = None

    def follow(
        self,
        group: CommitGroup,
        actions: list[Callable[[], None]],
        begin: Callable[[CommitGroup], None] | None,
    ) -> None:
        """Belong to a group, whose commit is followed by these actions.

        Args:
            group: joined by the transaction.
            actions: those of the transaction.
            begin: begins the commit of the group, when this is its first member.
        """
        self._group, self._begin = group, begin

        def run() -> None:
            if group.error is None:
                for action in actions:
                    action()

        group.when_told(run)

    @property
    def is_pending(self) -> bool:
        """Whether there is something to wait for."""
        return self._group is not None

    def when_ended(self, action: Callable[[], None]) -> None:
        """Run an action that does not raise, in any thread, once the changes are durable or undone."""
        if self._group is None:
            action()
            return
        self._group.when_told(action)
        begin, self._begin = self._begin, None
        if begin is not None:
            begin(self._group)

    def check(self) -> None:
        """Raise sqlite3.Error when the changes were undone; to be called once it has ended."""
        if self._group is not None:
            self._group.check()


class PostponedChange:
    """A change that is made a moment later, together with others, and whose commit nobody waits for.

    A change has to wait while others are committed. Who is asked for many takes in all that has come by then
    first, and makes them one after the other.
    """

    def __init__(self) -> None:
        self._change: Callable[[PendingCommit], object] | None = None
        self._commit = PendingCommit()
        self._error: BaseException | None = None

    def postpone(self, change: Callable[[PendingCommit], object]) -> None:
        """Have a change made by `make`; its transaction has to be that of the pending commit it gets."""
        self._change = change

    @property
    def is_postponed(self) -> bool:
        """Whether there is something to make."""
        return self._change is not None

    def make(self) -> None:
        """Make the change; `check` says what became of it. To be followed by `when_ended`."""
        assert self._change is not None
        try:
            self._change(self._commit)
        except Exception as error:  # noqa: BLE001 -- it is raised again
            self._error = error

    def when_ended(self, action: Callable[[], None]) -> None:
        """Run an action that does not raise, in any thread, once the change is durable or undone."""
        self._commit.when_ended(action)

    def check(self) -> None:
        """Raise what the change has raised, or sqlite3.Error when it was undone; once it has ended."""
        # First of all: what the change was refused for may be undone, too.
        self._commit.check()
        if self._error is not None:
            raise self._error


class LateCommit:
    """The commit of a change that needs no flush: it may come with that of others, who wait for one.

    So two changes cost one commit. All others see the change a moment later than who made it.
    """

    def __init__(self) -> None:
        self.is_due = False
        """Set inside of the transaction: it is not to be late after all."""
        self._group: CommitGroup | None = None
        self._commit: Callable[[CommitGroup], None] | None = None

    def follow(self, group: CommitGroup, commit: Callable[[CommitGroup], None]) -> None:
        """Belong to a group, which `commit` commits unless it was done before."""
        self._group, self._commit = group, commit

    def see_to(self) -> None:
        """Have the change committed, unless it is. Raises sqlite3.Error when it was undone with its group."""
        if self._group is None or self._commit is None or self._group.is_committed:
            return
        self._commit(self._group)
        self._group.check()


class GroupCommitter:
    """A thread that ends the groups whose first member does not wait.

    Args:
        end: ends a group.
    """

    def __init__(self, end: Callable[[CommitGroup], None]) -> None:
        self._end = end
        self._groups: queue.SimpleQueue[CommitGroup | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def take(self, group: CommitGroup) -> None:
        """Have a group ended; the thread begins with the first one."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="commits", daemon=True)
                self._thread.start()
        self._groups.put(group)

    def stop(self) -> None:
        """End the thread when it has ended all groups."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._groups.put(None)
            thread.join()

    def _run(self) -> None:
        while (group := self._groups.get()) is not None:
            self._end(group)
