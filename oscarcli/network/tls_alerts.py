"""What OpenSSL says of a handshake that failed, in words: one table from its alerts to reason and hint."""

from __future__ import annotations

import ssl

from oscarcli.network.route import NetworkRoute
from oscarcli.network.trust import STORE_AGAIN

CA_HINT = STORE_AGAIN.format(option="--ca-file")
CERT_HINT = STORE_AGAIN.format(option="--client-cert")
WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED",)
UNCLEAR = ("HANDSHAKE_FAILURE",)
REFUSES_CERTIFICATE = {
    "CERTIFICATE_EXPIRED": "it has expired",
    "CERTIFICATE_REVOKED": "it was revoked",
    "UNKNOWN_CA": "it does not know who signed it",
    "UNSUPPORTED_CERTIFICATE": "it is of the wrong kind",
    "BAD_CERTIFICATE": "it is not one that it takes",
    "CERTIFICATE_UNKNOWN": "it is not one that it takes",
    "ACCESS_DENIED": "whom it is for may not come in",
    "DECRYPT_ERROR": "its signature is wrong",
}
OTHER_VERSION = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
WEAK = ("DH_KEY_TOO_SMALL", "EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "BAD_DH_VALUE")


def explain_alert(error: ssl.SSLError, route: NetworkRoute) -> tuple[str, str] | None:
    """Return the reason and the hint for what OpenSSL says of a handshake, `None` when it is unknown."""
    said = (error.reason or str(error)).replace(" ", "_").upper()
    shown = route.tls.client_cert
    if any(word in said for word in WANTS_CERTIFICATE) or (
        not shown and any(word in said for word in REFUSES_CERTIFICATE)
    ):
        return f"{route.server} wants a client certificate", f"show it one: {CERT_HINT}"
    for word, reason in REFUSES_CERTIFICATE.items():
        if word in said:
            return (
                f"{route.server} refuses the client certificate in {shown}: {reason}",
                f"show it another one: {CERT_HINT}",
            )
    if any(word in said for word in UNCLEAR):
        return (
            f"{route.server} ends the TLS handshake: it wants {'another' if shown else 'a'} client "
            "certificate, or the two sides have no cipher in common",
            f"show it one: {CERT_HINT}",
        )
    if any(word in said for word in OTHER_VERSION):
        return (
            f"{route.server} only speaks a version of TLS that is too old; 1.2 is the least",
            "tell whoever runs the server",
        )
    if any(word in said for word in WEAK):
        return f"the TLS of {route.server} is too weak: {plain_reason(error)}", "tell whoever runs the server"
    return None


def plain_reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's name of a failure in lower case and without underscores."""
    return (error.reason or str(error)).replace("_", " ").lower()
