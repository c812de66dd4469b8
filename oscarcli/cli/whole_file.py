"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace_file(target: Path, content: bytes) -> None:
    """Put a whole new file in the place of the old one, with the old one's mode or the usual one.

    Args:
        target: where to; its folder must exist. The file behind a symbolic link is replaced, not the link.
        content: what the file is to hold.

    Raises:
        OSError: it cannot be written; the old one is as it was.
    """
    place = Path(os.path.realpath(target))
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name[:100]}-", suffix=".part", dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(place.stat().st_mode & 0o7777 if place.exists() else 0o666 & ~_umask())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
