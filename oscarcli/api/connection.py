"""HTTP connections: where proxies and TLS settings meet the HTTP library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oscarcli import __version__
from oscarcli.config.model import TlsSettings
from oscarcli.network.proxies import proxy_for
from oscarcli.network.trust import tls_context

if TYPE_CHECKING:
    import httpx


def open_connection(
    url: str, tls: TlsSettings, *, transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """Return a pool of connections for URLs like this one; redirects are not followed.

    Args:
        url: its scheme tells whether certificates are loaded at all, its host which proxy is used.
        tls: what TLS trusts and shows.
        transport: what carries requests; the network when omitted.

    Raises:
        ConfigError: a proxy or a certificate that the settings name cannot be used.
    """
    import httpx

    return httpx.Client(
        verify=tls_context(tls) if url.startswith("https:") else False,
        headers={"User-Agent": f"oscar-cli/{__version__}", "Accept-Encoding": "gzip"},
        transport=transport,
        proxy=None if transport else proxy_for(url),
        trust_env=False,
    )
