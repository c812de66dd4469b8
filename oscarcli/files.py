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
    write_whole(place, content, place.stat().st_mode & 0o7777 if place.exists() else usual_mode())


def write_whole(place: Path, content: bytes, mode: int) -> None:
    """Put a whole new file of this mode at a place, whatever was there. Raises OSError, all as it was."""
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name[:100]}-", suffix=".part", dir=place.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(mode)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def usual_mode() -> int:
    """Return the mode that a new file has for this user."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
