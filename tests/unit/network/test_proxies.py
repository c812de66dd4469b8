"""Which proxy a URL goes through, as Go, curl and Python have it."""

from __future__ import annotations

import pytest

from oscarcli.network.proxies import Proxy, proxy_for

HERE = "http://proxy.test:3128"


@pytest.fixture(autouse=True)
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", HERE)


@pytest.mark.parametrize(
    ("exceptions", "url", "is_direct"),
    [
        ("oscar.test", "https://oscar.test", True),
        ("oscar.test", "https://sub.oscar.test", True),
        ("oscar.test", "https://myoscar.test", False),
        (".oscar.test", "https://sub.oscar.test", True),
        (".oscar.test", "https://oscar.test", True),
        ("*.oscar.test", "https://sub.oscar.test", True),
        ("OSCAR.Test", "https://oscar.test.", True),
        ("other.test, oscar.test", "https://oscar.test", True),
        ("other.test oscar.test", "https://oscar.test", True),
        ("*", "https://oscar.test", True),
        ("oscar.test:8443", "https://oscar.test:8443", True),
        ("oscar.test:443", "https://oscar.test", True),
        ("oscar.test:8443", "https://oscar.test", False),
        ("10.0.0.7", "https://10.0.0.7", True),
        ("10.0.0.7", "https://10.0.0.70", False),
        ("10.0.0.7:9000", "http://10.0.0.7:9000", True),
        ("10.0.0.7:9000", "http://10.0.0.7:9001", False),
        ("10.0.0.0/8", "http://10.200.0.1", True),
        ("10.0.0.1/8", "http://10.200.0.1", True),
        ("10.0.0.0/8", "http://11.0.0.1", False),
        ("10.0.0.0/8", "http://ten.test", False),
        ("fd00::/8", "http://[fd12::1]", True),
        ("fd12::1", "http://[fd12::1]", True),
        ("[fd12::1]:80", "http://[fd12::1]", True),
        ("[fd12::1]:81", "http://[fd12::1]", False),
        ("oscar", "https://oscar.test", False),
        (",, ,", "https://oscar.test", False),
        (".", "https://oscar.test", False),
        ("10.0.0.0/99", "http://10.0.0.1", False),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_exceptions(
    name: str, exceptions: str, url: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, exceptions)
    assert (proxy_for(url) is None) is is_direct


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "localhost", "cluster.localhost", "[::1]"])
def test_this_machine_is_always_an_exception(host: str) -> None:
    assert proxy_for(f"https://{host}:8443") is None


def test_the_urls_own_kind_goes_before_all_and_small_letters_before_capitals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert str(proxy_for("https://oscar.test")) == str(
        Proxy("http", "proxy.test", 3128, variable="ALL_PROXY")
    )
    monkeypatch.setenv("HTTPS_PROXY", "http://capitals.test")
    monkeypatch.setenv("https_proxy", "http://small.test")
    found = proxy_for("https://oscar.test")
    assert found is not None
    assert (found.host, found.port, found.variable) == ("small.test", 80, "HTTPS_PROXY")
    other = proxy_for("http://oscar.test")
    assert other is not None
    assert other.host == "proxy.test"
    monkeypatch.setenv("https_proxy", "")
    emptied = proxy_for("https://oscar.test")
    assert emptied is not None
    assert emptied.host == "proxy.test"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("proxy.test", ("http", "proxy.test", 80, None, None)),
        ("proxy.test:3128", ("http", "proxy.test", 3128, None, None)),
        ("https://proxy.test", ("https", "proxy.test", 443, None, None)),
        ("SOCKS5://proxy.test", ("socks5", "proxy.test", 1080, None, None)),
        ("socks5h://a%40b:c%3Ad%2F%25@[fd12::1]:9", ("socks5h", "fd12::1", 9, "a@b", "c:d/%")),
        ("http://me@proxy.test", ("http", "proxy.test", 80, "me", None)),
        (" http://me:@proxy.test ", ("http", "proxy.test", 80, "me", "")),
    ],
)
def test_forms_of_a_proxys_url(
    text: str, expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", text)
    found = proxy_for("https://oscar.test")
    assert found is not None
    assert (found.scheme, found.host, found.port, found.user, found.password) == expected


def test_a_password_is_not_in_what_is_shown_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy.test")
    found = proxy_for("https://oscar.test")
    assert found is not None
    assert "hunter2" in found.url
    assert "hunter2" not in f"{found!r} {found.address} {found.place} {found.refusal('407')}"
