"""A login at an OpenID Connect provider, as a person goes through it: with a browser, or with a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oscarcli.cli.kit.browser import has_opened
from oscarcli.cli.kit.session import Session
from oscarcli.config.model import Cluster
from oscarcli.errors import AuthError, ConfigError

if TYPE_CHECKING:
    from oscarcli.login.device import DeviceCode
    from oscarcli.login.tokens import Grant

# How long a person may take at the provider's pages, in seconds.
MAX_LOGIN_SECONDS = 300.0


def log_in_at_provider(session: Session, cluster: Cluster, *, device: bool, port: int) -> Grant:
    """Log in at the provider that an entry names, and return what it gave.

    Args:
        session: the run.
        cluster: the entry, with issuer and client id.
        device: whether a code is shown instead of opening a browser.
        port: where the browser comes back to; any if 0.

    Raises:
        ConfigError: the entry names no provider or client.
        AuthError: the provider refused, or nobody logged in in time.
        UnreachableError: the provider does not answer.
    """
    named = {"--oidc-issuer": cluster.oidc_issuer, "--oidc-client-id": cluster.oidc_client_id}
    lacking = [option for option, value in named.items() if not value]
    if lacking:
        raise ConfigError(
            f'it is not known where the cluster "{cluster.identifier}" logs in',
            hint=f"name it with {' and '.join(lacking)}",
        )
    try:
        grant = _granted(session, cluster, device=device, port=port)
    except AuthError as error:
        way = " --device" if device else ""
        error.hint = error.hint or f"try again: 'oscar-cli auth login -c {cluster.identifier}{way}'"
        raise
    session.logins.hide(grant.access.value)
    session.logins.hide(grant.refresh_token)
    return grant


def _granted(session: Session, cluster: Cluster, *, device: bool, port: int) -> Grant:
    from oscarcli.login.browser import log_in_by_browser
    from oscarcli.login.device import log_in_by_device
    from oscarcli.login.provider import discover
    from oscarcli.login.token_store import provider_connection

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
            open_browser=has_opened,
            show=lambda url: session.note(f"Log in with a browser: {url}"),
            port=port,
            seconds=session.timeout or MAX_LOGIN_SECONDS,
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
