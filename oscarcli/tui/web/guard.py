"""Who may look: whoever has the token first, and nobody else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

TOKEN_BYTES = 32
COOKIE = "oscar-cli-screen"


class OneTimeToken:
    """A token that opens the door once, and what whoever came in shows from then on.

    Attributes:
        token: goes into the address that is printed.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._pass = secrets.token_urlsafe(TOKEN_BYTES)
        self._is_used = False

    def admit(self, token: str) -> str | None:
        """Return what to show from now on, the first time that the token comes; else `None`."""
        if self._is_used or not secrets.compare_digest(token.encode(), self.token.encode()):
            return None
        self._is_used = True
        return self._pass

    def knows(self, cookies: Mapping[str, str]) -> bool:
        """Tell whether somebody was let in before."""
        shown = cookies.get(COOKIE, "")
        return self._is_used and secrets.compare_digest(shown.encode(), self._pass.encode())
