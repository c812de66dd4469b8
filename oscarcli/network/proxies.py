"""Which proxy a URL is asked for through: one rule for every request of the program."""

from __future__ import annotations

import ipaddress
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from oscarcli.errors import ConfigError

PORTS = {"http": 80, "https": 443}
# What a proxy answers that wants a login.
LOGIN_WANTED = 407
# A proxy in the environment is for the world outside, never for this machine.
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
FORM = "http://USER:PASSWORD@HOST:PORT"
SIGNS = "signs such as @ : / # are written as %40 %3A %2F %23"
FORM_HINT = (
    "it should look like http://proxy.example.org:3128 or socks5h://proxy.example.org:1080; with a login "
    f"like {FORM}, where {SIGNS}"
)
DIRECT_HINT = "check {variable}, or except the host with NO_PROXY"
# What proxies and the libraries that speak with them say about a login.
ENDED = r"closed unexpectedly|malformed reply"
ABOUT_LOGIN = r"407|invalid username|authentication|acceptable.method"


@dataclass(frozen=True)
class Proxy:
    """A proxy that the environment names.

    Attributes:
        scheme: http, https, socks5 or socks5h; with both last ones the proxy looks up the names of hosts.
        host, port: where it is.
        user, password: its login, decoded; `None` without one.
        variable: where it is named, such as HTTPS_PROXY.
    """

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    variable: str = "HTTP_PROXY"

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS rather than HTTP."""
        return self.scheme.startswith("socks")

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def login(self) -> tuple[str, str] | None:
        """User and password, `None` without a user."""
        return None if self.user is None else (self.user, self.password or "")

    @property
    def address(self) -> str:
        """Its URL without the login."""
        return f"{self.scheme}://{self.place}"

    @property
    def url(self) -> str:
        """Its URL with the login, which must not be shown."""
        if self.user is None:
            return self.address
        login = f"{quote(self.user, safe='')}:{quote(self.password or '', safe='')}"
        return f"{self.scheme}://{login}@{self.place}"

    def hint(self) -> str:
        """Return what to do when it cannot be used."""
        return DIRECT_HINT.format(variable=self.variable)

    def refusal(self, said: str) -> tuple[str, str]:
        """Return what went wrong and what to do, from what the proxy or a library said."""
        form = FORM.replace("http", self.scheme, 1).replace("HOST:PORT", self.place)
        if self.user is None:
            problem, hint = "wants a login", f"give it one: {self.variable}={form}"
        else:
            problem = "refuses the login"
            hint = f"check user and password in {self.variable}={form}; {SIGNS}"
        if re.search(ABOUT_LOGIN, said, re.IGNORECASE):
            return f"the proxy {self.place} {problem}", hint
        if re.search(ENDED, said, re.IGNORECASE):
            return (
                f"the proxy {self.place} ends the connection: it {problem}, or speaks no {self.scheme}",
                hint,
            )
        return f"the proxy {self.place} opens no way there: {said}", self.hint()


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy that the environment names for a URL, `None` for a direct way.

    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY count, in small letters before capitals. NO_PROXY holds
    hosts, domains, addresses and networks, each with a port or without; `*` is everything.

    Raises:
        ConfigError: the proxy's URL cannot be used; its text is not shown, for it may hold a password.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if is_this_machine(host):
        return None
    settings: Mapping[str, str] = urllib.request.getproxies_environment()
    if settings:
        if _is_excepted(host, parts.port or PORTS.get(parts.scheme, 0), settings.get("no", "")):
            return None
    else:
        # macOS has settings of its own.
        settings = urllib.request.getproxies()
        if not settings or urllib.request.proxy_bypass(host):
            return None
    kind = parts.scheme if settings.get(parts.scheme) else "all"
    text = settings.get(kind)
    return _parsed(text, f"{kind.upper()}_PROXY") if text else None


def is_this_machine(host: str) -> bool:
    """Tell whether a host is this machine by its very name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _parsed(text: str, variable: str) -> Proxy:
    text = text.strip() if "://" in text else f"http://{text.strip()}"
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname
    except ValueError:
        # The error quotes a piece of the URL, perhaps one of its password.
        raise _unusable(variable, "it is not a URL") from None
    scheme = parts.scheme.lower()
    if scheme not in PROXY_PORTS:
        raise _unusable(variable, "of its kind this program knows http, https, socks5 and socks5h")
    if not host or port == 0 or re.search(r"\s", host):
        raise _unusable(variable, "it names no host")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Proxy(scheme, host, port or PROXY_PORTS[scheme], user, password, variable)


def _unusable(variable: str, reason: str) -> ConfigError:
    return ConfigError(f"the proxy in {variable} cannot be used: {reason}", hint=FORM_HINT)


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    return any(_fits(host, port, entry.lower()) for entry in re.split(r"[,\s]+", exceptions) if entry)


def _fits(host: str, port: int, entry: str) -> bool:
    """Tell whether an entry of NO_PROXY is for a host: by name, address or network."""
    if entry == "*":
        return True
    name, only = _without_port(entry)
    if only is not None and only != port:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = name.removeprefix("*").lstrip(".").rstrip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ipaddress.ip_network(name.strip("[]"), strict=False)
    except ValueError:
        return False


def _without_port(entry: str) -> tuple[str, int | None]:
    """Return an entry's host and port: `host:80`, `[::1]:80`, or an address of version 6 without one."""
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*):(\d+)", entry)
    return (found[1], int(found[2])) if found else (entry, None)
