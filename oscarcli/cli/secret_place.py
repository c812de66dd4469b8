"""Where a new secret is kept: in the keyring when one answers, in the file when that is agreed to."""

from __future__ import annotations

from typing import Annotated

import typer

from oscarcli.cli.session import Session
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import Kind, Place, with_secret
from oscarcli.errors import OscarError

InsecureStorageOption = Annotated[
    bool,
    typer.Option(
        "--insecure-storage", help="Keep the secret in the configuration file, in plain text, unasked."
    ),
]


def with_secret_kept(
    session: Session, cluster: Cluster, kind: Kind, value: str, *, insecure: bool
) -> Cluster:
    """Keep a new secret of a cluster, and return the entry to be written: with the secret or without it.

    Args:
        session: the run.
        cluster: its entry; it need not be on record yet.
        kind: what the secret is.
        value: the secret.
        insecure: whether the file is wanted.

    Raises:
        OscarError: no keyring takes it, and whoever is at the terminal does not want it in the file.
    """
    session.diagnostics.hide(value)
    if not insecure:
        try:
            session.logins.vault.keep_in_keyring(cluster, kind, value)
        except OscarError as error:
            _agree_to_plain_text(session, kind, error)
        else:
            session.verbose_note(f"the {kind.words} is in the keyring")
            return with_secret(cluster, kind, "")
    return with_secret(cluster, kind, value)


def _agree_to_plain_text(session: Session, kind: Kind, error: OscarError) -> None:
    path = session.config_path
    if not session.can_ask:
        # Scripts go on as with the reference client.
        session.warn(
            f"the {kind.words} goes into {path} in plain text, for you alone to read, as no keyring takes "
            "it; --insecure-storage says that this is wanted"
        )
        return
    session.note(error.message)
    if not session.confirm(f"Keep the {kind.words} in {path} instead, in plain text, for you alone to read?"):
        raise OscarError(
            "nothing was stored",
            hint="give the login by the environment (OSCAR_CLI_ENDPOINT, OSCAR_CLI_USER, OSCAR_CLI_PASSWORD, "
            "OSCAR_CLI_TOKEN), or by --token-command",
        )


def forget_former(session: Session, former: Cluster | None, new: Cluster | None = None) -> None:
    """Forget what was kept of an entry that is gone, or that another one has taken the place of."""
    if former is None:
        return
    forget_access_tokens(session, former)
    try:
        session.logins.vault.forget_in_keyring(former, but_not_of=new)
    except OscarError as error:
        session.warn(error.message)


def forget_access_tokens(session: Session, cluster: Cluster) -> None:
    """Forget the access tokens that are kept of a cluster, wherever they are."""
    from oscarcli.api.login.kept import cache_of

    for in_keyring in (False, True):
        cache_of(cluster, session.logins, in_keyring=in_keyring).forget()


def described_place(session: Session, place: Place) -> str:
    """Return a place in words."""
    if place is Place.KEYRING:
        return f"keyring ({session.logins.vault.keyring.name() or 'unknown'})"
    return str(session.config_path) if place is Place.FILE else place.value
