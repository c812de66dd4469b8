"""What a provider's answer means: a grant, or an error in words that hold no secret."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping, Sequence
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard

from oscarcli.coercion import as_mapping
from oscarcli.errors import AuthError, OscarError, UnreachableError
from oscarcli.http.limits import parsed
from oscarcli.http.redaction import quote_line
from oscarcli.login import jwt
from oscarcli.login.exchange import Answer
from oscarcli.login.tokens import AccessToken, Grant

MAX_TITLE_CHARACTERS = 80
MAX_CODE_CHARACTERS = 40
TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,500})", re.IGNORECASE)
SCOPE_HINT = "--oidc-scopes names others, such as 'openid profile'"
HELP_HINT = "try again later; if it stays so, ask those who run the provider"
ISSUER_HINT = "--oidc-issuer names the provider, such as https://aai.example.org/realms/users"


class NewLoginError(AuthError):
    """The provider no longer accepts what is stored: whoever knows the cluster adds how to log in again."""


class ScopeError(AuthError):
    """The provider does not give this client, or this user, one of the scopes asked for."""


# Error codes of RFC 6749, RFC 8628 and OpenID Connect: class, meaning, hint.
CODES: dict[str, tuple[type[OscarError], str, str | None]] = {
    "invalid_grant": (
        NewLoginError,
        "the provider no longer accepts the login: it expired, was revoked or was used already",
        None,
    ),
    "login_required": (NewLoginError, "the provider wants a new login", None),
    "interaction_required": (NewLoginError, "the provider wants a new login", None),
    "consent_required": (NewLoginError, "the provider wants a new consent", None),
    "expired_token": (NewLoginError, "the code expired before the login was confirmed", None),
    "access_denied": (NewLoginError, "the login was declined", None),
    "invalid_client": (
        AuthError,
        "the provider does not accept the client id",
        "--oidc-client-id names the client that the login is for",
    ),
    "unauthorized_client": (
        AuthError,
        "the provider does not let this client log in this way",
        "--oidc-client-id names another client; a login has two ways, by browser and with --device",
    ),
    "unsupported_grant_type": (
        AuthError,
        "the provider does not have this way to log in",
        "a login has two ways, by browser and with --device",
    ),
    "invalid_scope": (
        ScopeError,
        "the provider does not give this client the scopes asked for",
        SCOPE_HINT,
    ),
    # Keycloak's, for a user who may have no lasting login.
    "not_allowed": (ScopeError, "the provider does not allow this user such a login", SCOPE_HINT),
    "server_error": (UnreachableError, "the provider failed", "try again later"),
    "temporarily_unavailable": (UnreachableError, "the provider cannot answer now", "try again later"),
    "slow_down": (UnreachableError, "the provider is asked too often", "try again later"),
}


def answer_document(answer: Answer) -> Mapping[str, Any]:
    """Return the answer's JSON object; empty when it is none."""
    try:
        found = parsed(answer.text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return {}
    return as_mapping(found)


def granted(answer: Answer, what: str, secrets: Sequence[str] = ()) -> Grant:
    """Return what a token endpoint grants.

    Args:
        answer: its answer.
        what: what was tried.
        secrets: what was sent and must not be shown.

    Raises:
        NewLoginError: what was sent is no longer accepted.
        AuthError: the provider refused, or the token is none that a request can carry.
        UnreachableError: the provider failed.
    """
    found = answer_document(answer)
    if answer.status != 200 or not found or found.get("error"):
        raise refusal(answer, what, secrets)
    token = found.get("access_token")
    if token is None or token == "":
        raise AuthError(f"cannot {what}: the provider's answer has no access token", hint=HELP_HINT)
    if not is_token(token):
        raise AuthError(
            f"cannot {what}: the provider's access token has blanks or characters that no token has",
            hint=HELP_HINT,
        )
    kind = found.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        shown = quote_line(str(kind), secrets, MAX_CODE_CHARACTERS)
        raise AuthError(
            f'cannot {what}: the provider\'s token is for another use than requests: "{shown}"',
            hint=HELP_HINT,
        )
    following = found.get("refresh_token")
    return Grant(
        AccessToken(token, _expires_at(found, token, answer)), following if is_token(following) else ""
    )


def refusal(answer: Answer, what: str, secrets: Sequence[str] = ()) -> OscarError:
    """Return the error for an answer that is not what was asked for; arguments as for `granted`."""
    found = answer_document(answer)
    code = found.get("error")
    if isinstance(code, str) and code:
        return failure(code, found.get("error_description"), what, secrets, status=answer.status)
    reason, hint = _unusable(answer, found, secrets)
    return _kind(answer.status)(f"cannot {what}: {reason}", hint=hint)


def failure(
    code: str, description: object, what: str, secrets: Sequence[str] = (), *, status: int = 400
) -> OscarError:
    """Return the error for an error code and, perhaps, the provider's words.

    Args:
        code: such as `invalid_grant`.
        description: the words.
        what: what was tried.
        secrets: what was sent and must not be shown.
        status: the HTTP status the code came with.
    """
    words = quote_line(description if isinstance(description, str) else "", secrets)
    own = ": ".join(part for part in (quote_line(code, secrets, MAX_CODE_CHARACTERS), words) if part)
    if code in CODES:
        kind, meaning, hint = CODES[code]
        return kind(f"cannot {what}: {meaning} ({own})", hint=hint)
    verb = "failed" if status >= 500 else "refused it"
    return _kind(status)(f"cannot {what}: the provider {verb} (HTTP {status}: {own})", hint=HELP_HINT)


def is_token(value: object) -> TypeGuard[str]:
    """Tell whether a value is a token that a request can carry: visible ASCII, and some of it."""
    return (
        isinstance(value, str)
        and value.isascii()
        and value.isprintable()
        and " " not in value
        and value != ""
    )


def _kind(status: int) -> type[OscarError]:
    return UnreachableError if status >= 500 or status == 429 else AuthError


def _unusable(answer: Answer, found: Mapping[str, Any], secrets: Sequence[str]) -> tuple[str, str | None]:
    """Return what is wrong with an answer that has no error code, and a hint."""
    number = f"HTTP {answer.status}"
    later = "try again later" if _kind(answer.status) is UnreachableError else ISSUER_HINT
    if 300 <= answer.status < 400:
        return f"{answer.url} leads elsewhere ({number}), and a login is not sent after it", ISSUER_HINT
    if answer.text.lstrip()[:1] == "<" or "html" in answer.headers.get("content-type", ""):
        return f"{answer.url} answers with a web page{_title(answer.text, secrets)} ({number})", later
    if not answer.text.strip():
        return f"{answer.url} answers nothing ({number})", later
    if not found:
        return f"the answer of {answer.url} is not JSON ({number})", later
    return f"{answer.url} answers {number}", later


def _title(page: str, secrets: Sequence[str]) -> str:
    match = TITLE.search(page[: 1 << 16])
    title = quote_line(html.unescape(match.group(1)), secrets, MAX_TITLE_CHARACTERS) if match else ""
    return f' titled "{title}"' if title else ""


def _expires_at(found: Mapping[str, Any], token: str, answer: Answer) -> float | None:
    """Return a token's last moment by this machine's clock, which need not agree with the provider's."""
    seconds = seconds_of(found.get("expires_in"))
    if seconds is not None:
        return answer.asked_at + max(seconds, 0.0)
    moment = jwt.expiry(token)
    there = _date(answer)
    return moment if moment is None or there is None else answer.asked_at + max(moment - there, 0.0)


def seconds_of(value: object) -> float | None:
    """Return a number of seconds; some providers send it as text. `None` when it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _date(answer: Answer) -> float | None:
    """Return what the provider's clock said."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
