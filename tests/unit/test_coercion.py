"""What words and parts of documents are taken for."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from oscarcli.coercion import GO_TRUTH, YAML_NOT_TEXT, YAML_TRUTH, as_mapping


@pytest.mark.parametrize(
    ("word", "in_yaml", "in_go"),
    [
        ("true", True, True),
        ("FALSE", False, False),
        ("Yes", True, None),
        ("off", False, None),
        ("1", None, True),
        ("F", None, False),
        ("", None, None),
        ("truth", None, None),
    ],
)
def test_words_for_true_and_false_are_those_of_the_parser(
    word: str, in_yaml: bool | None, in_go: bool | None
) -> None:
    assert (YAML_TRUTH.read(word), GO_TRUTH.read(word)) == (in_yaml, in_go)


def test_every_word_that_yaml_takes_for_a_truth_needs_quotation_marks_as_text() -> None:
    assert set(YAML_TRUTH.all) < YAML_NOT_TEXT


@pytest.mark.parametrize("value", [None, "", "text", 0, [], [("a", 1)], True])
def test_what_is_no_mapping_is_an_empty_one(value: Any) -> None:
    assert as_mapping(value) == {}


@pytest.mark.parametrize("value", [{}, {"a": 1}, MappingProxyType({"a": 1})])
def test_a_mapping_is_itself(value: Any) -> None:
    assert as_mapping(value) is value
