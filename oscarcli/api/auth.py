"""From a cluster's entry to the login of its requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from oscarcli.config.environment import IDENTIFIER
from oscarcli.config.secrets import SecretKind
from oscarcli.errors import AuthError
from oscarcli.login.logins import not_logged_in

if TYPE_CHECKING:
    import httpx

    from oscarcli.config.model import Cluster
    from oscarcli.login.logins import Logins
    from oscarcli.login.token_store import Tokens

# `/run` and `/job` answer 401 to both (`oscar-api` 1.3).
SERVICE_TOKEN_HINT = "check the token and the name: an unknown service is refused in the same way"  # noqa: S105


def auth_for(cluster: Cluster, logins: Logins) -> httpx.Auth:
    """Return how to log in to a cluster. Nothing is asked for before the first request needs it.

    Args:
        cluster: its entry.
        logins: what this machine keeps of logins.

    Raises:
        AuthError: the token that the environment gives can be none.
    """
    if cluster.login == "token":
        logins.hide(cluster.token)
        return bearer(cluster.token, hint=_refused_token(cluster))
    from oscarcli.login.httpx_auth import PasswordAuth, TokenAuth

    tokens = tokens_for(cluster, logins)
    if tokens is None:
        return PasswordAuth(lambda: password_of(cluster, logins), hint=_refused_password(cluster))
    return TokenAuth(tokens, hint=_refused_login(cluster))


def kept_auth_for(cluster: Cluster, logins: Logins) -> httpx.Auth:
    """Return how to log in to a cluster where nobody waits for an answer, as at a Tab.

    No command is run for a token, which may ask a person, and no refresh token is traded in: when this
    program ends meanwhile the next one would be lost.

    Args:
        cluster: its entry.
        logins: what this machine keeps of logins.

    Raises:
        AuthError: the cluster logs in by such a way, and no token of it is kept.
    """
    known = effective(cluster, logins)
    if known.login not in ("token-command", "refresh-token"):
        return auth_for(known, logins)
    tokens = tokens_for(known, logins)
    kept = tokens.kept() if tokens is not None else None
    if kept is None or not kept.is_fresh(time.time()):
        raise AuthError("no access token is kept")
    return bearer(kept.value)


def tokens_for(cluster: Cluster, logins: Logins) -> Tokens | None:
    """Return where a cluster's access tokens come from, `None` when it takes a user and a password."""
    from oscarcli.login import token_store

    known = effective(cluster, logins)
    if known.login == "oidc-agent":
        return token_store.from_agent(known, logins)
    if known.login == "token-command":
        return token_store.from_command(known, logins)
    return token_store.from_refresh_token(known, logins) if known.login == "refresh-token" else None


def effective(cluster: Cluster, logins: Logins) -> Cluster:
    """Return an entry with the login that the reference client dropped from it, if the keyring still has one.

    It drops keys that it does not know; then an entry says nothing of a login any more.
    """
    from oscarcli.login.token_store import with_provider

    if not _is_bare(cluster):
        return cluster
    try:
        secret = logins.vault.find(cluster, SecretKind.REFRESH_TOKEN)
    except AuthError:
        # The entry may want no login; it is not the keyring that says so.
        return cluster
    return with_provider(cluster, secret.value) if secret is not None else cluster


def _is_bare(cluster: Cluster) -> bool:
    """Tell whether an entry says nothing of a login."""
    return cluster.login == "basic" and not cluster.auth_user and not cluster.auth_password


def password_of(cluster: Cluster, logins: Logins) -> tuple[str, str]:
    """Return user and password of a cluster.

    Raises:
        AuthError: there is no user, no password, or a keyring that does not tell it.
    """
    if cluster.from_environment and not (cluster.auth_user and cluster.auth_password):
        raise AuthError(
            "there is no login: the environment gives OSCAR_CLI_ENDPOINT alone, or a password without a user",
            hint="set OSCAR_CLI_TOKEN, or OSCAR_CLI_USER and OSCAR_CLI_PASSWORD",
        )
    if _is_bare(cluster):
        # As the reference client does: the cluster may want no login.
        return "", ""
    secret = logins.vault.find(cluster, SecretKind.PASSWORD)
    if secret is None:
        raise not_logged_in(cluster, logins)
    if secret.value not in (cluster.auth_user, cluster.identifier):
        # A name is shown, whatever it is the password of.
        logins.hide(secret.value)
    return cluster.auth_user, secret.value


def bearer(token: str, *, hint: str = SERVICE_TOKEN_HINT) -> httpx.Auth:
    """Return the login of one token, such as the service's token that `/run` and `/job` want.

    Args:
        token: the token.
        hint: what to do when it is refused.

    Raises:
        AuthError: it has characters that no header can carry.
    """
    from oscarcli.login.httpx_auth import Bearer

    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        # Else the HTTP library would quote it in its complaint.
        raise AuthError("the token is not one: it has blanks or characters that no token has")
    return Bearer(token, hint=hint)


def _refused_password(cluster: Cluster) -> str:
    if cluster.from_environment:
        return "check OSCAR_CLI_USER and OSCAR_CLI_PASSWORD"
    return (
        f"check the user and password; 'oscar-cli auth login -c {cluster.identifier}' stores a new password"
    )


def _refused_token(cluster: Cluster) -> str:
    where = "OSCAR_CLI_ENDPOINT" if cluster.identifier == IDENTIFIER else f'cluster "{cluster.identifier}"'
    return f"check OSCAR_CLI_TOKEN: it has expired, or it is not for {where}"


def _refused_login(cluster: Cluster) -> str:
    name = cluster.identifier
    return (
        "the account may be in no group that the cluster takes; "
        f"'oscar-cli auth status -c {name}' shows the login, 'oscar-cli auth login -c {name}' makes a new one"
    )
