"""`auth login`: log in to a cluster on record, with a password or at an OpenID Connect provider."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.cluster_add import (
    ClientIdOption,
    IssuerOption,
    PasswordStdinOption,
    ScopesOption,
    ask_password,
    look,
    with_provider,
)
from oscarcli.cli.framework import TABLE_FORMATS, noun
from oscarcli.cli.secret_place import InsecureStorageOption, forget_former, with_secret_kept
from oscarcli.cli.session import Session
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import Kind
from oscarcli.errors import AuthError, ConfigError, UsageError

if TYPE_CHECKING:
    from oscarcli.api.login.device import DeviceCode
    from oscarcli.api.login.tokens import Grant

app = noun("Log in to a cluster.")

LAST_PORT = 65535


@app.command("login", formats=TABLE_FORMATS)
def login(
    ctx: typer.Context,
    device: Annotated[
        bool,
        typer.Option(
            "--device", help="Show a code to type on another device, for machines without a browser."
        ),
    ] = False,
    oidc_issuer: IssuerOption = "",
    oidc_client_id: ClientIdOption = "",
    oidc_scopes: ScopesOption = "",
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="NUMBER",
            min=0,
            max=LAST_PORT,
            help="Where the browser comes back to; any if 0.",
        ),
    ] = 0,
    password_stdin: PasswordStdinOption = False,
    insecure_storage: InsecureStorageOption = False,
) -> None:
    """Log in to a cluster on record.

    At a cluster that knows an OpenID Connect provider a browser is opened, or a code is shown with --device;
    at any other one the password is asked for. What is kept of it goes into the keyring of the operating
    system when one answers.
    """
    from oscarcli.api.login.kept import from_refresh_token

    session: Session = ctx.obj
    former = on_record(session)
    wanted = replace(
        former,
        oidc_issuer=oidc_issuer or former.oidc_issuer,
        oidc_client_id=oidc_client_id or former.oidc_client_id,
        oidc_scopes=oidc_scopes or former.oidc_scopes,
    )
    _require_login_here(former, is_new=bool(oidc_issuer))
    if oidc_issuer or former.login == "refresh-token":
        if password_stdin:
            raise UsageError('the cluster logs in by OpenID Connect: "--password-stdin" does not go with it')
        cluster, grant = _by_provider(session, wanted, device=device, port=port, insecure=insecure_storage)
    else:
        if device or oidc_client_id or oidc_scopes or port:
            raise UsageError(
                f'the cluster "{former.identifier}" knows no OpenID Connect provider',
                hint="name it with --oidc-issuer and --oidc-client-id",
            )
        cluster = _by_password(session, former, from_stdin=password_stdin, insecure=insecure_storage)
        grant = None
    session.config_file.put(cluster)
    forget_former(session, former, cluster)
    if grant is not None:
        from_refresh_token(cluster, session.logins).keep(grant.access)
    session.done(
        f'Logged in to cluster "{cluster.identifier}"',
        {"cluster": cluster.identifier, "login": cluster.login},
    )
    look(session, cluster, "the login is stored")


def on_record(session: Session) -> Cluster:
    """Return the chosen cluster as the file has it. Raises UsageError for that of the environment."""
    from oscarcli.config.environment import IDENTIFIER

    identifier = session.cluster_id
    if identifier == IDENTIFIER:
        raise UsageError(
            "the login of OSCAR_CLI_ENDPOINT is given by the environment",
            hint="name a cluster on record with --cluster ID, or set and unset the variables",
        )
    return session.config_file.read().cluster(identifier)


def _require_login_here(cluster: Cluster, *, is_new: bool) -> None:
    """Raise AuthError for a cluster whose login is made elsewhere."""
    if is_new:
        return
    name = cluster.oidc_account_name
    elsewhere = {
        "oidc-agent": f"log in there: 'oidc-gen --reauthenticate {name}', then 'oidc-add {name}'",
        "token-command": f"the login is made by its command: {cluster.token_command.partition(' ')[0]}",
    }
    if cluster.login in elsewhere:
        raise AuthError(
            f'the cluster "{cluster.identifier}" logs in by {cluster.login}', hint=elsewhere[cluster.login]
        )


def _by_password(session: Session, cluster: Cluster, *, from_stdin: bool, insecure: bool) -> Cluster:
    if not cluster.auth_user:
        raise UsageError(
            f'the cluster "{cluster.identifier}" has neither a user nor an OpenID Connect provider',
            hint="name a provider with --oidc-issuer and --oidc-client-id, or a user with "
            f"'oscar-cli cluster add {cluster.identifier} {cluster.endpoint} USERNAME --force'",
        )
    password = ask_password(session, cluster.auth_user, from_stdin=from_stdin)
    if not password:
        raise UsageError("the password is empty")
    return with_secret_kept(session, cluster, Kind.PASSWORD, password, insecure=insecure)


def _by_provider(
    session: Session, cluster: Cluster, *, device: bool, port: int, insecure: bool
) -> tuple[Cluster, Grant]:
    """Log in at a provider, keep the refresh token, and return the entry to be written and all it gave."""
    known = with_provider(cluster, cluster.oidc_refresh_token)
    lacking = [
        option
        for option, value in (
            ("--oidc-issuer", known.oidc_issuer),
            ("--oidc-client-id", known.oidc_client_id),
        )
        if not value
    ]
    if lacking:
        raise ConfigError(
            f'it is not known where the cluster "{cluster.identifier}" logs in',
            hint=f"name it with {' and '.join(lacking)}",
        )
    try:
        grant = _granted(session, known, device=device, port=port)
    except AuthError as error:
        way = " --device" if device else ""
        error.hint = error.hint or f"try again: 'oscar-cli auth login -c {cluster.identifier}{way}'"
        raise
    session.logins.hide(grant.access.value)
    plain = replace(
        known, auth_user="", auth_password="", oidc_refresh_token="", token_command="", oidc_account_name=""
    )
    if grant.refresh_token:
        kept = with_secret_kept(session, plain, Kind.REFRESH_TOKEN, grant.refresh_token, insecure=insecure)
    else:
        session.warn(
            "the provider gave no refresh token: the login ends with its access token; "
            "--oidc-scopes 'openid offline_access' asks for a lasting one"
        )
        kept = plain
    return kept, grant


def _granted(session: Session, cluster: Cluster, *, device: bool, port: int) -> Grant:
    from oscarcli.api.login.browser import log_in_by_browser
    from oscarcli.api.login.device import log_in_by_device
    from oscarcli.api.login.kept import provider_connection
    from oscarcli.api.login.provider import discover

    client, scopes, trace = cluster.oidc_client_id, cluster.oidc_scopes, session.logins.trace
    with provider_connection(cluster.oidc_issuer, cluster) as connection:
        provider = discover(cluster.oidc_issuer, connection, trace=trace)
    with provider_connection(provider.token_endpoint, cluster) as connection:
        if device:
            return log_in_by_device(
                provider, client, scopes, connection, show=lambda code: _show(session, code), trace=trace
            )
        return log_in_by_browser(
            provider,
            client,
            scopes,
            connection,
            open_browser=_open_browser,
            show=lambda url: session.note(f"Log in with a browser: {url}"),
            port=port,
            seconds=session.timeout or 300,
            trace=trace,
        )


def _show(session: Session, code: DeviceCode) -> None:
    """Show where to go and what to type there, with a picture for a telephone's camera on a terminal."""
    terminal = session.diagnostics.terminal
    address = code.verification_uri_complete or code.verification_uri
    if terminal.is_terminal:
        from oscarcli.output.qr import qr_columns, qr_lines

        if qr_columns(address) <= (terminal.width or 0):
            # As they are: a note would show their colours as text.
            terminal.write("\n".join(qr_lines(address)) + "\n")
    session.note(f"Open {code.verification_uri} and type the code {code.user_code}")
    if code.verification_uri_complete:
        session.note(f"or open {address}")


def _open_browser(url: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
