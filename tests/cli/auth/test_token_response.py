"""Whatever a token endpoint answers: a token that requests can carry, or an error in one printable line."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from oscarcli.errors import AuthError, OscarError, UnreachableError
from oscarcli.http.redaction import quote_line
from oscarcli.login.exchange import Answer
from oscarcli.login.token_response import granted
from oscarcli.login.tokens import Grant
from tests.support.daily import number_of

# A busy machine is no failure.
UNHURRIED = settings(deadline=None, max_examples=number_of(100))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4
)
KEYS = st.sampled_from(
    ["access_token", "token_type", "expires_in", "refresh_token", "error", "error_description", "other"]
)
CODES = st.sampled_from(["invalid_grant", "slow_down", "not a code"])
BODIES = (
    st.dictionaries(KEYS, VALUES | CODES | st.just("good")).map(json.dumps)
    | st.text()
    | st.text().map(lambda text: f"<html><title>{text}</title>")
)
HEADERS = st.dictionaries(st.sampled_from(["date", "content-type"]), st.text())
SECRET = "Secret-of_this.user~0123456789"


def outcome(answer: Answer) -> Grant | OscarError:
    try:
        return granted(answer, "log in", [SECRET])
    except OscarError as error:
        return error


@UNHURRIED
@given(BODIES, st.sampled_from([200, 204, 302, 400, 401, 429, 500, 503]), HEADERS)
def test_no_answer_is_taken_for_more_than_it_is(body: str, status: int, headers: dict[str, str]) -> None:
    answer = Answer("https://aai.example.org/token", status, headers, body, 1000.0)
    found = outcome(answer)
    if isinstance(found, OscarError):
        assert isinstance(found, (AuthError, UnreachableError))
        assert found.message.startswith("cannot log in: ")
        assert found.message.isprintable()
        assert len(found.message) < 500
    else:
        grant = found
        assert status == 200
        for token in (grant.access.value, grant.refresh_token or "none"):
            assert token.isascii()
            assert token.isprintable()
            assert " " not in token
        assert grant.access.expires_at is None or grant.access.expires_at >= 1000.0


@UNHURRIED
@given(st.text(), st.text(), st.integers(0, 22), st.integers(8, 30))
def test_no_part_of_a_secret_is_quoted(before: str, after: str, start: int, length: int) -> None:
    part = SECRET[start : start + length]
    told = quote_line(f"{before}{part}{after}", [SECRET])
    assert part not in told
    assert told.isprintable()


@UNHURRIED
@given(st.text(min_size=1, max_size=7, alphabet="abc"))
def test_a_short_secret_is_masked_whole(secret: str) -> None:
    assert quote_line(f"code={secret}!", [secret]).count("***") >= 1
