"""Whom TLS trusts and what this side shows of itself: one context a cluster."""

from __future__ import annotations

import ssl

from oscarcli.config.model import TlsSettings


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context for connections to a cluster, or on its behalf.

    The system's trust store counts, and the cluster's own authorities beside it. TLS 1.2 is the least.

    Raises:
        ConfigError: a file that the cluster names cannot be used.
    """
    import truststore

    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca_file:
        context.load_verify_locations(cafile=settings.ca_file)
    if settings.client_cert:
        context.load_cert_chain(settings.client_cert, settings.client_key or None)
    return context
