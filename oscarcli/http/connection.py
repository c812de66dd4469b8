"""HTTP connections: where proxies and TLS settings meet the HTTP library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from oscarcli import __version__
from oscarcli.config.model import TlsSettings
from oscarcli.network.proxies import LOGIN_WANTED, Proxy, proxy_for
from oscarcli.network.trust import proxy_context, tls_context

if TYPE_CHECKING:
    import httpx

# Where a request carries the settings it is sent with, for whoever explains its failure.
TLS_EXTENSION = "oscarcli.tls"


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

    proxy = None if transport else proxy_for(url)
    is_tls = url.startswith("https:") and transport is None
    context = tls_context(tls) if is_tls else False
    through = None if proxy is None else _for_library(proxy, tls)
    if proxy is not None and proxy.is_socks:
        from oscarcli.http.socks import SocksTransport

        transport, through = SocksTransport(verify=context, proxy=through, trust_env=False), None
    client = httpx.Client(
        verify=context,
        headers={"User-Agent": f"oscar-cli/{__version__}", "Accept-Encoding": "gzip"},
        transport=transport,
        proxy=through,
        trust_env=False,
    )
    client.event_hooks["request"].append(_mark(tls))
    if proxy is not None and not is_tls:
        client.event_hooks["response"].append(_require_no_login)
    return client


def _for_library(proxy: Proxy, tls: TlsSettings) -> httpx.Proxy:
    import httpx

    # The library's SOCKS always leaves names to the proxy, and its older versions do not know socks5h.
    scheme = "socks5" if proxy.is_socks else proxy.scheme
    return httpx.Proxy(
        f"{scheme}://{proxy.place}",
        ssl_context=proxy_context(tls) if proxy.scheme == "https" else None,
        auth=proxy.login,
    )


def _mark(tls: TlsSettings) -> Callable[[httpx.Request], None]:
    def mark(request: httpx.Request) -> None:
        request.extensions[TLS_EXTENSION] = tls

    return mark


def _require_no_login(response: httpx.Response) -> None:
    """Raise for the answer of a proxy that carries no request without a login.

    With TLS it refuses the tunnel, which the library tells; without TLS this looks like the server's answer.
    """
    import httpx

    if response.status_code == LOGIN_WANTED:
        raise httpx.ProxyError(f"{LOGIN_WANTED} {response.reason_phrase}", request=response.request)
