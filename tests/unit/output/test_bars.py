"""Bars beside a table: as long as their values, and never wider than the terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest

from oscarcli.output.bars import NARROWEST, WIDEST, bar, to_chart
from oscarcli.output.table import Column, display_width, to_table
from oscarcli.output.terminal import Terminal

COLUMNS = (Column("NAME", "name"), Column("COUNT", "count"))
ROWS: list[dict[str, Any]] = [
    {"name": "a", "count": 8},
    {"name": "bb", "count": 4},
    {"name": "ccc", "count": 0},
]


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(columns: int | None, **environ: str) -> Terminal:
    stream = io.StringIO() if columns is None else Screen()
    return Terminal(stream, {"NO_COLOR": "1", "COLUMNS": str(columns), **environ})


def count(row: Any) -> float:
    return float(row["count"])


def test_the_longest_bar_is_the_largest_value_and_zero_has_none() -> None:
    lines = to_chart(COLUMNS, ROWS, count, terminal(60)).splitlines()
    assert lines == [
        "NAME  COUNT",
        "a     8  " + "█" * WIDEST,
        "bb    4  " + "█" * (WIDEST // 2),
        "ccc   0",
    ]


@pytest.mark.parametrize("columns", range(14, 61))
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    rows = [{"name": "name" * 5, "count": 1}, *ROWS]
    lines = to_chart(COLUMNS, rows, count, terminal(columns)).splitlines()
    # A name stays whole.
    assert all(display_width(line) <= max(columns, 20) for line in lines)
    assert "name" * 5 in "\n".join(lines)


def test_where_there_is_no_room_there_are_no_bars() -> None:
    narrow = terminal(NARROWEST)
    assert to_chart(COLUMNS, ROWS, count, narrow) == to_table(COLUMNS, ROWS, narrow)


def test_in_a_pipe_it_is_the_table() -> None:
    pipe = terminal(None)
    assert to_chart(COLUMNS, ROWS, count, pipe) == to_table(COLUMNS, ROWS, pipe)


def test_colour_is_in_the_header_alone() -> None:
    lines = to_chart(COLUMNS, ROWS, count, Terminal(Screen(), {"COLUMNS": "60"})).splitlines()
    assert [("\x1b" in line) for line in lines] == [True, False, False, False]


@pytest.mark.parametrize("rows", [[], [{"name": "a", "count": 0}]])
def test_nothing_to_show_is_no_failure(rows: list[dict[str, Any]]) -> None:
    assert "█" not in to_chart(COLUMNS, rows, count, terminal(60))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, ""), (-1, ""), (1, "▌"), (2, "█"), (3, "█▌"), (20, "█" * 10), (0.0001, "▏")],
)
def test_a_bars_length(value: float, shown: str) -> None:
    assert bar(value, 20, 10) == shown


def test_a_bar_of_nothing() -> None:
    assert bar(1, 0, 10) == ""
