"""What goes into requests of WebDAV: logins and paths."""

from __future__ import annotations

import base64

from oscarcli.errors import UsageError
from oscarcli.storage.location import Location

BEARER = "bearer"


def login_headers(login: str, password: str) -> dict[str, str]:
    """Return what a login sends: a name with a password, or a token for the name BEARER."""
    if login.lower() == BEARER:
        return {"authorization": f"Bearer {password}"}
    pair = base64.b64encode(f"{login}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


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
