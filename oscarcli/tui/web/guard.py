"""Who may see the screen: the first browser that sends the token, and no other one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

TOKEN_BYTES = 32
COOKIE = "oscar-cli-screen"


class OneTimeToken:
    """A token that is good for one login, and the secret that a browser sends from then on.

    Attributes:
        token: goes into the address that is printed.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._secret = secrets.token_urlsafe(TOKEN_BYTES)
        self._is_used = False

    def admit(self, token: str) -> str | None:
        """Return the secret for the cookie, the first time that the token comes; else `None`."""
        if self._is_used or not secrets.compare_digest(token.encode(), self.token.encode()):
            return None
        self._is_used = True
        return self._secret

    def knows(self, cookies: Mapping[str, str]) -> bool:
        """Tell whether a browser sends that secret."""
        sent = cookies.get(COOKIE, "")
        return self._is_used and secrets.compare_digest(sent.encode(), self._secret.encode())
