"""How much of a volume is used: nothing here stops a script that writes more than its size."""

from __future__ import annotations

import os
from pathlib import Path

# What `st_blocks` counts, in bytes.
_BLOCK = 512
# Looked at after every run: a hundredth of a second for a thousand files.
MAX_ENTRIES = 50_000


def exceeds(folder: Path, size: int) -> bool:
    """Tell whether the files below a folder take more of the disk than `size` bytes, as far as is looked.

    Beyond 50,000 entries nothing is said: it is not worth the time that a job would take longer.
    """
    used, count = 0, 0
    for parent, folders, names in os.walk(folder):
        for name in names:
            try:
                used += os.lstat(os.path.join(parent, name)).st_blocks * _BLOCK  # noqa: PTH118
            except OSError:
                continue
            if used > size:
                return True
        count += len(folders) + len(names)
        if count > MAX_ENTRIES:
            return False
    return False
