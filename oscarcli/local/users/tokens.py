"""The tokens of the local cluster's own OpenID issuer. The only file that imports joserfc."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from oscarcli.errors import OscarError
from oscarcli.local.users.table import ClusterUser, Users

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

ALGORITHM = "RS256"
KEY_BITS = 2048
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 30 * 24 * 3600
CLIENT = "oscar-cli"
ACCESS, REFRESH, IDENTITY = "Bearer", "Refresh", "ID"


class BadTokenError(Exception):
    """A token that nobody is let in with. The text is for a developer."""


class MalformedTokenError(BadTokenError):
    """What was sent is no token at all."""


class ForeignTokenError(BadTokenError):
    """The token of another issuer, which the text is."""


class IssuedTokens:
    """Signs and reads tokens.

    Args:
        users: whose tokens these are; has the key.
        issuer: the URL in the tokens.
        clock: tells seconds since the epoch.

    Raises:
        OscarError: the libraries of the extra `users` are not installed.
    """

    def __init__(self, users: Users, issuer: str, clock: Callable[[], float] = time.time) -> None:
        self._users = users
        self.issuer = issuer
        self._clock = clock
        self._key = _key(users)

    def keys(self) -> dict[str, Any]:
        """Return the public keys, as the document at `jwks_uri`."""
        return {"keys": [self._key.as_dict(private=False, use="sig", alg=ALGORITHM)]}

    def access(self, user: ClusterUser, scope: str = "openid") -> str:
        """Return an access token."""
        return self._signed(user, ACCESS, ACCESS_SECONDS, scope=scope)

    def refresh(self, user: ClusterUser, scope: str = "openid") -> str:
        """Return a refresh token of a new login."""
        return self._signed(user, REFRESH, REFRESH_SECONDS, scope=scope, jti=self._users.add_login(user.uid))

    def identity(self, user: ClusterUser) -> str:
        """Return an ID token for this program."""
        return self._signed(user, IDENTITY, ACCESS_SECONDS, aud=CLIENT)

    def _signed(self, user: ClusterUser, kind: str, seconds: int, **further: str) -> str:
        from joserfc import jwt

        now = int(self._clock())
        claims = {
            "iss": self.issuer,
            "sub": user.uid,
            "typ": kind,
            "azp": CLIENT,
            "iat": now,
            "exp": now + seconds,
            "jti": secrets.token_hex(16),
            "name": user.name,
            "preferred_username": user.name,
            "groups": list(user.groups),
            **further,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid, "typ": "JWT"}, claims, self._key)

    def read(self, token: str, kind: str = ACCESS) -> tuple[ClusterUser, dict[str, Any]]:
        """Return the user a token was given to, and its claims.

        Raises:
            MalformedTokenError: it is none.
            ForeignTokenError: another issuer has signed it, or says so.
            BadTokenError: its signature, its time, its kind or its user is not good.
        """
        from joserfc import jwt
        from joserfc.errors import JoseError

        claimed = unverified_claims(token)
        if claimed.get("iss") != self.issuer:
            raise ForeignTokenError(str(claimed.get("iss", "")))
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            registry = jwt.JWTClaimsRegistry(
                now=int(self._clock()),
                exp={"essential": True},
                typ={"essential": True, "value": kind},
            )
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise BadTokenError(str(error)) from error
        user = self._users.get(str(claims.get("sub", "")))
        if user is None:
            raise BadTokenError("its user is gone")
        return user, dict(claims)


def unverified_claims(token: str) -> dict[str, Any]:
    """Return what a token says, whoever wrote it. Raises MalformedTokenError."""
    from joserfc.errors import JoseError
    from joserfc.jws import extract_compact

    if token.count(".") != 2:
        raise MalformedTokenError("token is malformed: token contains an invalid number of segments")
    try:
        claims = json.loads(extract_compact(token.encode("utf-8", "replace")).payload)
    except (JoseError, ValueError) as error:
        raise MalformedTokenError("token is malformed: could not base64 decode header") from error
    if not isinstance(claims, dict):
        raise MalformedTokenError("token is malformed: could not JSON decode claim")
    return claims


def require_library() -> None:
    """Raise OscarError when the libraries of the extra `users` are not installed."""
    try:
        import joserfc  # noqa: F401
    except ImportError as error:
        raise OscarError(
            "a cluster for several people needs the library joserfc",
            hint='install it with: pip install "oscar-cli[users]"',
        ) from error


def _key(users: Users) -> RSAKey:
    require_library()
    from joserfc.jwk import RSAKey

    stored = users.signing_key()
    if stored is None:
        identifier = secrets.token_hex(8)
        made = RSAKey.generate_key(KEY_BITS, parameters={"kid": identifier})
        stored = users.keep_signing_key(identifier, json.dumps(made.as_dict(private=True)))
    key: RSAKey = RSAKey.import_key(json.loads(stored))
    return key
