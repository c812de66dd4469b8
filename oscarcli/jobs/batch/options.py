"""What a batch is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BatchInput:
    """A local file that is to get a result.

    Args:
        name: its path as seen from the folder of the inputs, with slashes.
        path: where it is.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is done.

    Args:
        max_running: most inputs whose jobs have begun and whose results are not here; `None` for any number.
        is_failing_fast: whether it ends with the first failure.
        retries_failed: whether inputs that failed before are begun anew.
        own_folders: whether the results of each input go into a folder of its name.
        limit: seconds that it may take; `None` for as long as it takes.
        endpoint: the cluster, to tell when it is another one than before.
    """

    max_running: int | None = None
    is_failing_fast: bool = False
    retries_failed: bool = False
    own_folders: bool = False
    limit: float | None = None
    endpoint: str = ""
