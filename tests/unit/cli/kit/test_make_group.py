"""A noun's verbs are made when they are asked for, and are those that Typer makes."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import typer.main
from typer.main import get_group

from oscarcli.cli.commands import COMMANDS
from oscarcli.cli.kit import make_group as module
from oscarcli.cli.kit.make_group import make_group


@pytest.mark.parametrize("name", sorted({entry.module for entry in COMMANDS}))
def test_the_verbs_are_those_that_typer_makes(name: str) -> None:
    app = importlib.import_module(f"oscarcli.cli.{name}").app
    ours: Any
    theirs: Any
    ours, theirs = make_group(app), get_group(app)
    assert list(ours.commands) == list(theirs.commands)
    assert len(ours.commands) == len(theirs.commands)
    assert (ours.name, ours.help, ours.context_settings) == (
        theirs.name,
        theirs.help,
        theirs.context_settings,
    )
    for names, verb in theirs.commands.items():
        made = ours.commands[names]
        assert (type(made), made.name, made.help) == (type(verb), names, verb.help)
        assert [option.opts for option in made.params] == [option.opts for option in verb.params]
        assert ours.commands[names] is made


def test_what_nobody_asks_for_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str | None] = []

    def make(info: Any, **options: Any) -> Any:
        made.append(info.name)
        return typer.main.get_command_from_info(info, **options)

    monkeypatch.setattr(module, "get_command_from_info", make)
    verbs = make_group(importlib.import_module("oscarcli.cli.service.app").app).commands
    assert made == []
    assert verbs["list, ls"].name == "list, ls"
    assert made == ["list, ls"]
    with pytest.raises(KeyError):
        verbs["ls"]
