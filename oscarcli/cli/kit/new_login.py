"""A login that is to take the place of another one: it is tried before it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oscarcli.cli.kit.probe import probe
from oscarcli.cli.kit.session import Session
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import SecretKind, with_secret
from oscarcli.errors import AuthError, OscarError

if TYPE_CHECKING:
    from oscarcli.login.tokens import AccessToken


@dataclass(frozen=True)
class TriedLogin:
    """What came of a try.

    Attributes:
        secret: what is to be stored: a refresh token that was tried may have been replaced.
        answer: what the cluster said, as `probe` returns it; `None` when it was not asked.
        access: the access token that came of it.
    """

    secret: str
    answer: str | OscarError | None = None
    access: AccessToken | None = None

    def keep_access_token(self, session: Session, entry: Cluster) -> None:
        """Keep the access token for the next run, once the entry is stored."""
        from oscarcli.login.token_store import from_refresh_token

        if self.access is not None:
            from_refresh_token(entry, session.logins).keep(self.access)


@contextmanager
def tried_login(
    session: Session, former: Cluster | None, entry: Cluster, kind: SecretKind, secret: str, *, way_out: str
) -> Iterator[TriedLogin]:
    """Try a login; what is done meanwhile stores it, for a refresh token that was tried may be lost else.

    Args:
        session: the run.
        former: the entry that is to be replaced, `None` when the login is not to be tried.
        entry: the new entry, without its secret.
        kind: what the secret is.
        secret: the secret, empty where the login is kept elsewhere.
        way_out: the hint for one whose login is not replaced.

    Raises:
        AuthError: the new login is refused, and the former one works.
    """
    from oscarcli.login.deferred_signals import finished_before_the_end

    session.logins.hide(secret)
    # The same refresh token again: to try it would end the login that is stored.
    if former is None or (kind is SecretKind.REFRESH_TOKEN and secret and _has(session, former, secret)):
        yield TriedLogin(secret)
    elif kind is not SecretKind.REFRESH_TOKEN or not secret:
        tried = TriedLogin(secret, probe(session, with_secret(entry, kind, secret)))
        require_better(session, former, tried.answer, way_out)
        yield tried
    else:
        with finished_before_the_end():
            tried = _with_refresh_token(session, entry, secret)
            require_better(session, former, tried.answer, way_out)
            yield tried


def _with_refresh_token(session: Session, entry: Cluster, secret: str) -> TriedLogin:
    from oscarcli.login.token_store import exchanged

    try:
        grant = exchanged(secret, entry, session.logins)
    except OscarError as error:
        return TriedLogin(secret, error)
    for value in (grant.access.value, grant.refresh_token):
        session.logins.hide(value)
    answer = probe(session, entry, access_token=grant.access.value)
    return TriedLogin(grant.refresh_token or secret, answer, grant.access)


def _has(session: Session, cluster: Cluster, refresh_token: str) -> bool:
    """Tell whether a refresh token is the one that is stored for a cluster, or cannot be told from it."""
    try:
        stored = session.logins.vault.find(cluster, SecretKind.REFRESH_TOKEN)
    except OscarError:
        return True
    return stored is not None and refresh_token in (stored.value, cluster.oidc_refresh_token)


def require_better(session: Session, former: Cluster, answer: str | OscarError | None, way_out: str) -> None:
    """Compare a login that was tried with the one that it would replace.

    Args:
        session: the run.
        former: the entry that is to be replaced.
        answer: what the cluster said to the new login.
        way_out: the hint for one whose login is not replaced.

    Raises:
        AuthError: the new login is refused, and the former one works.
    """
    if not isinstance(answer, AuthError) or isinstance(probe(session, former), OscarError):
        return
    raise AuthError(
        f'the cluster "{former.identifier}" is left as it was, for its login works and the new one does not: '
        f"{answer.message}",
        hint=way_out,
    )
