"""The inputs of a batch: the files of a folder and of the folders in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from oscarcli.errors import OscarError, UsageError
from oscarcli.jobs.batch_journal import JOURNAL_NAME
from oscarcli.jobs.batch_options import BatchInput
from oscarcli.storage.system_limits import hint_of, reason_of

Refuse = Callable[[OscarError], None]


def find_inputs(source: Path, folder: Path, refuse: Refuse) -> list[BatchInput]:
    """Return the files of a folder, in the order of their names, without the results that may be in it.

    Args:
        source: the folder of the inputs; may itself be a link.
        folder: the folder of the results.
        refuse: told of each link, which is not followed, and of what cannot be read or is no file.

    Raises:
        UsageError: the folder is none, cannot be read, or is in that of the results.
    """
    inside, outside = source.resolve(), folder.resolve()
    if inside == outside or outside in inside.parents:
        raise UsageError(f'"{source}" is in "{folder}": results there could replace inputs')
    try:
        list(os.scandir(source))
    except OSError as error:
        raise UsageError(f'the folder "{source}" cannot be read: {reason_of(error)}') from error
    return [
        one
        for one in _below(source, "", refuse)
        # The results of one batch may be the inputs of another one.
        if one.path.name != JOURNAL_NAME and outside not in (inside / one.name).parents
    ]


def _below(folder: Path, prefix: str, refuse: Refuse) -> Iterator[BatchInput]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        reason = f'the folder "{folder}" cannot be read: {reason_of(error)}'
        refuse(OscarError(reason, hint=hint_of(error)))
        return
    for entry in entries:
        path, name = Path(entry.path), prefix + entry.name
        if entry.is_symlink():
            refuse(OscarError(f'"{path}" is a symbolic link: it is not followed'))
        elif entry.is_dir():
            yield from _below(path, f"{name}/", refuse)
        elif entry.is_file():
            yield BatchInput(name, path)
        else:
            refuse(OscarError(f'"{path}" is no regular file'))
