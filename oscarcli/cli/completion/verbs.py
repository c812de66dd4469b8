"""All commands, for whatever is written of all: every module of them is imported."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from typer.main import get_group

from oscarcli.cli.commands import COMMANDS


@dataclass(frozen=True)
class Verb:
    """A command that does something.

    Attributes:
        path: the words before its name, such as "service logs"; empty at the root.
        command: Typer's.
    """

    path: str
    command: Any

    @property
    def names(self) -> list[str]:
        """Its main name, and its aliases."""
        return str(self.command.name).split(", ")

    @property
    def usage(self) -> str:
        """What is typed behind the program's name, all names of the verb and its arguments."""
        return self._typed(str(self.command.name))

    @property
    def main_usage(self) -> str:
        """The same without aliases."""
        return self._typed(self.names[0])

    def _typed(self, name: str) -> str:
        arguments = self.command.collect_usage_pieces(None)[1:]
        return " ".join([*self.path.split(), name, *arguments])


def verbs() -> Iterator[Verb]:
    """Yield every command that help shows, in the order of the root's help."""
    for entry in COMMANDS:
        group: Any = get_group(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
        if entry.is_noun:
            yield from _below(entry.name, group)
        else:
            yield Verb("", group.get_command(None, entry.name))


def _below(path: str, group: Any) -> Iterator[Verb]:
    for names, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(f"{path} {names.split(', ')[0]}", command)
        elif not command.hidden:
            yield Verb(path, command)
