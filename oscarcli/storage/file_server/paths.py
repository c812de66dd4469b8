"""Where an object is on a server of files."""

from __future__ import annotations

from oscarcli.errors import NotFoundError, UsageError
from oscarcli.storage.file_server.failures import IS_FOLDER, MISSING_FILE
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


def require_kind(location: Location, doing: str, *, is_folder: bool) -> None:
    """Look at whether what is there is what was asked for.

    Args:
        location: a file, or a folder with a slash at its end.
        doing: what was tried, for the message.
        is_folder: whether a folder is there.

    Raises:
        NotFoundError: it is not.
    """
    if is_folder and not location.key.endswith("/"):
        raise NotFoundError(f"{doing}: {MISSING_FILE}: {IS_FOLDER}")
    if location.key.endswith("/") and not is_folder:
        raise NotFoundError(f"{doing}: {MISSING_FILE}")
