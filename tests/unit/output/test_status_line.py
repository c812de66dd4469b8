"""One line that says how far something is."""

from __future__ import annotations

import io

import pytest

from oscarcli.jobs.events import JobsProgress
from oscarcli.output.status_line import StatusLine, duration_text
from oscarcli.output.terminal import Terminal


class Screen(io.StringIO):
    """A terminal, or a pipe."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def shown(
    term: str | None, *, is_terminal: bool, columns: str = "80"
) -> tuple[StatusLine, Screen, list[float]]:
    screen, now = Screen(is_terminal=is_terminal), [0.0]
    terminal = Terminal(screen, {"COLUMNS": columns, "TERM": term or ""})
    return StatusLine(terminal, term, clock=lambda: now[0]), screen, now


@pytest.mark.parametrize(("term", "is_terminal"), [("xterm", False), ("dumb", True), (None, True)])
def test_where_nothing_moves_there_is_a_whole_line_every_five_seconds(
    term: str | None, is_terminal: bool
) -> None:
    line, screen, now = shown(term, is_terminal=is_terminal)
    for second in range(12):
        now[0] = second
        line.show(f"{second} of 12")
        line.write(f"note {second}\n") if second == 7 else None
    line.close()
    assert screen.getvalue() == "5 of 12\nnote 7\n10 of 12\n"


def test_a_line_that_says_nothing_new_is_not_written_again() -> None:
    line, screen, now = shown("xterm", is_terminal=False)
    for second in range(30):
        now[0] = second
        line.show("0 of 12")
    assert screen.getvalue() == "0 of 12\n"


def test_on_a_terminal_it_is_replaced_kept_below_others_and_taken_away() -> None:
    line, screen, _ = shown("xterm", is_terminal=True)
    line.write("before\n")
    line.show("1 of 2")
    line.show("1 of 2")
    line.write("note\n")
    line.show("2 of 2")
    line.close()
    line.close()
    erase = "\r\x1b[K"
    assert screen.getvalue() == (f"before\n{erase}1 of 2{erase}note\n{erase}1 of 2{erase}2 of 2{erase}")


def test_it_never_wraps() -> None:
    line, screen, _ = shown("xterm", is_terminal=True, columns="10")
    line.show("0123456789abc")
    assert screen.getvalue() == "\r\x1b[K012345678"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (30, "30 s"), (89, "89 s"), (90, "2 min"), (240, "4 min"), (7200, "2 h")],
)
def test_times_are_those_of_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (JobsProgress(300, 37, 2, 5, 240.0), "37 of 300 done, 2 failed, 5 running, about 4 min left"),
        (JobsProgress(300, 1, 0, 5), "1 of 300 done, 0 failed, 5 running"),
        (JobsProgress(3, 2, 1, 0, 0.0), "2 of 3 done, 1 failed, 0 running"),
    ],
)
def test_how_far_jobs_are(progress: JobsProgress, text: str) -> None:
    from oscarcli.cli.service.batch_lines import progress_text

    assert progress_text(progress) == text
