"""The inputs of a batch: the files of a folder and of the folders in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from oscarcli.errors import OscarError, UsageError
from oscarcli.jobs.batch.journal import JOURNAL_NAME
from oscarcli.jobs.batch.options import BatchInput
from oscarcli.storage.local_tree import LocalTree
from oscarcli.storage.patterns import NameFilter

Refuse = Callable[[OscarError], None]
EVERYTHING = NameFilter()


def find_inputs(
    source: Path,
    folder: Path,
    refuse: Refuse,
    *,
    names: NameFilter = EVERYTHING,
    follow_symlinks: bool = False,
) -> list[BatchInput]:
    """Return the files of a folder, in the order of their names, without the results that may be in it.

    Args:
        source: the folder of the inputs; may itself be a link.
        folder: the folder of the results.
        refuse: told of each link that is not followed, and of what cannot be read or is no file.
        names: which files are wanted.
        follow_symlinks: whether links in the folder are followed.

    Raises:
        UsageError: the folder is none, cannot be read, or is in that of the results.
    """
    inside, outside = source.resolve(), folder.resolve()
    if inside == outside or outside in inside.parents:
        raise UsageError(f'"{source}" is in "{folder}": results there could replace inputs')
    return [
        BatchInput(file.name, file.path)
        for file in LocalTree(source, names, refuse, follow_symlinks=follow_symlinks).files()
        # The results of one batch may be the inputs of another one.
        if file.path.name != JOURNAL_NAME and outside not in (inside / file.name).parents
    ]
