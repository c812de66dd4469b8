"""Refresh tokens: where they are traded in, for what, and every way a provider can say no."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.errors import AuthError, ExitCode, OscarError, UnreachableError
from oscarcli.http.connection import open_connection
from oscarcli.login import exchange
from oscarcli.login.refresh import refreshed
from oscarcli.login.token_response import NewLoginError
from oscarcli.login.tokens import Grant
from tests.support.oidc import CLIENT, DISCOVERY, TOKEN, ScriptedProvider, refused
from tests.support.server import Answer, document, page, text

Trace = Callable[[str], None]


def refresh(
    token: str, issuer: str = "", client_id: str = "", scopes: str = "", trace: Trace | None = None
) -> Grant:
    return refreshed(
        token,
        issuer=issuer,
        client_id=client_id,
        scopes=scopes,
        connection_for=lambda url: open_connection(url, TlsSettings()),
        trace=trace,
    )


def failing(token: str, issuer: str = "", client_id: str = "") -> OscarError:
    with pytest.raises(OscarError) as caught:
        refresh(token, issuer, client_id)
    assert token not in f"{caught.value.message} {caught.value.hint}"
    return caught.value


def test_a_token_tells_issuer_client_and_scopes(provider: ScriptedProvider) -> None:
    token = provider.log_in("openid profile eduperson_entitlement")
    grant = refresh(token)
    assert provider.accepts(grant.access.value)
    assert provider.forms() == [
        {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": CLIENT,
            "scope": "openid profile eduperson_entitlement",
        }
    ]


def test_what_is_given_goes_before_what_the_token_says(provider: ScriptedProvider) -> None:
    token = provider.log_in("openid profile")
    refresh(f" {token}\n", issuer=f"{provider.issuer}/", client_id=CLIENT, scopes=" openid  profile ")
    assert provider.forms()[0]["scope"] == "openid profile"
    error = failing(provider.log_in(), client_id="another")
    assert "--oidc-client-id" in str(error.hint)


def test_an_opaque_token_works_with_issuer_and_client(provider: ScriptedProvider) -> None:
    provider.opaque = True
    grant = refresh(provider.log_in(), issuer=provider.issuer, client_id=CLIENT)
    assert provider.accepts(grant.access.value)
    assert "scope" not in provider.forms()[0]


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, "its issuer and its client id"),
        ({"issuer": "https://aai.example.org"}, "its client id"),
        ({"client_id": CLIENT}, "its issuer"),
    ],
)
def test_an_opaque_token_without_them_names_the_options(given: dict[str, str], lacking: str) -> None:
    error = failing("0paque-token-of-nobody", **given)
    assert error.exit_code == ExitCode.AUTH
    assert lacking in error.message
    assert "--oidc-issuer" in str(error.hint)
    assert "--oidc-client-id" in str(error.hint)


def test_some_tokens_name_their_client_in_another_way(provider: ScriptedProvider) -> None:
    token = provider.signed({"iss": provider.issuer, "client_id": CLIENT})
    assert isinstance(failing(token), NewLoginError)
    (form,) = provider.forms()
    assert form["client_id"] == CLIENT


@pytest.mark.parametrize("claims", [{"iss": 7, "azp": ["a"]}, {"iss": ""}, {}])
def test_a_token_with_useless_claims_is_like_an_opaque_one(
    provider: ScriptedProvider, claims: dict[str, Any]
) -> None:
    assert "does not name its issuer and its client id" in failing(provider.signed(claims)).message


def test_a_token_that_names_an_insecure_issuer_is_sent_nowhere(provider: ScriptedProvider) -> None:
    token = provider.signed({"iss": "http://aai.example.org/realms/users", "azp": CLIENT})
    assert "no https" in failing(token).message


@pytest.mark.parametrize("token", ["", "   ", "two words", "line\nbreak", "tökén", "bell\x07"])
def test_what_cannot_be_a_token_is_not_sent(token: str) -> None:
    with pytest.raises(AuthError, match="the refresh token is none") as caught:
        refresh(token, issuer="https://aai.example.org", client_id=CLIENT)
    assert not token.strip() or token not in caught.value.message


def test_values_are_encoded_as_a_form(provider: ScriptedProvider) -> None:
    provider.expect("POST", TOKEN, document({"access_token": "good", "token_type": "bearer"}))
    refresh("a+b/c=d&e%20f", issuer=provider.issuer, client_id="the client & co", scopes="a b")
    assert provider.forms() == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "a+b/c=d&e%20f",
            "client_id": "the client & co",
            "scope": "a b",
        }
    ]


def test_keycloaks_path_serves_a_provider_without_a_document(provider: ScriptedProvider) -> None:
    provider.documented = False
    assert provider.accepts(refresh(provider.log_in()).access.value)
    assert provider.calls() == [f"GET {DISCOVERY}", f"POST {TOKEN}"]


def test_a_rotated_token_is_returned_and_the_old_one_ends_the_login(provider: ScriptedProvider) -> None:
    first = provider.log_in()
    second = refresh(first).refresh_token
    assert second not in ("", first)
    third = refresh(second).refresh_token
    error = failing(second)
    assert isinstance(error, NewLoginError)
    assert error.hint is None
    assert isinstance(failing(third), NewLoginError)


def test_a_provider_that_does_not_rotate_is_fine(provider: ScriptedProvider) -> None:
    provider.rotate = False
    token = provider.log_in()
    assert refresh(token).refresh_token == token
    assert provider.accepts(refresh(token).access.value)


def test_an_expired_token_asks_for_a_new_login(provider: ScriptedProvider) -> None:
    error = failing(provider.log_in(lifetime=-1))
    assert isinstance(error, NewLoginError)
    assert "it expired, was revoked or was used already (invalid_grant: Token is not active)" in error.message


def test_a_revoked_token_asks_for_a_new_login(provider: ScriptedProvider) -> None:
    token = provider.log_in()
    provider.end(token)
    assert isinstance(failing(token), NewLoginError)


@pytest.mark.parametrize("hours", [-25, -1, 1, 25])
def test_a_clock_that_is_wrong_does_not_matter(provider: ScriptedProvider, hours: int) -> None:
    """A fresh token is good for what the provider says, however far its own clock is."""
    provider.clock_offset = hours * 3600.0
    before = time.time()
    grant = refresh(provider.log_in())
    assert provider.accepts(grant.access.value)
    assert grant.access.expires_at is not None
    assert before <= grant.access.expires_at - 300 <= time.time()


@pytest.mark.parametrize(
    ("expires_in", "seconds"), [(60, 60), (60.5, 60.5), ("60", 60), (0, 0), (-5, 0), (10**9, 10**9)]
)
def test_the_end_is_counted_from_the_question(
    provider: ScriptedProvider, expires_in: object, seconds: float
) -> None:
    provider.expect("POST", TOKEN, document({"access_token": "good", "expires_in": expires_in}))
    before = time.time()
    ends = refresh(provider.log_in()).access.expires_at
    assert ends is not None
    assert before <= ends - seconds <= time.time()


@pytest.mark.parametrize("expires_in", [None, True, "soon", [], "1e999", "nan"])
def test_an_opaque_token_without_a_time_has_no_known_end(
    provider: ScriptedProvider, expires_in: object
) -> None:
    provider.expect("POST", TOKEN, document({"access_token": "good", "expires_in": expires_in}))
    assert refresh(provider.log_in()).access.expires_at is None


def test_without_a_time_the_tokens_own_end_counts_against_the_providers_clock(
    provider: ScriptedProvider,
) -> None:
    access = provider.signed({"exp": 2_000_000_060})
    answer = document({"access_token": access}, Date="Wed, 18 May 2033 03:33:20 GMT")
    before = time.time()
    ends = _answered(answer, provider)
    assert ends is not None
    assert before <= ends - 60 <= time.time()


def _answered(answer: Answer, provider: ScriptedProvider) -> float | None:
    """Return the end by an answer whose Date is that of the answer alone."""

    def reply(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(404, stream=httpx.ByteStream(b""))
        return httpx.Response(answer.status, stream=httpx.ByteStream(answer.body), headers=answer.headers)

    grant = refreshed(
        provider.log_in(),
        issuer="",
        client_id="",
        scopes="",
        connection_for=lambda url: open_connection(url, TlsSettings(), transport=httpx.MockTransport(reply)),
    )
    return grant.access.expires_at


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (refused("invalid_client", status=401), AuthError, "does not accept the client id"),
        (refused("unauthorized_client"), AuthError, "does not let this client log in this way"),
        (refused("unsupported_grant_type"), AuthError, "does not have this way"),
        (refused("invalid_scope", "Invalid scopes: x"), AuthError, "scopes asked for.*Invalid scopes: x"),
        (refused("access_denied"), AuthError, "declined"),
        (refused("login_required"), AuthError, "new login"),
        (refused("server_error", status=400), UnreachableError, "the provider failed"),
        (refused("server_error", status=500), UnreachableError, "the provider failed"),
        (refused("temporarily_unavailable", status=503), UnreachableError, "cannot answer now"),
        (refused("slow_down", status=429), UnreachableError, "asked too often"),
        (refused("odd_code"), AuthError, r"refused it \(HTTP 400: odd_code\)"),
        (refused("odd_code", status=502), UnreachableError, r"failed \(HTTP 502: odd_code\)"),
        (document({"error": "invalid_grant"}, 200), AuthError, "no longer accepts"),
        (document({"error": {"code": 1}}, 400), AuthError, "answers HTTP 400"),
        (document({}, 400), AuthError, "not JSON|HTTP 400"),
        (document({"message": "no"}, 404), AuthError, "HTTP 404"),
        (page(200), AuthError, "web page"),
        (page(502), UnreachableError, "web page"),
        (text("", 500), UnreachableError, "answers nothing"),
        (text("", 200), AuthError, "answers nothing"),
        (text("Bad luck"), AuthError, "is not JSON"),
        (document(["access_token"]), AuthError, "is not JSON"),
        (document({"token_type": "Bearer"}), AuthError, "has no access token"),
        (document({"access_token": ""}), AuthError, "has no access token"),
        (document({"access_token": "two words"}), AuthError, "blanks or characters"),
        (document({"access_token": "a\r\nX-Evil: 1"}), AuthError, "blanks or characters"),
        (document({"access_token": "tökén"}), AuthError, "blanks or characters"),
        (document({"access_token": 7}), AuthError, "blanks or characters"),
        (document({"access_token": "a", "token_type": "mac"}), AuthError, 'another use than requests: "mac"'),
        (document({"access_token": "a", "token_type": None}), AuthError, "another use"),
        (Answer(307, headers={"Location": "https://evil.example.org/"}), AuthError, "leads elsewhere"),
        (Answer(302, headers={"Location": "/login"}), AuthError, "leads elsewhere"),
        (Answer(hang_up=True), UnreachableError, "broke"),
        (Answer(reset=True), UnreachableError, "broke"),
        (Answer(200, b"1" * ((1 << 20) + 1)), AuthError, "larger than 1 MiB"),
        (Answer(200, b"{", {"Content-Length": "900"}), UnreachableError, "broke"),
        (Answer(200, b"x", {"Content-Encoding": "gzip"}), AuthError, "is no valid gzip data|ends too early"),
    ],
)
def test_every_refusal_is_told_in_one_line(
    provider: ScriptedProvider, answer: Answer, kind: type[OscarError], reason: str
) -> None:
    provider.expect("POST", TOKEN, answer)
    with pytest.raises(kind, match=rf"^cannot refresh the login: .*({reason})") as caught:
        refresh(provider.log_in())
    error = caught.value
    assert error.message.isprintable()
    # Who knows the cluster adds how to log in to it again.
    assert bool(error.hint) != isinstance(error, NewLoginError)
    # Nothing is tried a second time: a refresh token may be good for one use.
    assert provider.calls() == [f"GET {DISCOVERY}", f"POST {TOKEN}"]


def test_of_a_web_page_only_the_title_is_told(provider: ScriptedProvider) -> None:
    body = (
        b"<!DOCTYPE html><html><head><TITLE lang=en>\n 502 &amp; <b>"
        + b"</TITLE></head><body>secret words</body></html>"
    )
    provider.expect("POST", TOKEN, Answer(502, body, {"Content-Type": "text/plain"}))
    error = failing(provider.log_in())
    assert 'a web page titled "502 &" (HTTP 502)' in error.message
    assert "secret words" not in error.message
    assert "<" not in error.message


def test_a_title_cannot_move_the_cursor_or_fill_the_screen(provider: ScriptedProvider) -> None:
    body = b"<html><title>&#27;[2J" + b"word " * 90 + b"</title>"
    provider.expect("POST", TOKEN, Answer(403, body, {"Content-Type": "text/html"}))
    message = failing(provider.log_in()).message
    assert "\x1b" not in message
    assert len(message) < 300


def test_a_long_description_is_cut_and_cleaned(provider: ScriptedProvider) -> None:
    provider.expect("POST", TOKEN, refused("invalid_grant", "\x1b[31mred\r\n" + "word " * 100))
    message = failing(provider.log_in()).message
    assert "\x1b" not in message
    assert "\n" not in message
    assert message.count("word") == 38
    assert message.endswith("…)")


def test_a_secret_that_comes_back_is_masked(provider: ScriptedProvider) -> None:
    """Whole, in part, as an error code or after a line break: nothing of the token is shown."""
    for token in (provider.log_in(), "0paque.Token_of-40~characters/and+more=="):
        for code, words in (
            ("invalid_grant", f"the token {token} is stale"),
            ("invalid_grant", f"the token {token[:20]}... is stale"),
            ("invalid_grant", f"...{token[-20:]} is stale"),
            ("invalid_grant", f"'{token}'"),
            ("invalid_grant", "x" * 190 + token),
            (token, ""),
            (f"bad_{token}", ""),
        ):
            provider.expect("POST", TOKEN, refused(code, words))
            error = failing(token, issuer=provider.issuer, client_id=CLIENT)
            assert shown_of(token, error) == ""


@pytest.mark.parametrize("opaque", [False, True])
def test_a_secret_in_any_other_part_of_an_answer_is_masked(provider: ScriptedProvider, opaque: bool) -> None:
    provider.opaque = opaque
    token = provider.log_in()
    for answer in (
        Answer(400, f"<html><title>no {token}</title>".encode(), {"Content-Type": "text/html"}),
        Answer(302, headers={"Location": f"/again?token={token}"}),
        document({"access_token": "good", "token_type": token}),
        document({token: token}, 400),
        text(token, 400),
        # No valid answer at all.
        Answer(200, headers={f"bad header {token}": token}),
    ):
        provider.expect("POST", TOKEN, answer)
        assert shown_of(token, failing(token, provider.issuer, CLIENT)) == ""


def test_a_token_that_is_anothers_is_masked_too(provider: ScriptedProvider) -> None:
    other = provider.signed({"sub": "somebody else"})
    provider.expect("POST", TOKEN, refused("invalid_grant", f"superseded by {other}"))
    error = failing(provider.log_in())
    assert "superseded by ***" in error.message
    assert shown_of(other, error) == ""


def shown_of(secret: str, error: OscarError) -> str:
    """Return a part of a secret that an error shows."""
    shown = f"{error.message} {error.hint}"
    parts = (secret[at : at + 10] for at in range(len(secret) - 9))
    return next((part for part in parts if part in shown), "")


def test_no_token_is_traced_or_in_a_representation(provider: ScriptedProvider) -> None:
    lines: list[str] = []
    token = provider.log_in()
    grant = refresh(token, trace=lines.append)
    assert lines == [f"GET {provider.url}{DISCOVERY}: 200", f"POST {provider.url}{TOKEN}: 200"]
    for secret in (token, grant.access.value, grant.refresh_token):
        assert secret not in repr(grant)


@pytest.mark.parametrize("following", [7, "", "two words", None])
def test_a_next_token_that_is_none_is_not_taken(provider: ScriptedProvider, following: object) -> None:
    provider.expect("POST", TOKEN, document({"access_token": "good", "refresh_token": following}))
    assert refresh(provider.log_in()).refresh_token == ""


@pytest.mark.parametrize("answer", [Answer(200, b"{}", stall_after=1), Answer(200, b"{" * 999, drip=0.05)])
def test_a_slow_answer_is_not_waited_for_without_end(
    provider: ScriptedProvider, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "SECONDS", 0.4)
    provider.expect("POST", TOKEN, answer)
    error = failing(provider.log_in())
    assert isinstance(error, UnreachableError)
    assert "within 0.4 s" in error.message


def test_an_answer_that_takes_its_time_is_waited_for(provider: ScriptedProvider) -> None:
    asked, answered = threading.Event(), threading.Event()

    def reply(_request: object) -> Answer:
        asked.set()
        answered.wait(60)
        return document({"access_token": "good", "expires_in": 60})

    provider.expect("POST", TOKEN, reply)
    waiting = ThreadPoolExecutor(1)
    with waiting:
        grant = waiting.submit(refresh, provider.log_in())
        assert asked.wait(60)
        assert not grant.done()
        answered.set()
        assert grant.result().access.value == "good"
