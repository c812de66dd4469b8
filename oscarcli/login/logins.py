"""What this machine keeps of logins, and how to speak about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oscarcli.config.model import Cluster
from oscarcli.config.secrets import Vault, kind_of
from oscarcli.errors import AuthError


def _silent(_text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Logins:
    """Handed to whatever logs in.

    Attributes:
        vault: passwords and refresh tokens.
        environ: environment variables: where oidc-agent is, and where tokens are kept.
        warn: is told what is not as it should be.
        hide: is told each secret, which from then on is shown nowhere.
        trace: is told each request to a provider, without what it holds.
    """

    vault: Vault
    environ: Mapping[str, str]
    warn: Callable[[str], None] = _silent
    hide: Callable[[str], None] = _silent
    trace: Callable[[str], None] = _silent


def not_logged_in(cluster: Cluster, logins: Logins) -> AuthError:
    """Return the error for a cluster whose secret is kept nowhere, or in a keyring that is gone."""
    kind = kind_of(cluster)
    missing = f"no {kind.words}" if kind is not None else "no login"
    # As over SSH, where the one of the desktop does not answer.
    gone = "" if logins.vault.keyring.name() else ", and there is no keyring here that could have it"
    return AuthError(
        f'{missing} is stored for the cluster "{cluster.identifier}"{gone}',
        hint=f"log in with 'oscar-cli auth login -c {cluster.identifier}'",
    )
