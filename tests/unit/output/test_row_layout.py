"""Rows on a narrow terminal: long texts give way first, then rows take more lines; names are never cut."""

from __future__ import annotations

import io
from typing import Any

import pytest

from oscarcli.output.record import to_record
from oscarcli.output.render import Column, Format, Layout, Result, Table, render
from oscarcli.output.row_layout import fit
from oscarcli.output.table import display_width
from oscarcli.output.terminal import Terminal

NAME = "text-stats-ebcaec12-5f0a-4f1b-9c5e-0123456789ab"
JOBS = (
    Column("JOB NAME", "name"),
    Column("STATUS", "status"),
    Column("CREATED", "created", is_time=True),
    Column("START", "start", is_time=True),
    Column("BYTES", "bytes", is_number=True),
    Column("IMAGE", "image"),
)
ROW = {
    "name": NAME, "status": "Succeeded", "created": "not a time, but whole", "start": "early",
    "bytes": 12345678901, "image": "images.example.org/" + "deep/" * 20 + "image",
}  # fmt: skip


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(columns: int, rows: list[dict[str, Any]], layout: Layout | None = None) -> list[str]:
    terminal = Terminal(Screen(), {"COLUMNS": str(columns), "NO_COLOR": "1"})
    return Table(JOBS, terminal, layout or Layout()).piece(rows).splitlines()


def test_the_less_worthy_gives_way_before_a_row_takes_two_lines() -> None:
    header, row = shown(130, [ROW])
    assert header.split() == ["JOB", "NAME", "STATUS", "CREATED", "START", "BYTES", "IMAGE"]
    assert all(str(ROW[key]) in row for key in ("name", "status", "created", "start", "bytes"))
    assert row.endswith("/image")
    assert "…" in row


@pytest.mark.parametrize("columns", [47, 80, 100])
def test_a_row_takes_several_lines_before_a_name_is_cut(columns: int) -> None:
    lines = shown(columns, [ROW, {**ROW, "name": "short"}])
    assert all(display_width(line) <= columns for line in lines)
    text = "\n".join(lines)
    assert text.count(NAME) == 1
    assert text.count("12345678901") == 2
    # The header has as many lines as each row, and what goes on is indented.
    height = len(lines) // 3
    assert height > 1
    assert [line.startswith("    ") for line in lines] == ([False] + [True] * (height - 1)) * 3
    assert lines[0].startswith("JOB NAME")
    assert lines[height].startswith(NAME)


def test_a_name_wider_than_the_terminal_stays_whole() -> None:
    assert NAME in shown(20, [ROW])


@pytest.mark.parametrize("available", range(1, 60))
def test_every_cell_is_on_one_of_the_lines(available: int) -> None:
    widths, least = [10, 30, 5, 12], [10, 8, 5, 12]
    layout = fit(widths, least, available)
    assert [index for line in layout.lines for index in line] == [0, 1, 2, 3]
    assert all(low <= shown <= width for low, shown, width in zip(least, layout.widths, widths, strict=True))
    for number, line in enumerate(layout.lines):
        width = sum(layout.widths[i] for i in line) + 2 * (len(line) - 1) + (4 if number else 0)
        # Only what cannot be shortened is wider than the terminal, and then it is alone.
        assert width <= available or len(line) == 1


def test_one_thing_is_lines_on_a_terminal_and_a_row_elsewhere() -> None:
    result = Result(ROW, JOBS, rows=[ROW], is_record=True)
    screen, pipe = Terminal(Screen(), {"COLUMNS": "40"}), Terminal(io.StringIO(), {})
    lines = render(result, Format.TABLE, screen).splitlines()
    assert lines[0] == f"Job name:  {NAME}"
    assert lines[-1] == f"Image:     {ROW['image']}"
    assert len(lines) == len(JOBS)
    assert len(render(result, Format.TABLE, pipe).splitlines()) == 2
    # Whoever asks for something special about the table gets a table.
    assert render(result, Format.TABLE, screen, Layout(columns=("status",))).splitlines()[1] == "Succeeded"


def test_labels_keep_what_is_written_in_capitals() -> None:
    columns = (Column("S3 ENDPOINT", "a"), Column("PID", "b"), Column("DATA DIRECTORY", "c"))
    assert (
        to_record(columns, {"a": "x", "b": 7})
        == "S3 endpoint:     x\nPID:             7\nData directory:  -\n"
    )
