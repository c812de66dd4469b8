"""Local files of `get-file`: where an object goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.cli.kit.transfers import STANDARD_OUTPUT
from oscarcli.errors import OscarError, UsageError
from oscarcli.storage.safe_paths import path_inside, safe_name

if TYPE_CHECKING:
    from oscarcli.storage.base import StoredObject
    from oscarcli.storage.transfer import Fetch


def fetch_to(local: str | None, found: StoredObject) -> Fetch:
    """Return the download of one object: to `local`, or into it if it is a folder; `-` is standard output."""
    from oscarcli.storage.transfer import Fetch

    if local == "-":
        return Fetch(found, STANDARD_OUTPUT)
    target = target_file(local, found.location.name)
    return Fetch(found, target, root_of(target, local))


def target_file(local: str | None, name: str) -> Path:
    """Return the file that an object called `name` becomes: `local`, or `name` in it if it is a folder."""
    if local is None:
        return Path(safe_name(name))
    path = Path(local)
    return path / safe_name(name) if local.endswith("/") or is_folder(path) else path


def latest_target(destination: str, name: str) -> Path:
    """Return the file for a value of `--download-latest-into`.

    It is a folder when it ends in a slash, exists as a folder, or has no extension and is no file.
    """
    path = Path(destination)
    is_new = not path.suffix and not os.path.lexists(path)
    goes_inside = destination.endswith("/") or is_folder(path) or is_new
    return path / safe_name(name) if goes_inside else path


def require_folder(path: Path) -> Path:
    """Return where several files go. Raises UsageError when a file is in its place."""
    for place in (path, *path.parents):
        if os.path.lexists(place):
            if not is_folder(place):
                raise UsageError(f'"{place}" is a file, and a folder is needed')
            break
    return path


def is_folder(path: Path | str) -> bool:
    """Tell whether there is a folder; there is none where the name cannot be one."""
    # Of thousands of words each is asked: to make paths of them took longer than all else.
    return os.path.isdir(path)  # noqa: PTH112


def root_of(target: Path, word: str | None) -> Path | None:
    """Return the folder that a download must not leave: that of a file whose name came from a server.

    Args:
        target: the file, as `target_file` or `latest_target` made it.
        word: what the user named; `None` is the current folder. The user's own file may be a link to another.
    """
    return None if word is not None and Path(word) == target else target.parent


def files_inside(
    folder: Path,
    objects: Iterable[StoredObject],
    name_of: Callable[[StoredObject], str],
    refuse: Callable[[StoredObject, OscarError], None],
) -> Iterator[tuple[StoredObject, Path]]:
    """Yield objects and the file below a folder that each becomes; no two become the same one.

    `d//e` and `d/./e` are objects of their own beside `d/e`, but a file system knows only the last. Such an
    object waits until all others have their files, and is refused when its own is taken.

    Args:
        folder: where the files go.
        objects: the objects, without markers of folders.
        name_of: gives an object's name as seen from the folder.
        refuse: told of each object that cannot be a file here, and why.
    """
    plain: set[str] = set()
    odd: list[StoredObject] = []
    for found in objects:
        name = name_of(found)
        if ("/" in name or name == ".") and name != _plain_name(name):
            odd.append(found)
            continue
        plain.add(name)
        yield from _file_inside(folder, found, name, refuse)
    taken: dict[str, str] = {}
    for found in odd:
        name = _plain_name(name_of(found))
        other = taken.setdefault(name, str(found.location))
        if name in plain:
            other = str(found.location).removesuffix(name_of(found)) + name
        if other != str(found.location):
            refuse(found, UsageError(f'"{other}" and "{found.location}" would both become "{folder / name}"'))
        else:
            yield from _file_inside(folder, found, name, refuse)


def _file_inside(
    folder: Path, found: StoredObject, name: str, refuse: Callable[[StoredObject, OscarError], None]
) -> Iterator[tuple[StoredObject, Path]]:
    try:
        path = path_inside(folder, name)
    except OscarError as error:
        refuse(found, error)
    else:
        yield found, path


def _plain_name(name: str) -> str:
    """Return a name without segments that a file system takes for nothing."""
    return "/".join(segment for segment in name.split("/") if segment not in ("", "."))
