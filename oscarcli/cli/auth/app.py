"""`auth`: who is logged in to which cluster, and how."""

from __future__ import annotations

from typing import Any

import typer

from oscarcli.cli.auth import login
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.store_secret import described_place, forget_access_tokens
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import Secret, SecretKind, SecretLocation, kind_of
from oscarcli.errors import AuthError, OscarError
from oscarcli.output.render import Column, Result

app = noun("Log in to clusters, and see who is logged in.")
app.include(login.app)

STATUS_COLUMNS = (
    Column("CLUSTER", "cluster"),
    Column("LOGIN", "login"),
    Column("USER", "user", is_name=True),
    Column("UNTIL", "until", is_time=True),
    Column("KEPT IN", "kept_in"),
    Column("STATE", "state"),
)
LOGGED_IN, LOGGED_OUT, EXPIRED = "logged in", "logged out", "expired"
# A command is not run for a look, and a keyring or an agent may be silent; `error` says why.
NOT_ASKED, UNKNOWN = "not asked", "unknown"
# Where a login without a secret of its own comes from.
ELSEWHERE = {"oidc-agent": "oidc-agent", "token-command": "command"}


@app.command("logout", formats=TABLE_FORMATS)
def logout(ctx: typer.Context) -> None:
    """Forget a cluster's password or tokens; the cluster stays on record.

    A refresh token is also made void at its provider, where that offers it.
    """
    session: Session = ctx.obj
    cluster = login.on_record(session)
    if cluster.login in ELSEWHERE:
        forget_access_tokens(session, cluster)
        raise AuthError(
            f'the cluster "{cluster.identifier}" logs in by {cluster.login}, which keeps its secret itself',
            hint=f"log out there, or forget the cluster: 'oscar-cli cluster delete {cluster.identifier}'",
        )
    if any(getattr(session.recorded.cluster(cluster.identifier), kind.value) for kind in SecretKind):
        # Before the provider is told: what cannot be removed should stay good.
        session.config_file.require_writable()
    with session.logins.vault.locked(cluster):
        revoked = _revoke(session, cluster)
        forget_access_tokens(session, cluster)
        places = session.logins.vault.forget(cluster)
    words = ", ".join(place.value for place in places) or "nowhere"
    document = {"cluster": cluster.identifier, "forgotten_in": [p.value for p in places], "revoked": revoked}
    session.done(f'Logged out of cluster "{cluster.identifier}"; a secret was in: {words}', document)


def _revoke(session: Session, cluster: Cluster) -> bool:
    """Make a refresh token void at its provider, if there is one, and say when that could not be done."""
    from oscarcli.login.token_store import revoked

    vault = session.logins.vault
    if kind_of(cluster) is not SecretKind.REFRESH_TOKEN:
        return False
    secret = vault.find(vault.on_record(cluster), SecretKind.REFRESH_TOKEN)
    if secret is None:
        return False
    session.logins.hide(secret.value)
    if revoked(cluster, session.logins, secret.value):
        return True
    session.warn("the provider was not told: until it ends by itself, a copy of the refresh token stays good")
    return False


@app.command("status", formats=TABLE_FORMATS, columns=STATUS_COLUMNS, watch="whole")
def status(ctx: typer.Context) -> None:
    """Show who is logged in to each cluster, by which way, until when, and where the secret is kept.

    Nothing is asked but this machine's keyring and oidc-agent; 'oscar-cli doctor' tries a login. With
    --cluster, about that one alone: the exit code is then 4 when nobody is logged in to it.
    """
    session: Session = ctx.obj
    clusters = [session.cluster] if session.cluster_option else list(session.config.clusters.values())
    rows = [_state(session, cluster) for cluster in clusters]
    session.show(Result(rows, STATUS_COLUMNS, empty="There are no clusters", is_record=True))
    if not rows and session.wants_table:
        session.tell_how_to_begin()
    for row in rows:
        if row["error"] and session.wants_table:
            session.note(f"{row['cluster']}: {row['error']}")
    if session.cluster_option and rows[0]["state"] not in (LOGGED_IN, NOT_ASKED):
        raise typer.Exit(AuthError.exit_code)


