"""What a program reads of a batch: a document about it and about each of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oscarcli.errors import OscarError
from oscarcli.jobs.batch.batch import Batch
from oscarcli.jobs.batch.journal import InputRecord


def batch_document(batch: Batch, refused: Sequence[OscarError] = ()) -> dict[str, Any]:
    """Return the document.

    Args:
        batch: as it is now.
        refused: what could not be taken for inputs.
    """
    done, failed = batch.counts
    return {
        "service": batch.service,
        "folder": str(batch.folder),
        "total": len(batch.records),
        "done": done,
        "failed": failed,
        "refused": [error.message for error in refused],
        "inputs": [_input(batch, record) for record in batch.records.values()],
    }


def _input(batch: Batch, record: InputRecord) -> dict[str, Any]:
    error = batch.errors.get(record.name)
    return {
        "input": record.name,
        "state": record.state.value,
        "object": batch.place(record),
        "job": record.job or None,
        "status": record.status or None,
        "exit_code": record.exit_code,
        "outputs": [f"{provider}:{bucket}/{key}" for _, provider, bucket, key in record.outputs],
        "files": [str(batch.folder / name) for name in record.files],
        "error": (error.message if error is not None else record.reason) or None,
        "log": record.log,
    }
