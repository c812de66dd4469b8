"""`cluster secrets`: where passwords and refresh tokens are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.store_secret import described_place
from oscarcli.config.model import OWN_KEYS, Cluster
from oscarcli.config.secrets import SecretKind, SecretLocation, kind_of
from oscarcli.errors import AuthError, OscarError, PartialError, UsageError
from oscarcli.output.render import Column, Result

app = noun("Where passwords and refresh tokens are kept.")

COLUMNS = (
    Column("CLUSTER", "cluster"),
    Column("SECRET", "secret"),
    Column("KEPT IN", "kept_in"),
    Column("RESULT", "result"),
)
MOVED = "moved"
PLACES = {"keyring": SecretLocation.KEYRING, "file": SecretLocation.FILE}


@app.command("move", formats=TABLE_FORMATS, columns=COLUMNS)
def move(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="[keyring|file]", help="Where to.")],
) -> None:
    """Move passwords and refresh tokens into the keyring, or back into the configuration file.

    Those of all clusters on record, or of the one that --cluster names. In the file they are in plain text.
    The reference client reads the file alone: to it an entry whose secret is in the keyring has none.
    """
    session: Session = ctx.obj
    if to not in PLACES:
        raise UsageError(f'--to takes keyring or file, not "{to}"')
    session.config_file.require_writable()
    rows = [row for cluster in _chosen(session) for row in _moved(session, cluster, PLACES[to])]
    session.show(Result(rows, COLUMNS, empty="No cluster on record has a secret to move"))
    if PLACES[to] is SecretLocation.FILE and any(row["result"] == MOVED for row in rows):
        session.warn(f"{session.config_path} has secrets in plain text now, for you alone to read")
    failed = [row for row in rows if row["error"]]
    if failed:
        message = str(failed[0]["error"])
        more = f"; {len(failed) - 1} more failed" if len(failed) > 1 else ""
        kind = PartialError if len(failed) < len(rows) else OscarError
        raise kind(message + more, hint="unlock the keyring, or start one, and try again")


def _chosen(session: Session) -> list[str]:
    """Return the ids of the clusters whose secrets are meant."""
    stored = session.recorded
    if not session.cluster_option:
        return list(stored.clusters)
    chosen = stored.cluster(session.cluster_option)
    if kind_of(chosen) is None:
        raise AuthError(
            f'the cluster "{chosen.identifier}" logs in by {chosen.login}, without a secret here',
            hint=f"'oscar-cli auth status -c {chosen.identifier}' shows the login",
        )
    return [chosen.identifier]


def _moved(session: Session, identifier: str, to: SecretLocation) -> Iterator[dict[str, Any]]:
    """Move the secrets of a cluster, each with a row of what became of it."""
    from oscarcli.api.auth import effective

    vault = session.logins.vault
    entry = session.config_file.read().clusters.get(identifier)
    if entry is None:
        return
    known = effective(entry, session.logins)
    with vault.locked(known):
        # Read again: another process may have put a new one before it let go of the lock.
        entry = session.config_file.read().clusters.get(identifier, entry)
        for kind in SecretKind:
            if kind is kind_of(known) or getattr(entry, kind.value):
                yield _moved_one(session, entry, kind, to)


def _moved_one(session: Session, cluster: Cluster, kind: SecretKind, to: SecretLocation) -> dict[str, Any]:
    vault = session.logins.vault
    row: dict[str, Any] = {
        "cluster": cluster.identifier,
        "secret": kind.words,
        "kept_in": None,
        "error": None,
    }
    try:
        found = vault.find(cluster, kind)
        if found is None:
            return {**row, "result": "none is stored"}
        if found.place is not to:
            _name_provider(session, cluster, kind, found.value)
            vault.keep(cluster, kind, found.value, to)
    except OscarError as error:
        return {**row, "result": "failed", "error": error.message}
    result = "is there already" if found.place is to else MOVED
    return {**row, "kept_in": described_place(session, to), "result": result}


def _name_provider(session: Session, cluster: Cluster, kind: SecretKind, secret: str) -> None:
    """Write the provider into an entry that is to lose the refresh token which names it."""
    from oscarcli.login.token_store import with_provider

    if kind is not SecretKind.REFRESH_TOKEN:
        return
    named = with_provider(cluster, secret)
    for key in OWN_KEYS:
        if (value := getattr(named, key)) != getattr(cluster, key):
            session.config_file.set_key(cluster.identifier, key, value)
