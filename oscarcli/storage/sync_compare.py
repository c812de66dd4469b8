"""Whether a local file and an object are alike."""

from __future__ import annotations

from oscarcli.storage.base import StoredObject
from oscarcli.storage.etag import has_content
from oscarcli.storage.local_tree import LocalFile
from oscarcli.timestamps import nanoseconds

# Within so many nanoseconds times do not tell which side is newer: stores list whole seconds, FAT keeps even
# ones, and clocks differ. The content decides then.
TOLERANCE_NS = 2_000_000_000


def difference(file: LocalFile, stored: StoredObject, *, is_upload: bool, checks_content: bool) -> str | None:
    """Return in what the two sides of a name differ, `None` when they are alike; in doubt they differ.

    An upload is due when the file is newer than the object, whose time is that of its own upload; a download
    when their times are not the same, for a download gives the file the object's time.
    """
    if file.size != stored.size:
        return "size"
    if checks_content:
        return None if _is_content(file, stored) else "checksum"
    if stored.modified is None:
        return "time"
    apart = file.modified_ns - nanoseconds(stored.modified)
    if apart == 0 or (is_upload and apart <= -TOLERANCE_NS):
        return None
    return None if abs(apart) < TOLERANCE_NS and _is_content(file, stored) else "time"


def _is_content(file: LocalFile, stored: StoredObject) -> bool:
    try:
        return has_content(file.path, file.size, stored.md5 or stored.etag) or False
    except OSError:
        # Whoever copies it says what is the matter.
        return False
