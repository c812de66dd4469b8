"""What a login gives: an access token for a while, and perhaps a refresh token for the next one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class AccessToken:
    """A token for requests.

    Attributes:
        value: the token.
        expires_at: its last moment in Unix seconds, `None` when that cannot be told.
    """

    value: str = field(repr=False)
    expires_at: float | None = None


@dataclass(frozen=True)
class Grant:
    """What a token endpoint answers.

    Attributes:
        access: the token for requests.
        refresh_token: the one for the next access token; empty when the provider sent none.
    """

    access: AccessToken
    refresh_token: str = field(default="", repr=False)


class TokenSource(Protocol):
    """One way to get access tokens."""

    def fetch(self) -> AccessToken:
        """Return a fresh token. Raises AuthError or UnreachableError with what to do next."""
