"""An OpenID provider: where its endpoints are, and what its token endpoint answers."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oscarcli.errors import AuthError, OscarError
from oscarcli.http.redaction import quote_line, secrets_of
from oscarcli.login.exchange import Answer, Trace, exchange
from oscarcli.login.token_response import ISSUER_HINT, ScopeError, answer_document, granted, refusal
from oscarcli.login.tokens import Grant
from oscarcli.network.proxies import LOOPBACK

if TYPE_CHECKING:
    import httpx

DOCUMENT = "/.well-known/openid-configuration"
# Statuses of a provider that has no discovery document.
ABSENT = (400, 401, 403, 404, 405, 406, 410)
DEFAULT_SCOPES = "openid email profile"
LASTING = "offline_access"


@dataclass(frozen=True)
class Provider:
    """Where a provider's endpoints are; an empty one is not offered."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str = ""
    device_endpoint: str = ""
    revocation_endpoint: str = ""
    scopes_supported: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pkce:
    """A secret of this login, and its hash that is sent ahead (RFC 7636)."""

    verifier: str
    challenge: str

    @classmethod
    def new(cls) -> Pkce:
        """Return a fresh one."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        return cls(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


def discover(issuer: str, connection: httpx.Client, *, trace: Trace | None = None) -> Provider:
    """Return a provider by its discovery document, or by Keycloak's paths when it has no such document.

    Args:
        issuer: the provider's URL; https, or http on this machine.
        connection: what asks, made for the issuer's URL.
        trace: is told each request and its status.

    Raises:
        AuthError: the issuer or its document cannot be trusted or used.
        UnreachableError: the provider does not answer.
    """
    base = checked_issuer(issuer)
    what = f"look up the provider {base}"
    answer = exchange(connection, base + DOCUMENT, what=what, trace=trace)
    if answer.status in ABSENT:
        paths = f"{base}/protocol/openid-connect"
        return Provider(base, f"{paths}/token", f"{paths}/auth", f"{paths}/auth/device", f"{paths}/revoke")
    found = answer_document(answer)
    if answer.status != 200 or not found:
        raise refusal(answer, what)
    return _described(base, found, what)


def checked_issuer(issuer: str) -> str:
    """Return an issuer's URL without its last slash.

    Raises:
        AuthError: it is no URL that a login may be sent to.
    """
    base = issuer.strip().rstrip("/")
    shown = quote_line(base)
    parts = _split(base)
    if parts is None or parts.query or parts.fragment:
        raise AuthError(f'the issuer "{shown}" is not the URL of a provider', hint=ISSUER_HINT)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise AuthError(
            f'the issuer "{shown}" has no https: a login sent there could be read on the way',
            hint=ISSUER_HINT,
        )
    return base


def ask_token(
    provider: Provider,
    form: Mapping[str, str],
    connection: httpx.Client,
    *,
    what: str,
    trace: Trace | None = None,
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
    answer = token_answer(provider, form, connection, what=what, trace=trace)
    return granted(answer, what, secrets_of(form))


def token_answer(
    provider: Provider,
    form: Mapping[str, str],
    connection: httpx.Client,
    *,
    what: str,
    trace: Trace | None = None,
) -> Answer:
    """Return the token endpoint's answer, whatever it says; arguments and errors as for `ask_token`."""
    return exchange(connection, provider.token_endpoint, what=what, form=form, trace=trace)


def revoke(
    provider: Provider,
    refresh_token: str,
    client_id: str,
    connection: httpx.Client,
    *,
    trace: Trace | None = None,
) -> bool:
    """Ask the provider to forget a refresh token, and tell whether it did. Never raises."""
    if not provider.revocation_endpoint:
        return False
    form = {"token": refresh_token, "token_type_hint": "refresh_token", "client_id": client_id}
    what = "revoke the login"
    try:
        answer = exchange(connection, provider.revocation_endpoint, what=what, form=form, trace=trace)
    except OscarError:
        return False
    return answer.status in (200, 204) and not answer_document(answer).get("error")


def scopes_to_try(provider: Provider, scopes: str) -> list[str]:
    """Return the scopes of a login, best first: those given or the usual ones, a lasting login among them.

    A provider may know lasting logins and still not give them to this client or this user.
    """
    wanted = (scopes.strip() or DEFAULT_SCOPES).split()
    plain = " ".join(wanted)
    is_added = LASTING in provider.scopes_supported and LASTING not in wanted
    return [f"{plain} {LASTING}", plain] if is_added else [plain]


def with_scopes(provider: Provider, scopes: str, attempt: Callable[[str], Grant]) -> Grant:
    """Return what an attempt with the best scopes grants that the provider gives.

    Args:
        provider: who is asked.
        scopes: what to ask for; empty means the usual ones.
        attempt: logs in with scopes.

    Raises:
        OscarError: whatever the last attempt raises.
    """
    *better, last = scopes_to_try(provider, scopes)
    for choice in better:
        with suppress(ScopeError):
            return attempt(choice)
    return attempt(last)


def _described(base: str, found: Mapping[str, Any], what: str) -> Provider:
    """Return the provider that a document describes."""
    named = found.get("issuer")
    if not isinstance(named, str) or named.rstrip("/") != base:
        other = f'"{quote_line(named)}"' if isinstance(named, str) else "nobody"
        raise AuthError(f"cannot {what}: wrong issuer: its document is that of {other}", hint=ISSUER_HINT)

    def endpoint(key: str) -> str:
        url = found.get(key)
        if url is None or url == "":
            return ""
        if not isinstance(url, str) or not _is_fit(url, base):
            raise AuthError(f"cannot {what}: its {key} is not a URL that a login may be sent to")
        return url

    token_endpoint = endpoint("token_endpoint")
    if not token_endpoint:
        raise AuthError(f"cannot {what}: its document names no token_endpoint", hint=ISSUER_HINT)
    scopes = found.get("scopes_supported")
    return Provider(
        base,
        token_endpoint,
        endpoint("authorization_endpoint"),
        endpoint("device_authorization_endpoint"),
        endpoint("revocation_endpoint"),
        tuple(scope for scope in scopes if isinstance(scope, str)) if isinstance(scopes, list) else (),
    )


def _is_fit(url: str, base: str) -> bool:
    """Tell whether an endpoint may be used: https, or on this machine like its issuer."""
    parts = _split(url)
    if parts is None or parts.fragment:
        return False
    # One connection serves issuer and endpoints, and one for http checks no certificates.
    if parts.scheme != urlsplit(base).scheme:
        return False
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def _split(url: str) -> Any:
    """Return the parts of an HTTP URL without a login; `None` when it is none."""
    import httpx

    try:
        parts = urlsplit(url)
        port = parts.port
        httpx.URL(url)
    except (ValueError, UnicodeError, httpx.InvalidURL):
        return None
    is_plain = url.isascii() and url.isprintable() and " " not in url and parts.username is None
    return parts if is_plain and parts.scheme in ("http", "https") and parts.hostname and port != 0 else None
