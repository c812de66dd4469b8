"""An FDL file, YAML or JSON, into the services it describes."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from oscarcli.errors import ConfigError
from oscarcli.fdl.document import MAX_FILE_BYTES, parse_tree
from oscarcli.fdl.findings import Finding, Findings
from oscarcli.fdl.service import ServiceDefinition
from oscarcli.fdl.services import MAX_SCRIPT_BYTES, ScriptReader, ServiceReader

STANDARD_INPUT = "-"
STANDARD_INPUT_LABEL = "<stdin>"


@dataclass(frozen=True)
class Fdl:
    """What a file says.

    Attributes:
        label: the file's name for people.
        services: its services in file order; the definitions of each are its own.
        warnings: sentences `file:line: key.path: what is odd`, in file order.
    """

    label: str
    services: tuple[ServiceDefinition, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """Everything that can be said about a file: what it describes, if it can be read, and what is wrong.

    Attributes:
        label: the file's name for people.
        services: its services in file order; those of a file with mistakes may lack what is mistaken.
        mistakes: what keeps the file from being used.
        warnings: what is odd.
    """

    label: str
    services: tuple[ServiceDefinition, ...]
    mistakes: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def read(
    path: str,
    *,
    standard_input: BinaryIO | None = None,
    names_only: bool = False,
    scripts: bool = True,
) -> Fdl:
    """Read a file and the scripts it names.

    Args:
        path: the file, `-` for standard input; scripts are looked for relative to its folder.
        standard_input: what `-` stands for.
        names_only: read cluster keys and names alone: other mistakes do not matter, no script is read.
        scripts: read the scripts; otherwise something stands for each.

    Raises:
        ConfigError: the file cannot be read.
        FdlError: it has mistakes; all of them are named.
    """
    data, label, folder = _opened(path, standard_input)
    read_script = scripts_of(folder) if scripts else _any_script
    return read_bytes(data, label, None if names_only else read_script)


def inspect(path: str, *, standard_input: BinaryIO | None = None) -> Inspection:
    """Read a file and the scripts it names, and return all of its mistakes instead of raising them.

    Args:
        path: the file, `-` for standard input; scripts are looked for relative to its folder.
        standard_input: what `-` stands for.

    Raises:
        ConfigError: the file cannot be read.
    """
    data, label, folder = _opened(path, standard_input)
    findings = Findings(label)
    services = _services(data, findings, scripts_of(folder))
    return Inspection(label, tuple(services), findings.mistakes, findings.warnings)


def _opened(path: str, standard_input: BinaryIO | None) -> tuple[bytes, str, Path]:
    """Return a file's bytes, its name for people, and the folder of its scripts."""
    piped = standard_input if path == STANDARD_INPUT else None
    label = STANDARD_INPUT_LABEL if piped else path
    try:
        data = piped.read(MAX_FILE_BYTES + 1) if piped else _head(Path(path), MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(label, error) from error
    return data, label, Path() if piped else Path(path).parent


def read_bytes(data: bytes, label: str, read_script: ScriptReader | None) -> Fdl:
    """Read an FDL that is at hand.

    Args:
        data: the file's bytes.
        label: its name for messages.
        read_script: fetches scripts; `None` to read names alone.

    Raises:
        FdlError: it has mistakes; all of them are named.
    """
    findings = Findings(label)
    services = _services(data, findings, read_script)
    findings.check()
    return Fdl(label, tuple(services), tuple(map(str, findings.warnings)))


def _services(data: bytes, findings: Findings, read_script: ScriptReader | None) -> list[ServiceDefinition]:
    root = parse_tree(data, findings)
    return ServiceReader(findings, read_script).read(root) if root is not None else []


def scripts_of(folder: Path) -> Callable[[str], bytes]:
    """Return a reader of scripts whose relative paths begin at a folder.

    So do absolute ones of which there is no file.
    """
    return lambda named: _head(_script_path(folder, named), MAX_SCRIPT_BYTES + 1)


def _script_path(folder: Path, named: str) -> Path:
    path, within = folder / named, folder / named.lstrip("/")
    # The reference client takes `/script.sh` for a file beside the FDL.
    return within if named.startswith("/") and not path.exists() and within.exists() else path


def script_files(path: str) -> list[Path]:
    """Return the files that an FDL's scripts are in, or should be; none when it cannot be read."""
    found: list[Path] = []

    def note(named: str) -> bytes:
        found.append(_script_path(Path(path).parent, named))
        return _any_script(named)

    with contextlib.suppress(OSError, ValueError):
        _services(_head(Path(path), MAX_FILE_BYTES + 1), Findings(path), note)
    return found


def _any_script(_named: str) -> bytes:
    return b"#!/bin/sh\n"


def _head(path: Path, size: int) -> bytes:
    """Return up to `size` bytes of a file, which may be a pipe or a device. Raises OSError."""
    with path.open("rb") as file:
        return file.read(size)


def _unreadable(label: str, error: Exception) -> ConfigError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EISDIR:
        return ConfigError(f'cannot read the FDL "{label}": it is a folder', hint="name the file in it")
    reason = os.strerror(number) if number else str(error)
    hint = "check the path" if number == errno.ENOENT else None
    return ConfigError(f'cannot read the FDL "{label}": {reason}', hint=hint)
