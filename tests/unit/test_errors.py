"""The tree of errors as `oscarcli/errors.py` draws it, against the classes there are."""

from __future__ import annotations

import importlib
import pkgutil
import re

import oscarcli
from oscarcli import errors

LINE = re.compile(
    r" {4}(?P<indent>(?:│ {3}| {4}|├── |└── )*)(?P<name>\w+) +(?P<code>\d+)(?:  (?P<home>[\w.]+))?"
)

# Name, exit code, home (empty for `errors` itself) and parent of a class.
Entry = tuple[str, int, str, str]


def drawn() -> list[Entry]:
    found: list[Entry] = []
    parents: list[str] = []
    for line in filter(None, map(LINE.match, (errors.__doc__ or "").splitlines())):
        depth = len(line["indent"]) // 4
        parents[depth:] = [line["name"]]
        parent = parents[depth - 1] if depth else "Exception"
        found.append((line["name"], int(line["code"]), line["home"] or "", parent))
    return found


def real(parent: type[errors.OscarError]) -> list[Entry]:
    found = []
    for child in parent.__subclasses__():
        home = child.__module__.removeprefix("oscarcli.")
        if child.__module__.startswith("oscarcli."):
            code = int(child.exit_code)
            found.append((child.__name__, code, "" if home == "errors" else home, parent.__name__))
            found += real(child)
    return found


def test_the_drawing_shows_every_error_with_its_exit_code_and_home() -> None:
    for module in pkgutil.walk_packages(oscarcli.__path__, "oscarcli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    root = ("OscarError", int(errors.ExitCode.FAILED), "", "Exception")
    assert sorted(drawn()) == sorted([root, *real(errors.OscarError)])


def test_every_exit_code_of_a_failure_is_drawn() -> None:
    silent = {errors.ExitCode.OK, errors.ExitCode.INTERRUPTED}
    assert {code for _, code, _, _ in drawn()} == {
        int(code) for code in errors.ExitCode if code not in silent
    }
