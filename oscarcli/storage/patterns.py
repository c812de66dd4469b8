"""Patterns for names with slashes: `*`, `?`, `[...]` and `**`, as shells, rsync and gitignore have them.

`*` and `?` stay between two slashes. `**` between slashes stands for any number of folders, none too, and at
the end for everything in one. `[*]` is a star that means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MAGIC = re.compile(r"[*?[]")
ANY_FOLDERS = "**"


def has_magic(text: str) -> bool:
    """Tell whether a text may be a pattern."""
    return MAGIC.search(text) is not None


def fixed_prefix(pattern: str) -> str:
    """Return what every name that a pattern matches begins with."""
    found = MAGIC.search(pattern)
    return pattern if found is None else pattern[: found.start()]


def fixed_folder(pattern: str) -> str:
    """Return the folder, with its slash, that everything that a pattern matches is in; empty for none."""
    folder, slash, _ = fixed_prefix(pattern).rpartition("/")
    return folder + slash


def compiled(pattern: str) -> re.Pattern[str]:
    """Return what matches the names that a pattern stands for, each from end to end.

    A slash at the end stands for everything in the folders of that name.
    """
    return re.compile(_expression(pattern), re.DOTALL)


def _expression(pattern: str) -> str:
    *folders, last = pattern.split("/")
    text = "".join("(?:.*/)?" if part == ANY_FOLDERS else _segment(part) + "/" for part in folders)
    if last in ("", ANY_FOLDERS):
        return text + (".+" if last else ".*")
    return text + _segment(last)


def _segment(part: str) -> str:
    """Return the expression of what stands between two slashes; a pattern there stands for something."""
    text, position = "", 0
    while position < len(part):
        char = part[position]
        position += 1
        if char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif char == "[" and (end := part.find("]", position + 1 + part.startswith("!", position))) > 0:
            text += _set(part[position:end])
            position = end + 1
        else:
            text += re.escape(char)
    return f"(?=[^/]){text}" if part.startswith("*") else text


def _set(inside: str) -> str:
    is_negated = inside.startswith("!")
    members = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside.removeprefix("!"))
    try:
        re.compile(f"[{members}]")
    except re.error:
        # A range that runs backwards has nothing in it.
        return "(?!)"
    return f"(?!/)[{'^' if is_negated else ''}{members}]"


class NameFilter:
    """Which names of a tree are wanted: those of a pattern to include, if any, and of none to exclude.

    A pattern without a slash fits at any depth, one with a slash only from the top of the tree; one that fits
    a folder fits everything in it, and one that ends in a slash fits folders only.

    Args:
        include: patterns of names to take; all are taken when there are none.
        exclude: patterns of names to leave, also of those that are included. One that leaves everything adds
            nothing beside `include`: as rsync and aws want it, "only these" is what `include` means alone.
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        if include:
            exclude = [pattern for pattern in exclude if pattern.strip("/") not in ("*", ANY_FOLDERS)]
        self._include = [_in_tree(pattern) for pattern in include]
        self._exclude = [_in_tree(pattern) for pattern in exclude]

    def takes(self, name: str) -> bool:
        """Tell whether a file is wanted.

        Args:
            name: as seen from the top of the tree.
        """
        if not self._include and not self._exclude:
            return True
        is_included = not self._include or any(one.fullmatch(name) for one in self._include)
        return is_included and not any(one.fullmatch(name) for one in self._exclude)

    def leaves_folder(self, name: str) -> bool:
        """Tell whether nothing in a folder is wanted, as far as its name tells.

        Args:
            name: of the folder, without a slash at the end.
        """
        return any(one.fullmatch(f"{name}/") for one in self._exclude)


def _in_tree(pattern: str) -> re.Pattern[str]:
    text = pattern.removeprefix("/")
    start = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    below = "" if text.endswith("/") else "(?:/.*)?"
    return re.compile(start + _expression(text) + below, re.DOTALL)
