"""Command lines for the palette: found by words, and filled in with what the cursor is on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oscarcli.errors import UsageError
from oscarcli.tui.access import PaletteCommand
from oscarcli.tui.views.base import RowCommand

# They take over the whole terminal, as an editor does.
FULL_SCREEN = ("service edit",)


@dataclass(frozen=True)
class CommandLine:
    """A command line to be looked at, completed and run.

    Args:
        text: the words behind the program's name, as a shell takes them.
        is_complete: whether nothing has to be added.
    """

    text: str
    is_complete: bool


def found(commands: Sequence[PaletteCommand], text: str) -> list[PaletteCommand]:
    """Return the commands that have each word of a text, those first whose own words do."""
    wanted = text.lower().split()
    in_path = [one for one in commands if all(word in one.path for word in wanted)]
    known = set(in_path)
    in_help = [
        one
        for one in commands
        if one not in known and all(word in f"{one.path} {one.help}".lower() for word in wanted)
    ]
    in_path.sort(key=lambda one: not one.path.startswith(text.lower().strip()))
    return in_path + in_help


def named(commands: Sequence[PaletteCommand], words: Sequence[str]) -> PaletteCommand | None:
    """Return the command that a line begins with; the longest, where one begins as another does."""
    fitting = [one for one in commands if one.path.split() == list(words[: len(one.path.split())])]
    return max(fitting, key=lambda one: len(one.path), default=None)


def filled_in(command: PaletteCommand, known: Mapping[str, str], cluster: str) -> CommandLine:
    """Return a command with the arguments that are known, and the cluster.

    Args:
        command: it.
        known: what arguments are, by their names in the usage line.
        cluster: the cluster's id; empty for none.
    """
    parts = [command.path]
    if cluster and command.takes_cluster:
        parts += ["-c", shlex.quote(cluster)]
    for argument in command.arguments:
        is_optional = argument.startswith("[")
        name = argument.removesuffix("...").strip("[]")
        if name in known:
            parts.append(shlex.quote(known[name]))
        elif is_optional:
            break
        else:
            return CommandLine(" ".join(parts) + " ", is_complete=False)
    return CommandLine(" ".join(parts), is_complete=True)


def words_of(text: str, cluster: str, commands: Sequence[PaletteCommand]) -> list[str]:
    """Return the words of a line that somebody wrote, with the cluster that is looked at if it names none.

    Raises:
        UsageError: a quote is not closed, or it is no command.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError("a quote is not closed") from error
    if words[:1] == ["oscar-cli"]:
        words = words[1:]
    command = named(commands, words)
    if command is None:
        raise UsageError(f'"{text.strip()}" is no command', hint="words of it find some in the list")
    has_cluster = any(word in ("-c", "--cluster") or word.startswith("--cluster=") for word in words)
    if cluster and command.takes_cluster and not has_cluster:
        length = len(command.path.split())
        words = [*words[:length], "-c", cluster, *words[length:]]
    return words


def row_command_line(command: RowCommand, rows: Sequence[Mapping[str, str]], cluster: str) -> CommandLine:
    """Return a row's command as a shell takes it, with the cluster behind its verb.

    Args:
        command: it.
        rows: what the arguments are, for each chosen row; all of them count where it takes many.
        cluster: the cluster's id; empty for none.
    """
    path, brace, arguments = command.words.partition("{")
    verb = path.rstrip()
    if "{" not in command.words:
        verb, arguments = command.words.rstrip(), ""
    names = re.findall(r"{(\w+)}", brace + arguments)
    given = [shlex.quote(rows[0][name]) for name in names]
    if command.takes_many:
        given[-1:] = [shlex.quote(row[names[-1]]) for row in rows]
    chosen = ["-c", shlex.quote(cluster)] if cluster else []
    rest = command.words.rpartition("}")[2] if names else ""
    text = " ".join([verb, *chosen, *given])
    return CommandLine(text + (rest or ("" if command.is_ready else " ")), is_complete=command.is_ready)
