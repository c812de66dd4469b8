"""Whose turn it is: inputs whose jobs are likely to write one object go one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from oscarcli.jobs.batch.journal import InputRecord, InputState
from oscarcli.jobs.batch.resume import BatchRest
from oscarcli.jobs.events import Remark


def stem(name: str) -> str:
    """Return what an input's name and those of its results are likely to have in common."""
    return PurePosixPath(name).stem


def shared_names(rest: BatchRest) -> Iterator[Remark]:
    """Say when inputs will go one after the other for their names."""
    count = len(rest.waiting) - len({stem(name) for name in rest.waiting})
    if count:
        yield Remark(
            f"{count} {'input has' if count == 1 else 'inputs have'} the name of another one: their jobs "
            "may write the same object, so they run one after the other"
        )


def next_inputs(rest: BatchRest, awaited: Iterable[InputRecord], free: int) -> list[InputRecord]:
    """Return the inputs to upload next.

    Args:
        rest: what there is to do.
        awaited: the inputs whose jobs are waited for.
        free: how many there may be at most.
    """
    # Asked at every look, with all the inputs of a large batch awaited.
    if not rest.waiting or free <= 0:
        return []
    taken = {stem(record.name) for record in awaited}
    chosen: list[InputRecord] = []
    for name, record in rest.waiting.items():
        if len(chosen) >= free:
            break
        if name in rest.unsure or stem(name) in taken:
            continue
        taken.add(stem(name))
        chosen.append(record)
    return chosen


def next_attempt(record: InputRecord) -> int:
    """Return the number of the attempt that comes next; one that did not arrive is made again."""
    return record.attempt + (record.state is not InputState.UPLOADING)
