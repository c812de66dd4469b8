"""A server's TLS certificate: who signed it, until when it is good, and why it is not trusted."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from oscarcli.network.route import Connection, NetworkRoute, ProbeError, begin_tls, open_connection
from oscarcli.network.tls_alerts import explain_alert
from oscarcli.network.trust import tls_context

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for: an expired certificate can be read, too.
NO_CHECK_TIME = 0x200000
# What OpenSSL's numbers mean: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
NOT_YET, EXPIRED, SELF_SIGNED, SELF_SIGNED_ROOT = 9, 10, 18, 19
UNKNOWN_ISSUERS = (2, 20, 21)
OTHER_NAMES = (62, 63, 64)
WEAK = (66, 67, 68)


@dataclass(frozen=True)
class Certificate:
    """What a server shows.

    Attributes:
        subject: whom it is for, empty when it cannot be told.
        names: hosts that it is for.
        issuer: who signed it, empty when it cannot be told.
        since, until: its first and its last moment, `None` when they cannot be told.
        verify_failure: why it is not trusted, `None` when it is.
        code: OpenSSL's number of that.
    """

    subject: str = ""
    names: tuple[str, ...] = ()
    issuer: str = ""
    since: datetime | None = None
    until: datetime | None = None
    verify_failure: str | None = None
    code: int = 0

    @property
    def kind(self) -> str:
        """Why it is not trusted in one of a few words, empty when it is none of them."""
        kinds = {"expired": (EXPIRED,), "not yet": (NOT_YET,), "self-signed": (SELF_SIGNED, SELF_SIGNED_ROOT)}
        kinds |= {"unknown issuer": UNKNOWN_ISSUERS, "other name": OTHER_NAMES, "weak": WEAK}
        found = next((kind for kind, codes in kinds.items() if self.code in codes), "")
        # Other libraries than OpenSSL have other numbers.
        is_over = self.until is not None and self.until < datetime.now(timezone.utc)
        return found or ("expired" if is_over else "")


def look_at_certificate(route: NetworkRoute, seconds: float) -> Certificate:
    """Return the certificate of a server, judged as requests with the route's TLS settings do.

    Raises:
        ConfigError: the settings name a file that cannot be used.
        ProbeError: there is no connection, or no TLS on it.
    """
    verified = replace(route.tls, verify=True)
    try:
        with _handshake(route, tls_context(verified), seconds) as connection:
            return _certificate(connection)
    except ssl.SSLCertVerificationError as error:
        return untrusted(route, error, seconds)
    except ssl.SSLError as error:
        raise _no_tls(route, error, seconds) from error
    except TimeoutError as error:
        raise ProbeError(
            f"{route.server} takes the connection, but begins no TLS within {seconds:g} s",
            cause="something else than a web server listens there, or it is overloaded",
        ) from error
    except OSError as error:
        raise ProbeError(
            f"{route.server} ends the connection when TLS begins: {error.strerror or error}",
            cause="something else than a web server with TLS listens there",
        ) from error


def untrusted(route: NetworkRoute, error: ssl.SSLCertVerificationError, seconds: float) -> Certificate:
    """Return a certificate that is not trusted, with what it says of itself as far as that can be read.

    Args:
        route: whose it is; it is connected to anew.
        error: what a handshake with the server came to.
        seconds: how long each step may take.
    """
    found = Certificate()
    with contextlib.suppress(OSError, ValueError, ProbeError):
        with _handshake(route, _lenient(), seconds) as connection:
            content = connection.getpeercert(True) or b""
        # Python only reads what it trusts: here this one certificate, at any time and for any host.
        context = _lenient()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=content)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags |= NO_CHECK_TIME
        with _handshake(route, context, seconds) as connection:
            found = _certificate(connection)
    return replace(found, verify_failure=error.verify_message, code=error.verify_code)


def speaks_tls(route: NetworkRoute, seconds: float) -> bool:
    """Tell whether TLS is spoken at a place, trusted or not."""
    try:
        with _handshake(route, _lenient(), seconds):
            return True
    except (OSError, ProbeError):
        return False


def speaks_http(route: NetworkRoute, seconds: float) -> bool:
    """Tell whether HTTP without TLS is spoken at a place."""
    asking = http.client.HTTPConnection(route.host, route.port, timeout=seconds)
    try:
        asking.sock = open_connection(route, seconds)
        asking.request("GET", "/health")
        asking.getresponse()
    except (OSError, ProbeError, http.client.HTTPException):
        return False
    finally:
        asking.close()
    return True


def _handshake(route: NetworkRoute, context: ssl.SSLContext, seconds: float) -> Connection:
    return begin_tls(open_connection(route, seconds), context, route.host)


def _lenient() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A weak one can be told of, too.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _certificate(connection: Connection) -> Certificate:
    found: dict[str, Any] = connection.getpeercert() or {}
    names = tuple(str(name) for _, name in found.get("subjectAltName", ()))
    subject, issuer = _name(found.get("subject", ())), _name(found.get("issuer", ()))
    return Certificate(
        subject.get("commonName") or subject.get("organizationName", ""),
        names or tuple(filter(None, [subject.get("commonName")])),
        issuer.get("organizationName") or issuer.get("commonName", ""),
        _moment(found.get("notBefore")),
        _moment(found.get("notAfter")),
    )


def _name(parts: Any) -> dict[str, str]:
    return {str(key): str(value) for part in parts for key, value in part}


def _moment(text: Any) -> datetime | None:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), timezone.utc) if text else None


def _no_tls(route: NetworkRoute, error: ssl.SSLError, seconds: float) -> ProbeError:
    found = explain_alert(error, route)
    if found is not None:
        reason, hint = found
        return ProbeError(reason, cause="the two sides do not agree on how to speak TLS", hint=hint)
    if speaks_http(route, seconds):
        return ProbeError(
            f"{route.server} speaks HTTP without TLS",
            cause="the endpoint begins with https://, and the server has http://",
            hint=f"store the cluster with the endpoint http://{route.server}",
        )
    return ProbeError(
        f"no TLS with {route.server}: {error.reason or error}",
        cause="something else than a web server listens there, or one of the two sides is too old",
    )
