"""The database: writers that wait for each other share a commit, and are told the truth about it."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from oscarcli.local import state as state_module
from oscarcli.local.commit_group import LateCommit, PendingCommit, PostponedChange
from oscarcli.local.state import MAX_GROUP_MEMBERS, SCHEMA_VERSION, State
from tests.local.harness import open_files, wait_for

SCHEMA = """
CREATE TABLE parents (name TEXT PRIMARY KEY);
CREATE TABLE rows (name TEXT PRIMARY KEY, parent TEXT REFERENCES parents (name));
"""
Change = Callable[[sqlite3.Connection], None]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(tmp_path / "state.db", [SCHEMA])
    yield state
    state.close()


class Flushes:
    """Stands in for the system's call that flushes a file: counted, and held or failing when told so."""

    def __init__(self) -> None:
        self.begun = 0
        self.error: OSError | None = None
        self._go = threading.Event()
        self._go.set()

    def hold(self) -> None:
        self._go.clear()

    def let_go(self) -> None:
        self._go.set()

    def __call__(self, descriptor: int) -> None:
        self.begun += 1
        assert self._go.wait(30)
        if self.error is not None:
            raise self.error
        os.fsync(descriptor)


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> Flushes:
    flushes = Flushes()
    monkeypatch.setattr("oscarcli.local.write_ahead_log._flush_file", flushes)
    return flushes


def row(name: str, parent: str | None = None) -> Change:
    def change(connection: sqlite3.Connection) -> None:
        # Parents are asked for at the commit, as if it were the disk that fails then.
        connection.execute("PRAGMA defer_foreign_keys = 1")
        connection.execute("INSERT INTO rows VALUES (?, ?)", (name, parent))

    return change


def refused(connection: sqlite3.Connection) -> None:
    row("refused")(connection)
    raise KeyError("refused")


def names(state: State) -> list[str]:
    return [name for (name,) in state.read().execute("SELECT name FROM rows ORDER BY name")]


# Of the first of a group, and of the others.
BEGINNINGS = ("BEGIN IMMEDIATE", "SAVEPOINT member")


def together(state: State, *changes: Change) -> tuple[list[Future[None]], int]:
    """Let changes wait for a flush that is under way; return how they ended, and how many commits."""
    statements: list[str] = []

    def carry_out(change: Change) -> None:
        with state.transaction() as connection:
            change(connection)

    with ThreadPoolExecutor(len(changes)) as pool:
        with state.transaction(durable=False) as connection:
            connection.set_trace_callback(statements.append)
        statements.clear()
        with state._log.turn:
            futures = [pool.submit(carry_out, change) for change in changes]
            wait_for(lambda: sum(map(statements.count, BEGINNINGS)) == len(changes), "all of them to wait")
    with state.transaction() as connection:
        connection.set_trace_callback(None)
    return futures, statements.count("COMMIT")


def test_those_who_wait_share_one_commit(state: State) -> None:
    futures, commits = together(state, *(row(f"{number:02}") for number in range(12)))
    assert [future.exception() for future in futures] == [None] * 12
    assert len(names(state)) == 12
    assert commits == 1


def test_a_group_has_an_end(state: State) -> None:
    futures, commits = together(state, *(row(f"{number:02}") for number in range(MAX_GROUP_MEMBERS + 5)))
    assert [future.exception() for future in futures] == [None] * (MAX_GROUP_MEMBERS + 5)
    assert commits == 2


def test_who_is_refused_undoes_his_own_changes_only(state: State) -> None:
    futures, _ = together(state, row("a"), refused, row("b"))
    assert [type(future.exception()) for future in futures] == [type(None), KeyError, type(None)]
    assert names(state) == ["a", "b"]


def test_a_commit_that_fails_fails_all_and_nothing_is_stored(state: State) -> None:
    futures, _ = together(state, row("a"), row("orphan", "nobody"), row("b"))
    assert [type(future.exception()) for future in futures] == [sqlite3.IntegrityError] * 3
    assert names(state) == []
    futures, _ = together(state, row("a"), row("b"))
    assert [future.exception() for future in futures] == [None, None]
    assert names(state) == ["a", "b"]


