"""Command lines that older metadata have in place of actions: `oscar-cli service run NAME -f sample.txt`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from oscarcli.errors import UsageError

PROGRAMS = ("oscar-cli", "ocli-dev")
CommandKind = Literal["run", "put-file", "get-file", "http-request"]
VERBS: Mapping[str, CommandKind] = {
    "run": "run",
    "put-file": "put-file",
    "get-file": "get-file",
    "http": "http-request",
}
SWITCHES = ("--no-service-auth",)
# What `service http` takes, by the names of the properties that structured metadata have.
HTTP_OPTIONS = {
    "--method": "method",
    "--path": "path",
    "--accept": "accept",
    "--form-field": "formField",
    "--status": "status",
}


@dataclass(frozen=True)
class ParsedCommand:
    """What a command line says.

    Args:
        kind: what it does.
        service: the service it names; empty when it names none.
        inputs: the files it sends.
        input_text: the text it sends, or the name of an input.
        properties: what an HTTP request is made of.
    """

    kind: CommandKind
    service: str = ""
    inputs: tuple[str, ...] = ()
    input_text: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


def parse_command(command: str) -> ParsedCommand:
    """Return what a command line says.

    Raises:
        UsageError: it is none of the commands that a test may have.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f'"{command}" is no command line: {error}') from error
    is_known = len(words) >= 3 and words[0] in PROGRAMS and words[1] == "service" and words[2] in VERBS
    if not is_known:
        raise UsageError(f'"{" ".join(words)[:80]}" is no command that a test may have')
    kind = VERBS[words[2]]
    names, options = _split(words[3:])
    files = [value for option, value in options if option in ("-f", "--file-input", "--input")]
    texts = [value for option, value in options if option in ("-i", "--text-input")]
    if kind == "put-file":
        # NAME [PROVIDER] LOCAL [REMOTE]: the provider is what has a dot and no slash behind the name.
        rest = [name for name in names[1:] if name.partition(".")[0] not in ("minio", "s3", "onedata")]
        files += rest[:1]
    properties = {HTTP_OPTIONS[option]: value for option, value in options if option in HTTP_OPTIONS}
    service = names[0] if names else ""
    return ParsedCommand(kind, service, tuple(files), texts[0] if texts else None, properties)


def _split(words: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the names and the options with their values; each option but a switch has one."""
    names: list[str] = []
    options: list[tuple[str, str]] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            names.append(word)
        elif "=" in word:
            option, _, value = word.partition("=")
            options.append((option, value))
        elif word not in SWITCHES:
            options.append((word, next(rest, "")))
    return names, options
