"""A server's TLS certificate: who signed it, until when it is good, and why it is not trusted."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from oscarcli.api.probe import ProbeError, Route, reach

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for: an expired certificate can be read, too.
NO_CHECK_TIME = 0x200000
# What OpenSSL's numbers mean: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
NOT_YET, EXPIRED, SELF_SIGNED, SELF_SIGNED_ROOT = 9, 10, 18, 19
UNKNOWN_ISSUERS = (2, 20, 21)
OTHER_NAMES = (62, 63, 64)


@dataclass(frozen=True)
class Certificate:
    """What a server shows.

    Attributes:
        names: hosts that it is for.
        issuer: who signed it, empty when it cannot be told.
        until: its last moment, `None` when it cannot be told.
        mistrust: why it is not trusted, `None` when it is.
        code: OpenSSL's number of that.
    """

    names: tuple[str, ...] = ()
    issuer: str = ""
    until: datetime | None = None
    mistrust: str | None = None
    code: int = 0
    protocol: str = field(default="", compare=False)


def look_at_certificate(route: Route, seconds: float) -> Certificate:
    """Return the certificate of a server.

    Certificates to trust are those that requests go by: SSL_CERT_FILE, SSL_CERT_DIR, or the usual ones.

    Raises:
        ProbeError: there is no connection, or no TLS on it.
    """
    import httpx

    try:
        with _handshake(route, httpx.create_ssl_context(), seconds) as connection:
            return _certificate(connection)
    except ssl.SSLCertVerificationError as error:
        return _untrusted(route, error, seconds)
    except ssl.SSLError as error:
        raise _no_tls(route, error, seconds) from error
    except TimeoutError as error:
        raise ProbeError(
            f"{route.host}:{route.port} takes the connection, but begins no TLS within {seconds:g} s",
            cause="something else than a web server listens there, or it is overloaded",
        ) from error
    except OSError as error:
        raise ProbeError(
            f"{route.host}:{route.port} ends the connection when TLS begins: {error.strerror or error}",
            cause="something else than a web server with TLS listens there",
        ) from error


def speaks_tls(route: Route, seconds: float) -> bool:
    """Tell whether TLS is spoken at a place, trusted or not."""
    try:
        with _handshake(route, _lenient(), seconds):
            return True
    except (OSError, ProbeError):
        return False


def _handshake(route: Route, context: ssl.SSLContext, seconds: float) -> ssl.SSLSocket:
    connection = reach(route, seconds)
    try:
        return context.wrap_socket(connection, server_hostname=route.host)
    except BaseException:
        connection.close()
        raise


def _lenient() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _certificate(connection: ssl.SSLSocket) -> Certificate:
    found: dict[str, Any] = connection.getpeercert() or {}
    names = tuple(str(name) for _, name in found.get("subjectAltName", ()))
    issuer = {key: value for part in found.get("issuer", ()) for key, value in part}
    until = found.get("notAfter")
    return Certificate(
        names or (_common_name(found),),
        str(issuer.get("organizationName") or issuer.get("commonName") or ""),
        datetime.fromtimestamp(ssl.cert_time_to_seconds(until), timezone.utc) if until else None,
        protocol=connection.version() or "",
    )


def _common_name(found: dict[str, Any]) -> str:
    return next((v for part in found.get("subject", ()) for k, v in part if k == "commonName"), "")


def _untrusted(route: Route, error: ssl.SSLCertVerificationError, seconds: float) -> Certificate:
    """Return a certificate that is not trusted, with what it says of itself as far as that can be read."""
    found = Certificate()
    with contextlib.suppress(OSError, ValueError, ProbeError):
        with _handshake(route, _lenient(), seconds) as connection:
            content = connection.getpeercert(binary_form=True) or b""
        # Python only reads what it trusts: here this one certificate, at any time and for any host.
        context = _lenient()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=content)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags |= NO_CHECK_TIME
        with _handshake(route, context, seconds) as connection:
            found = _certificate(connection)
    return Certificate(
        found.names, found.issuer, found.until, error.verify_message, error.verify_code, found.protocol
    )


def _no_tls(route: Route, error: ssl.SSLError, seconds: float) -> ProbeError:
    place = f"{route.host}:{route.port}"
    if _speaks_http(route, seconds):
        return ProbeError(
            f"{place} speaks HTTP without TLS",
            cause="the endpoint begins with https://, and the server has http://",
            hint=f"store the cluster with the endpoint http://{place}",
        )
    return ProbeError(
        f"no TLS with {place}: {error.reason or error}",
        cause="something else than a web server listens there, or one of the two sides is too old",
    )


def _speaks_http(route: Route, seconds: float) -> bool:
    import httpx

    try:
        httpx.get(
            f"http://{route.host}:{route.port}/health",
            timeout=seconds,
            trust_env=route.proxy is not None,
            follow_redirects=False,
        )
    except (httpx.HTTPError, UnicodeError):
        return False
    return True
