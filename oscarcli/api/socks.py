"""SOCKS proxies for the HTTP library. Imported with it, not before."""

from __future__ import annotations

import httpx
from socksio.exceptions import SOCKSError


class SocksTransport(httpx.HTTPTransport):
    """Carries requests through a SOCKS proxy; the library lets its own troubles with one through."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises ProxyError when the proxy does not play by the protocol."""
        try:
            return super().handle_request(request)
        except (SOCKSError, AssertionError) as error:
            raise httpx.ProxyError(str(error) or "Malformed reply", request=request) from error
