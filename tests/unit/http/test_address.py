"""Where requests go."""

from __future__ import annotations

import httpx
import pytest

from oscarcli.errors import ConfigError, UsageError
from oscarcli.http.address import base_url, new_endpoint, route, same_origin


@pytest.mark.parametrize(
    ("endpoint", "base"),
    [
        ("https://h", "https://h"),
        ("https://h/", "https://h"),
        (" http://h:8080/oscar/ ", "http://h:8080/oscar"),
        ("http://h/a/b?x=1#y", "http://h/a/b"),
        ("http://ada:pw@h/x", "http://h/x"),
        ("http://[::1]:80/", "http://[::1]"),
        ("HTTP://H", "http://h"),
    ],
)
def test_the_endpoints_path_is_kept_and_nothing_else(endpoint: str, base: str) -> None:
    assert base_url(endpoint) == base


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "h",
        "h:8080",
        "ftp://h",
        "http://",
        "http:///x",
        "http://[::1",
        "http://h:99999",
        "http://h:x",
        "a\nb",
    ],
)
def test_what_is_no_http_url_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="endpoint"):
        base_url(endpoint)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("https://h", "https://h"),
        ("http://localhost:8080/base/", "http://localhost:8080/base/"),
        ("https://[::1]:8080/", "https://[::1]:8080/"),
        ("https://h/@x:", "https://h/@x:"),
        ("oscar.example.org", "https://oscar.example.org"),
        ("oscar.example.org.:8443/base/", "https://oscar.example.org.:8443/base/"),
        ("192.0.2.7:8080", "https://192.0.2.7:8080"),
        ("größe.example", "https://größe.example"),
    ],
)
def test_a_new_endpoint_is_stored_as_typed_and_a_name_is_one_of_https(typed: str, stored: str) -> None:
    assert new_endpoint(typed) == stored


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("https://h?x=1", "a query"),
        ("https://h/?", "a query"),
        ("https://h#x", "a fragment"),
        ("https://h/#", "a fragment"),
        ("oscar.example.org#", "a fragment"),
        (" https://h", "a blank"),
        ("https://h /x", "a blank"),
        ("https://h\u00a0", "a blank"),
        ("https://h:", "no number behind the colon"),
        ("https://h:/base", "no number behind the colon"),
        ("oscar.example.org:", "no number behind the colon|not an HTTP URL"),
        ("https://[::1]:/", "no number behind the colon"),
        ("https://ada:pw@h", "holds a user or a password"),
        ("https://ada:pw@h:?x", "holds a user or a password"),
        ("https://pw@h", "holds a user or a password"),
        ("h", "not an HTTP URL"),
        ("localhost:8080", "not an HTTP URL"),
        ("oscar.example.org/a b", "a blank"),
        ("", "not an HTTP URL"),
        ("ftp://oscar.example.org", "not an HTTP URL"),
    ],
)
def test_a_new_endpoint_has_nothing_that_no_request_would_have(typed: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        new_endpoint(typed)
    assert "pw" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "a%2Fb"),
        ("../info", "..%2Finfo"),
        ("...", "..."),
        ("50%", "50%25"),
        ("a%2Fb", "a%252Fb"),
        ("a b?c#d&e=f", "a%20b%3Fc%23d%26e%3Df"),
        ("é😀", "%C3%A9%F0%9F%98%80"),
        ("bad\udcff", "bad%FF"),
        ("a\\b;c", "a%5Cb%3Bc"),
        ("new\nline", "new%0Aline"),
    ],
)
def test_every_segment_stays_one_segment(name: str, path: str) -> None:
    assert route("http://h/base", ["system", name]) == f"http://h/base/system/{path}"
    assert httpx.URL(route("http://h/base", ["system", name])).raw_path == f"/base/system/{path}".encode()


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_would_lead_to_another_route_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a name"):
        route("http://h", ["system", name])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://h/a", "http://h/b", True),
        ("http://h/a", "http://h:80/b", True),
        ("https://h", "https://h:443", True),
        ("http://h", "https://h", True),
        ("http://h:80", "https://h", True),
        ("http://h:8080", "https://h:8080", False),
        ("http://h:8080", "https://h", False),
        ("https://h", "http://h", False),
        ("http://h", "http://h:81", False),
        ("http://h", "http://x.h", False),
        ("http://h", "http://hh", False),
    ],
)
def test_a_login_goes_to_its_own_origin_and_to_an_upgrade_to_tls(one: str, other: str, same: bool) -> None:
    assert same_origin(httpx.URL(one), httpx.URL(other)) is same
