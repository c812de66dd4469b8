"""SOCKS proxies for the HTTP library. Imported with it, not before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from socksio.exceptions import SOCKSError

OPENED = "connect_tcp.complete"


class SocksTransport(httpx.HTTPTransport):
    """Carries requests through a SOCKS proxy.

    The library lets its own troubles with one through as they are, and forgets to close the connection then.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises ProxyError when the proxy refuses it, or does not play by the protocol."""
        opened: list[Any] = []

        def watch(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith(OPENED):
                opened.append(info["return_value"])

        request.extensions["trace"] = watch
        try:
            return super().handle_request(request)
        except (SOCKSError, AssertionError, httpx.ProxyError) as error:
            for stream in opened:
                stream.close()
            if isinstance(error, httpx.ProxyError):
                raise
            raise httpx.ProxyError(str(error) or "Malformed reply", request=request) from error
