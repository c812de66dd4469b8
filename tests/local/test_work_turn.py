"""The turn of short work: who has it, and where it is given away."""

from __future__ import annotations

import threading
from pathlib import Path

from oscarcli.local.state import State
from oscarcli.local.work_turn import WorkTurn

SECONDS = 10.0


def is_free(turn: WorkTurn) -> bool:
    """Tell whether another thread would get the turn at once."""
    got = threading.Event()

    def take() -> None:
        with turn.held():
            got.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    thread.join(0.05)
    return got.is_set()


def test_one_thread_at_a_time_has_it() -> None:
    """Others wait until the block has ended."""
    turn = WorkTurn()
    with turn.held():
        assert not is_free(turn)
    assert is_free(turn)


def test_a_block_inside_another_one_is_part_of_it() -> None:
    """The turn ends with the outer block."""
    turn = WorkTurn()
    with turn.held():
        with turn.held():
            pass
        assert not is_free(turn)
    assert is_free(turn)


def test_who_left_it_is_without_it_until_the_next_block() -> None:
    """Leaving twice, or without a turn, is no mistake, and takes it from nobody."""
    turn = WorkTurn()
    turn.leave()
    with turn.held():
        turn.leave()
        turn.leave()
        assert is_free(turn)
        with turn.held():
            other = threading.Thread(target=turn.leave)
            other.start()
            other.join()
            assert not is_free(turn)
    assert is_free(turn)


def test_it_is_interrupted_for_those_who_have_it() -> None:
    """After the waiting they have it again; the others never had it."""
    turn = WorkTurn()
    with turn.held():
        with turn.interrupted():
            assert is_free(turn)
        assert not is_free(turn)
    with turn.interrupted():
        assert is_free(turn)
    assert is_free(turn)


def test_who_waits_for_a_transaction_has_left_it(tmp_path: Path) -> None:
    """A long change holds up nobody's turn, and a member of it may take one."""
    state = State(tmp_path / "state.db", ["CREATE TABLE IF NOT EXISTS t (n INTEGER)"])

    def insert() -> None:
        with state.work.held(), state.transaction(durable=False) as connection:
            connection.execute("INSERT INTO t VALUES (1)")

    with state.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (2)")
        waiting = threading.Thread(target=insert, daemon=True)
        waiting.start()
        with state.work.held():
            assert waiting.is_alive()
    waiting.join(SECONDS)
    assert not waiting.is_alive()
    assert [row["n"] for row in state.read().execute("SELECT n FROM t")] == [2, 1]
    state.close()
