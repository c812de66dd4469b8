"""The two sides of `sync`: a local folder, and a remote one as `NAME:PATH`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from oscarcli.errors import UsageError

# The name of a service or of a bucket, and what stands behind it. `./a:b` is a local folder.
REMOTE_SIDE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*):(?P<path>.*)", re.DOTALL)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class SyncSides:
    """What is to be as what.

    Args:
        local: the local folder.
        name: of the service or bucket.
        path: behind its colon; empty for what the name means alone.
        is_upload: whether the local folder is the source.
    """

    local: Path
    name: str
    path: str
    is_upload: bool


def parse_sides(source: str, target: str, kind: str) -> SyncSides:
    """Understand the two words of `sync`; which one comes first tells the direction.

    A word with a colon is remote. Without one, of two words one must be a name: it is the one that is no
    local folder, or, where none of them is there yet, the first.

    Args:
        source: what is copied.
        target: what becomes like it.
        kind: "service" or "bucket".

    Raises:
        UsageError: not one of them is local and the other remote, or that cannot be told.
    """
    if not source or not target:
        raise UsageError("the name of a folder is empty", hint="is a variable of a script unset?")
    remote = [REMOTE_SIDE.fullmatch(word) for word in (source, target)]
    if all(remote):
        raise UsageError(
            f'"{source}" and "{target}" are both remote: one of two must be a local folder',
            hint=f"./{target} is a local folder with a colon in its name",
        )
    is_upload = remote[1] is not None if any(remote) else _is_local_first(source, target, kind)
    local, named = (source, target) if is_upload else (target, source)
    found = remote[1 if is_upload else 0]
    name, path = (found["name"], found["path"]) if found is not None else (named, "")
    if os.path.lexists(local) and not Path(local).is_dir():
        raise UsageError(f'"{local}" is a file, and a folder is needed')
    if is_upload and not os.path.lexists(local):
        raise UsageError(f'local folder "{local}" does not exist')
    return SyncSides(Path(local), name, path, is_upload)


def _is_local_first(source: str, target: str, kind: str) -> bool:
    may_be_names = [NAME.fullmatch(word) is not None for word in (source, target)]
    if not any(may_be_names):
        raise UsageError(
            f'"{source}" and "{target}" are both local folders',
            hint=f"a {kind} is written with a colon, as NAME:",
        )
    if not all(may_be_names):
        return may_be_names[1]
    are_there = [os.path.lexists(word) for word in (source, target)]
    if all(are_there):
        raise UsageError(
            f'"{source}" and "{target}" are both local: which one is the {kind} cannot be told',
            hint=f"write the {kind} with a colon, as {source}: or {target}:",
        )
    return are_there[0]
