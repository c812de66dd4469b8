"""One result in every form."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import pytest
import yaml

from oscarcli.output.render import Column, Format, Result, display_width, render, shorten, to_json, to_yaml
from oscarcli.output.terminal import Terminal, clean
from tests.support.daily import number_of

PIPE = Terminal(io.StringIO(), {})
COLUMNS = (Column("NAME", "name"), Column("SIZE", lambda row: row.get("size")))


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def screen(columns: int, **environ: str) -> Terminal:
    return Terminal(Screen(), {"COLUMNS": str(columns), **environ})


def table(rows: list[dict[str, Any]], terminal: Terminal = PIPE) -> str:
    return render(Result(rows, COLUMNS), Format.TABLE, terminal)


def test_a_table_in_a_pipe_is_one_line_a_row_and_never_cut() -> None:
    long = "x" * 500
    text = table([{"name": "a", "size": 5}, {"name": long, "size": None}, {"name": "", "size": True}])
    lines = text.splitlines()
    assert [line.split() for line in lines] == [["NAME", "SIZE"], ["a", "5"], [long, "-"], ["-", "yes"]]
    assert "\x1b" not in text
    assert not any(line.endswith(" ") for line in lines)


def test_columns_are_two_blanks_apart_in_wide_characters_too() -> None:
    lines = table([{"name": "漢字", "size": 1}, {"name": "e\u0301", "size": 22}, {"name": "abc", "size": 3}])
    assert lines == "NAME  SIZE\n漢字  1\ne\u0301     22\nabc   3\n"


def test_an_empty_table_is_nothing() -> None:
    assert table([]) == ""


def test_no_value_can_forge_a_row_or_move_the_cursor() -> None:
    row = {"name": "a\nb\tc\x1b[2J\x9b\u202e\u2028\x7f\ud800", "size": "\r"}
    lines = table([row]).splitlines()
    assert len(lines) == 2
    assert lines[1] == "a\\nb\\tc\\x1b[2J\\x9b\\u202e\\u2028\\x7f\\ud800  \\r"


def test_lists_are_joined_and_numbers_are_text() -> None:
    assert table([{"name": ["a", 2], "size": 0}]).splitlines()[1] == "a,2   0"


def test_on_a_terminal_the_header_is_bold_and_long_cells_lose_their_middle() -> None:
    text = table([{"name": "one", "size": "a" * 30 + "b" * 30}], screen(30))
    header, row = text.splitlines()
    assert header.startswith("\x1b[1mNAME ")
    assert row == "one   aaaaaaaaaaaa…bbbbbbbbbbb"
    assert display_width(row) <= 30


@pytest.mark.parametrize("columns", [1, 5, 12, 40])
def test_a_narrow_terminal_never_breaks_the_table(columns: int) -> None:
    text = table([{"name": "n" * 50, "size": "s" * 50}], screen(columns, NO_COLOR="1"))
    name, rest = text.splitlines()[2:]
    assert name == "n" * 50
    assert display_width(rest) <= max(columns, 12)
    assert rest.startswith("    s")


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("abc", 3, "abc"),
        ("abcdef", 5, "ab…ef"),
        ("abcdef", 4, "ab…f"),
        ("漢字漢字", 5, "漢…字"),
        ("abc", 1, "…"),
    ],
)
def test_both_ends_of_a_shortened_text_stay(text: str, width: int, short: str) -> None:
    assert shorten(text, width) == short
    assert display_width(short) <= width


DOCUMENTS: list[Any] = [
    [],
    {},
    None,
    {"name": "x", "list": [], "map": {}, "null": None, "yes": True, "n": 1.5, "text": "yes"},
    {"script": "#!/bin/sh\necho hi\n", "trailing": "a  \nb\t\n", "empty lines": "\n\na\n", "no end": "a\nb"},
    {"controls": "\x1b[31m\x00\x7f\x9b", "bidi": "\u202eabc", "lines": "a\u2028b\x85c", "mark": "\ufeff"},
    {"unicode": "größe 漢字 😀", "crlf": "a\r\nb"},
    [{"a": [{"b": [1, [2, [3]]]}]}],
]


@pytest.mark.parametrize("data", DOCUMENTS)
def test_json_and_yaml_give_the_document_back_and_are_safe_on_a_terminal(data: Any) -> None:
    as_json, as_yaml = to_json(data), to_yaml(data)
    assert json.loads(as_json) == data
    assert yaml.safe_load(as_yaml) == data
    for text in (as_json, as_yaml):
        assert text.endswith("\n")
        assert clean(text, keep="\n\t") == text


def test_random_text_survives_yaml() -> None:
    chance = random.Random(7)
    for _ in range(number_of(2000)):
        text = "".join(chance.choice("ab \n\t#:-'\"é\r|>%&*!{[,\x07") for _ in range(chance.randint(0, 16)))
        assert yaml.safe_load(to_yaml({"script": text, "list": [text]})) == {"script": text, "list": [text]}


def test_a_script_reads_as_one_even_with_blanks_at_the_end_of_lines() -> None:
    assert to_yaml({"script": "#!/bin/sh  \n  echo hi\n"}) == "script: |\n  #!/bin/sh  \n    echo hi\n"


def test_order_is_the_documents_own_and_the_indent_two_blanks() -> None:
    data = {"z": [{"b": 1, "a": 2}], "a": {"c": "d"}}
    assert to_yaml(data) == "z:\n  - b: 1\n    a: 2\na:\n  c: d\n"
    assert to_json(data).startswith('{\n  "z": [\n    {\n      "b": 1,')


def test_the_same_object_twice_is_written_twice() -> None:
    inner = {"x": "y"}
    assert to_yaml([inner, inner]) == "- x: y\n- x: y\n"


def test_half_a_surrogate_pair_from_a_server_is_escaped() -> None:
    assert to_json("\ud800") == '"\\ud800"\n'
    assert to_yaml({"a": "\ud800"}).isascii()


def test_csv_has_a_header_and_empty_cells() -> None:
    rows = [{"name": 'a,"b"', "size": None}]
    assert render(Result(rows, COLUMNS), Format.CSV, PIPE) == 'NAME,SIZE\n"a,""b""",\n'
