"""What the command line says of logging in."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from oscarcli.errors import AuthError, UsageError

IssuerOption = Annotated[
    str,
    typer.Option(
        "--oidc-issuer", metavar="URL", help="OpenID Connect provider, where a token does not name it."
    ),
]
ClientIdOption = Annotated[
    str, typer.Option("--oidc-client-id", metavar="ID", help="What this program is called at the provider.")
]
ScopesOption = Annotated[
    str, typer.Option("--oidc-scopes", metavar="SCOPES", help="Scopes to ask for, with blanks between them.")
]


@dataclass(frozen=True)
class Login:
    """What `cluster add` was told about logging in."""

    username: str | None
    password: str | None
    password_stdin: bool
    oidc_account_name: str
    oidc_refresh_token: str
    token_command: str
    oidc_issuer: str
    oidc_client_id: str
    oidc_scopes: str

    @property
    def is_later(self) -> bool:
        """Whether 'auth login' is to make the login."""
        return bool(self.oidc_issuer and not self.oidc_refresh_token)

    def check(self) -> None:
        """Raise UsageError for words and flags that do not go together, by the reference's rules."""
        ways = {
            "--oidc-account-name": self.oidc_account_name,
            "--oidc-refresh-token": self.oidc_refresh_token,
            "--token-command": self.token_command,
        }
        given = [flag for flag, value in ways.items() if value]
        if len(given) > 1:
            raise UsageError(f'only one of "{given[0]}" and "{given[1]}" can be set')
        if self.oidc_issuer and given and given[0] != "--oidc-refresh-token":
            raise UsageError(f'only one of "{given[0]}" and "--oidc-issuer" can be set')
        self._check_provider(given)
        self._check_command()
        for flag in given or (["--oidc-issuer"] if self.oidc_issuer else []):
            if self.username is not None:
                raise UsageError(f'if the "{flag}" flag is set only 2 arguments are allowed')
            if self.password_stdin:
                raise UsageError(f'only one of "{flag}" and "--password-stdin" can be set')
        if given or self.oidc_issuer:
            return
        if not self.username:
            raise UsageError("you must provide the username")
        if ":" in self.username:
            # Basic authentication: what is behind the colon would be taken for a part of the password.
            raise UsageError(f'the user "{self.username}" has a ":", which no user of a cluster can have')
        if self.password_stdin and self.password is not None:
            raise UsageError('if the "--password-stdin" flag is set only 3 arguments are allowed')

    def _check_provider(self, given: Sequence[str]) -> None:
        """Raise UsageError for a provider that could not be asked later."""
        by_token = "--oidc-refresh-token" in given
        if self.oidc_issuer:
            check_issuer(self.oidc_issuer)
        if self.oidc_issuer and not self.oidc_client_id and not by_token:
            raise UsageError('"--oidc-issuer" goes with "--oidc-client-id"')
        if (self.oidc_client_id or self.oidc_scopes) and not self.oidc_issuer and not by_token:
            raise UsageError('"--oidc-client-id" and "--oidc-scopes" go with "--oidc-issuer"')

    def _check_command(self) -> None:
        """Raise UsageError for a command that cannot be split into words."""
        try:
            words = shlex.split(self.token_command)
        except ValueError as error:
            raise UsageError(f"--token-command: {str(error).lower()}") from error
        if self.token_command and not words:
            raise UsageError("--token-command: there is no command")


def check_issuer(issuer: str) -> None:
    """Raise UsageError for an issuer that no login may be sent to."""
    from oscarcli.login.provider import checked_issuer

    try:
        checked_issuer(issuer)
    except AuthError as error:
        raise UsageError(error.message, hint=error.hint) from error
