"""`--env-file`: the reference client's file format, and which keys were wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ConfigError
from oscarcli.fdl.env_file import Usage, fill_in, read_env_file


def values(folder: Path, text: str | bytes) -> dict[str, str]:
    file = folder / "env"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_env_file(file)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=b", "b"),
        ("  export A = b  ", "b"),
        ("A=", ""),
        ("A=b=c # d", "b=c # d"),
        ("A='b \\n'", "b \\n"),
        ('A="b\\n\\t\\"\\\\"', 'b\n\t"\\'),
        ('A="\\u00e9\\U0001F600\\xc3\\xa9\\101"', "é😀éA"),
        ('A="\\q"', '"\\q"'),
        ('A="b"c"', '"b"c"'),
        ('A="\\xff"', '"\\xff"'),
        ('A="\\ud800"', '"\\ud800"'),
        ('A="\\', '"\\'),
        ("A='b\"", "'b\""),
        ('A="', '"'),
        ("A=${B}", "${B}"),
        ("A=b\r", "b"),
    ],
)
def test_one_line(tmp_path: Path, line: str, expected: str) -> None:
    assert values(tmp_path, f"\n# note\n{line}\n") == {"A": expected}


def test_the_last_of_a_repeated_key_counts(tmp_path: Path) -> None:
    assert values(tmp_path, "\ufeffA=1\nB=2\nA=3") == {"A": "3", "B": "2"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A=1\nB\n", "invalid env file FILE at line 2: expected KEY=value"),
        ("\n\n = 3\n", "invalid env file FILE at line 3: empty key"),
        (b"A=1\nB=\xff\n", "invalid env file FILE at line 2: not UTF-8 text"),
        ("A=" + "x" * (1 << 20), "invalid env file FILE at line 1: longer than 1 MiB"),
        ("A=1\n" * (1 << 20) + "x", "reading env file FILE: larger than 4 MiB"),
    ],
)
def test_what_is_wrong_is_named_by_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        values(tmp_path, text)
    assert caught.value.message == words.replace("FILE", str(tmp_path / "env"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_env_file(tmp_path / "gone")
    assert caught.value.message == f"reading env file {tmp_path / 'gone'}: No such file or directory"


def test_only_keys_that_are_there_are_filled_in() -> None:
    one: dict[str, Any] = {"environment": {"variables": {"A": "", "B": "b"}, "secrets": {"A": ""}}}
    other: dict[str, Any] = {"environment": {"secrets": {"C": "old"}}}
    usage = fill_in([one, other, {}], {"C": "3", "A": "1", "a": "x", "Z": "9"})
    assert one["environment"] == {"variables": {"A": "1", "B": "b"}, "secrets": {"A": "1"}}
    assert other["environment"] == {"secrets": {"C": "3"}}
    assert usage == Usage(used=("C", "A"), unused=("a", "Z"))
