"""A look at a cluster that was just stored, to tell early what would fail later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oscarcli.cli.kit.session import Session
from oscarcli.config.model import Cluster
from oscarcli.errors import OscarError, UnreachableError
from oscarcli.threads import within

if TYPE_CHECKING:
    from oscarcli.api.client import Client
    from oscarcli.login.token_store import Tokens

# Scripts add clusters before they are up: they are not held longer.
CHECK_SECONDS = 3.0


def check_cluster(session: Session, cluster: Cluster, done: str, tokens: Tokens | None = None) -> None:
    """Ask a cluster for its version, and warn when that fails.

    Args:
        session: the run.
        cluster: its entry.
        done: what was done already, for the warning.
        tokens: its access tokens, where there is one already.
    """
    report_probe(session, cluster, done, probe(session, cluster, tokens=tokens))


def report_probe(session: Session, cluster: Cluster, done: str, answer: str | OscarError) -> None:
    """Say what came of a look, where something is to be said.

    Args:
        session: the run.
        cluster: the entry.
        done: what was done already.
        answer: what `probe` returned.
    """
    session.warn_unverified(cluster)
    if isinstance(answer, OscarError):
        session.warn(f"{done}, but: {answer.message}")
    else:
        session.verbose_note(f"the cluster answers; its version is {answer}")


def probe(
    session: Session, cluster: Cluster, *, tokens: Tokens | None = None, access_token: str = ""
) -> str | OscarError:
    """Return a cluster's version, or why it does not tell it; nothing is waited for very long.

    Args:
        session: the run.
        cluster: its entry.
        tokens: its access tokens, where there is one already.
        access_token: one to log in with instead of as the entry says.
    """
    seconds = min(session.timeout or CHECK_SECONDS, CHECK_SECONDS)
    try:
        client = _client(session, cluster, tokens, access_token)
        return within(seconds, lambda: _version(client, seconds))
    except TimeoutError:
        return UnreachableError(f"the cluster gave no whole answer within {seconds:g} s")
    except OscarError as error:
        return error


def _client(session: Session, cluster: Cluster, tokens: Tokens | None, access_token: str) -> Client:
    """Return a client that tries once; what may be lost when it is left behind is done here and now.

    A refresh token may be good once: the thread must not trade it in, for it is not waited for.
    """
    from oscarcli.api.auth import auth_for, bearer, tokens_for
    from oscarcli.api.client import Client

    if cluster.login == "refresh-token" and not access_token:
        tokens = tokens or tokens_for(cluster, session.logins)
        assert tokens is not None
        access_token = tokens.current()
    auth = bearer(access_token) if access_token else auth_for(cluster, session.logins)
    return Client(cluster.endpoint, auth, tls=cluster.tls, retries=False)


def _version(client: Client, seconds: float) -> str | OscarError:
    from oscarcli.api.system import get_info

    try:
        with client:
            return str(get_info(client, seconds=seconds).get("version"))
    except OscarError as error:
        return error
    except Exception as error:  # noqa: BLE001 -- the cluster is stored; nothing here may look like a failure
        return OscarError(f"{type(error).__name__}: {error}")