def _state(session: Session, entry: Cluster) -> dict[str, Any]:
    from oscarcli.api.auth import effective

    cluster = effective(entry, session.logins)
    row: dict[str, Any] = {
        "cluster": cluster.identifier,
        "endpoint": cluster.shown_endpoint,
        "login": cluster.login,
        "user": cluster.auth_user or cluster.oidc_account_name or None,
        "until": None,
        "access_token_until": None,
        "kept_in": ELSEWHERE.get(cluster.login),
        "state": LOGGED_IN,
        "error": None,
    }
    if cluster.login == "token":
        return {**row, **_of_token(cluster.token), "kept_in": SecretLocation.ENVIRONMENT.value}
    kind = kind_of(cluster)
    try:
        secret = session.logins.vault.find(cluster, kind) if kind is not None else None
    except AuthError as error:
        return {**row, "state": UNKNOWN, "error": error.message}
    if kind is SecretKind.PASSWORD:
        return {**row, **_kept(session, secret)}
    return {**row, **_of_tokens(session, cluster, secret)}


def _kept(session: Session, secret: Secret | None) -> dict[str, Any]:
    if secret is None:
        return {"state": LOGGED_OUT}
    session.diagnostics.hide(secret.value)
    return {"kept_in": described_place(session, secret.place)}


def _of_tokens(session: Session, cluster: Cluster, secret: Secret | None) -> dict[str, Any]:
    """Return what is known of a login by tokens, from what is kept of it, or from oidc-agent."""
    import time

    from oscarcli.api.auth import tokens_for

    tokens = tokens_for(cluster, session.logins)
    assert tokens is not None
    if cluster.login == "oidc-agent":
        try:
            return {**_of_token(tokens.current()), "user": cluster.oidc_account_name}
        except OscarError as error:
            return {"state": UNKNOWN, "error": error.message}
    kept = tokens.kept()
    is_good = kept is not None and kept.expires_at > time.time()
    found: dict[str, Any] = {"user": _of_token(kept.value)["user"] if kept is not None else None}
    found["access_token_until"] = _moment(kept.expires_at) if kept is not None else None
    if cluster.login == "token-command":
        return {**found, "until": found["access_token_until"], "state": LOGGED_IN if is_good else NOT_ASKED}
    if secret is None:
        found |= {"until": found["access_token_until"], "kept_in": "cache" if is_good else None}
        return {**found, "state": LOGGED_IN if is_good else LOGGED_OUT}
    of_refresh = _of_token(secret.value)
    return {**of_refresh, **found, **_kept(session, secret), "user": found["user"] or of_refresh["user"]}


def _of_token(token: str) -> dict[str, Any]:
    """Return what a token says of itself: whose it is, and until when it is good."""
    import time

    from oscarcli.login.jwt import expiry, text_claim

    ends = expiry(token)
    # Offline tokens of Keycloak have no end, or the moment 0.
    ends = ends or None
    return {
        "user": text_claim(token, "preferred_username", "email", "name", "sub") or None,
        "until": _moment(ends),
        "state": EXPIRED if ends is not None and ends < time.time() else LOGGED_IN,
    }


def _moment(seconds: float | None) -> str | None:
    from datetime import datetime, timezone

    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return None


@app.command("token", formats=("text", "json", "yaml"))
def token(ctx: typer.Context) -> None:
    """Print a fresh access token, for curl and other programs.

    Whoever has it can do what you can until it ends: do not paste it anywhere.
    """
    from oscarcli.api.auth import bearer, tokens_for
    from oscarcli.login.jwt import expiry

    session: Session = ctx.obj
    cluster = session.cluster
    if cluster.login == "token":
        # Else what no server takes would be printed.
        bearer(cluster.token)
        value, ends = cluster.token, expiry(cluster.token)
    else:
        tokens = tokens_for(cluster, session.logins)
        if tokens is None:
            raise AuthError(
                f'the cluster "{cluster.identifier}" takes a user and a password, no token',
                hint=f"curl --user {cluster.auth_user or 'USER'} asks for the password",
            )
        value = tokens.current()
        ends = tokens.expires_at() or expiry(value)
    if session.output == "text":
        session.line(value)
    else:
        session.show(Result({"access_token": value, "expires_at": _moment(ends)}))
