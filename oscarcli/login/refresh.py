"""A new access token for a refresh token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from oscarcli.errors import AuthError
from oscarcli.login import jwt
from oscarcli.login.provider import ask_token, checked_issuer, discover
from oscarcli.login.token_response import is_token
from oscarcli.login.tokens import Grant

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
    what = "refresh the login"
    token = refresh_token.strip()
    if not is_token(token):
        raise AuthError(
            f"cannot {what}: the refresh token is none: it has blanks or odd characters, or nothing"
        )
    base, client, wanted = _login_of(token, issuer, client_id, scopes, what)
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client}
    if wanted:
        form["scope"] = wanted
    with connection_for(base) as connection:
        provider = discover(base, connection, trace=trace)
    # The endpoint may be on another host, which a proxy may serve in another way.
    with connection_for(provider.token_endpoint) as connection:
        return ask_token(provider, form, connection, what=what, trace=trace)


def _login_of(token: str, issuer: str, client_id: str, scopes: str, what: str) -> tuple[str, str, str]:
    """Return issuer, client id and scopes: what was given, else what the token says of itself."""
    base = issuer.strip() or jwt.text_claim(token, "iss")
    client = client_id.strip() or jwt.text_claim(token, "azp", "client_id")
    lacking = [name for name, value in (("issuer", base), ("client id", client)) if not value]
    if lacking:
        raise AuthError(
            f"cannot {what}: the refresh token does not name its {' and its '.join(lacking)}",
            hint="--oidc-issuer and --oidc-client-id of 'oscar-cli cluster add' name them",
        )
    return checked_issuer(base), client, " ".join((scopes.strip() or jwt.text_claim(token, "scope")).split())
