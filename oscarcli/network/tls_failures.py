"""Why TLS failed, in words: which certificate, what is wrong with it, and what to do."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

from oscarcli.config.model import TlsSettings
from oscarcli.errors import OscarError
from oscarcli.network.certificate import Certificate, look_at_certificate, untrusted
from oscarcli.network.route import NetworkRoute, begin_tls, open_connection
from oscarcli.network.tls_alerts import CA_HINT, explain_alert, plain_reason
from oscarcli.network.trust import tls_context
from oscarcli.threads import within

# For one step of looking at a certificate that was refused, and for all of them.
STEP_SECONDS = 2.0
ALL_SECONDS = 4.0
# For a server to refuse our certificate after the handshake; it does so at once.
ALERT_SECONDS = 1.0
MAX_NAMES = 5

# A connection that was closed in the middle; what the server said before it may be lost.
CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


def explain_tls(causes: Iterable[BaseException], route: NetworkRoute) -> tuple[str, str] | None:
    """Return the reason and the hint for a failed exchange, `None` when it was not TLS that failed.

    It may connect anew, to see what is refused; whatever goes wrong then only makes the words fewer.

    Args:
        causes: the failure and what it came from.
        route: where the exchange went.
    """
    chain = list(causes)
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(*_within_limits(route, cause))
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            lost = explain_break(route) if isinstance(cause, CUT) else None
            return explain_alert(cause, route) or lost or _no_tls(cause, route)
    return None


def lasting_causes(causes: Iterable[BaseException]) -> list[BaseException]:
    """Return causes that another try does not mend; a connection cut in the middle is none."""
    return [cause for cause in causes if not isinstance(cause, CUT)]


def explain_break(route: NetworkRoute) -> tuple[str, str] | None:
    """Return why a server broke a connection after the handshake, if it was for the client certificate.

    A refusal is lost when the server closes the connection with a part of the request unread.
    """
    if not route.is_tls:
        return None
    try:
        connection = begin_tls(open_connection(route, STEP_SECONDS), tls_context(route.tls), route.host)
    except (OSError, OscarError):
        return None
    try:
        connection.settimeout(ALERT_SECONDS)
        connection.recv(1)
    except ssl.SSLError as error:
        return explain_alert(error, route)
    except OSError:
        return None
    finally:
        connection.close()
    return None


def _no_tls(error: ssl.SSLError, route: NetworkRoute) -> tuple[str, str]:
    return f"no TLS connection to {route.server}: {plain_reason(error)}", "is it perhaps http:// there?"


def _within_limits(
    route: NetworkRoute, error: ssl.SSLCertVerificationError
) -> tuple[Certificate, NetworkRoute]:
    """Return what can be found out about a certificate in a few seconds, and whose it is."""
    try:
        return within(ALL_SECONDS, lambda: _refused(route, error))
    except Exception:  # noqa: BLE001 -- to look must never hide what is looked into
        return Certificate(verify_failure=error.verify_message, code=error.verify_code), route


def _refused(route: NetworkRoute, error: ssl.SSLCertVerificationError) -> tuple[Certificate, NetworkRoute]:
    """Return the certificate that was refused: the server's, or that of a proxy that speaks TLS itself."""
    proxy = route.proxy
    if proxy is not None and proxy.scheme == "https":
        own = NetworkRoute(proxy.host, proxy.port, is_tls=True, tls=TlsSettings(ca_file=route.tls.ca_file))
        found = look_at_certificate(own, STEP_SECONDS)
        if found.verify_failure is not None:
            return found, own
    return untrusted(route, error, STEP_SECONDS), route


def _untrusted(found: Certificate, route: NetworkRoute) -> tuple[str, str]:
    reason = f"the TLS certificate of {route.server} is not trusted: {distrust_reason(found)}"
    described = ", ".join(described_parts(found))
    return f"{reason} ({described})" if described else reason, trust_hint(found, route)


def distrust_reason(found: Certificate) -> str:
    """Return in words why a certificate is not trusted."""
    return {
        "expired": "it has expired",
        "not yet": "it is not yet valid",
        "self-signed": "it is self-signed",
        "unknown issuer": "nobody that this machine trusts signed it",
        "other name": "it is for another name",
        "weak": "it is too weak",
    }.get(found.kind, "") + (f": {found.verify_failure}" if found.kind in ("weak", "") else "")


def described_parts(found: Certificate) -> Iterator[str]:
    """Yield what a certificate says of itself: whom it is for, who signed it, from and until when."""
    if any(found.names):
        rest = len(found.names) - MAX_NAMES
        yield f"for {' '.join(found.names[:MAX_NAMES])}{f' and {rest} more' if rest > 0 else ''}"
    if found.subject and found.subject not in found.names:
        yield f"subject {found.subject}"
    if found.issuer:
        yield f"signed by {found.issuer}"
    if found.since is not None and found.since > datetime.now(timezone.utc):
        yield f"valid from {found.since:%Y-%m-%d %H:%M} UTC"
    if found.until is not None:
        yield f"until {found.until:%Y-%m-%d}"


def trust_hint(found: Certificate, route: NetworkRoute) -> str:
    """Return what to do about a certificate that is not trusted."""
    now = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    if found.kind == "expired":
        return f"tell whoever runs the server to renew it, unless this machine's clock is wrong ({now})"
    if found.kind == "not yet":
        return f"set this machine's clock if it is wrong: it says {now}"
    if found.kind == "other name":
        return "use a name that it is for, or check that this is the right server"
    if found.kind == "weak":
        return "tell whoever runs the server"
    if route.tls.ca_file:
        return (
            f"the certificates in {route.tls.ca_file} do not vouch for it: ask whoever runs the server for "
            f"the right one, then {CA_HINT}"
        )
    return f"if you know whose it is, trust the certificate of its authority: {CA_HINT}"
