"""Where an object is on a server of files."""

from __future__ import annotations

from oscarcli.errors import UsageError
from oscarcli.storage.location import Location


def require_path(location: Location, doing: str) -> str:
    """Return the path of a place on a server of files, with a slash at its start.

    Raises:
        UsageError: a server would take it for another path.
    """
    key = location.key.removesuffix("/")
    parts = [location.bucket, *(key.split("/") if location.key else [])]
    if any(part in ("", ".", "..") for part in parts):
        raise UsageError(
            f'{doing}: a path on a server of files has no empty parts, no "." and no ".."',
            hint="name the file by its path from the top",
        )
    return f"/{location}" if location.key else f"/{location.bucket}"
