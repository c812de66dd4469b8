"""What this machine keeps of logins, and how to speak about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oscarcli.config.secrets import Vault


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
