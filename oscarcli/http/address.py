"""Where requests go: the endpoint as base of every route, and who may see the login."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

from oscarcli.config.model import LOGIN_IN_URL
from oscarcli.errors import ConfigError, UsageError
from oscarcli.network.proxies import PORTS

if TYPE_CHECKING:
    import httpx

LAST_PORT = 65535
LOOKS_LIKE = "it looks like https://oscar.example.org"
# `oscar.example.org:8443/prefix`; a word without a dot is more likely something else.
NAME_ALONE = re.compile(r"[\w-]+(\.[\w-]+)+\.?(:\d+)?(/[^?#\s]*)?")
UNFIT = (
    (re.compile(r"\s"), "a blank in it"),
    (re.compile(r"\?"), "a query"),
    (re.compile("#"), "a fragment"),
    (re.compile("//[^/]*:(/|$)"), "no number behind the colon of its port"),
)


def base_url(endpoint: str) -> str:
    """Return an endpoint without login, query and final slash; its path is kept as prefix of every route.

    Raises:
        ConfigError: it is not an HTTP URL.
    """
    import httpx

    hint = LOOKS_LIKE
    try:
        url = httpx.URL(endpoint.strip())
    except httpx.InvalidURL as error:
        raise ConfigError(f'the endpoint "{endpoint}" is not a URL: {error}', hint=hint) from error
    if url.scheme not in PORTS or not url.host or (url.port or 0) > LAST_PORT:
        raise ConfigError(f'the endpoint "{endpoint}" is not an HTTP URL', hint=hint)
    return str(url.copy_with(query=None, fragment=None, userinfo=b"")).rstrip("/")


def new_endpoint(endpoint: str) -> str:
    """Return an endpoint as it is to be stored: a name alone is one of HTTPS.

    What is on record is read more kindly, by `base_url`.

    Raises:
        ConfigError: it is not an HTTP URL, or has a part that no request would have.
    """
    found = f"https://{endpoint}" if NAME_ALONE.fullmatch(endpoint) else endpoint
    if LOGIN_IN_URL.search(found):
        # It would show in every message, and so it is not quoted here.
        raise ConfigError(
            "the endpoint's URL holds a user or a password; give them as arguments of their own",
            hint=LOOKS_LIKE,
        )
    unfit = next((what for pattern, what in UNFIT if pattern.search(found)), None)
    if unfit:
        raise ConfigError(f'the endpoint "{endpoint}" has {unfit}', hint=LOOKS_LIKE)
    base_url(found)
    return found


def route(base: str, segments: Iterable[str]) -> str:
    """Return the URL of a route.

    Args:
        base: from `base_url`.
        segments: parts of the path; each is percent-encoded, slashes included.

    Raises:
        UsageError: a segment is empty, is no text, or would be resolved away, and so lead to another route.
    """
    parts = []
    for segment in segments:
        if segment in ("", ".", ".."):
            raise UsageError(f'"{segment}" is not a name')
        # A name from the command line may hold bytes that are not UTF-8; one from a server may be no text.
        try:
            parts.append(quote(segment, safe="", errors="surrogateescape"))
        except UnicodeEncodeError as error:
            raise UsageError(f'"{segment}" is not a name') from error
    return "/".join([base, *parts])


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Tell whether a login for one URL may be sent to the other; an upgrade to TLS may have it."""
    upgraded = (one.scheme, other.scheme) == ("http", "https") and one.port is None and other.port is None
    same_port = (one.port or PORTS.get(one.scheme)) == (other.port or PORTS.get(other.scheme))
    return one.host == other.host and ((one.scheme == other.scheme and same_port) or upgraded)
