"""One `httpx.Auth` a way to log in."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from oscarcli.errors import AuthError

if TYPE_CHECKING:
    import httpx

    from oscarcli.config.model import Cluster


def auth_for(cluster: Cluster) -> httpx.Auth:
    """Return how to log in to a cluster.

    Raises:
        AuthError: the entry asks for a way that this program does not have.
    """
    import httpx

    if cluster.login == "basic":
        return httpx.BasicAuth(cluster.auth_user, cluster.auth_password)
    raise AuthError(
        f'the cluster "{cluster.identifier}" logs in by {cluster.login}, which is not supported yet',
        hint=f"store a user and password with 'oscar-cli cluster add {cluster.identifier} ENDPOINT USERNAME'",
    )


def bearer(token: str) -> httpx.Auth:
    """Return the login of a service token, which `/run` and `/job` want (`oscar-api` 1.3).

    Raises:
        AuthError: the token has characters that no header can carry.
    """
    import httpx

    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        # Else the HTTP library would quote it in its complaint.
        raise AuthError("the token is not one: it has blanks or characters that no token has")

    class Bearer(httpx.Auth):
        """Puts the token on every request."""

        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            request.headers["Authorization"] = f"Bearer {token}"
            yield request

    return Bearer()
