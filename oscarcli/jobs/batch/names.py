"""What the results of a batch are called: as their inputs, wherever a script has put them.

| a job writes | its result is |
|---|---|
| one file, named after its input `d/x.png`, such as `x.png`, `x.json` or `thumb_x.jpg` | `d/` and that name |
| one file of another name, such as `result.json` | `d/x.json`: the input's name with the result's suffix |
| several files | the folder `d/x.png/`, with the names that the script gave them in it |
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from oscarcli.jobs.concurrent import has_name_of


def result_names(source: str, written: Iterable[str], *, own_folder: bool = False) -> dict[str, str]:
    """Return what the files of a job are called here, by what its script called them.

    Args:
        source: the job's input, as seen from the folder of the inputs.
        written: the files, as seen from the script's output folder.
        own_folder: whether they go into a folder of the input's name also when there is only one.
    """
    names = list(written)
    if own_folder or len(names) > 1:
        return {name: f"{source}/{name}" for name in names}
    return {name: _next_to(PurePosixPath(source), PurePosixPath(name)) for name in names}


def _next_to(source: PurePosixPath, written: PurePosixPath) -> str:
    if has_name_of(source.stem, written.name):
        return str(source.with_name(written.name))
    return str(source.with_name(source.stem + written.suffix))
