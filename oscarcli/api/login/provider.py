"""An OpenID provider: where its endpoints are, and what its token endpoint answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oscarcli.api.login.tokens import Grant
from oscarcli.errors import AuthError

if TYPE_CHECKING:
    import httpx


class NewLoginError(AuthError):
    """The provider no longer accepts what is stored: whoever knows the cluster adds how to log in again."""


@dataclass(frozen=True)
class Provider:
    """Where a provider's endpoints are; an empty one is not offered."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str = ""
    device_endpoint: str = ""
    revocation_endpoint: str = ""
    scopes_supported: tuple[str, ...] = ()


def discover(
    issuer: str, connection: httpx.Client, *, trace: Callable[[str], None] | None = None
) -> Provider:
    """Return a provider by its discovery document, or by Keycloak's paths when it has no such document.

    Args:
        issuer: the provider's URL; https, or http on this machine.
        connection: what asks, made for the issuer's URL.
        trace: is told each request and its status.

    Raises:
        AuthError: the issuer or its document cannot be trusted or used.
        UnreachableError: the provider does not answer.
    """
    raise NotImplementedError


def ask_token(
    provider: Provider,
    form: Mapping[str, str],
    connection: httpx.Client,
    *,
    what: str,
    trace: Callable[[str], None] | None = None,
) -> Grant:
    """Ask the token endpoint, and return what it grants.

    Args:
        provider: whose endpoint it is.
        form: what is sent; its secrets are masked in whatever the provider says.
        connection: what asks.
        what: what is tried, such as `refresh the login`.
        trace: is told the request and its status.

    Raises:
        NewLoginError: the provider no longer accepts what was sent; it has no hint.
        AuthError: the provider refused, or its answer is no usable token.
        UnreachableError: the provider does not answer, or it failed.
    """
    raise NotImplementedError


def revoke(
    provider: Provider,
    refresh_token: str,
    client_id: str,
    connection: httpx.Client,
    *,
    trace: Callable[[str], None] | None = None,
) -> bool:
    """Ask the provider to forget a refresh token, and tell whether it did. Never raises."""
    raise NotImplementedError
