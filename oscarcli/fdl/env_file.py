"""`--env-file`: values for variables and secrets that an FDL names but does not carry (`cli-surface` 5.6)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oscarcli.errors import ConfigError

MAX_LINE_BYTES = 1 << 20
MAX_FILE_BYTES = 4 << 20
PREFIX = "export "
SECTIONS = ("variables", "secrets")
# The escapes of a string literal of the reference client's language.
ESCAPE = re.compile(
    r"""\\(?:(?P<letter>[abfnrtv\\"])|x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})"""
    r"""|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))"""
)
LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}


@dataclass(frozen=True)
class Usage:
    """Which keys of an environment file were wanted by a service, and which by none."""

    used: tuple[str, ...]
    unused: tuple[str, ...]


def read_env_file(path: Path) -> dict[str, str]:
    """Return the values of a file of `KEY=value` lines.

    Raises:
        ConfigError: it cannot be read, or a line is not of that form.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if len(line) > MAX_LINE_BYTES:
            raise ConfigError(f"invalid env file {path} at line {number}: longer than 1 MiB")
        key, equals, value = text.removeprefix(PREFIX).partition("=")
        if not equals:
            raise ConfigError(f"invalid env file {path} at line {number}: expected KEY=value")
        if not key.strip():
            raise ConfigError(f"invalid env file {path} at line {number}: empty key")
        values[key.strip()] = _unquoted(value.strip())
    return values


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise ConfigError(f"reading env file {path}: {reason}") from error
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"reading env file {path}: larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        return data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"invalid env file {path} at line {line}: not UTF-8 text") from error


def _unquoted(value: str) -> str:
    if len(value) < 2 or value[0] != value[-1] or value[0] not in "'\"":
        return value
    inner = value[1:-1]
    if value[0] == "'":
        return inner
    # Anything that the escapes leave over is no valid literal: then the value stays as it is.
    left_over = ESCAPE.sub("", inner)
    if "\\" in left_over or '"' in left_over:
        return value
    try:
        return _unescaped(inner)
    except (UnicodeDecodeError, UnicodeEncodeError, ValueError, OverflowError):
        return value


def _unescaped(text: str) -> str:
    """Return the text with its escapes resolved; those of a hexadecimal or octal byte are UTF-8."""
    data = bytearray()
    position = 0
    for match in ESCAPE.finditer(text):
        data += text[position : match.start()].encode()
        position = match.end()
        if match["byte"] or match["octal"]:
            data.append(int(match["byte"], 16) if match["byte"] else int(match["octal"], 8))
        elif match["letter"]:
            data += LETTERS[match["letter"]].encode()
        else:
            data += chr(int(match["short"] or match["long"], 16)).encode()
    return (data + text[position:].encode()).decode()


def fill_in(definitions: Iterable[dict[str, Any]], values: Mapping[str, str]) -> Usage:
    """Replace variables and secrets that the definitions have already by the values of the same name.

    Returns:
        The keys that some definition has, and those that none has.
    """
    used: set[str] = set()
    for definition in definitions:
        environment = definition.get("environment") or {}
        for section in SECTIONS:
            present = environment.get(section) or {}
            for key in present.keys() & values.keys():
                present[key] = values[key]
                used.add(key)
    return Usage(
        used=tuple(key for key in values if key in used),
        unused=tuple(key for key in values if key not in used),
    )
