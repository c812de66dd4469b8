"""A line that is still being typed."""

from __future__ import annotations

import pytest

from oscarcli.cli.completion.shell_split import split_line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a ", ["a", ""]),
        ("a  b\tc", ["a", "b", "c"]),
        ("a 'b c' d", ["a", "b c", "d"]),
        ("a 'b c", ["a", "b c"]),
        ("a \"b 'c", ["a", "b 'c"]),
        ('a "b\\" $c \\x', ["a", 'b" $c \\x']),
        ("a b\\ c\\", ["a", "b c"]),
        ("a --x='y z'", ["a", "--x=y z"]),
        ("a '' ", ["a", "", ""]),
        ("a $(reboot) `id", ["a", "$(reboot)", "`id"]),
    ],
)
def test_words_lose_their_quotes_and_nothing_is_expanded(line: str, words: list[str]) -> None:
    assert split_line(line) == words
