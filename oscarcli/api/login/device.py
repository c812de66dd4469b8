"""Log in on another device: a short code is typed there, and this side waits (RFC 8628)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oscarcli.api.login.provider import Provider
from oscarcli.api.login.tokens import Grant

if TYPE_CHECKING:
    import httpx


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
    trace: Callable[[str], None] | None = None,
) -> Grant:
    """Ask for a code, have it shown, and wait until the login is confirmed elsewhere.

    Args:
        provider: who is asked.
        client_id: for which client.
        scopes: what to ask for, parted by blanks; empty means a name, an address and a lasting login.
        connection: what asks.
        show: shows the code, once.
        sleep, clock: waiting and its measure in seconds, to be replaced by tests.
        trace: is told each request and its status.

    Raises:
        AuthError: the login was declined, or not confirmed in time, or the provider has no such way.
        UnreachableError: the provider does not answer, or it failed.
    """
    raise NotImplementedError
