"""The way to the cluster: its name, a connection, TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from oscarcli.cli.checks.model import CheckError, Found, Outcome, Patient
from oscarcli.errors import ExitCode

if TYPE_CHECKING:
    from oscarcli.api.certificate import Certificate

SOON = timedelta(days=14)
CAUSES = {
    "expired": "the certificate was not renewed in time, or this machine's clock is wrong",
    "not yet": "the certificate is new, or this machine's clock is behind",
    "self-signed": "nobody but the server itself vouches for it",
    "unknown issuer": "this machine does not know who signed it, or the server leaves out the chain to it",
    "other name": "the certificate is for another host than the endpoint names",
}


def host_name(patient: Patient) -> Found:
    """Look up the host's address, or the proxy's."""
    from oscarcli.api.probe import is_address, resolve

    route = patient.route
    host = route.first[0]
    if is_address(host):
        return Found(f"{host} is an address" + (" of a proxy" if route.proxy else ""))
    with _what_next(patient):
        addresses = resolve(host, patient.seconds)
    through = f", the proxy for {route.host}" if route.proxy else ""
    return Found(f"{host} is {', '.join(addresses[:3])}{through}")


def connection(patient: Patient) -> Found:
    """Open a connection."""
    from oscarcli.api.probe import connect

    with _what_next(patient):
        connect(patient.route, patient.seconds).close()
    return Found(f"{patient.route.place} takes connections")


def certificate(patient: Patient) -> Found:
    """Look at the server's certificate as a request does."""
    from oscarcli.api.certificate import look_at_certificate

    if not patient.route.is_tls:
        return Found("none: the endpoint begins with http://", Outcome.NOTE)
    with _what_next(patient):
        found = look_at_certificate(patient.route, patient.seconds)
    if found.mistrust is not None:
        return _untrusted(patient, found)
    text = f"signed by {found.issuer or 'nobody with a name'}{_until(found)}"
    if found.until is not None and found.until - datetime.now(timezone.utc) < SOON:
        return Found(
            text,
            Outcome.WARNING,
            "the certificate ends soon and was not renewed",
            "tell whoever runs the server",
        )
    if not patient.cluster.ssl_verify:
        return Found(
            f"{text}, but not verified",
            Outcome.WARNING,
            "the configuration has ssl_verify: false, though the certificate is trusted",
            patient.store_again(patient.url),
        )
    return Found(text)


@contextmanager
def _what_next(patient: Patient) -> Iterator[None]:
    """Tell what to do about a failure that does not tell it itself."""
    from oscarcli.api.address import LOOPBACK
    from oscarcli.api.probe import ProbeError

    try:
        yield
    except ProbeError as error:
        if error.hint is None and patient.route.proxy:
            error.hint = "check HTTP_PROXY and HTTPS_PROXY, or except the host with NO_PROXY"
        elif error.hint is None and patient.route.host in LOOPBACK:
            error.hint = "oscar-cli local start, if it is a cluster of this machine"
        else:
            error.hint = (
                error.hint or f"check the endpoint and the network: {patient.store_again('https://HOST')}"
            )
        raise


def _until(found: Certificate) -> str:
    return f", until {found.until:%Y-%m-%d}" if found.until is not None else ""


def _untrusted(patient: Patient, found: Certificate) -> Found:
    kind = _kind(found)
    cause = CAUSES.get(kind, "OpenSSL rejects it")
    names = f"; it is for {', '.join(found.names[:5])}" if kind == "other name" and any(found.names) else ""
    signed = f", signed by {found.issuer}" if found.issuer else ""
    text = f"not trusted: {found.mistrust}{signed}{_until(found)}{names}"
    if not patient.cluster.ssl_verify:
        return Found(
            f"{text}; and not verified",
            Outcome.WARNING,
            f"the configuration has ssl_verify: false; {cause}",
            "name the certificate of its authority with SSL_CERT_FILE, and store the cluster without "
            "--disable-ssl",
        )
    unverified = patient.store_again(patient.url, "--disable-ssl")
    following = {
        "expired": f"tell whoever runs the server; until then: {unverified}",
        "other name": "store the cluster with an endpoint that the certificate is for",
    }.get(kind, f"SSL_CERT_FILE=PATH names certificates to trust; for a server of your own: {unverified}")
    raise CheckError(text, cause=cause, next=following, code=ExitCode.UNREACHABLE)


def _kind(found: Certificate) -> str:
    from oscarcli.api import certificate as openssl

    if found.code == openssl.EXPIRED:
        return "expired"
    if found.code == openssl.NOT_YET:
        return "not yet"
    if found.code in (openssl.SELF_SIGNED, openssl.SELF_SIGNED_ROOT):
        return "self-signed"
    if found.code in openssl.UNKNOWN_ISSUERS:
        return "unknown issuer"
    return "other name" if found.code in openssl.OTHER_NAMES else ""
