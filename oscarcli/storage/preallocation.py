"""Tells the file system how long a file is going to be, before its content comes."""

from __future__ import annotations

import os
from contextlib import suppress

_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE of fallocate(2): how long the file is says what was written
# Below this, to load what makes the call takes longer than it saves.
MIN_BYTES = 64 << 20


def preallocate(descriptor: int, size: int) -> None:
    """Reserve room for a large file, as a whole and not block by block, where the system knows how.

    Measured on ext4, a download of 1 GiB took a fifth less time and CPU. Where there is no such call, or not
    enough room, nothing happens: who writes finds out. (`os.posix_fallocate` would write zeros then.)

    Args:
        descriptor: of the file, which stays as long as it is.
        size: in bytes, that it is going to have.
    """
    if size < MIN_BYTES:
        return
    with suppress(OSError, AttributeError, ImportError):
        # A large file is fetched: the start of the program is not to pay for it.
        import ctypes

        disk = os.fstatvfs(descriptor)
        if size <= disk.f_bavail * disk.f_frsize:
            library = ctypes.CDLL(None)
            # Offsets of 64 bits also where a long has fewer.
            call = getattr(library, "fallocate64", None) or library.fallocate
            call(descriptor, _KEEP_SIZE, ctypes.c_int64(0), ctypes.c_int64(size))
