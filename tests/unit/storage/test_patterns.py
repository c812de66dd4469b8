"""What patterns match; `git check-ignore` is asked where both mean the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from oscarcli.storage.patterns import NameFilter, compiled, fixed_folder, fixed_prefix

NAMES = (
    "a.txt",
    "b.jpg",
    "deep/a.txt",
    "deep/b.jpg",
    "deep/er/a.txt",
    "node/x",
    ".hidden/a.txt",
    "[x].txt",
    "a",
)


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("*.txt", ["a.txt", ".txt"], ["d/a.txt", "a.txt/b", "a.txtx", "a\n"]),
        ("out/*", ["out/a", "out/.a", "out/\n"], ["out/", "out/a/b", "out"]),
        ("out/**", ["out/a", "out/a/b"], ["out/", "out", "outer/a"]),
        ("out/**/x", ["out/x", "out/a/x", "out/a/b/x"], ["out/ax", "x", "outx"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax", "x/a"]),
        ("out/*/", ["out/a/", "out/a/b", "out/a/b/c"], ["out/a", "out/"]),
        ("a?c", ["abc", "a?c"], ["ac", "a/c", "abbc"]),
        ("[a-c]", ["a", "c"], ["d", "/", "-", "ab"]),
        ("[!a-c]", ["d", "-"], ["a", "/", ""]),
        ("x[*]y", ["x*y"], ["xay"]),
        ("[]]", ["]"], ["[", ""]),
        ("[^a]", ["^", "a"], ["b"]),
        ("a[b", ["a[b"], ["ab"]),
        ("[z-a]x", [], ["zx", "ax"]),
        ("[\\]", ["\\"], ["]"]),
        ("[[&&a]", ["[", "&", "a"], ["b"]),
        ("a.c", ["a.c"], ["abc"]),
        ("a**b", ["ab", "axxb"], ["a/b"]),
    ],
)
def test_a_pattern_matches_what_a_shell_expects(pattern: str, matches: list[str], others: list[str]) -> None:
    expression = compiled(pattern)
    assert [name for name in [*matches, *others] if expression.fullmatch(name)] == matches


@pytest.mark.parametrize(
    ("pattern", "prefix", "folder"),
    [
        ("out/a*.txt", "out/a", "out/"),
        ("out/**/x", "out/", "out/"),
        ("*", "", ""),
        ("a/b", "a/b", "a/"),
        ("a[b]/c", "a", ""),
    ],
)
def test_what_a_pattern_begins_with_is_not_listed_in_vain(pattern: str, prefix: str, folder: str) -> None:
    assert (fixed_prefix(pattern), fixed_folder(pattern)) == (prefix, folder)


@pytest.mark.parametrize(
    "pattern",
    [
        "*.txt",
        "deep",
        "deep/",
        "/a.txt",
        "deep/*.txt",
        "deep/**",
        "**/er",
        "deep/**/a.txt",
        "a",
        "[x].txt",
        ".*",
    ],
)
def test_excluded_is_what_git_ignores(tmp_path: Path, pattern: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(pattern + "\n")
    asked = subprocess.run(
        ["git", "-C", str(tmp_path), "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(NAMES),
        capture_output=True,
        text=True,
        check=False,
    )
    ignored = set(asked.stdout.split("\0")) - {""}
    names = NameFilter(exclude=[pattern])
    assert {name for name in NAMES if not names.takes(name)} == ignored
    assert all(not names.takes(f"{folder}/any") for folder in ("deep", "node") if names.leaves_folder(folder))


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        (["*.jpg"], [], ["b.jpg", "deep/b.jpg"]),
        (["*.txt"], ["deep"], ["a.txt", ".hidden/a.txt", "[x].txt"]),
        (["*.txt", "node"], ["a.txt"], ["node/x", "[x].txt"]),
        # As rsync and aws have it; alone it leaves nothing.
        (["node"], ["*"], ["node/x"]),
        ([], ["*"], []),
        ([], [], list(NAMES)),
    ],
)
def test_include_narrows_and_exclude_takes_away(
    include: list[str], exclude: list[str], taken: list[str]
) -> None:
    names = NameFilter(include, exclude)
    assert [name for name in NAMES if names.takes(name)] == taken