@pytest.fixture
def waiting(state: State) -> Iterator[Callable[[str, str | None], Future[None]]]:
    """Begin a commit that waits for a flush until the test has ended: a row of a name and a parent."""

    def carry_out(name: str, parent: str | None) -> None:
        with state.transaction() as connection:
            row(name, parent)(connection)

    def begin(name: str, parent: str | None = None) -> Future[None]:
        future = pool.submit(carry_out, name, parent)
        wait_for(lambda: state._group is not None, "somebody to wait")
        return future

    with ThreadPoolExecutor(1) as pool, state._log.turn:
        yield begin


def change_late(state: State, name: str) -> LateCommit:
    late = LateCommit()
    with state.transaction(durable=False, late=late) as connection:
        row(name)(connection)
    return late


def test_a_late_change_joins_who_waits_and_is_seen_to(
    state: State, waiting: Callable[..., Future[None]]
) -> None:
    future = waiting("durable")
    first, second = change_late(state, "first"), change_late(state, "second")
    assert names(state) == []
    first.see_to()
    assert names(state) == ["durable", "first", "second"], "committed together"
    second.see_to()
    assert not future.done(), "who wants a flush waits for it still"


def test_a_late_change_that_nobody_would_commit_is_committed_at_once(state: State) -> None:
    change_late(state, "alone")
    assert names(state) == ["alone"]


