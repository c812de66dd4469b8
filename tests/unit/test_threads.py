"""Calls in threads of their own: what they return and raise, and that nothing of them stays."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from oscarcli.threads import begin, within

Run = Callable[[Callable[[], object]], object]


class Held:
    """What a call had open."""


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(params=["within", "begin"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a call to its end."""
    return (lambda call: within(10, call)) if request.param == "within" else (lambda call: begin(call)())


def test_an_answer_comes_from_another_thread(run: Run) -> None:
    thread = run(threading.current_thread)
    assert isinstance(thread, threading.Thread)
    assert thread is not threading.current_thread()
    assert thread.daemon


@pytest.mark.usefixtures("_no_collector")
def test_an_error_is_raised_and_lets_go_of_what_was_open(run: Run) -> None:
    refs: list[weakref.ref[Held]] = []

    def fail() -> None:
        held = Held()
        refs.append(weakref.ref(held))
        raise KeyError("a")

    with suppress(KeyError):
        run(fail)
        pytest.fail("nothing was raised")
    assert [ref() for ref in refs] == [None]


def test_a_call_that_takes_longer_is_left_behind() -> None:
    over = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.01, over.wait)
    over.set()


def test_a_call_has_begun_before_anyone_waits_for_it() -> None:
    begun = threading.Event()
    wait = begin(lambda: begun.set() or "answer")  # type: ignore[func-returns-value]
    assert begun.wait(10)
    assert wait() == "answer"
