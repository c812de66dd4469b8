"""Why there was no answer: DNS, connection, proxy, TLS, time, each in words with what to do."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from oscarcli.config.model import TlsSettings
from oscarcli.errors import UnreachableError

if TYPE_CHECKING:
    import httpx

    from oscarcli.network.route import NetworkRoute

DOUBT = "it may have been done all the same: look before you repeat it"


def explain(error: httpx.HTTPError | UnicodeError, what: str, request: httpx.Request) -> UnreachableError:
    """Return the error to show for a request that got no answer.

    A certificate that is not trusted is looked at with a connection of its own, for at most a few seconds.

    Args:
        error: what the HTTP library raised; it lets the name resolver's UnicodeError through.
        what: what was tried.
        request: the request; its host is named, never its login.
    """
    reason, hint = _reason(error, request)
    return UnreachableError(f"cannot {what}: {reason}", hint=hint)


def is_transient(error: httpx.HTTPError | UnicodeError) -> bool:
    """Tell whether a connection broke, so that another one may not; TLS that is refused once stays so."""
    import httpx

    broken = (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError)
    if not isinstance(error, broken):
        return False
    from oscarcli.network.tls_failures import CUT

    refusals = [one for one in _causes(error) if isinstance(one, ssl.SSLError) and not isinstance(one, CUT)]
    return not refusals


def _reason(error: httpx.HTTPError | UnicodeError, request: httpx.Request) -> tuple[str, str | None]:
    import httpx

    from oscarcli.network.tls_failures import explain_break, explain_tls

    route = _route(request)
    causes = _causes(error)
    found = (
        _of_proxy(error, causes, route)
        or _of_name(causes, route)
        or (explain_tls(causes, route) if route.is_tls else None)
        or _of_time(error, route, request)
        or (explain_break(route) if isinstance(error, (httpx.ReadError, httpx.WriteError)) else None)
    )
    if found is not None:
        return found
    place = _place(route)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return (
            f"{place} refuses connections",
            "is the server running? 'oscar-cli local start' starts a local one",
        )
    text = next((str(cause) for cause in causes if str(cause)), type(error).__name__)
    return f"the connection to {place} broke: {text}", None if request.method == "GET" else DOUBT


def _route(request: httpx.Request) -> NetworkRoute:
    from oscarcli.http.connection import TLS_EXTENSION
    from oscarcli.network.route import route_to

    return route_to(str(request.url), request.extensions.get(TLS_EXTENSION, TlsSettings()))


def _place(route: NetworkRoute) -> str:
    """Return the server's host, and its port where it is not the usual one, with the proxy in between."""
    usual = 443 if route.is_tls else 80
    place = route.host if route.port == usual else route.server
    return place if route.proxy is None else f"{place} (through the proxy {route.proxy.host})"


def _of_proxy(
    error: BaseException, causes: list[BaseException], route: NetworkRoute
) -> tuple[str, str | None] | None:
    """Return what is wrong with the proxy, if it is the proxy."""
    import httpx

    if route.proxy is None:
        return None
    place = f"{route.host} (through the proxy {route.proxy.place})"
    if isinstance(error, httpx.ProxyError):
        reason, hint = route.proxy.refusal(str(error))
        return reason.replace("no way there", f"no way to {route.host}"), hint
    # What is connected to is always the proxy; it tells in its own words about what lies behind.
    if any(isinstance(cause, (socket.gaierror, UnicodeError)) for cause in causes):
        return f"{place} cannot be reached: the proxy's host name is not known", route.proxy.hint()
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return f"{place} cannot be reached: the proxy refuses connections", route.proxy.hint()
    return None


def _of_name(causes: list[BaseException], route: NetworkRoute) -> tuple[str, str] | None:
    if any(isinstance(cause, (socket.gaierror, UnicodeError)) for cause in causes):
        return f'the host name "{route.host}" is not known', "check the endpoint and the network"
    return None


def _of_time(error: BaseException, route: NetworkRoute, request: httpx.Request) -> tuple[str, str] | None:
    import httpx

    if isinstance(error, httpx.ConnectTimeout):
        return (
            f"{_place(route)} does not answer",
            "check the endpoint and the network, or give it longer with --timeout",
        )
    if not isinstance(error, httpx.TimeoutException):
        return None
    seconds = request.extensions.get("timeout", {}).get("read")
    progress = "; it may still be in progress there" if request.method != "GET" else ""
    return (
        f"no answer from {_place(route)} within {seconds:g} s{progress}",
        "give it longer with --timeout SECONDS",
    )


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in chain:
        chain.append(found)
        found = found.__cause__ or found.__context__
    return chain
