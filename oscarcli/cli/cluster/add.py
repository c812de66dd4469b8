"""`cluster add`: store a cluster and how to log in to it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.probe import look
from oscarcli.cli.kit.prompt_secret import PasswordStdinOption, password_of, refresh_token_of
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.store_secret import InsecureStorageOption, choose_place, write_entry
from oscarcli.config.environment import IDENTIFIER
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import Kind
from oscarcli.errors import AuthError, ConfigError, OscarError, UsageError

app = noun("Store a cluster.")

IdentifierArgument = Annotated[str, typer.Argument(metavar="IDENTIFIER", help="The cluster's id.")]
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


@app.command("add, a")
def add(
    ctx: typer.Context,
    identifier: IdentifierArgument,
    endpoint: Annotated[str, typer.Argument(help="URL, such as https://oscar.example.org.")],
    username: Annotated[str | None, typer.Argument(help="User for basic authentication.")] = None,
    password: Annotated[
        str | None, typer.Argument(help="Its password; asked for when missing. Other users can see it here.")
    ] = None,
    disable_ssl: Annotated[
        bool, typer.Option("--disable-ssl", help="Do not verify the server's TLS certificate.")
    ] = False,
    password_stdin: PasswordStdinOption = False,
    oidc_account_name: Annotated[
        str,
        typer.Option(
            "--oidc-account-name", "-o", metavar="NAME", help="Account of oidc-agent to log in with."
        ),
    ] = "",
    oidc_refresh_token: Annotated[
        str,
        typer.Option(
            "--oidc-refresh-token",
            "-t",
            metavar="TOKEN",
            help="OpenID Connect refresh token to log in with; - asks for it, or reads standard input.",
        ),
    ] = "",
    oidc_issuer: IssuerOption = "",
    oidc_client_id: ClientIdOption = "",
    oidc_scopes: ScopesOption = "",
    token_command: Annotated[
        str, typer.Option("--token-command", metavar="COMMAND", help="Program that prints an access token.")
    ] = "",
    ca_file: Annotated[
        Path | None, typer.Option("--ca-file", help="Certificates to trust beside the system's, in PEM.")
    ] = None,
    client_cert: Annotated[
        Path | None, typer.Option("--client-cert", help="Certificate to show to the server, in PEM.")
    ] = None,
    client_key: Annotated[
        Path | None, typer.Option("--client-key", help="Its key, where the certificate's file has none.")
    ] = None,
    insecure_storage: InsecureStorageOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a cluster of that id unasked.")] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not look whether the cluster answers.")
    ] = False,
) -> None:
    """Store a cluster and how to log in to it.

    The password or refresh token goes into the keyring of the operating system when one answers. With
    --oidc-issuer alone, 'oscar-cli auth login' logs in afterwards. The cluster is stored even when it does
    not answer or refuses the login; a warning says so.
    """
    session: Session = ctx.obj
    login = Login(
        username,
        password,
        password_stdin,
        oidc_account_name,
        oidc_refresh_token,
        token_command,
        oidc_issuer,
        oidc_client_id,
        oidc_scopes,
    )
    login.check()
    _check_names(identifier, endpoint)
    cluster = Cluster(
        identifier,
        endpoint,
        auth_user=username or "",
        oidc_account_name=oidc_account_name,
        ssl_verify=not disable_ssl,
        token_command=token_command,
        oidc_issuer=oidc_issuer,
        oidc_client_id=oidc_client_id,
        oidc_scopes=oidc_scopes,
        ca_file=_absolute(ca_file),
        client_cert=_absolute(client_cert),
        client_key=_absolute(client_key),
    )
    _check_files(cluster)
    _store(session, cluster, login, insecure=insecure_storage, force=force)
    if no_check:
        return
    if login.oidc_issuer and not login.oidc_refresh_token:
        session.note(f"log in with 'oscar-cli auth login -c {identifier}'")
    else:
        look(session, session.config_file.read().cluster(identifier), "the cluster is stored")


def _store(session: Session, cluster: Cluster, login: Login, *, insecure: bool, force: bool) -> None:
    """Write the entry, and keep its secret: both, or neither."""
    identifier = cluster.identifier
    session.config_file.require_writable()
    replace_it = _may_replace(session, identifier, force)
    kind = Kind.REFRESH_TOKEN if login.oidc_refresh_token else Kind.PASSWORD
    secret = ""
    if login.oidc_refresh_token:
        secret = refresh_token_of(session, login.oidc_refresh_token)
        cluster = _named_provider(cluster, secret)
    elif login.username:
        secret = password_of(session, login.username, login.password, from_stdin=login.password_stdin)
    place = choose_place(session, kind, insecure=insecure) if secret else None
    with session.logins.vault.locked(session.recorded.clusters.get(identifier), cluster):
        write_entry(session, cluster, kind if secret else None, secret, place, replace=replace_it)
    session.line(
        f'Cluster "{identifier}" successfully stored. To modify the default values, '
        f"please edit the file {session.config_path}"
    )


def _check_names(identifier: str, endpoint: str) -> None:
    """Raise UsageError for an id or an endpoint that would not be found again."""
    from oscarcli.http.address import base_url, has_login

    if identifier in ("", IDENTIFIER):
        raise UsageError(f'"{identifier}" is not an id for a cluster')
    try:
        base_url(endpoint)
    except ConfigError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if has_login(endpoint):
        raise UsageError("the endpoint's URL holds a user or a password; give them as arguments of their own")


def _absolute(path: Path | None) -> str:
    # The program is run from other folders later.
    return str(path.expanduser().absolute()) if path is not None else ""


def _check_files(cluster: Cluster) -> None:
    """Raise ConfigError for certificates that cannot be used, before anything is stored."""
    if cluster.client_key and not cluster.client_cert:
        raise UsageError("--client-key goes with --client-cert")
    if cluster.ca_file or cluster.client_cert:
        from oscarcli.network.trust import tls_context

        tls_context(cluster.tls)


def _may_replace(session: Session, identifier: str, force: bool) -> bool:
    """Tell whether an entry of this id may be replaced; a person is asked, a script is told."""
    is_there = identifier in session.recorded.clusters
    if force or not session.can_ask:
        if is_there and not force:
            session.note(f'replacing the cluster "{identifier}", which exists already')
        return True
    if is_there and not session.confirm(f'The cluster "{identifier}" exists already. Replace it?'):
        raise OscarError(f'the cluster "{identifier}" is left as it was')
    return is_there


def _named_provider(cluster: Cluster, token: str) -> Cluster:
    """Return an entry that names the provider and client of its refresh token, where the token tells them.

    Raises:
        UsageError: nobody tells them.
    """
    from oscarcli.login.token_store import with_provider

    named = with_provider(cluster, token)
    if not (named.oidc_issuer and named.oidc_client_id):
        raise UsageError(
            "the refresh token does not tell its provider and client",
            hint="--oidc-issuer and --oidc-client-id name them",
        )
    return named
