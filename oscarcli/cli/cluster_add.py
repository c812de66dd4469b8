"""`cluster add`: store a cluster and how to log in to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.framework import noun
from oscarcli.cli.secret_place import InsecureStorageOption, forget_former, with_secret_kept
from oscarcli.cli.session import Session
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import Kind
from oscarcli.errors import ConfigError, OscarError, UnreachableError, UsageError

if TYPE_CHECKING:
    from oscarcli.api.login.logins import Logins

app = noun("Store a cluster.")

# `cluster add` looks at the new cluster for at most so long: scripts add clusters before they are up.
CHECK_SECONDS = 3.0

IdentifierArgument = Annotated[str, typer.Argument(metavar="IDENTIFIER", help="The cluster's id.")]
PasswordStdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
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
    )
    login.check()
    _check_endpoint(endpoint)
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
    """Write the entry, and keep its secret."""
    identifier = cluster.identifier
    replace_it = _may_replace(session, identifier, force)
    former = session.config.clusters.get(identifier)
    if login.oidc_refresh_token:
        token = _refresh_token(session, login.oidc_refresh_token)
        cluster = _named_provider(session, cluster, token)
        cluster = with_secret_kept(session, cluster, Kind.REFRESH_TOKEN, token, insecure=insecure)
    elif login.username:
        password = _password(session, login)
        cluster = with_secret_kept(session, cluster, Kind.PASSWORD, password, insecure=insecure)
    if not session.config_file.put(cluster, replace=replace_it):
        raise OscarError(f'the cluster "{identifier}" exists already', hint="replace it with --force")
    forget_former(session, former, cluster)
    session.line(
        f'Cluster "{identifier}" successfully stored. To modify the default values, '
        f"please edit the file {session.config_path}"
    )


def _check_endpoint(endpoint: str) -> None:
    from oscarcli.api.address import base_url, has_login

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
    is_there = identifier in session.config.clusters
    if force or not session.can_ask:
        if is_there and not force:
            session.note(f'replacing the cluster "{identifier}", which exists already')
        return True
    if is_there and not session.confirm(f'The cluster "{identifier}" exists already. Replace it?'):
        raise OscarError(f'the cluster "{identifier}" is left as it was')
    return is_there


def _password(session: Session, login: Login) -> str:
    if login.password is not None:
        session.warn(
            "the password on the command line is in the shell's history, and others here can see it; "
            "leave it away to be asked, or pipe it in with --password-stdin"
        )
        return login.password
    return ask_password(session, login.username or "", from_stdin=login.password_stdin)


def ask_password(session: Session, user: str, *, from_stdin: bool) -> str:
    """Return a password from standard input or from a person. Raises UsageError when there is neither."""
    if from_stdin:
        return stdin_secret(session)
    if not session.can_ask:
        raise UsageError(
            "you must provide the password",
            hint="pipe it in with --password-stdin, or run this on a terminal",
        )
    return session.ask_secret(f"Password of {user}: ")


def _refresh_token(session: Session, given: str) -> str:
    if given != "-":
        session.warn(
            "the refresh token on the command line is in the shell's history, and others here can see it; "
            "-t - asks for it, or reads it from standard input"
        )
        return given
    return session.ask_secret("Refresh token: ") if session.can_ask else stdin_secret(session)


def stdin_secret(session: Session) -> str:
    """Return a secret that is piped in, without the end of its line. Raises UsageError."""
    try:
        return session.read_stdin().decode().strip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError("what came on standard input is not UTF-8 text") from error


def _named_provider(session: Session, cluster: Cluster, token: str) -> Cluster:
    """Return an entry that names the provider and client of its refresh token, where the token tells them."""
    named = with_provider(cluster, token)
    if not (named.oidc_issuer and named.oidc_client_id):
        session.warn(
            "the refresh token does not tell its provider and client; "
            "--oidc-issuer and --oidc-client-id name them"
        )
    return named


def with_provider(cluster: Cluster, token: str) -> Cluster:
    """Return an entry with the provider and client that a refresh token names, unless it names others."""
    from oscarcli.api.login.jwt import text_claim

    return replace(
        cluster,
        oidc_issuer=cluster.oidc_issuer or text_claim(token, "iss"),
        oidc_client_id=cluster.oidc_client_id or text_claim(token, "azp", "client_id"),
    )


def look(session: Session, cluster: Cluster, done: str) -> None:
    """Ask a cluster for its version, to tell early what would fail later.

    Args:
        session: the run.
        cluster: its entry.
        done: what was done already, for the warning.
    """
    session.warn_unverified(cluster)
    seconds = min(session.timeout or CHECK_SECONDS, CHECK_SECONDS)
    answers: Queue[str | OscarError] = Queue()
    logins = session.logins
    # In a thread, for neither the resolver of names nor a server that drips keeps to a time limit.
    Thread(target=lambda: answers.put(_version(cluster, logins, seconds)), daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        answer = UnreachableError(f"the cluster gave no whole answer within {seconds:g} s")
    if isinstance(answer, OscarError):
        session.warn(f"{done}, but: {answer.message}")
    else:
        session.verbose_note(f"the cluster answers; its version is {answer}")


def _version(cluster: Cluster, logins: Logins, seconds: float) -> str | OscarError:
    from oscarcli.api.auth import auth_for
    from oscarcli.api.client import Client
    from oscarcli.api.system import get_info

    try:
        with Client(cluster.endpoint, auth_for(cluster, logins), tls=cluster.tls, retries=False) as client:
            return str(get_info(client, seconds=seconds).get("version"))
    except OscarError as error:
        return error
    except Exception as error:  # noqa: BLE001 -- the cluster is stored; nothing here may look like a failure
        return OscarError(f"{type(error).__name__}: {error}")
