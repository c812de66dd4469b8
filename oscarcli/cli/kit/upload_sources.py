"""What the words of `put-file` name: files, folders, standard input; and the objects that these become."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.cli.kit.local_paths import is_folder
from oscarcli.errors import OscarError, UsageError

if TYPE_CHECKING:
    from oscarcli.storage.location import Location
    from oscarcli.storage.patterns import NameFilter
    from oscarcli.storage.transfer import Upload

STANDARD_INPUT = 0


@dataclass(frozen=True)
class UploadSource:
    """What one word names.

    Args:
        path: a file, or a folder; `STANDARD_INPUT` for that.
        name: what the file is called in a remote folder; of a folder, what its files' names begin with.
        pattern: what names in the folder have to match; `None` where the word is no pattern with `**`.
        is_folder: whether it is a folder.
    """

    path: Path | int
    name: str
    pattern: str | None = None
    is_folder: bool = False


@dataclass(frozen=True)
class UploadBatch:
    """What is to be uploaded.

    Args:
        tasks: the uploads; a walk through folders that goes on while files are sent.
        label: what is going on meanwhile.
        is_single: whether a single file was asked for.
        refused: what cannot be uploaded; complete when `tasks` is at its end.
    """

    tasks: Iterable[Upload]
    label: str
    is_single: bool
    refused: list[OscarError] = field(default_factory=list)


def upload_sources(words: Sequence[str], *, recursive: bool = False) -> list[UploadSource]:
    """Return what words name; a pattern that no shell expanded is expanded, `-` is standard input.

    Args:
        words: `DIR/` is everything in a folder, `DIR` the folder itself if `recursive`.
        recursive: whether folders may be named without a slash.

    Raises:
        UsageError: a file does not exist; or a word is empty.
    """
    return list(chain.from_iterable(_sources(word, recursive=recursive) for word in words))


def _sources(word: str, *, recursive: bool) -> Iterator[UploadSource]:
    if not word:
        raise UsageError("the name of a local file is empty", hint="is a variable of a script unset?")
    if word == "-":
        yield UploadSource(STANDARD_INPUT, "")
    elif is_folder(word):
        yield _folder(word, recursive=recursive)
    elif not glob.has_magic(word) or os.path.lexists(word):
        yield _readable(word)
    elif "**" in word.split("/"):
        yield _deep(word)
    else:
        yield from _expanded(word, recursive=recursive)


def _folder(word: str, *, recursive: bool) -> UploadSource:
    path = Path(word)
    if word.endswith("/"):
        return UploadSource(path, "", is_folder=True)
    if not recursive:
        raise UsageError(
            f'local file "{word}" is a folder', hint=f"'{word}/' uploads what is in it, -r the folder itself"
        )
    # "." and ".." have no name of their own: what is in them is meant.
    name = path.name if path.name != ".." else ""
    return UploadSource(path, f"{name}/" if name else "", is_folder=True)


def _deep(pattern: str) -> UploadSource:
    from oscarcli.storage.patterns import fixed_folder

    folder = fixed_folder(pattern)
    if folder and not is_folder(folder):
        raise UsageError(f'no local file matches "{pattern}"')
    return UploadSource(Path(folder or "."), "", pattern.removeprefix(folder), is_folder=True)


def _expanded(pattern: str, *, recursive: bool) -> Iterator[UploadSource]:
    # `Path.glob` takes no absolute patterns, and finds hidden files where a shell does not.
    names = sorted(glob.glob(pattern))  # noqa: PTH207
    matches = [name for name in names if recursive or not is_folder(name)]
    if not matches:
        raise UsageError(f'no local file matches "{pattern}"')
    for name in matches:
        yield _folder(name, recursive=recursive) if is_folder(name) else _plain(Path(name))


def _readable(word: str) -> UploadSource:
    if not os.access(word, os.R_OK):
        raise UsageError(f'local file "{word}" does not exist or is not accessible')
    return _plain(Path(word))


def _plain(path: Path) -> UploadSource:
    return UploadSource(path, path.name)


def upload_batch(
    sources: Sequence[UploadSource],
    location: Location,
    names: NameFilter,
    *,
    follow_symlinks: bool = False,
) -> UploadBatch:
    """Return the uploads of what words name.

    Args:
        sources: what `upload_sources` found.
        location: an object for a single file, or a folder, which may be the whole bucket.
        names: which files are wanted.
        follow_symlinks: whether links in folders are followed.

    Raises:
        UsageError: the place does not fit.
    """
    is_single = len(sources) == 1 and not sources[0].is_folder
    if not location.is_folder and len(sources) > 1:
        raise UsageError(
            f'{len(sources)} files cannot all become "{location}"', hint="a remote folder ends in a slash"
        )
    refused: list[OscarError] = []
    if is_single:
        tasks: Iterable[Upload] = [_single(sources[0], location)]
    else:
        if any(source.path == STANDARD_INPUT for source in sources):
            raise _nameless()
        tasks = _Walk(sources, location.as_folder(), names, refused).tasks(follow_symlinks=follow_symlinks)
    return UploadBatch(tasks, _label(sources), is_single, refused)


def _single(source: UploadSource, location: Location) -> Upload:
    from oscarcli.storage.transfer import Upload

    if location.is_folder and source.path == STANDARD_INPUT:
        raise _nameless()
    return Upload(source.path, location.child(source.name) if location.is_folder else location)


def _nameless() -> UsageError:
    return UsageError("standard input has no name", hint="name the remote file as BUCKET/KEY")


def _label(sources: Sequence[UploadSource]) -> str:
    if len(sources) > 1:
        return f"Uploading {len(sources)} {'folders' if sources[0].is_folder else 'files'}"
    return f"Uploading {'-' if isinstance(sources[0].path, int) else sources[0].path}"


class _Walk:
    """Files and folders, one after the other; what cannot be uploaded is kept in `refused`."""

    def __init__(
        self,
        sources: Sequence[UploadSource],
        target: Location,
        names: NameFilter,
        refused: list[OscarError],
    ) -> None:
        self._sources = sources
        self._target = target
        self._names = names
        self._refused = refused
        # What each object is made of; one folder alone has no two files of the same name.
        self._taken: dict[str, str] | None = {} if len(sources) > 1 else None

    def tasks(self, *, follow_symlinks: bool) -> Iterator[Upload]:
        """Yield the uploads."""
        for source in self._sources:
            for name, path in self._files(source, follow_symlinks=follow_symlinks):
                yield from self._task(name, path)

    def _files(self, source: UploadSource, *, follow_symlinks: bool) -> Iterator[tuple[str, Path]]:
        assert isinstance(source.path, Path)
        if not source.is_folder:
            if self._names.takes(source.name):
                yield source.name, source.path
            return
        from oscarcli.storage.local_tree import LocalTree
        from oscarcli.storage.patterns import compiled

        wanted = compiled(source.pattern) if source.pattern is not None else None
        tree = LocalTree(source.path, self._names, self._refused.append, follow_symlinks=follow_symlinks)
        for file in tree.files():
            if wanted is None or (wanted.fullmatch(file.name) and not _is_hidden(file.name)):
                yield source.name + file.name, file.path

    def _task(self, name: str, path: Path) -> Iterator[Upload]:
        from oscarcli.storage.transfer import Upload

        try:
            target = self._target.child(name)
        except UsageError as error:
            self._refused.append(error)
            return
        own = str(path)
        other = own if self._taken is None else self._taken.setdefault(name, own)
        if other != own:
            self._refused.append(UsageError(f'"{other}" and "{path}" would both become "{target}"'))
        else:
            yield Upload(path, target)


def _is_hidden(name: str) -> bool:
    """Tell whether a shell leaves a file out of what `**` stands for."""
    return any(part.startswith(".") for part in name.split("/"))
