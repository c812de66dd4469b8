"""The table of commands in the page `commands`: `python -m tests.support.command_table` writes it anew."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_group

from oscarcli.cli.commands import COMMANDS

PAGE = Path(__file__).parents[2] / "oscarcli" / "docs" / "commands.md"
BEGIN = "<!-- written by python -m tests.support.command_table -->\n"
END = "<!-- end of what is written -->\n"


def verbs() -> Iterator[tuple[str, Any]]:
    """Yield every verb: the words before its names, and the command."""
    for entry in COMMANDS:
        group: Any = get_group(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
        if entry.is_noun:
            yield from _below(entry.name, group)
        else:
            yield "", group.get_command(None, entry.name)


def _below(words: str, group: Any) -> Iterator[tuple[str, Any]]:
    for names, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(f"{words} {names.split(', ')[0]}", command)
        elif not command.hidden:
            yield f"{words} ", command


def table() -> str:
    """Return the table in Markdown: names, arguments and the first sentence of the help."""
    lines = ["| command | what it does |", "|---|---|"]
    for words, command in verbs():
        arguments = command.collect_usage_pieces(None)[1:]
        usage = " ".join([f"{words}{command.name}", *arguments]).replace("|", "\\|")
        sentence = command.get_short_help_str(200).replace("|", "\\|")
        lines.append(f"| `{usage}` | {sentence} |")
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """Return the page with the table as it has to be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + table() + "\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
