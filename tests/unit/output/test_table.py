"""What may be wanted of a table: some columns, no header, names alone, distances in time."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

import pytest

from oscarcli.errors import UsageError
from oscarcli.output.render import Column, Format, Layout, Result, Table, render
from oscarcli.output.table import column_name, selected
from oscarcli.output.terminal import Terminal

PIPE = Terminal(io.StringIO(), {})
COLUMNS = (
    Column("JOB NAME", "name"),
    Column("SIZE (B)", "size", is_number=True),
    Column("CREATED", "created", is_time=True),
)
ROWS = [{"name": "a", "size": 5, "created": None}, {"name": "bcd", "size": 1234, "created": "soon"}]


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(layout: Layout, terminal: Terminal = PIPE, output: Format = Format.TABLE) -> str:
    return render(Result(ROWS, COLUMNS), output, terminal, layout)


@pytest.mark.parametrize(
    ("title", "name"),
    [("NAME", "name"), ("JOB NAME", "job-name"), ("SIZE (B)", "size"), ("CLIENT_IP", "client-ip")],
)
def test_columns_have_names_to_type(title: str, name: str) -> None:
    assert column_name(title) == name


@pytest.mark.parametrize("names", [("size", "job name"), ("Size (B)", "Job_Name"), ("SIZE", "JOB-NAME")])
def test_columns_are_chosen_in_the_order_asked_for(names: tuple[str, ...]) -> None:
    assert shown(Layout(columns=names)) == "SIZE (B)  JOB NAME\n       5  a\n    1234  bcd\n"


def test_a_column_that_there_is_not_is_a_mistake_that_names_those_there_are() -> None:
    with pytest.raises(UsageError) as raised:
        selected(COLUMNS, ["size", "owner"])
    assert raised.value.message == 'there is no column "owner"; the columns are job-name, size, created'
    with pytest.raises(UsageError):
        shown(Layout(columns=("owner",), names_only=True))


def test_without_header_the_first_line_is_the_first_row() -> None:
    assert shown(Layout(has_header=False)) == "a       5  -\nbcd  1234  soon\n"
    assert shown(Layout(has_header=False), output=Format.CSV) == "a,5,\nbcd,1234,soon\n"
    assert shown(Layout(columns=("created",)), output=Format.CSV) == "CREATED\n\nsoon\n".replace(
        "\n\n", '\n""\n'
    )


def test_names_alone_are_never_shortened() -> None:
    narrow = Terminal(Screen(), {"COLUMNS": "10"})
    rows = [{"name": "n" * 50}, {"name": "\x1b"}]
    layout = Layout(names_only=True)
    assert render(Result(rows, COLUMNS), Format.TABLE, narrow, layout) == "n" * 50 + "\n\\x1b\n"
    other = Result(ROWS, COLUMNS, name=COLUMNS[1])
    assert render(other, Format.TABLE, PIPE, layout) == "5\n1234\n"


def test_distances_are_for_terminals() -> None:
    moment = datetime.now(timezone.utc) - timedelta(minutes=3)
    result = Result([{"name": "a", "created": moment.isoformat()}], COLUMNS)
    layout = Layout(columns=("created",), is_relative=True, has_header=False)
    screen = Terminal(Screen(), {"COLUMNS": "80"})
    assert render(result, Format.TABLE, screen, layout) == "3 minutes ago\n"
    local = moment.astimezone().strftime("%Y-%m-%d %H:%M:%S\n")
    assert render(result, Format.TABLE, PIPE, layout) == local
    assert render(result, Format.CSV, PIPE, layout) == moment.isoformat() + "\n"


def test_pieces_of_a_table_stay_below_each_other() -> None:
    table = Table(COLUMNS, PIPE, Layout(columns=("job-name", "size")))
    assert table.piece(ROWS[:1]) == "JOB NAME  SIZE (B)\na                5\n"
    assert table.piece([{"name": "much longer than that", "size": 1}]) == "much longer than that         1\n"
    assert table.piece(ROWS[:1]) == "a                             5\n"
    assert table.piece([]) == ""
