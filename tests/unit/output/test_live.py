"""Text that is replaced in its place: how far the cursor goes back."""

from __future__ import annotations

import io

import pytest

from oscarcli.output.live import LiveText
from oscarcli.output.terminal import USUAL_HEIGHT, Terminal


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def live(columns: int = 20) -> tuple[LiveText, Screen]:
    screen = Screen()
    return LiveText(Terminal(screen, {"COLUMNS": str(columns), "TERM": "xterm"})), screen


def test_the_next_text_stands_where_the_last_one_stood() -> None:
    text, screen = live()
    text.show("one\ntwo\n")
    text.show("three\n")
    text.show("four\n")
    assert screen.getvalue() == "one\ntwo\n\x1b[2A\r\x1b[Jthree\n\x1b[1A\r\x1b[Jfour\n"


def test_lines_that_the_terminal_breaks_count_as_often_as_they_take_lines() -> None:
    text, screen = live(columns=10)
    text.show(f"{'x' * 25}\n\x1b[1m{'y' * 10}\x1b[0m\n\n日本語日本語\n")
    text.show("end\n")
    assert screen.getvalue().endswith("\x1b[7A\r\x1b[Jend\n")


def test_what_others_write_is_left_alone() -> None:
    text, screen = live()
    text.show("one\n")
    text.leave()
    text.show("two\n")
    assert screen.getvalue() == "one\ntwo\n"


@pytest.mark.parametrize(("term", "works"), [("xterm", True), ("dumb", False), ("", False), (None, False)])
def test_not_every_terminal_can_do_it(term: str | None, works: bool) -> None:
    assert LiveText.works(Terminal(Screen(), {}), term) is works
    assert not LiveText.works(Terminal(io.StringIO(), {}), term)


def test_a_height_nobody_tells_is_the_usual_one() -> None:
    assert live()[0].height == USUAL_HEIGHT - 1
