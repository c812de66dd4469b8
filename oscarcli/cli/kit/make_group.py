"""How a noun becomes a command of Click: its verbs wait until they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info, get_group, get_group_from_info

from oscarcli.cli.kit import click


class _Verbs(Mapping[str, click.Command]):
    """The verbs of a noun by their names, each made when it is asked for.

    A command line needs one of them, and to make all takes longer than most commands do.
    """

    def __init__(self, app: typer.Typer) -> None:
        how: dict[str, Any] = {
            "pretty_exceptions_short": app.pretty_exceptions_short,
            "rich_markup_mode": app.rich_markup_mode,
        }
        self._makers: dict[str, Callable[[], click.Command]] = {
            str(info.name): partial(get_command_from_info, info, **how) for info in app.registered_commands
        } | {
            str(info.name): partial(get_group_from_info, info, suggest_commands=app.suggest_commands, **how)
            for info in app.registered_groups
        }
        self._made: dict[str, click.Command] = {}

    def __getitem__(self, names: str) -> click.Command:
        if names not in self._made:
            self._made[names] = self._makers[names]()
        return self._made[names]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def make_group(app: typer.Typer) -> TyperGroup:
    """Return the command of a noun; its verbs are made when they are asked for."""
    without_verbs = copy(app)
    without_verbs.registered_commands, without_verbs.registered_groups = [], []
    group = get_group(without_verbs)
    group.commands = cast("dict[str, click.Command]", _Verbs(app))
    return group
