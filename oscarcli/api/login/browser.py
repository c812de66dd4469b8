"""Log in with a browser on this machine: authorization code with PKCE, brought back to loopback (RFC 8252)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from oscarcli.api.login.provider import Provider
from oscarcli.api.login.tokens import Grant

if TYPE_CHECKING:
    import httpx


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
    trace: Callable[[str], None] | None = None,
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
    raise NotImplementedError
