"""A new access token for a refresh token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from oscarcli.api.login.tokens import Grant

if TYPE_CHECKING:
    import httpx


def refreshed(
    refresh_token: str,
    *,
    issuer: str,
    client_id: str,
    scopes: str,
    connection_for: Callable[[str], httpx.Client],
    trace: Callable[[str], None] | None = None,
) -> Grant:
    """Return a new access token, and the next refresh token when the provider sent one.

    Args:
        refresh_token: what is traded in.
        issuer: the provider's URL; empty means the one the token names.
        client_id: to whom the token was given; empty means the one the token names.
        scopes: what to ask for, parted by blanks; empty means what the token names, or all it was given.
        connection_for: makes a connection for a URL; it is closed here.
        trace: is told each request and its status.

    Raises:
        NewLoginError: the provider no longer accepts the token; it has no hint.
        AuthError: the token names no issuer or client, or the provider refused, or cannot be trusted.
        UnreachableError: the provider does not answer, or it failed.
    """
    raise NotImplementedError
