"""Local files of `put-file` and `get-file`: which ones a word names, and where an object goes."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.errors import OscarError, UsageError
from oscarcli.storage.safe_paths import path_inside, safe_name

if TYPE_CHECKING:
    from oscarcli.storage.base import StoredObject
    from oscarcli.storage.location import Location

STANDARD_INPUT = 0


def local_files(words: Sequence[str]) -> list[Path | int]:
    """Return the files that words name; a glob that no shell expanded is expanded, `-` is standard input.

    Raises:
        UsageError: a file does not exist, or is a folder; or a word is empty.
    """
    found: list[Path | int] = []
    for word in words:
        if not word:
            raise UsageError("the name of a local file is empty", hint="is a variable of a script unset?")
        if word == "-":
            found.append(STANDARD_INPUT)
        elif _is_folder(Path(word)):
            raise UsageError(
                f'local file "{word}" is a folder', hint=f"name its files: '{word.rstrip('/')}/*'"
            )
        elif not os.path.lexists(word) and glob.has_magic(word):
            found += _expanded(word)
        else:
            found.append(_readable(word))
    return found


def _expanded(pattern: str) -> list[Path | int]:
    # `Path.glob` takes no absolute patterns, and finds hidden files where a shell does not.
    names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
    matches = [Path(name) for name in names if not Path(name).is_dir()]
    if not matches:
        raise UsageError(f'no local file matches "{pattern}"')
    return list(matches)


def _readable(word: str) -> Path:
    if not os.access(word, os.R_OK):
        raise UsageError(f'local file "{word}" does not exist or is not accessible')
    return Path(word)


def upload_targets(sources: Sequence[Path | int], location: Location) -> list[Location]:
    """Return the object that each local file becomes.

    Args:
        sources: what `local_files` found.
        location: an object for a single file, or a folder, which may be the whole bucket.

    Raises:
        UsageError: the place does not fit, or two files would become the same object.
    """
    if not location.is_folder and len(sources) > 1:
        raise UsageError(
            f'{len(sources)} files cannot all become "{location}"', hint="a remote folder ends in a slash"
        )
    if not location.is_folder:
        return [location]
    targets = [location.child(_base_name(source)) for source in sources]
    _refuse_collisions(sources, targets)
    return targets


def _base_name(source: Path | int) -> str:
    if isinstance(source, int):
        raise UsageError("standard input has no name", hint="name the remote file as BUCKET/KEY")
    # "..", for one, has no name of its own; but a folder has been refused before.
    return source.name


def _refuse_collisions(sources: Sequence[Path | int], targets: Sequence[Location]) -> None:
    first: dict[Location, Path | int] = {}
    for source, target in zip(sources, targets, strict=True):
        if target in first and first[target] != source:
            raise UsageError(f'"{first[target]}" and "{source}" would both become "{target}"')
        first[target] = source


def target_file(local: str | None, name: str) -> Path:
    """Return the file that an object called `name` becomes: `local`, or `name` in it if it is a folder."""
    if local is None:
        return Path(safe_name(name))
    path = Path(local)
    return path / safe_name(name) if local.endswith("/") or _is_folder(path) else path


def latest_target(destination: str, name: str) -> Path:
    """Return the file for a value of `--download-latest-into`.

    It is a folder when it ends in a slash, exists as a folder, or has no extension and is no file.
    """
    path = Path(destination)
    is_new = not path.suffix and not os.path.lexists(path)
    is_folder = destination.endswith("/") or _is_folder(path) or is_new
    return path / safe_name(name) if is_folder else path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # A name may be too long to be one.
        return False


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
        if name != _plain_name(name):
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
