"""What each way to log in puts on a request. Imported with the HTTP library, not before."""

from __future__ import annotations

from collections.abc import Callable, Generator

import httpx

from oscarcli.login.token_store import Tokens

Flow = Generator[httpx.Request, httpx.Response, None]


class Bearer(httpx.Auth):
    """Puts one token on every request.

    Args:
        token: the token.
        hint: what to do when it is refused.
    """

    def __init__(self, token: str, *, hint: str) -> None:
        self._token = token
        self.hint = hint

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Send the request with the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class PasswordAuth(httpx.Auth):
    """Puts user and password on every request.

    Args:
        ask: gives both when the first request needs them.
        hint: what to do when they are refused.
    """

    def __init__(self, ask: Callable[[], tuple[str, str]], *, hint: str) -> None:
        self._ask = ask
        self.hint = hint
        self._basic: httpx.BasicAuth | None = None

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Send the request with both."""
        if self._basic is None:
            self._basic = httpx.BasicAuth(*self._ask())
        yield from self._basic.auth_flow(request)


class TokenAuth(httpx.Auth):
    """Puts an access token on every request, and gets another one when it is refused: once a request.

    Args:
        tokens: where they come from.
        hint: what to do when the second one is refused, too.
    """

    def __init__(self, tokens: Tokens, *, hint: str) -> None:
        self._tokens = tokens
        self.hint = hint

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Send the request, and again when the answer is 401 and there is another token."""
        token = self._tokens.current()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        another = self._tokens.after(token)
        if another != token:
            request.headers["Authorization"] = f"Bearer {another}"
            yield request
