"""Where a new secret is kept: in the keyring when one answers, in the file when that is agreed to."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from oscarcli.cli.kit.session import Session
from oscarcli.config.keyring import KeyringError
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import SecretKind, SecretLocation, with_secret
from oscarcli.errors import OscarError

InsecureStorageOption = Annotated[
    bool,
    typer.Option(
        "--insecure-storage", help="Keep the secret in the configuration file, in plain text, unasked."
    ),
]


def choose_place(session: Session, kind: SecretKind, *, insecure: bool) -> SecretLocation:
    """Return where a new secret is to be kept. A person may be asked: no lock should be held.

    Args:
        session: the run.
        kind: what the secret is.
        insecure: whether the file is wanted.

    Raises:
        OscarError: no keyring takes it, and whoever is at the terminal does not want it in the file.
    """
    if insecure:
        return SecretLocation.FILE
    try:
        session.logins.vault.keyring.try_out()
    except KeyringError as error:
        _agree_to_plain_text(session, kind, error)
        return SecretLocation.FILE
    session.verbose_note(f"the {kind.words} goes into the keyring")
    return SecretLocation.KEYRING


def write_entry(
    session: Session,
    entry: Cluster,
    kind: SecretKind | None,
    secret: str,
    place: SecretLocation | None,
    *,
    replace: bool = True,
) -> Cluster:
    """Write an entry and keep its secret, both or neither; what another login left behind is forgotten.

    Args:
        session: the run.
        entry: what is to be on record, without its secret.
        kind: what the secret is; `None` for none.
        secret: the secret.
        place: where it is to be.
        replace: whether an entry of that id may be replaced.

    Returns:
        The entry as it was written.

    Raises:
        OscarError: the keyring does not take it, or there is an entry that may not be replaced.
        ConfigError: the file cannot be written.
    """
    file, vault = session.config_file, session.logins.vault
    former = file.read().clusters.get(entry.identifier)
    in_keyring = kind is not None and place is SecretLocation.KEYRING
    written = entry if kind is None else with_secret(entry, kind, "" if in_keyring else secret)
    session.diagnostics.hide(secret)
    with vault.on_failure(entry, kind) if kind is not None and in_keyring else nullcontext():
        if kind is not None and in_keyring:
            vault.keep_in_keyring(entry, kind, secret)
        if not file.put(written, replace=replace):
            raise OscarError(
                f'the cluster "{entry.identifier}" exists already', hint="replace it with --force"
            )
    keep = (entry, kind) if kind is not None and in_keyring else None
    forget_former(session, former, keep)
    return written


def _agree_to_plain_text(session: Session, kind: SecretKind, error: KeyringError) -> None:
    path = session.config_path
    if not session.can_ask:
        # Scripts go on as with the reference client.
        session.warn(
            f"the {kind.words} goes into {path} in plain text, for you alone to read, as no keyring takes "
            "it; --insecure-storage says that this is wanted"
        )
        return
    session.note(f"no keyring takes it: {error}")
    if not session.confirm(f"Keep the {kind.words} in {path} instead, in plain text, for you alone to read?"):
        raise OscarError(
            "nothing was stored",
            hint="give the login by the environment (OSCAR_CLI_ENDPOINT, OSCAR_CLI_USER, OSCAR_CLI_PASSWORD, "
            "OSCAR_CLI_TOKEN), or by --token-command",
        )


def forget_former(
    session: Session, former: Cluster | None, keep: tuple[Cluster, SecretKind] | None = None
) -> None:
    """Forget what was kept of an entry that is gone, or that another login has taken the place of.

    Args:
        session: the run.
        former: the entry, `None` when there was none.
        keep: an entry whose secret of one kind was kept in the keyring just now.
    """
    if former is None:
        return
    forget_access_tokens(session, former)
    vault = session.logins.vault
    vault.forget_successor(former)
    try:
        vault.forget_in_keyring(former, keep)
    except OscarError as error:
        session.warn(error.message)


def forget_access_tokens(session: Session, cluster: Cluster) -> None:
    """Forget the access tokens that are kept of a cluster, wherever they are."""
    from oscarcli.login.token_store import cache_of

    for in_keyring in (False, True):
        cache_of(cluster, session.logins, in_keyring=in_keyring).forget()


def described_place(session: Session, place: SecretLocation) -> str:
    """Return a place in words."""
    if place is SecretLocation.KEYRING:
        return f"keyring ({session.logins.vault.keyring.name() or 'unknown'})"
    return str(session.config_path) if place is SecretLocation.FILE else place.value
