"""Whom a listener answers: requests for this machine's own names that no foreign page has sent.

A page in a browser can send requests to any address. With a name of its own that suddenly points to loopback
(DNS rebinding) it could read the answers, too; the Host header gives that away, and Origin the others.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from oscarcli.local.http.messages import Request, Response

WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 -- compared, not bound


class AllowedHosts:
    """The names under which a listener may be asked: loopback, its own address, and further ones.

    Args:
        bind: the address it is bound to. Bound to all addresses, any address will do, but no name: an
            address cannot be made to point elsewhere.
        names: further names or addresses, without ports.
        is_for_pages: tells of a request that a page of any host may send, for it brings a permission of its
            own.
    """

    def __init__(
        self, bind: str, names: Iterable[str] = (), is_for_pages: Callable[[Request], bool] | None = None
    ) -> None:
        self._is_for_pages = is_for_pages
        self._any_address = bind in WILDCARDS
        self._names = frozenset(_plain(name) for name in (bind, *names) if name)
        # Asked for every request; it is mostly the same answer.
        self._serves = lru_cache(maxsize=64)(lambda url: self._allows(_host_of(url)))

    def refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that must not be served, `None` when it may."""
        host = request.headers.get("host")
        # Only programs that are no browsers leave it out, in HTTP/1.0.
        if host is not None and not self._serves(f"//{host}"):
            return _forbidden(f'this server has no name "{_host_of(f"//{host}")}"', _host_of(f"//{host}"))
        origin = request.headers.get("origin")
        if origin is not None and not self._serves(origin) and not self._takes_from_page(request):
            return _forbidden(f'pages of "{origin}" have no business here', _host_of(origin) or "NAME")
        return None

    def _takes_from_page(self, request: Request) -> bool:
        return self._is_for_pages is not None and self._is_for_pages(request)

    def _allows(self, host: str) -> bool:
        if host in self._names or host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or self._any_address


def _host_of(url: str) -> str:
    """Return the host of a URL without its port, "" when there is none."""
    try:
        return _plain(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def _plain(name: str) -> str:
    name = name.lower().strip("[]").removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _forbidden(reason: str, name: str) -> Response:
    text = f"{reason}; if this is right, start the local cluster with --allow-host {name}\n"
    return Response(403, {"Content-Type": "text/plain; charset=utf-8"}, text.encode("utf-8", "replace"))
