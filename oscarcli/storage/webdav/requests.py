"""The logins of WebDAV."""

from __future__ import annotations

import base64

BEARER = "bearer"


def login_headers(login: str, password: str) -> dict[str, str]:
    """Return what a login sends: a name with a password, or a token for the name BEARER."""
    if login.lower() == BEARER:
        return {"authorization": f"Bearer {password}"}
    pair = base64.b64encode(f"{login}:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}
