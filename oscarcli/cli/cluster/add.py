"""`cluster add`: store a cluster and how to log in to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oscarcli.cli.kit.command import noun
from oscarcli.cli.kit.login_options import ClientIdOption, IssuerOption, Login, ScopesOption
from oscarcli.cli.kit.new_login import tried_login
from oscarcli.cli.kit.probe import check_cluster, report_probe
from oscarcli.cli.kit.prompt_secret import PasswordStdinOption, ask_password, ask_refresh_token
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.store_secret import InsecureStorageOption, choose_place, write_entry
from oscarcli.config.environment import IDENTIFIER
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import SecretKind
from oscarcli.errors import ConfigError, OscarError, UsageError

app = noun("Store a cluster.")

STORED = "the cluster is stored"
WAY_OUT = "--force replaces it all the same, and --no-check does not try the login"

IdentifierArgument = Annotated[str, typer.Argument(metavar="IDENTIFIER", help="The cluster's id.")]


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
    not answer or refuses the login; a warning says so. Without a terminal, a login that works is not replaced
    by one that is refused, unless by --force.
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
    cluster = Cluster(
        _checked_identifier(identifier),
        _checked_endpoint(session, endpoint),
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
    entry, answer = _stored(
        session, cluster, login, insecure=insecure_storage, force=force, check=not no_check
    )
    session.line(
        f'Cluster "{identifier}" successfully stored. To modify the default values, '
        f"please edit the file {session.config_path}"
    )
    if no_check:
        return
    if login.is_later:
        session.note(f"log in with 'oscar-cli auth login -c {identifier}'")
    elif answer is not None:
        report_probe(session, entry, STORED, answer)
    else:
        check_cluster(session, entry, STORED)


def _stored(
    session: Session, cluster: Cluster, login: Login, *, insecure: bool, force: bool, check: bool
) -> tuple[Cluster, str | OscarError | None]:
    """Write the entry, and keep its secret: both, or neither.

    Returns:
        The entry as it was written, and what the cluster said to the login if that was tried before.
    """
    session.config_file.require_writable()
    replace_it = _may_replace(session, cluster.identifier, force)
    kind, secret, cluster = _secret_of(session, cluster, login)
    place = choose_place(session, kind, insecure=insecure) if secret else None
    former = session.recorded.clusters.get(cluster.identifier)
    # Nobody sees a warning of a script; on a terminal it comes after a question that was answered.
    is_tried = check and not (login.is_later or force or session.can_ask)
    with (
        tried_login(session, former if is_tried else None, cluster, kind, secret, way_out=WAY_OUT) as tried,
        session.logins.vault.locked(former, cluster),
    ):
        entry = write_entry(
            session, cluster, kind if secret else None, tried.secret, place, replace=replace_it
        )
        tried.keep_access_token(session, entry)
    return entry, tried.answer


def _secret_of(session: Session, cluster: Cluster, login: Login) -> tuple[SecretKind, str, Cluster]:
    """Return what the secret is, the secret, empty where there is none, and the entry it goes with."""
    kind = SecretKind.REFRESH_TOKEN if login.oidc_refresh_token else SecretKind.PASSWORD
    secret = ""
    if login.oidc_refresh_token:
        secret = ask_refresh_token(session, login.oidc_refresh_token)
        cluster = _named_provider(cluster, secret)
    elif login.username:
        secret = ask_password(session, login.username, login.password, from_stdin=login.password_stdin)
    return kind, secret, cluster


def _checked_identifier(identifier: str) -> str:
    """Return a cluster's id. Raises UsageError for one that would not be found again."""
    if identifier in ("", IDENTIFIER):
        raise UsageError(f'"{identifier}" is not an id for a cluster')
    return identifier


def _checked_endpoint(session: Session, endpoint: str) -> str:
    """Return an endpoint as it is to be stored. Raises UsageError for one that is not where requests go."""
    from oscarcli.http.address import new_endpoint

    try:
        found = new_endpoint(endpoint)
    except ConfigError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if found != endpoint:
        session.note(f'taking the endpoint "{endpoint}" for {found}')
    return found


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
