"""Log in on another device: a short code is typed there, and this side waits (RFC 8628)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oscarcli.errors import AuthError, UnreachableError
from oscarcli.http.redaction import secrets_of
from oscarcli.login.exchange import Trace, exchange
from oscarcli.login.provider import Pkce, Provider, token_answer, with_scopes
from oscarcli.login.token_response import NewLoginError, answer_document, granted, refusal, seconds_of
from oscarcli.login.tokens import Grant

if TYPE_CHECKING:
    import httpx

WHAT = "log in"
PENDING, SLOW_DOWN = "authorization_pending", "slow_down"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# Seconds between questions when the provider names none, and what each `slow_down` adds (RFC 8628).
INTERVAL = 5.0
SLOWER = 5.0
MIN_INTERVAL_SECONDS = 1.0
MAX_INTERVAL_SECONDS = 60.0
# Seconds that a code is waited for when the provider does not say, and at most.
LIFETIME = 600.0
MAX_LIFETIME_SECONDS = 3600.0
# So many questions in a row may fail on their way.
MAX_FAILURES = 4
MAX_CODE_CHARACTERS = 64
MAX_ADDRESS_CHARACTERS = 2000


@dataclass(frozen=True)
class DeviceCode:
    """What to show: where to go, and what to type there.

    Attributes:
        user_code: what is typed.
        verification_uri: where it is typed.
        verification_uri_complete: an address that has the code in it, for a QR code; may be empty.
        expires_in: seconds until the code is void.
    """

    user_code: str
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: float = 0.0


def log_in_by_device(
    provider: Provider,
    client_id: str,
    scopes: str,
    connection: httpx.Client,
    *,
    show: Callable[[DeviceCode], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    trace: Trace | None = None,
) -> Grant:
    """Ask for a code, have it shown, and wait until the login is confirmed elsewhere.

    Args:
        provider: who is asked.
        client_id: for which client.
        scopes: what to ask for, parted by blanks; empty means a name, an address and a lasting login.
        connection: what asks.
        show: shows the code; again when the provider wants it anew.
        sleep: waits so many seconds.
        clock: tells seconds that pass.
        trace: is told each request and its status.

    Raises:
        AuthError: the login was declined, or not confirmed in time, or the provider has no such way.
        UnreachableError: the provider does not answer, or it failed.
    """
    if not provider.device_endpoint:
        raise AuthError(
            f"cannot {WHAT}: the provider {provider.issuer} has no login with a device code",
            hint="leave out --device to log in with a browser",
        )

    def attempt(wanted: str) -> Grant:
        pkce = Pkce.new()
        secret, code, interval = _asked(provider, client_id, wanted, pkce, connection, trace)
        until = clock() + code.expires_in
        show(code)
        form = {
            "grant_type": GRANT,
            "device_code": secret,
            "client_id": client_id,
            "code_verifier": pkce.verifier,
        }

        def ask() -> Grant | str:
            answer = token_answer(provider, form, connection, what=WHAT, trace=trace)
            state = answer_document(answer).get("error")
            return state if state in (PENDING, SLOW_DOWN) else granted(answer, WHAT, secrets_of(form))

        return _waited(ask, interval, lambda pause: clock() + pause < until, sleep)

    return with_scopes(provider, scopes, attempt)


def _asked(
    provider: Provider,
    client_id: str,
    scopes: str,
    pkce: Pkce,
    connection: httpx.Client,
    trace: Trace | None,
) -> tuple[str, DeviceCode, float]:
    """Ask for a code; returns and raises as `_code`."""
    form = {
        "client_id": client_id,
        "scope": scopes,
        "code_challenge": pkce.challenge,
        "code_challenge_method": "S256",
    }
    answer = exchange(connection, provider.device_endpoint, what=WHAT, form=form, trace=trace)
    found = answer_document(answer)
    if answer.status != 200 or not found or found.get("error"):
        raise refusal(answer, WHAT, secrets_of(form))
    return _code(found, provider)


def _waited(
    ask: Callable[[], Grant | str],
    interval: float,
    is_time_for: Callable[[float], bool],
    sleep: Callable[[float], None],
) -> Grant:
    """Ask until there is a grant.

    Args:
        ask: returns it, or why there is none yet.
        interval: seconds between two questions.
        is_time_for: tells whether the code is good for so many seconds more.
        sleep: waits so many seconds.

    Raises:
        NewLoginError: the code is over.
        OscarError: whatever `ask` raises; failures on the way only when they last.
    """
    failures = 0
    while is_time_for(interval):
        sleep(interval)
        try:
            found = ask()
        except UnreachableError:
            failures += 1
            if failures > MAX_FAILURES:
                raise
            interval = max(min(interval * 2, MAX_INTERVAL_SECONDS), interval)
            continue
        failures = 0
        if isinstance(found, Grant):
            return found
        if found == SLOW_DOWN:
            interval += SLOWER
    raise NewLoginError(f"cannot {WHAT}: the code expired before the login was confirmed")


def _code(found: Mapping[str, Any], provider: Provider) -> tuple[str, DeviceCode, float]:
    """Return the secret code, what to show, and the seconds between questions.

    Raises:
        AuthError: the answer lacks one, or has one that cannot be shown or sent.
    """
    secret = found.get("device_code")
    user_code = found.get("user_code")
    address = found.get("verification_uri") or found.get("verification_url")
    complete = found.get("verification_uri_complete")
    if not isinstance(secret, str) or not secret:
        raise AuthError(f"cannot {WHAT}: the provider's answer has no device code")
    if (
        not isinstance(user_code, str)
        or not user_code.isprintable()
        or not 0 < len(user_code) <= MAX_CODE_CHARACTERS
    ):
        raise AuthError(f"cannot {WHAT}: the provider's answer has no code to type")
    if not isinstance(address, str) or not _is_address(address, provider):
        raise AuthError(f"cannot {WHAT}: the provider's answer has no address to go to")
    whole = complete if isinstance(complete, str) and _is_address(complete, provider) else ""
    lifetime = seconds_of(found.get("expires_in"))
    interval = seconds_of(found.get("interval"))
    code = DeviceCode(user_code, address, whole, _within(lifetime, LIFETIME, 0.0, MAX_LIFETIME_SECONDS))
    return secret, code, _within(interval, INTERVAL, MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS)


def _within(value: float | None, usual: float, least: float, most: float) -> float:
    return min(max(usual if value is None else value, least), most)


def _is_address(url: str, provider: Provider) -> bool:
    """Tell whether a person may be sent there: https, or http where the provider itself has no other."""
    schemes = ("https://",) if provider.issuer.startswith("https:") else ("https://", "http://")
    is_plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_ADDRESS_CHARACTERS
    return is_plain and url.startswith(schemes)
