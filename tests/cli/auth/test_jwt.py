"""JSON Web Tokens, read without checking a signature: whatever is handed in, nothing is raised."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oscarcli.login import jwt
from tests.support.daily import number_of
from tests.support.oidc import ScriptedProvider

# A busy machine is no failure.
UNHURRIED = settings(deadline=None, max_examples=number_of(100))


def token(claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJub25lIn0.{body}.signature"


def test_claims_of_a_real_token_are_read(provider: ScriptedProvider) -> None:
    found = jwt.claims(provider.log_in("openid"))
    assert (found["iss"], found["azp"], found["scope"]) == (provider.issuer, "oscar-cli", "openid")
    assert jwt.expiry(provider.log_in(lifetime=60)) == pytest.approx(provider.now() + 60, abs=5)


@pytest.mark.parametrize("length", range(8))
def test_every_length_of_claims_is_read(length: int) -> None:
    """Base64 is padded by one or two signs, or not at all."""
    assert jwt.claims(token({"a": "x" * length})) == {"a": "x" * length}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "opaque",
        "a.b",
        "a.b.c",
        "a.é.c",
        "..",
        "a.b.c.d.e",
        token(["list"]),
        token("text"),
        token(None),
        "a." + base64.urlsafe_b64encode(b'{"a":' + b"[" * 100_000).decode() + ".c",
        "a." + base64.urlsafe_b64encode(b"\xff\xfe{}").decode() + ".c",
    ],
)
def test_what_is_no_token_has_no_claims(text: str) -> None:
    assert jwt.claims(text) == {}
    assert jwt.expiry(text) is None


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (1700000000, 1700000000.0),
        (1.5, 1.5),
        ("1700000000", None),
        (True, None),
        (None, None),
        (10**400, None),
    ],
)
def test_only_a_finite_number_is_an_end(moment: object, expected: float | None) -> None:
    assert jwt.expiry(token({"exp": moment})) == expected


def test_an_endless_end_is_none() -> None:
    assert jwt.expiry(token({"exp": float("inf")})) is None
    assert jwt.expiry(token({"exp": float("nan")})) is None


@UNHURRIED
@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert isinstance(jwt.claims(text), dict)
    assert isinstance(jwt.claims(f"a.{text}.c"), dict)


@UNHURRIED
@given(st.recursive(st.none() | st.floats() | st.integers() | st.text(), st.lists) | st.binary())
def test_no_content_raises(content: object) -> None:
    if isinstance(content, bytes):
        body = base64.urlsafe_b64encode(content).decode()
        assert isinstance(jwt.claims(f"a.{body}.c"), dict)
    else:
        found = jwt.expiry(token({"exp": content}))
        assert found is None or isinstance(found, float)
