"""What can go wrong with oidc-agent, and the command that mends it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from oscarcli.errors import AuthError, OscarError, UnreachableError
from oscarcli.http.redaction import quote_line

START_HINT = (
    "start it with 'eval $(oidc-agent-service use)', or with 'eval $(oidc-agent)', then load the account: "
    "'oidc-add {name}'"
)
RESTART_HINT = (
    "restart it with 'eval $(oidc-agent-service restart)', then load the account: 'oidc-add {name}'"
)
ASK_HINT = "'oidc-token {name}' asks it by hand"


class AgentError(Exception):
    """There is no usable agent; the text says why, and holds nothing that it sent."""


class NoAgentError(AgentError):
    """Nobody is there."""

    def __init__(self, error: Exception) -> None:
        super().__init__(getattr(error, "strerror", None) or str(error) or type(error).__name__)


class AgentProtocolError(AgentError):
    """What is there does not speak as an agent does."""


class AgentTimeoutError(AgentError):
    """There was no whole answer in time."""


# Texts of the agent (4.2), in lower case, to class, meaning and hint: the first one that its words hold.
FAILURES: tuple[tuple[str, type[OscarError], str, str], ...] = (
    (
        "no account configured",
        AuthError,
        "it has no such account",
        "make it with 'oidc-gen {name}'; 'oidc-add --list' shows those that there are",
    ),
    ("account not loaded", AuthError, "the account is not loaded", "load it with 'oidc-add {name}'"),
    ("agent locked", AuthError, "it is locked", "unlock it with 'oidc-add --unlock'"),
    (
        "invalid_grant",
        AuthError,
        "the account's login has expired or was revoked",
        "log in again with 'oidc-gen --reauthenticate {name}'",
    ),
    (
        "refresh token",
        AuthError,
        "the account has no usable refresh token",
        "log in again with 'oidc-gen --reauthenticate {name}'",
    ),
    (
        "operation forbidden",
        AuthError,
        "the use of the account was not allowed when the agent asked for it",
        "allow it the next time; the agent asks because the account was loaded with --confirm: "
        "'oidc-add --remove {name}' and 'oidc-add {name}' load it without",
    ),
    (
        "wrong password",
        AuthError,
        "the password that the agent was given for the account is wrong",
        "load the account with 'oidc-add {name}'",
    ),
    (
        "cancelled password",
        AuthError,
        "nobody gave the agent the account's password",
        "load the account with 'oidc-add {name}'",
    ),
    (
        "invalid_scope",
        AuthError,
        "the provider does not give the account the scopes that it is set to",
        "change them with 'oidc-gen --manual {name}'",
    ),
    (
        "_client",
        AuthError,
        "the provider does not accept the account's client",
        "register another one with 'oidc-gen --manual {name}'",
    ),
    # What the agent says when it cannot reach the provider, by any reason.
    (
        "the other party disconnected",
        UnreachableError,
        "it cannot reach the account's provider",
        "check the network and try again; " + ASK_HINT,
    ),
    (
        "request failed",
        UnreachableError,
        "it cannot reach the account's provider",
        "check the network and try again; " + ASK_HINT,
    ),
    (
        "could not parse json",
        UnreachableError,
        "the account's provider gives it no usable answer",
        "try again later; " + ASK_HINT,
    ),
    (
        "token endpoint",
        UnreachableError,
        "it cannot ask the account's provider",
        "try again later; " + ASK_HINT,
    ),
    ("not acceptable", AuthError, "it is busy with another login", "try again; " + ASK_HINT),
    ("oidc_sock", AuthError, "it is not there", START_HINT),
    ("did not receive any response", AuthError, "it is not there", START_HINT),
    ("could not connect", AuthError, "it is not there", START_HINT),
)


def what(account: str) -> str:
    """Return the beginning of every message."""
    return f'cannot get a token of account "{account}" from oidc-agent'


def place(account: str, environ: Mapping[str, str]) -> str:
    """Return where the agent is, in words. Raises AuthError when nothing says so."""
    for name in ("OIDC_SOCK", "OIDC_REMOTE_SOCK"):
        if environ.get(name):
            return f"{name}={quote_line(environ[name])}"
    raise AuthError(
        f"{what(account)}: none is running, for OIDC_SOCK is not set", hint=_hint(START_HINT, account)
    )


def refusal(account: str, answer: Mapping[str, Any]) -> OscarError:
    """Return the error for an answer that says no, in the agent's words where there are no better ones."""
    text = answer.get("error")
    words = quote_line(text) if isinstance(text, str) else ""
    for part, kind, meaning, hint in FAILURES:
        if part in words.lower():
            own = "" if words.lower() == part else f" ({words})"
            return kind(f"{what(account)}: {meaning}{own}", hint=_hint(hint, account))
    reason = f"it says: {words}" if words else "it gives no token and does not say why"
    hint = f"{ASK_HINT}; 'oidc-gen --reauthenticate {{name}}' makes a new login"
    return AuthError(f"{what(account)}: {reason}", hint=_hint(hint, account))


def silence(account: str, where: str, seconds: float) -> OscarError:
    """Return the error for an agent that takes too long."""
    return AuthError(
        f"{what(account)}: it gives no whole answer within {seconds:g} s ({where})",
        hint=_hint(
            "it may be asking you for a password or a confirmation, in a window of its own; "
            f"'oidc-add {{name}}' loads the account beforehand; else {RESTART_HINT}",
            account,
        ),
    )


def no_agent(account: str, where: str, error: AgentError) -> OscarError:
    """Return the error for an agent that is not there, or not one."""
    if isinstance(error, AgentProtocolError):
        reason = f"what answers there does not speak as oidc-agent does: {error}"
        return AuthError(f"{what(account)}: {reason} ({where})", hint=_hint(RESTART_HINT, account))
    if where.startswith("OIDC_REMOTE_SOCK"):
        return UnreachableError(
            f"{what(account)}: nobody answers there: {error} ({where})",
            hint="check that OIDC_REMOTE_SOCK names the host and port where it listens",
        )
    return AuthError(
        f"{what(account)}: it is gone, or it is another user's: {error} ({where})",
        hint=_hint(START_HINT, account),
    )


def _hint(text: str, account: str) -> str:
    return text.format(name=shlex.quote(account))
