"""The database: writers that wait for each other share a commit, and are told the truth about it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from oscarcli.local.state import MAX_GROUP_MEMBERS, SCHEMA_VERSION, State
from tests.local.harness import wait_for

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


def together(state: State, *changes: Change) -> tuple[list[Future[None]], int]:
    """Let changes wait behind one that is under way; return how they ended, and how many commits."""
    statements: list[str] = []

    def carry_out(change: Change) -> None:
        with state.transaction() as connection:
            change(connection)

    with ThreadPoolExecutor(len(changes)) as pool, state.transaction() as connection:
        connection.set_trace_callback(statements.append)
        futures = [pool.submit(carry_out, change) for change in changes]
        wait_for(lambda: state._waiting == len(changes), "all of them to wait")
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
    failing = [row("a"), row("orphan", "nobody"), row("b")]
    with pytest.raises(sqlite3.IntegrityError):
        together(state, *failing)
    assert names(state) == []
    futures, _ = together(state, row("a"), row("b"))
    assert [future.exception() for future in futures] == [None, None]
    assert names(state) == ["a", "b"]


def test_nobody_returns_before_the_commit(state: State) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        entered.set()
        assert leave.wait(30)

    def first() -> None:
        with state.transaction() as connection:
            row("first")(connection)
            wait_for(lambda: state._waiting == 1, "the second")
            assert names(state) == ["first"]

    def second() -> None:
        wait_for(state._turn.locked, "the first")
        with state.transaction() as connection:
            slow(connection)

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(first), pool.submit(second)
        assert entered.wait(30)
        assert not one.done()
        assert names(state) == []
        leave.set()
        one.result()
        two.result()
    assert names(state) == ["first"]


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
