"""YAML and JSON into trees: what published files look like, and what nobody should be able to do with one."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

from oscarcli.fdl.document import MAX_FILE_BYTES, parse_tree
from oscarcli.fdl.findings import FdlError, Findings
from oscarcli.fdl.nodes import Node, Scalar, Sequence


def texts(node: Node | None) -> Any:
    """Return a tree with every scalar as written."""
    assert node is not None
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [texts(item) for item in node.items]
    return {key.text: texts(value) for key, value in node.all_entries()}


@pytest.fixture(params=[True, False], ids=["libyaml", "python"])
def compiled(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def read(text: str | bytes, compiled: bool) -> Any:
    findings = Findings("f.yaml")
    root = parse_tree(text.encode() if isinstance(text, str) else text, findings, compiled=compiled)
    findings.check()
    return texts(root)


def mistakes(text: str | bytes, compiled: bool) -> list[str]:
    with pytest.raises(FdlError) as caught:
        read(text, compiled)
    return list(caught.value.details)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b\t\nc: d\n", {"a": "b", "c": "d"}),
        ("a: 'b'\t \nc: \"d\" \t\n", {"a": "b", "c": "d"}),
        ("a: b\n\t\nc: d\n  \t\n", {"a": "b", "c": "d"}),
        ("a:\tb\nc:\t\n  d: e\n", {"a": "b", "c": {"d": "e"}}),
        ("a: b\t# note\n\t# note\nc: d\n", {"a": "b", "c": "d"}),
        ("a: b\t\r\nc: d\t\r\n", {"a": "b", "c": "d"}),
        ("- a: b\t\n  c: d\n", [{"a": "b", "c": "d"}]),
    ],
)
def test_tabs_that_only_separate_are_read_as_blanks(text: str, expected: Any, compiled: bool) -> None:
    assert read(text, compiled) == expected


@pytest.mark.parametrize("head", ["c: |", "c: >-", "c: |2", "c: &x |  # note", "c: !!str |", "c:\n    |"])
def test_tabs_inside_of_block_scalars_are_content(head: str, compiled: bool) -> None:
    mended = read(f"a: b\t\n{head}\n  \tx\t\n\n  y:\tz\t# w\nd: e\t\n", compiled)
    # Without a stray TAB outside the same block is read as it is.
    assert mended == {**read(f"{head}\n  \tx\t\n\n  y:\tz\t# w\n", compiled), "a": "b", "d": "e"}
    assert mended["c"].count("\t") == 4


def test_a_blank_line_of_a_tab_does_not_end_a_block(compiled: bool) -> None:
    assert read("c: |\n  x\n \t\n\t\n  y\nd: e\n", compiled) == {"c": "x\n\n\ny\n", "d": "e"}


def test_tabs_in_quoted_text_stay(compiled: bool) -> None:
    text = 'a: "x\t# y"\nb: \'k:\tv\'\nc: d\t\n\t\ne: "x\\\ty"\n'
    assert read(text, compiled) == {"a": "x\t# y", "b": "k:\tv", "c": "d", "e": "x\ty"}


@pytest.mark.parametrize(
    "data",
    [
        "a: é\r\nb: 😀\r\n".encode(),
        "\ufeffa: é\nb: 😀\n".encode(),
        "a: é\nb: 😀\n".encode("utf-16"),
    ],
)
def test_encodings_and_line_ends(data: bytes, compiled: bool) -> None:
    assert read(data, compiled) == {"a": "é", "b": "😀"}


def test_json_with_tabs_and_escapes(compiled: bool) -> None:
    text = '\n{\n\t"a":\t"\\u00e9\\ud83d\\ude00 \\/ \\\\ud83d",\n\t"b": [1.0, true, null, {}]\n}\n'
    assert read(text, compiled) == {"a": "é😀 / \\ud83d", "b": ["1.0", "true", "null", {}]}


def test_merge_keys_and_aliases(compiled: bool) -> None:
    text = (
        "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\n"
        "one: {<<: *base, b: 5}\nboth:\n  <<: [*base, *more]\nlist: [*base]\n"
    )
    tree = read(text, compiled)
    assert tree["one"] == {"a": "1", "b": "5"}
    assert tree["both"] == {"a": "1", "b": "2", "c": "4"}
    assert tree["list"] == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.yaml:1: the file is empty"),
        ("# nothing\n", "f.yaml:1: the file is empty"),
        ("a: 1\nb: {a: 2}\nb: 3\n", "f.yaml:3: b: given twice, first on line 2"),
        ("x:\n- y: {a: 1, a: 2}\n", "f.yaml:2: x[0].y.a: given twice, first on line 2"),
        ("a:\n\tb: c\n", "f.yaml:2: not valid YAML: a TAB cannot indent a line; use blanks"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: a second document begins here; an FDL is one document"),
        ("? [a]\n: b\n", "f.yaml:1: a key has to be a single value, not a list"),
        ("a: &x [*x]\n", "f.yaml:1: *x stands inside of what it stands for"),
        ("a: *x\n", "f.yaml:1: *x stands for nothing: there is no &x before it"),
        ("<<: 3\n", "f.yaml:1: << wants keys and values, not a single value"),
        ("a: b\x07\n", "f.yaml:1: the control character U+0007 is not allowed in YAML"),
        ("a: b\nc: \x00\n", "f.yaml:2: the control character U+0000 is not allowed in YAML"),
        (b"a: b\nc: \xe9\n", "f.yaml:2: not UTF-8 text (byte 0xe9)"),
    ],
)
def test_what_is_no_document(text: str | bytes, expected: str, compiled: bool) -> None:
    assert mistakes(text, compiled) == [expected]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: b: c\n", 1, 'a ":" cannot be here; quote the text, or mend the indentation (column 5)'),
        ("a:\n  b: c\n d: e\n", 3, 'the indentation does not fit the lines before, or a ":" is missing'),
        ("a:\n  b\nc: d\ne\n", 5, 'a ":" is missing'),
        ("a: 'b\nc: d\n", 3, "quoted scalar that begins on line 1"),
        ("a: [1\nb: 2\n", 2, "not valid YAML"),
        ("a: b\n c: d\n", 2, "not valid YAML"),
        ("a: 1\nb: @c\n", 2, "no text can begin with this character; quote it (column 4)"),
    ],
)
def test_syntax_mistakes_have_a_line(text: str, line: int, words: str, compiled: bool) -> None:
    [mistake] = mistakes(text, compiled)
    assert mistake.startswith(f"f.yaml:{line}: not valid YAML: ")
    assert words in mistake


def _laughs() -> str:
    names = "abcdefghijklmnop"
    lines = [f"{names[0]}: &{names[0]} [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join(['*' + a] * 9)}]" for a, b in pairwise(names)]
    return "\n".join(lines)


def _merged_laughs() -> str:
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: v" for n in range(50)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}], x{n}: 1}}" for n in range(1, 20)]
    return "\n".join(lines)


def _deep_by_aliases() -> str:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} {'[' * 20}*a{n - 1}{']' * 20}" for n in range(1, 500)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (_laughs(), "too many values"),
        (_merged_laughs(), "too many values"),
        (_deep_by_aliases(), "levels deep"),
        ("[" * 100_000, "levels deep"),
        ("{a: " * 100_000, "levels deep"),
        ("\n".join("  " * n + f"k{n}:" for n in range(400)), "levels deep"),
        ("a: " + "x" * (MAX_FILE_BYTES + 1), "larger than 4 MiB"),
        ("big: &big " + "x" * 100_000 + "\nall: [" + "*big," * 1000 + "]", "too many values"),
        ("- a\n" * 500_000, "too many values"),
    ],
    ids=["laughs", "merged", "deep aliases", "lists", "maps", "blocks", "size", "long text", "items"],
)
def test_monsters_are_refused_soon(text: str, words: str) -> None:
    begin = time.monotonic()
    [mistake] = mistakes(text[: MAX_FILE_BYTES + 1], compiled=True)
    assert words in mistake
    # Not a stopwatch: what is guarded against takes hours or all memory.
    assert time.monotonic() - begin < 60


def test_a_file_of_tabs_is_read_in_one_pass(compiled: bool) -> None:
    assert len(read("".join(f"k{n}: v\t\n\t\n" for n in range(2000)), compiled)) == 2000
