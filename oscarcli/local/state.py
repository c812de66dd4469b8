"""The local cluster's database: one SQLite file, one writer at a time, readers never wait.

A commit costs a flush of the disk, so writers share one: each has a savepoint in the same SQLite transaction,
and the first of them commits for all once the flush for the group before has ended. None returns before its
own, unless it asks to be told. What needs no flush is committed at once, or joins a group if it may be late;
against the end of the process every commit is safe.

Rooms of the house own their tables (`objects/index.py`, `services.py`, `jobs.py`): each passes its
`CREATE TABLE IF NOT EXISTS` statements when the state is opened.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from oscarcli.local.commit_group import CommitGroup, GroupCommitter, LateCommit, PendingCommit
from oscarcli.local.connections import Connections, keep_private
from oscarcli.local.work_turn import WorkTurn
from oscarcli.local.write_ahead_log import WriteAheadLog

SCHEMA_VERSION = 2
# Members of one commit. Who came first waits for the last of them.
MAX_GROUP_MEMBERS = 64
# Of a change that others wait for; most take a thousandth of it.
MAX_SHORT_SECONDS = 0.1
# A flush takes so long at times, and nobody is to be told of the end of a job later.
MAX_LATE_SECONDS = 0.1


class State:
    """The database file, as each thread reads it, and the transactions that change it.

    Args:
        path: the database file; created when absent, its folder must exist.
        schema: SQL scripts that create the tables.

    Raises:
        RuntimeError: the file was written by a newer version of this program.
    """

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self._path = path
        self._local = threading.local()
        self.work = WorkTurn()
        """Of those who do something in a moment; it ends where they wait for a transaction or its flush."""
        self._connections = Connections(path)
        # Held by the member whose turn it is; the fields below are of whoever holds it.
        self._turn = threading.Lock()
        self._group: CommitGroup | None = None
        self._committer = GroupCommitter(self._end)
        # When the turn began, by the monotonic clock; infinity while nobody has it.
        self._turn_since = float("inf")
        self._is_durable = False
        self._undone_in = ""
        self._actions: list[Callable[[], None]] = []
        keep_private(path)
        try:
            self._writer = self._connections.open()
            self._prepare(schema)
            self._log = WriteAheadLog(self._writer, path.with_name(f"{path.name}-wal"))
        except BaseException:
            # It may hold the lock of the file, which others would wait for.
            self._connections.close()
            raise

    def _prepare(self, schema: Sequence[str]) -> None:
        connection = self._writer
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise RuntimeError(f"{self._path} has schema {version}, this program knows {SCHEMA_VERSION}")
        self.make_tables(schema)
        if version != SCHEMA_VERSION:
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def make_tables(self, schema: Sequence[str]) -> None:
        """Make further tables, before anybody else uses the state; all or none of them."""
        # As one transaction: by itself each statement that changes something would flush the disk.
        self._writer.executescript("\n;".join(("BEGIN IMMEDIATE", *schema, "COMMIT")))

    def _has_turn(self) -> bool:
        return getattr(self._local, "has_turn", False)

    def read(self) -> sqlite3.Connection:
        """Return a connection for SELECTs: this thread's own, or that of the transaction it is in.

        Raises:
            sqlite3.ProgrammingError: the state is closed.
        """
        return self._writer if self._has_turn() else self._connections.own()

    @contextmanager
    def transaction(
        self,
        *,
        durable: bool = True,
        pending: PendingCommit | None = None,
        late: LateCommit | None = None,
        is_large: bool = False,
    ) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together on leaving, or rolled back on an exception.

        Nested use in one thread joins the outer transaction.

        Args:
            durable: return when not even a power cut undoes it. Otherwise one may, together with all that
                followed; but nothing that is durable follows what is not.
            pending: of what is durable; return before it is, and let this tell of it, also of what was
                refused: what it was refused for may be undone. The caller has to ask it.
            late: of what is not durable; return before it is committed if it can join others, and let this
                see to it. What is done after a commit is done on return.
            is_large: it may change any number of rows; what would undo it is not kept in memory.
        """
        if self._has_turn():
            self._is_durable |= durable
            yield self._writer
            return
        group: CommitGroup | None = None
        actions: list[Callable[[], None]] = []
        is_first = is_durable = False
        try:
            self._take_turn()
            try:
                group, is_first = self._join(durable, is_large)
                with self._member(group, is_first):
                    yield self._writer
                actions, self._actions = self._actions, []
            finally:
                try:
                    if group is not None:
                        is_durable = self._leave(group, late)
                finally:
                    self._turn.release()
        finally:
            # Also who was refused waits: what it was refused for may be undone with the group.
            if group is not None and is_durable:
                self.work.leave()
                self._pass_on(group, is_first, pending, actions)
            if group is not None and pending is None:
                group.check()
        if pending is None:
            for action in actions:
                action()

    def _take_turn(self) -> None:
        """Wait for the turn of those who change something; who has to wait leaves that of short work."""
        if not self._turn.acquire(blocking=False):
            self.work.leave()
            self._turn.acquire()

    def _pass_on(
        self,
        group: CommitGroup,
        is_first: bool,
        pending: PendingCommit | None,
        actions: list[Callable[[], None]],
    ) -> None:
        """See to the end of a group, and wait for it unless there is somebody to tell."""
        if pending is None:
            if is_first:
                self._end(group)
            group.ended.wait()
            return
        pending.follow(group, actions, self._committer.take if is_first else None)

    def is_held_up(self) -> bool:
        """Tell whether somebody is changing something that takes long, which all other changes wait for."""
        return time.monotonic() - self._turn_since > MAX_SHORT_SECONDS

    def _join(self, durable: bool, is_large: bool) -> tuple[CommitGroup, bool]:
        """Become a member of the transaction under way, or begin one; tell whether it was begun."""
        self._turn_since = time.monotonic()
        self._is_durable = durable
        if is_large and self._group is not None:
            self._commit(self._group)
        is_first = self._group is None
        if self._group is None:
            self._keep_undone("FILE" if is_large else "MEMORY")
            self._writer.execute("BEGIN IMMEDIATE")
            self._group = CommitGroup()
        self._group.members += 1
        return self._group, is_first

    def _keep_undone(self, place: str) -> None:
        """Tell SQLite where to keep what would undo a member of the transaction that is begun now.

        Left to itself it makes a file for a few rows, too, with each transaction.
        """
        if place != self._undone_in:
            self._writer.execute(f"PRAGMA temp_store = {place}")
            self._undone_in = place

    @contextmanager
    def _member(self, group: CommitGroup, is_first: bool) -> Iterator[None]:
        self._actions.clear()
        if not is_first:
            # The first has nothing of others to keep: it is undone with all there is.
            self._writer.execute("SAVEPOINT member")
        self._local.has_turn = True
        try:
            yield
            if not is_first:
                self._writer.execute("RELEASE member")
        except BaseException as error:
            self._undo_member(group, is_first, error)
            raise
        finally:
            self._local.has_turn = False

    def _undo_member(self, group: CommitGroup, is_first: bool, error: BaseException) -> None:
        if not self._writer.in_transaction:
            # A full disk has rolled all of it back already.
            group.end(error)
        elif is_first:
            self._writer.execute("ROLLBACK")
            self._group = None
        else:
            self._writer.execute("ROLLBACK TO member")
            self._writer.execute("RELEASE member")

    def _leave(self, group: CommitGroup, late: LateCommit | None) -> bool:
        """Commit where nobody is to wait for a flush; tell whether this member does."""
        may_be_late = group.members > 1 and self._turn_since - group.begun < MAX_LATE_SECONDS
        is_late = late is not None and may_be_late and not late.is_due
        if not (self._is_durable or is_late) or group.members >= MAX_GROUP_MEMBERS or group.ended.is_set():
            self._commit(group)
        elif late is not None:
            late.follow(group, self._commit_now)
        self._turn_since = float("inf")
        return self._is_durable

    def _commit(self, group: CommitGroup) -> None:
        """Commit for all members, unless it was done before."""
        if self._group is not group:
            return
        self._group = None
        if group.ended.is_set():
            return
        try:
            self._writer.execute("COMMIT")
            group.is_committed = True
        except BaseException as error:  # noqa: BLE001 -- every member raises it
            # A full disk may also fail the commit itself, and may have rolled back or not.
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            group.end(error)

    def _commit_now(self, group: CommitGroup) -> None:
        self._take_turn()
        try:
            self._commit(group)
        finally:
            self._turn.release()

    def _end(self, group: CommitGroup) -> None:
        """Make a group durable that others join until the flush before has ended."""
        with self._log.turn:
            with self._turn:
                self._commit(group)
            self._flush(group)
        group.tell()

    def _flush(self, group: CommitGroup) -> None:
        """Flush what was committed, if it was, and tell all members of it."""
        try:
            if group.error is None:
                self._log.flush()
        except sqlite3.Error as error:
            group.end(error)
        group.end()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once what this thread is changing is committed, and durable if it is to be.

        Outside of a transaction it runs at once. A rollback forgets it. It runs without the writers' lock and
        must not raise.
        """
        if self._has_turn():
            self._actions.append(action)
        else:
            action()

    def close(self) -> None:
        """Commit what waits for that, and close every connection; later calls of others fail.

        The last connection folds the write-ahead log into the file. A thread that comes late, in the middle
        of a request that nobody waits for any more, gets a sqlite3.ProgrammingError.
        """
        self._committer.stop()
        with self._log.turn, self._turn:
            group = self._group
            if group is not None:
                self._commit(group)
                self._flush(group)
            self._connections.close()
            self._log.close()
