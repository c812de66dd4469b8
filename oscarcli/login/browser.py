"""Log in with a browser here: an authorization code with PKCE comes back on loopback (RFC 8252)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from oscarcli.errors import AuthError
from oscarcli.http.redaction import secrets_of
from oscarcli.login import jwt
from oscarcli.login.exchange import Trace
from oscarcli.login.loopback import RedirectListener
from oscarcli.login.provider import Pkce, Provider, token_answer, with_scopes
from oscarcli.login.token_response import NewLoginError, answer_document, failure, granted
from oscarcli.login.tokens import Grant

if TYPE_CHECKING:
    import httpx

WHAT = "log in"
MAX_CODE_CHARACTERS = 4096


def log_in_by_browser(
    provider: Provider,
    client_id: str,
    scopes: str,
    connection: httpx.Client,
    *,
    open_browser: Callable[[str], bool],
    show: Callable[[str], None],
    port: int = 0,
    seconds: float = 300,
    trace: Trace | None = None,
) -> Grant:
    """Open the provider's login page, and wait until the browser brings the answer back.

    Args:
        provider: who is asked.
        client_id: for which client.
        scopes: what to ask for, parted by blanks; empty means a name, an address and a lasting login.
        connection: what asks.
        open_browser: opens a URL and tells whether it could.
        show: shows that URL, before it is opened.
        port: where to listen on 127.0.0.1; any free one if 0.
        seconds: how long to wait.
        trace: is told each request and its status.

    Raises:
        AuthError: the login was declined or did not come in time, the port is taken, or the answer is not
            one to this login.
        UnreachableError: the provider does not answer, or it failed.
    """
    if not provider.authorization_endpoint:
        raise AuthError(
            f"cannot {WHAT}: the provider {provider.issuer} has no login by browser",
            hint="--device logs in with a code instead",
        )

    def attempt(wanted: str) -> Grant:
        pkce = Pkce.new()
        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        with RedirectListener(port) as listener:
            query = {
                "response_type": "code",
                "client_id": client_id,
                "redirect_uri": listener.address,
                "scope": wanted,
                "state": state,
                "nonce": nonce,
                "code_challenge": pkce.challenge,
                "code_challenge_method": "S256",
            }
            joint = "&" if "?" in provider.authorization_endpoint else "?"
            url = f"{provider.authorization_endpoint}{joint}{urlencode(query)}"
            show(url)
            _opened(open_browser, url)
            reply = listener.wait(seconds)
        form = {
            "grant_type": "authorization_code",
            "code": _code(reply, state, provider),
            "redirect_uri": listener.address,
            "client_id": client_id,
            "code_verifier": pkce.verifier,
        }
        answer = token_answer(provider, form, connection, what=WHAT, trace=trace)
        grant = granted(answer, WHAT, secrets_of(form))
        _check_identity(answer_document(answer).get("id_token"), client_id, nonce)
        return grant

    return with_scopes(provider, scopes, attempt)


def _opened(open_browser: Callable[[str], bool], url: str) -> bool:
    """Open a URL and tell whether that worked; it was shown, so a person can do it, too."""
    try:
        return open_browser(url)
    except Exception:  # noqa: BLE001 -- whatever a browser's starter raises: the URL is on the screen
        return False


def _code(reply: Mapping[str, str] | None, state: str, provider: Provider) -> str:
    """Return the authorization code out of what the browser brought.

    Raises:
        AuthError: none came in time, it is one to another login, the provider refused, or it has no code.
    """
    if reply is None:
        raise NewLoginError(f"cannot {WHAT}: the browser brought no answer in time")
    if not hmac.compare_digest(reply.get("state", "").encode(), state.encode()):
        raise AuthError(
            f"cannot {WHAT}: what the browser brought is no answer to this login (its state differs)",
            hint="close old login pages, and log in again",
        )
    if "error" in reply:
        raise failure(reply["error"], reply.get("error_description"), WHAT, (state,))
    if reply.get("iss", provider.issuer).rstrip("/") != provider.issuer:
        raise AuthError(f"cannot {WHAT}: what the browser brought is from another provider (wrong issuer)")
    code = reply.get("code", "")
    if not code.isascii() or not code.isprintable() or not 0 < len(code) <= MAX_CODE_CHARACTERS:
        raise AuthError(f"cannot {WHAT}: what the browser brought has no authorization code")
    return code


def _check_identity(token: object, client_id: str, nonce: str) -> None:
    """Raise AuthError when an ID token, if there is one, is for another client or another login.

    Its signature adds nothing here: it came straight from the token endpoint (OpenID Connect 3.1.3.7).
    """
    claims = jwt.claims(token) if isinstance(token, str) else {}
    audience = claims.get("aud")
    is_ours = client_id in audience if isinstance(audience, list) else audience == client_id
    if claims and not (is_ours and claims.get("nonce") == nonce):
        raise AuthError(f"cannot {WHAT}: the provider's identity token belongs to another login")
