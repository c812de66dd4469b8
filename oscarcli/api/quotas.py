"""What a user may take of the cluster: `/system/quotas/user` (`oscar-api` 3.13, 4.18)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from oscarcli.api.client import Client
from oscarcli.api.responses import ServerError, json_document
from oscarcli.api.shapes import QUOTA
from oscarcli.errors import AuthError, ForbiddenError, NotFoundError, OscarError

Quota = dict[str, Any]

# What the server says to the cluster's own account, which is nobody's: it has no quota.
NOT_A_USER = "missing user identificator"
# What it says of a user who never logged in, and for whom nothing is set up: Kubernetes' own words about
# the object that holds the limits. Queues come first where the server has them, volumes where it has not.
NO_LIMITS = re.compile(
    r'getting (?:ClusterQueue|(?:current )?volume quota|MinIO quota).*: [\w.-]+ "[^"]*" not found'
)


def get_quota(client: Client, user: str | None = None) -> Quota:
    """Return the quota of a user, of the caller when none is named.

    Raises:
        NotFoundError: the server knows no such user.
        ForbiddenError: the cluster's account asked for its own, or a user for another's.
    """
    what = f'get the quota of user "{user}"' if user else "get your quota"
    route = (user,) if user is not None else ()
    try:
        response = client.request("GET", "system", "quotas", "user", *route, what=what)
    except (AuthError, ServerError) as error:
        raise _explained(error, what, user) from error
    found: Quota = json_document(response, what, QUOTA)
    return found


def _explained(error: OscarError, what: str, user: str | None) -> OscarError:
    if NOT_A_USER in error.message:
        return ForbiddenError(
            f"cannot {what}: this login is the cluster's own account, which has none",
            hint="name a user: 'oscar-cli quota get USER_ID'",
        )
    if isinstance(error, ServerError) and NO_LIMITS.search(error.message):
        return NotFoundError(
            f"cannot {what}: the server knows no such user"
            if user
            else f"cannot {what}: the server has set no limits up for this login",
            hint="users become known when they use the cluster for the first time; see the id's spelling",
        )
    if isinstance(error, ForbiddenError):
        error.hint = "only the cluster's own account, with user and password, may see and set quotas of users"
    return error


def update_quota(client: Client, user: str, changes: Mapping[str, Any]) -> Quota:
    """Change a user's quota and return it as it is then.

    Args:
        client: the cluster.
        user: the user's id.
        changes: what to change, by the names of `oscar-api` 4.18, every value a string.

    Raises:
        NotFoundError: the server knows no such user.
        ForbiddenError: the caller is not the cluster's own account.
    """
    what = f'update the quota of user "{user}"'
    try:
        response = client.request("PUT", "system", "quotas", "user", user, what=what, json=changes)
    except (AuthError, ServerError) as error:
        raise _explained(error, what, user) from error
    found: Quota = json_document(response, what, QUOTA)
    return found
