"""`auth login`: log in to a cluster on record, with a password or at an OpenID Connect provider."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from oscarcli.cli.auth.provider_login import log_in_at_provider
from oscarcli.cli.kit.command import TABLE_FORMATS, noun
from oscarcli.cli.kit.login_options import ClientIdOption, IssuerOption, ScopesOption, check_issuer
from oscarcli.cli.kit.new_login import require_better, tried_login
from oscarcli.cli.kit.probe import check_cluster, probe, report_probe
from oscarcli.cli.kit.prompt_secret import PasswordStdinOption, ask_password
from oscarcli.cli.kit.session import Session
from oscarcli.cli.kit.store_secret import InsecureStorageOption, choose_place, write_entry
from oscarcli.config.model import Cluster
from oscarcli.config.secrets import SecretKind
from oscarcli.errors import AuthError, OscarError, UsageError

if TYPE_CHECKING:
    from oscarcli.login.tokens import Grant

app = noun("Log in to a cluster.")

LAST_PORT = 65535
STORED = "the login is stored"
WAY_OUT = "--force replaces it all the same"


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
    force: Annotated[
        bool, typer.Option("--force", help="Replace the login also by one that the cluster refuses.")
    ] = False,
) -> None:
    """Log in to a cluster on record.

    At a cluster that knows an OpenID Connect provider a browser is opened, or a code is shown with --device;
    at any other one the password is asked for. What is kept of it goes into the keyring of the operating
    system when one answers. The login is stored even when the cluster does not answer or refuses it; a
    warning says so. Without a terminal, a login that works is not replaced by one that is refused, unless by
    --force.
    """
    session: Session = ctx.obj
    former = on_record(session)
    session.config_file.require_writable()
    # Nobody sees a warning of a script.
    is_tried = not (force or session.can_ask)
    _require_login_here(former, is_new=bool(oidc_issuer))
    if oidc_issuer or former.login == "refresh-token":
        if password_stdin:
            raise UsageError('the cluster logs in by OpenID Connect: "--password-stdin" does not go with it')
        wanted = _at_provider(former, oidc_issuer, oidc_client_id, oidc_scopes)
        grant = log_in_at_provider(session, wanted, device=device, port=port)
        _keep_grant(session, former, wanted, grant, insecure=insecure_storage, is_tried=is_tried)
    else:
        if device or oidc_client_id or oidc_scopes or port:
            raise UsageError(
                f'the cluster "{former.identifier}" knows no OpenID Connect provider',
                hint="name it with --oidc-issuer and --oidc-client-id",
            )
        _keep_password(
            session, former, from_stdin=password_stdin, insecure=insecure_storage, is_tried=is_tried
        )


def _at_provider(cluster: Cluster, issuer: str, client_id: str, scopes: str) -> Cluster:
    """Return an entry that logs in at a provider and in no other way."""
    from oscarcli.login.token_store import with_provider

    if issuer:
        check_issuer(issuer)
    cluster = with_provider(cluster, cluster.oidc_refresh_token)
    return replace(
        cluster,
        auth_user="",
        auth_password="",
        oidc_account_name="",
        oidc_refresh_token="",
        token_command="",
        oidc_issuer=issuer or cluster.oidc_issuer,
        oidc_client_id=client_id or cluster.oidc_client_id,
        oidc_scopes=scopes or cluster.oidc_scopes,
    )


def _keep_grant(
    session: Session, former: Cluster, wanted: Cluster, grant: Grant, *, insecure: bool, is_tried: bool
) -> None:
    """Keep what a provider gave.

    The token it takes the place of is not made void: to some providers both are one login, and both would be.
    """
    from oscarcli.login.token_store import from_refresh_token

    if not grant.refresh_token:
        session.warn(
            "the provider gave no refresh token: the login ends with its access token; "
            "--oidc-scopes 'openid offline_access' asks for a lasting one"
        )
    kind = SecretKind.REFRESH_TOKEN if grant.refresh_token else None
    place = choose_place(session, kind, insecure=insecure) if kind is not None else None
    if is_tried:
        answer = probe(session, wanted, access_token=grant.access.value)
        require_better(session, former, answer, WAY_OUT)
    with session.logins.vault.locked(former, wanted):
        entry = _current(session, former, wanted)
        entry = write_entry(session, entry, kind, grant.refresh_token, place)
        tokens = from_refresh_token(entry, session.logins)
        tokens.keep(grant.access)
    _tell(session, entry)
    report_probe(session, entry, STORED, answer if is_tried else probe(session, entry, tokens=tokens))


def _keep_password(
    session: Session, cluster: Cluster, *, from_stdin: bool, insecure: bool, is_tried: bool
) -> None:
    """Ask for a password and keep it."""
    if not cluster.auth_user:
        raise UsageError(
            f'the cluster "{cluster.identifier}" has neither a user nor an OpenID Connect provider',
            hint="name a provider with --oidc-issuer and --oidc-client-id, or a user with "
            f"'oscar-cli cluster add {cluster.identifier} {cluster.shown_endpoint} USERNAME --force'",
        )
    password = ask_password(session, cluster.auth_user, None, from_stdin=from_stdin)
    place = choose_place(session, SecretKind.PASSWORD, insecure=insecure)
    former = cluster if is_tried else None
    with tried_login(session, former, cluster, SecretKind.PASSWORD, password, way_out=WAY_OUT) as tried:
        entry = _current(session, cluster, cluster)
        entry = write_entry(session, entry, SecretKind.PASSWORD, password, place)
    _tell(session, entry)
    if tried.answer is not None:
        report_probe(session, entry, STORED, tried.answer)
    else:
        check_cluster(session, entry, STORED)


def _current(session: Session, former: Cluster, wanted: Cluster) -> Cluster:
    """Return the entry with a new login, and with all else as it is now.

    Raises:
        OscarError: the cluster was changed or removed since the login began.
    """
    now = session.config_file.read().clusters.get(former.identifier)
    if now is None or now.endpoint != former.endpoint:
        raise OscarError(
            f'the cluster "{former.identifier}" was changed meanwhile; the login was not stored',
            hint=f"log in again: 'oscar-cli auth login -c {former.identifier}'",
        )
    return replace(
        wanted,
        ssl_verify=now.ssl_verify,
        ca_file=now.ca_file,
        client_cert=now.client_cert,
        client_key=now.client_key,
    )


def _tell(session: Session, cluster: Cluster) -> None:
    document = {"cluster": cluster.identifier, "login": cluster.login}
    session.done(f'Logged in to cluster "{cluster.identifier}"', document)


def on_record(session: Session) -> Cluster:
    """Return the chosen cluster as the file has it. Raises UsageError for that of the environment."""
    from oscarcli.api.auth import effective
    from oscarcli.config.environment import IDENTIFIER

    identifier = session.cluster_id
    if identifier == IDENTIFIER:
        raise UsageError(
            "the login of OSCAR_CLI_ENDPOINT is given by the environment",
            hint="name a cluster on record with --cluster ID, or set and unset the variables",
        )
    return effective(session.recorded.cluster(identifier), session.logins)


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
