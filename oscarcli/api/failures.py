"""Why there was no answer: DNS, connection, TLS, time, each in words with what to do."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from typing import TYPE_CHECKING

from oscarcli.api.address import LOOPBACK
from oscarcli.errors import UnreachableError

if TYPE_CHECKING:
    import httpx

DOUBT = "it may have been done all the same: look before you repeat it"


def explain(error: httpx.HTTPError | UnicodeError, what: str, request: httpx.Request) -> UnreachableError:
    """Return the error to show for a request that got no answer.

    Args:
        error: what the HTTP library raised; it lets the name resolver's UnicodeError through.
        what: what was tried.
        request: the request; its host is named, never its login.
    """
    reason, hint = _reason(error, request)
    return UnreachableError(f"cannot {what}: {reason}", hint=hint)


def _reason(error: httpx.HTTPError | UnicodeError, request: httpx.Request) -> tuple[str, str | None]:
    import httpx

    url = request.url
    place = (f"{url.host}:{url.port}" if url.port else url.host) + _through_proxy(url)
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, (socket.gaierror, UnicodeError)):
            name = f'the host name "{url.host}"{_through_proxy(url)}'
            return f"{name} is not known", "check the endpoint and the network"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the TLS certificate of {place} is not trusted: {cause.verify_message}",
                "name your authority's certificates with SSL_CERT_FILE, or, for a server of your own, "
                "store the cluster with --disable-ssl",
            )
        if isinstance(cause, ssl.SSLError):
            return f"no TLS connection to {place}: {cause.reason or cause}", "is it perhaps http:// there?"
        if isinstance(cause, ConnectionRefusedError):
            return (
                f"{place} refuses connections",
                "is the server running? 'oscar-cli local start' starts a local one",
            )
    if isinstance(error, httpx.ConnectTimeout):
        return (
            f"{place} does not answer",
            "check the endpoint and the network, or give it longer with --timeout",
        )
    if isinstance(error, httpx.TimeoutException):
        seconds = request.extensions.get("timeout", {}).get("read")
        progress = "; it may still be in progress there" if request.method != "GET" else ""
        return (
            f"no answer from {place} within {seconds:g} s{progress}",
            "give it longer with --timeout SECONDS",
        )
    text = next((str(cause) for cause in causes if str(cause)), type(error).__name__)
    return f"the connection to {place} broke: {text}", None if request.method == "GET" else DOUBT


def _through_proxy(url: httpx.URL) -> str:
    """Return what to add to a host's name when the environment sends its requests elsewhere."""
    import httpx

    if url.host in LOOPBACK or urllib.request.proxy_bypass(url.host):
        return ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy:
        return ""
    return f" (through the proxy {httpx.URL(proxy if '://' in proxy else f'http://{proxy}').host})"


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in chain:
        chain.append(found)
        found = found.__cause__ or found.__context__
    return chain
