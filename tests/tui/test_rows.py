"""Rows of a long table: filter, order, widths, and what is made anew."""

from __future__ import annotations

from typing import Any

import pytest

from oscarcli.output.table import Column
from oscarcli.tui.rows import RowSet, fitted, make_rows, matching

COLUMNS = (Column("NAME", "name"), Column("CPU", "cpu", is_number=True), Column("STATE", "state"))


def rows(*items: dict[str, Any]) -> RowSet:
    return make_rows(COLUMNS, items, lambda item: str(item["name"]))


def names(found: Any) -> list[str]:
    return [row.key for row in found]


def test_numbers_sort_as_numbers_words_behind_them_and_nothing_last() -> None:
    found = rows(
        {"name": "a", "cpu": "10"},
        {"name": "b", "cpu": "250m"},
        {"name": "c"},
        {"name": "d", "cpu": 2},
        {"name": "e", "cpu": "0.5"},
    )
    assert names(found.in_order(COLUMNS, 1, is_reverse=False)) == ["e", "d", "a", "b", "c"]
    assert names(found.in_order(COLUMNS, 1, is_reverse=True)) == ["b", "a", "d", "e", "c"]
    assert names(found.in_order(COLUMNS, None, is_reverse=False)) == ["a", "b", "c", "d", "e"]


def test_words_sort_without_case() -> None:
    found = rows({"name": "Beta"}, {"name": "alpha"}, {"name": "ALSO"})
    assert names(found.in_order(COLUMNS, 0, is_reverse=False)) == ["alpha", "ALSO", "Beta"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["One", "two"]),
        ("one", ["One"]),
        ("READY", ["One", "two"]),
        ("o ready 2", ["two"]),
        ("onetwo", []),
    ],
)
def test_each_word_has_to_be_in_a_cell(text: str, expected: list[str]) -> None:
    found = rows({"name": "One", "cpu": 1, "state": "ready"}, {"name": "two", "cpu": 2, "state": "Ready"})
    assert names(matching(found.rows, text)) == expected


def test_only_what_differs_is_made_anew() -> None:
    same, other = {"name": "a", "cpu": 1}, {"name": "b", "cpu": 1}
    first = rows(same, other)
    known = {row.key: row for row in first.rows}
    later = make_rows(COLUMNS, [dict(same), {"name": "b", "cpu": 2}], lambda item: str(item["name"]), known)
    assert later.rows[0] is first.rows[0]
    assert later.rows[1].cells == ("b", "2", "-")


@pytest.mark.parametrize(
    ("widths", "available", "expected"),
    [
        ([10, 8, 8], 30, [10, 8, 8]),
        # The last column gives way, then goes; the one before it is the next.
        ([10, 8, 8], 29, [10, 8, 7]),
        ([10, 8, 8], 26, [10, 8, 0]),
        ([10, 8, 8], 18, [10, 6, 0]),
        ([10, 8, 8], 15, [10, 0, 0]),
        # Only then the names.
        ([10, 8, 8], 7, [7, 0, 0]),
        ([], 7, []),
    ],
)
def test_names_stay_whole_for_as_long_as_they_can(
    widths: list[int], available: int, expected: list[int]
) -> None:
    assert fitted(widths, available) == expected


def test_columns_are_as_wide_as_what_is_in_them_wide_letters_twice() -> None:
    found = rows({"name": "日本語語語", "cpu": 1, "state": "x\x1b"})
    assert found.widths == (10, 5, 7)
    assert found.rows[0].cells == ("日本語語語", "1", r"x\x1b")
