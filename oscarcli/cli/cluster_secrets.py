"""`cluster secrets`: where passwords and refresh tokens are kept."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from oscarcli.cli.cluster_add import with_provider
from oscarcli.cli.framework import TABLE_FORMATS, noun
from oscarcli.cli.secret_place import described_place
from oscarcli.cli.session import Session
from oscarcli.config.model import OWN_KEYS, Cluster
from oscarcli.config.secrets import Kind, Place, kind_of
from oscarcli.errors import AuthError, OscarError, PartialError, UsageError
from oscarcli.output.render import Column, Result

app = noun("Where passwords and refresh tokens are kept.")

COLUMNS = (
    Column("CLUSTER", "cluster"),
    Column("SECRET", "secret"),
    Column("KEPT IN", "kept_in"),
    Column("RESULT", "result"),
)
PLACES = {"keyring": Place.KEYRING, "file": Place.FILE}


@app.command("move", formats=TABLE_FORMATS, columns=COLUMNS)
def move(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="PLACE", help="Where to: keyring, or file.")],
) -> None:
    """Move passwords and refresh tokens into the keyring, or back into the configuration file.

    Those of all clusters on record, or of the one that --cluster names. In the file they are in plain text.
    The reference client reads the file alone: to it an entry whose secret is in the keyring has none.
    """
    session: Session = ctx.obj
    if to not in PLACES:
        raise UsageError(f'--to takes keyring or file, not "{to}"')
    rows = [_moved(session, cluster, PLACES[to]) for cluster in _chosen(session)]
    session.show(Result(rows, COLUMNS, empty="No cluster on record has a secret to move"))
    if PLACES[to] is Place.FILE and any(row["result"] == "moved" for row in rows):
        session.warn(f"{session.config_path} has secrets in plain text now, for you alone to read")
    failed = [row for row in rows if row["error"]]
    if failed:
        names = ", ".join(f'"{row["cluster"]}"' for row in failed)
        message = f"cannot move the secrets of {names}: {failed[0]['error']}"
        raise (PartialError if len(failed) < len(rows) else OscarError)(message)


def _chosen(session: Session) -> list[Cluster]:
    """Return the clusters on record that may have a secret here."""
    stored = session.config_file.read()
    if session.cluster_option:
        chosen = stored.cluster(session.cluster_option)
        if kind_of(chosen) is None:
            raise AuthError(
                f'the cluster "{chosen.identifier}" logs in by {chosen.login}, without a secret here'
            )
        return [chosen]
    return [cluster for cluster in stored.clusters.values() if kind_of(cluster) is not None]


def _moved(session: Session, cluster: Cluster, to: Place) -> dict[str, Any]:
    """Move one secret and return what became of it."""
    vault, kind = session.logins.vault, kind_of(cluster)
    assert kind is not None
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
        return {**row, "result": f"failed: {error.message}", "error": error.message}
    result = "is there already" if found.place is to else "moved"
    return {**row, "kept_in": described_place(session, to), "result": result}


def _name_provider(session: Session, cluster: Cluster, kind: Kind, secret: str) -> None:
    """Write the provider into an entry that is to lose the refresh token which names it."""
    if kind is not Kind.REFRESH_TOKEN:
        return
    named = with_provider(cluster, secret)
    for key in OWN_KEYS:
        if (value := getattr(named, key)) != getattr(cluster, key):
            session.config_file.set_key(cluster.identifier, key, value)
