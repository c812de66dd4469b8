"""Which jobs were begun last: what a server remembers that is killed before it is committed."""

from __future__ import annotations

import itertools
import os
import struct
import zlib
from pathlib import Path

from oscarcli.local.jobs.table import Job

# A job's number in its table, and a checksum of its name: after a job was removed another may get its number.
_ENTRY = struct.Struct("!QI")
# More than can wait for one commit.
_ENTRIES = 256


class BegunJobs:
    """The jobs that were begun last, in a file that needs no commit.

    That a job was taken from the queue may be committed a moment later, together with an upload. When the
    server is killed in between, the job is pending still, and would be run a second time. Against a power cut
    this is no help, as the file is not flushed.

    Args:
        path: the file; made when it is absent.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._places = itertools.cycle(range(0, _ENTRIES * _ENTRY.size, _ENTRY.size))
        # Of the server before.
        data = os.pread(self._descriptor, _ENTRIES * _ENTRY.size, 0)
        self._found = {data[start : start + _ENTRY.size] for start in range(0, len(data), _ENTRY.size)}

    def add(self, job: Job) -> None:
        """Note a job before it is run. Raises OSError."""
        os.pwrite(self._descriptor, _entry(job.number, job.name), next(self._places))

    def had(self, number: int, name: str) -> bool:
        """Tell whether a job was among the last of the server before."""
        return _entry(number, name) in self._found

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _entry(number: int, name: str) -> bytes:
    return _ENTRY.pack(number, zlib.crc32(name.encode()))
