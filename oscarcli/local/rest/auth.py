"""Who may call what: Basic or a user's token for `/system`, those and the service's for `/job` and `/run`.

The rules are in `oscar-api` 1.2 and 1.3.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from oscarcli.local.answers import ApiError
from oscarcli.local.services.definition import Definition
from oscarcli.local.users.access import ADMIN, RequestCaller

if TYPE_CHECKING:
    from oscarcli.local.cluster import LocalCluster
    from oscarcli.local.users.table import ClusterUser
    from oscarcli.local.users.tokens import IssuedTokens

CHALLENGE = {"WWW-Authenticate": 'Basic realm="Authorization Required"'}
TOKEN_LENGTH = 64
BEARER = "Bearer "


def require_basic(headers: Mapping[str, str], user: str, password: str) -> None:
    """Let only the cluster's user pass. Raises ApiError 401."""
    if not is_basic(headers, user, password):
        raise ApiError(401, headers=CHALLENGE)


def is_basic(headers: Mapping[str, str], user: str, password: str) -> bool:
    """Tell whether the request carries the cluster's credentials."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, f"{user}:{password}".encode())


def bearer(headers: Mapping[str, str]) -> str | None:
    """Return the bearer token of a request; `None` without exactly one."""
    parts = headers.get("authorization", "").split("Bearer ")
    return parts[1].strip() if len(parts) == 2 else None


def authenticated(headers: Mapping[str, str], cluster: LocalCluster) -> RequestCaller:
    """Return who calls a route below `/system`. Raises ApiError 401 for nobody, 400 for no token."""
    value = headers.get("authorization", "")
    if cluster.tokens is not None and value.startswith(BEARER):
        return RequestCaller(_user(value.removeprefix(BEARER).strip(), cluster.tokens))
    require_basic(headers, cluster.settings.user, cluster.settings.password)
    return ADMIN


def _user(token: str, tokens: IssuedTokens) -> ClusterUser:
    from oscarcli.local.users.tokens import BadTokenError, ForeignTokenError, MalformedTokenError

    try:
        return tokens.read(token)[0]
    except MalformedTokenError as error:
        raise ApiError(400, str(error)) from error
    except ForeignTokenError as error:
        raise ApiError(401, f"'{error}' is not listed as an authorized issuer") from error
    except BadTokenError as error:
        raise ApiError(401) from error


def uid_of(headers: Mapping[str, str], tokens: IssuedTokens | None) -> str:
    """Return the uid of the user whose token a request has; empty for everybody else."""
    token = bearer(headers)
    if tokens is None or token is None or len(token) == TOKEN_LENGTH:
        return ""
    from oscarcli.local.users.tokens import BadTokenError

    try:
        return tokens.read(token)[0].uid
    except BadTokenError:
        return ""


def require_token(
    headers: Mapping[str, str],
    definition: Definition | None,
    tokens: IssuedTokens | None = None,
    *,
    on_bad_login: int = 404,
) -> tuple[Definition, str]:
    """Let only the holder of the service's token pass, or a user who may use it.

    Args:
        headers: the request's.
        definition: the service; `None` when there is none, which a wrong token must not find out.
        tokens: reads the tokens of users; `None` on a cluster without.
        on_bad_login: the status for a user's token that is void, which differs between the routes.

    Returns:
        The service, and the uid of the user; empty for the service's token.

    Raises:
        ApiError: 401; 400 and 502 for tokens that only another provider could judge; 404 for a user who
            does not see the service.
    """
    token = bearer(headers)
    if token is None:
        raise ApiError(401)
    if len(token) == TOKEN_LENGTH:
        if definition is None or not token_matches(token, definition):
            raise ApiError(401)
        return definition, ""
    if tokens is None:
        raise _foreign_token(token)
    from oscarcli.local.users.tokens import BadTokenError, ForeignTokenError, MalformedTokenError

    try:
        caller = RequestCaller(tokens.read(token)[0])
    except (MalformedTokenError, ForeignTokenError) as error:
        raise _foreign_token(token) from error
    except BadTokenError as error:
        raise ApiError(on_bad_login) from error
    if definition is None or not caller.uses(definition):
        raise ApiError(404)
    return definition, caller.uid


def token_matches(token: str, definition: Definition) -> bool:
    """Tell whether `token` is the service's."""
    return hmac.compare_digest(token.encode("utf-8", "replace"), str(definition["token"]).encode())


def _foreign_token(token: str) -> ApiError:
    parts = token.split(".")
    if len(parts) != 3:
        return ApiError(
            502,
            "token is malformed: token contains an invalid number of segments"
            "Error getting oidc manager for issuer ''",
        )
    return ApiError(400, f"Error getting oidc manager for issuer '{_issuer(parts[1])}'")


def _issuer(payload: str) -> str:
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return ""
    return str(claims.get("iss", "")) if isinstance(claims, dict) else ""
