"""Which proxy a URL is asked for through: one rule for every request of the program."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit

# A proxy in the environment is for the world outside, never for this machine.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def proxy_for(url: str) -> str | None:
    """Return the URL of the proxy that the environment names for a URL, `None` for a direct way.

    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY count, in capitals or small letters.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"
