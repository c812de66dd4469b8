from __future__ import annotations

import io

import pytest

from oscarcli.output.progress import Lines, NoProgress, progress, size_text
from oscarcli.output.terminal import Terminal

MIB = 1 << 20


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(stream: io.StringIO, clock: Clock) -> Lines:
    return Lines("Uploading a.bin", Terminal(stream, {}), clock)


def test_a_line_says_how_far_it_is(lines: Lines, stream: io.StringIO, clock: Clock) -> None:
    lines.expect(1, 1024 * MIB)
    clock.now += 5
    lines.advance(350 * MIB)
    assert stream.getvalue() == "Uploading a.bin: 34% (350 MiB of 1.0 GiB, 70 MiB/s)\n"


def test_there_is_a_line_every_five_seconds_at_most(lines: Lines, stream: io.StringIO, clock: Clock) -> None:
    lines.expect(1, 100 * MIB)
    for _ in range(100):
        clock.now += 0.2
        lines.advance(MIB)
    assert 3 <= stream.getvalue().count("\n") <= 4


def test_a_short_transfer_says_nothing(lines: Lines, stream: io.StringIO, clock: Clock) -> None:
    lines.expect(1, MIB)
    clock.now += 4.9
    lines.advance(MIB)
    lines.finish_file()
    assert stream.getvalue() == ""


def test_several_files_are_counted(lines: Lines, stream: io.StringIO, clock: Clock) -> None:
    lines.expect(20, 20 * MIB)
    for _ in range(7):
        lines.advance(MIB)
        lines.finish_file()
    clock.now += 5
    lines.advance(MIB)
    assert stream.getvalue() == "Uploading a.bin: 40% (7 of 20 files, 8.0 MiB of 20 MiB, 1.6 MiB/s)\n"


def test_without_totals_there_is_no_percentage(lines: Lines, stream: io.StringIO, clock: Clock) -> None:
    lines.expect(None, None)
    lines.finish_file()
    clock.now += 5
    lines.advance(5 * MIB)
    assert stream.getvalue() == "Uploading a.bin: 1 files, 5.0 MiB, 1.0 MiB/s\n"


def test_bytes_that_are_sent_again_never_make_the_speed_negative(
    lines: Lines, stream: io.StringIO, clock: Clock
) -> None:
    lines.expect(1, 10 * MIB)
    clock.now += 5
    lines.advance(5 * MIB)
    clock.now += 5
    lines.advance(-2 * MIB)
    assert stream.getvalue().splitlines()[-1].endswith("30% (3.0 MiB of 10 MiB, 0 B/s)")


def test_names_cannot_move_the_cursor(stream: io.StringIO) -> None:
    with progress("Uploading a\x1b[2Jb\n", Terminal(stream, {})) as shown:
        assert isinstance(shown, Lines)
        assert "\x1b" not in shown._label
        assert "\n" not in shown._label


def test_a_terminal_gets_a_bar_that_is_gone_in_the_end() -> None:
    screen = Screen()
    with progress("Uploading [x]\x1b[2J", Terminal(screen, {"COLUMNS": "100"})) as shown:
        assert shown.is_live
        shown.expect(2, 100)
        shown.advance(50)
        shown.finish_file()
    text = screen.getvalue()
    assert "Uploading [x]" in text
    assert "\x1b[2J" not in text
    assert text.endswith("\x1b[2K")


def test_nothing_is_shown_when_nothing_is_wanted() -> None:
    screen = Screen()
    with progress("Uploading a", Terminal(screen, {}), wanted=False) as shown:
        assert isinstance(shown, NoProgress)
        shown.expect(1, 1)
        shown.advance(1)
        shown.finish_file()
    assert screen.getvalue() == ""


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10 * 1024, "10 KiB"),
        (350 * MIB, "350 MiB"),
        (1 << 30, "1.0 GiB"),
        (5 << 40, "5.0 TiB"),
        (5 << 50, "5120 TiB"),
    ],
)
def test_sizes_are_written_for_people(size: int, text: str) -> None:
    assert size_text(size) == text
