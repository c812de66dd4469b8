"""Nouns and their verbs, made once by each process of the tests: that takes longer than most commands do."""

from __future__ import annotations

import functools
import importlib

from oscarcli.cli import app
from oscarcli.cli.commands import COMMANDS
from oscarcli.cli.kit.make_group import make_group


def make_once() -> None:
    """Let all calls of the program in this process share the commands that one of them made."""
    # Type checkers know the name as one that is only imported there.
    vars(app)["make_group"] = _made


_made = functools.cache(make_group)


def make_all() -> None:
    """Make every command now."""
    for entry in COMMANDS:
        group = _made(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
        for names in group.commands:
            group.commands[names]
