"""Writes the table of what can be typed: `python -m oscarcli.cli.completion.collect`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

from typer.main import get_group

from oscarcli.cli.commands import COMMANDS, COMMON_OPTIONS, VERSION_OPTION
from oscarcli.cli.kit.command_tree import STEP, TABLE
from oscarcli.cli.kit.options import CommonOption, TableOption

HEAD = "# Written by 'python -m oscarcli.cli.completion.collect' from the commands; change those."


def table() -> str:
    """Return the table's text."""
    return "\n".join([HEAD, *_common(), *_commands(), ""])


def _common() -> Iterator[str]:
    for names, text in (*COMMON_OPTIONS, VERSION_OPTION):
        *flags, last = names.split(", ")
        flag, _, value = last.partition(" ")
        yield _option(", ".join([*flags, flag]), value, text, "")


def _commands() -> Iterator[str]:
    for entry in COMMANDS:
        group: Any = get_group(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
        yield from _command(entry.names, group if entry.is_noun else group.commands[entry.names])


def _command(place: str, command: Any) -> Iterator[str]:
    yield f"{place}\t{command.get_short_help_str(200)}"
    for param in command.params:
        if param.param_type_name == "argument":
            yield f"\t{_argument(param)}"
        elif not isinstance(param, CommonOption) and not param.hidden:
            names = ", ".join(sorted(param.opts, key=len))
            value = "" if param.is_flag else str(param.metavar)
            choices = _choices(param)
            is_optional = bool(set(param.opts) & set(getattr(command, "_optional_values", None) or ()))
            if value == f"[{'|'.join(choices)}]" and not is_optional:
                # In the table brackets are for a value that may be left out; in help they hold choices, too.
                value = "VALUE"
            yield _option(names, value, param.help or "", "|".join(choices))
    for names, child in getattr(command, "commands", {}).items():
        yield from _command(f"{place}{STEP}{names}", child)


def _option(names: str, value: str, text: str, choices: str) -> str:
    return f"\t{names}\t{value}\t{' '.join(text.split())}\t{choices}".rstrip()


def _argument(param: Any) -> str:
    name = str(param.metavar)
    # The metavar of words of several kinds says itself which may be left out.
    return name if name.startswith("[") or " " in name or param.required else f"[{name}]"


def _choices(param: Any) -> list[str]:
    if isinstance(param, TableOption):
        return list(param.choices)
    named = getattr(param.type, "choices", None) or re.findall(r"[^\[|\]]+(?=[|\]])", _listed(param))
    return [str(getattr(choice, "value", choice)) for choice in named]


def _listed(param: Any) -> str:
    """Return the metavar of an option that lists what it takes, as `[a|b]`."""
    text = str(param.metavar)
    return text if re.fullmatch(r"\[[a-z0-9-]+(\|[a-z0-9-]+)+\]", text) else ""


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