def test_nobody_is_late_for_long(
    state: State, waiting: Callable[..., Future[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "MAX_LATE_SECONDS", 0.0)
    waiting("durable")
    change_late(state, "late")
    assert names(state) == ["durable", "late"]


def test_a_late_change_that_was_undone_is_told_of(state: State, waiting: Callable[..., Future[None]]) -> None:
    future = waiting("orphan", "nobody")
    late = change_late(state, "late")
    for _ in range(2):
        with pytest.raises(sqlite3.IntegrityError):
            late.see_to()
    assert names(state) == []
    change_late(state, "later")
    assert names(state) == ["later"]
    assert not future.done()


def store(state: State, name: str, *, durable: bool = True) -> None:
    with state.transaction(durable=durable) as connection:
        row(name)(connection)


def changes_at_a_held_flush(pool: ThreadPoolExecutor, state: State, flushes: Flushes) -> list[Future[None]]:
    """Begin three changes, of which the first is in a flush that is held."""
    flushes.hold()
    first = pool.submit(store, state, "first")
    wait_for(lambda: flushes.begun == 1, "the first flush")
    # The next ones are let in meanwhile, and wait for a flush of their own.
    others = [pool.submit(store, state, name) for name in ("second", "third")]
    wait_for(lambda: state._group is not None and state._group.members == 2, "the others' changes")
    return [first, *others]


def test_nobody_returns_before_the_flush(state: State, flushes: Flushes) -> None:
    with ThreadPoolExecutor(3) as pool:
        futures = changes_at_a_held_flush(pool, state, flushes)
        assert (names(state), [future.done() for future in futures]) == (["first"], [False] * 3)
        flushes.let_go()
        for future in futures:
            future.result()
    assert (names(state), flushes.begun) == (["first", "second", "third"], 2)


def test_what_need_not_be_durable_waits_for_no_flush(state: State, flushes: Flushes) -> None:
    with ThreadPoolExecutor(2) as pool:
        store(state, "alone", durable=False)
        assert flushes.begun == 0
        flushes.hold()
        first = pool.submit(store, state, "first")
        wait_for(lambda: flushes.begun == 1, "the first flush")
        second = pool.submit(store, state, "second")
        wait_for(lambda: state._group is not None, "the second's change")
        # It commits for the other, too, who waits on.
        store(state, "third", durable=False)
        assert names(state) == ["alone", "first", "second", "third"]
        assert [first.done(), second.done()] == [False, False]
        flushes.let_go()
        first.result()
        second.result()
    assert flushes.begun == 2


def test_a_part_that_has_to_be_durable_makes_the_whole_so(state: State, flushes: Flushes) -> None:
    with state.transaction(durable=False):
        store(state, "inner")
    assert flushes.begun == 1


def test_a_flush_that_fails_is_told(state: State, flushes: Flushes) -> None:
    flushes.error = OSError(errno.EIO, "Input/output error")
    with pytest.raises(sqlite3.OperationalError, match="Input/output error"):
        store(state, "lost")
    flushes.error = None
    store(state, "kept")


def store_and_leave(state: State, change: Change, said: list[str], name: str) -> PendingCommit:
    pending = PendingCommit()
    with state.transaction(pending=pending) as connection:
        state.after_commit(lambda: said.append(f"after {name}"))
        change(connection)
    pending.when_ended(lambda: said.append(f"{name} ended"))
    return pending


def test_who_does_not_wait_is_told_after_the_flush(state: State, flushes: Flushes) -> None:
    said: list[str] = []
    flushes.hold()
    first = store_and_leave(state, row("first"), said, "first")
    wait_for(lambda: flushes.begun == 1, "the first flush")
    second = store_and_leave(state, row("second"), said, "second")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store, state, "third")
        wait_for(lambda: state._group is not None and state._group.members == 2, "the third's change")
        assert (names(state), said, first.is_pending, waiting.done()) == (["first"], [], True, False)
        flushes.let_go()
        waiting.result(30)
    wait_for(lambda: len(said) == 4, "the end of the second")
    assert said == ["after first", "first ended", "after second", "second ended"]
    first.check()
    second.check()
    # Who asks late is told at once.
    second.when_ended(lambda: said.append("late"))
    assert (said[-1], flushes.begun) == ("late", 2)


def test_who_does_not_wait_is_told_of_what_failed(state: State, flushes: Flushes) -> None:
    said: list[str] = []
    flushes.error = OSError(errno.EIO, "Input/output error")
    lost = store_and_leave(state, row("lost"), said, "lost")
    wait_for(lambda: said, "the end of it")
    assert said == ["lost ended"]
    with pytest.raises(sqlite3.OperationalError, match="Input/output error"):
        lost.check()


def test_who_is_refused_and_does_not_wait_follows_its_group_too(state: State, flushes: Flushes) -> None:
    said: list[str] = []
    flushes.hold()
    store_and_leave(state, row("first"), said, "first")
    wait_for(lambda: flushes.begun == 1, "the first flush")
    orphan = store_and_leave(state, row("orphan", "nobody"), said, "orphan")
    pending = PendingCommit()
    with pytest.raises(KeyError), state.transaction(pending=pending) as connection:
        refused(connection)
    pending.when_ended(lambda: said.append("refused ended"))
    flushes.let_go()
    wait_for(lambda: len(said) == 4, "the end of all")
    assert said == ["after first", "first ended", "orphan ended", "refused ended"]
    for item in (orphan, pending):
        with pytest.raises(sqlite3.IntegrityError):
            item.check()


def test_a_part_of_another_transaction_has_nothing_to_wait_for(state: State) -> None:
    said: list[str] = []
    with state.transaction():
        assert not store_and_leave(state, row("a"), said, "a").is_pending
    assert said == ["a ended", "after a"]


def postpone(state: State, change: Change) -> PostponedChange:
    def make(pending: PendingCommit) -> None:
        with state.transaction(pending=pending) as connection:
            change(connection)

    postponed = PostponedChange()
    assert not postponed.is_postponed
    postponed.postpone(make)
    return postponed


def test_changes_that_are_made_later_are_one_commit(state: State, flushes: Flushes) -> None:
    said: list[str] = []
    changes = [postpone(state, change) for change in (row("a"), refused, row("b"))]
    assert (names(state), all(change.is_postponed for change in changes)) == ([], True)
    for change in changes:
        change.make()
    for change in changes:
        change.when_ended(lambda: said.append("ended"))
    wait_for(lambda: len(said) == 3, "the end of all")
    assert (names(state), flushes.begun) == (["a", "b"], 1)
    changes[0].check()
    with pytest.raises(KeyError):
        changes[1].check()


def test_a_refused_change_whose_group_was_undone_says_so(state: State) -> None:
    said: list[str] = []
    changes = [postpone(state, change) for change in (row("orphan", "nobody"), refused)]
    for change in changes:
        change.make()
    for change in changes:
        change.when_ended(lambda: said.append("ended"))
    wait_for(lambda: len(said) == 2, "the end of both")
    for change in changes:
        with pytest.raises(sqlite3.IntegrityError):
            change.check()


def test_the_end_waits_for_those_who_do_not(tmp_path: Path, flushes: Flushes) -> None:
    state = State(tmp_path / "state.db", [SCHEMA])
    said: list[str] = []
    flushes.hold()
    store_and_leave(state, row("first"), said, "first")
    wait_for(lambda: flushes.begun == 1, "the first flush")
    store_and_leave(state, row("second"), said, "second")
    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(state.close)
        assert said == []
        flushes.let_go()
        end.result(30)
    assert said == ["after first", "first ended", "after second", "second ended"]


def test_a_long_change_is_noticed(state: State) -> None:
    assert not state.is_held_up()
    with state.transaction():
        wait_for(state.is_held_up, "a long time")
    assert not state.is_held_up()


def test_actions_follow_the_commit_and_a_rollback_forgets_them(state: State) -> None:
    seen: list[tuple[str, list[str]]] = []

    def noting(name: str) -> Change:
        def change(connection: sqlite3.Connection) -> None:
            row(name)(connection)
            state.after_commit(lambda: seen.append((name, names(state))))
            if name == "refused":
                raise KeyError

        return change

    together(state, noting("a"), noting("refused"), noting("b"))
    assert sorted(seen) == [("a", ["a", "b"]), ("b", ["a", "b"])]


def test_tables_are_made_all_or_none(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with pytest.raises(sqlite3.Error):
        State(path, ["CREATE TABLE first (id);", "CREATE TABLE second ("])
    state = State(path, ["CREATE TABLE third (id);"])
    tables = state.read().execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    version = state.read().execute("PRAGMA user_version").fetchone()[0]
    state.close()
    assert ([row["name"] for row in tables], version) == (["third"], SCHEMA_VERSION)


def test_a_database_that_is_complete_is_opened_without_a_change(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    schema = ["CREATE TABLE IF NOT EXISTS first (id);"]
    State(path, schema).close()
    before = path.read_bytes()
    state = State(path, schema)
    log = path.with_name("state.db-wal")
    assert (path.read_bytes(), log.stat().st_size) == (before, 0)
    state.close()


def test_a_thread_that_comes_after_the_end_is_refused(tmp_path: Path) -> None:
    state_file = tmp_path / "state.db"
    state = State(state_file, [SCHEMA])
    names(state)
    state.close()
    before = open_files(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        for late in (pool.submit(names, state), pool.submit(store, state, "late")):
            with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                late.result(30)
    assert (before, open_files(tmp_path), list(tmp_path.iterdir())) == ([], [], [state_file])


def test_an_end_can_be_repeated(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db", [SCHEMA])
    state.close()
    # It gets the number that the log's file had.
    with (tmp_path / "other").open("w") as other:
        state.close()
        os.fstat(other.fileno())


def test_the_connection_of_a_thread_ends_with_it(state: State, tmp_path: Path) -> None:
    names(state)
    for _ in range(3):
        thread = threading.Thread(target=names, args=[state])
        thread.start()
        thread.join()
    # The writer's, this thread's, and the one that is flushed. Of the database itself SQLite keeps one more
    # for the next thread: closing it would end the locks of all.
    logs = [name for name in open_files(tmp_path) if name.endswith("-wal")]
    assert len(logs) == 3


def test_those_who_wait_for_a_flush_at_the_end_are_told_the_truth(tmp_path: Path, flushes: Flushes) -> None:
    state = State(tmp_path / "state.db", [SCHEMA])
    with ThreadPoolExecutor(4) as pool:
        futures = changes_at_a_held_flush(pool, state, flushes)
        end = pool.submit(state.close)
        flushes.let_go()
        for future in (*futures, end):
            future.result(30)
    state = State(tmp_path / "state.db", [])
    assert names(state) == ["first", "second", "third"]
    state.close()


def test_a_file_that_is_no_database_is_left_closed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        State(path, [SCHEMA])
    assert open_files(tmp_path) == []
