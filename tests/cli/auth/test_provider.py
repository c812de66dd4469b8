"""Finding a provider's endpoints: its document, Keycloak's paths without one, and what is not trusted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import httpx
import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.errors import AuthError, ExitCode, UnreachableError
from oscarcli.http.connection import open_connection
from oscarcli.login import exchange
from oscarcli.login.provider import Provider, discover, revoke
from tests.support.certificate import certified
from tests.support.oidc import DISCOVERY, REVOKE, ScriptedProvider, refused
from tests.support.server import Answer, document, page, text

# 16 MiB in 16 KiB.
BOMB = gzip.compress(b" " * (1 << 24))


def test_a_document_tells_the_endpoints(provider: ScriptedProvider, connection: httpx.Client) -> None:
    provider.changes = {
        "token_endpoint": f"{provider.url}/elsewhere/token",
        "scopes_supported": ["openid", 7, "offline_access"],
    }
    found = discover(provider.issuer, connection)
    assert found == Provider(
        provider.issuer,
        f"{provider.url}/elsewhere/token",
        f"{provider.issuer}/protocol/openid-connect/auth",
        f"{provider.issuer}/protocol/openid-connect/auth/device",
        f"{provider.issuer}/protocol/openid-connect/revoke",
        ("openid", "offline_access"),
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410])
def test_without_a_document_keycloaks_paths_are_taken(
    provider: ScriptedProvider, connection: httpx.Client, status: int
) -> None:
    provider.expect("GET", DISCOVERY, page(status))
    found = discover(provider.issuer, connection)
    assert found == Provider(
        provider.issuer,
        f"{provider.issuer}/protocol/openid-connect/token",
        f"{provider.issuer}/protocol/openid-connect/auth",
        f"{provider.issuer}/protocol/openid-connect/auth/device",
        f"{provider.issuer}/protocol/openid-connect/revoke",
    )


def test_a_last_slash_of_the_issuer_does_not_matter(
    provider: ScriptedProvider, connection: httpx.Client
) -> None:
    assert discover(f" {provider.issuer}/ ", connection).issuer == provider.issuer
    provider.changes = {"issuer": f"{provider.issuer}/"}
    assert discover(provider.issuer, connection).issuer == provider.issuer


@pytest.mark.parametrize("other", ["https://evil.example.org", None, 7, "\x1b[2J", ["a"]])
def test_the_document_of_another_issuer_is_not_trusted(
    provider: ScriptedProvider, connection: httpx.Client, other: object
) -> None:
    provider.changes = {"issuer": other}
    with pytest.raises(AuthError, match="wrong issuer") as caught:
        discover(provider.issuer, connection)
    assert "--oidc-issuer" in str(caught.value.hint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://evil.example.org/token",
        "https://evil.example.org/token",
        "ftp://127.0.0.1/token",
        "javascript:alert(1)",
        "http://user:word@127.0.0.1/token",
        "http://127.0.0.1/to ken",
        "http://127.0.0.1/\x1b[2J",
        "http://127.0.0.1:99999/token",
        "http://[::1/token",
        "http://127.0.0.1/token#part",
        "/token",
        {"a": 1},
    ],
)
@pytest.mark.parametrize("key", ["token_endpoint", "device_authorization_endpoint"])
def test_an_endpoint_that_could_leak_a_login_is_not_used(
    provider: ScriptedProvider, connection: httpx.Client, key: str, endpoint: object
) -> None:
    """An http issuer has no checked certificate to offer, so it may lead to this machine alone."""
    provider.changes = {key: endpoint}
    with pytest.raises(AuthError, match=f"its {key} is not a URL that a login may be sent to"):
        discover(provider.issuer, connection)


def test_an_endpoint_of_a_secure_issuer_must_be_secure(tmp_path: Path) -> None:
    context, voucher = certified(tmp_path)
    tls = TlsSettings(ca_file=str(voucher))
    with ScriptedProvider(context) as secure, open_connection(secure.url, tls) as connection:
        assert discover(secure.issuer, connection).token_endpoint.startswith("https://127.0.0.1:")
        secure.changes = {"token_endpoint": "https://accounts.example.org/token"}
        assert discover(secure.issuer, connection).token_endpoint == "https://accounts.example.org/token"
        secure.changes = {"token_endpoint": "http://127.0.0.1/token"}
        with pytest.raises(AuthError, match="token_endpoint is not a URL"):
            discover(secure.issuer, connection)


def test_a_certificate_that_nobody_vouches_for_ends_it(tmp_path: Path) -> None:
    context, _voucher = certified(tmp_path)
    with ScriptedProvider(context) as secure, open_connection(secure.url, TlsSettings()) as connection:
        with pytest.raises(UnreachableError, match="certificate") as caught:
            discover(secure.issuer, connection)
        assert secure.requests == []
    assert "--ca-file" in str(caught.value.hint)
    # A login is never sent to a provider that is not verified.
    assert "--disable-ssl" not in str(caught.value.hint)


def test_a_document_without_a_token_endpoint_is_of_no_use(
    provider: ScriptedProvider, connection: httpx.Client
) -> None:
    provider.changes = {"token_endpoint": None}
    with pytest.raises(AuthError, match="names no token_endpoint"):
        discover(provider.issuer, connection)


def test_a_compressed_document_is_read(provider: ScriptedProvider, connection: httpx.Client) -> None:
    body = gzip.compress(json.dumps({"issuer": provider.issuer, "token_endpoint": provider.url}).encode())
    provider.expect("GET", DISCOVERY, Answer(200, body, {"Content-Encoding": "gzip"}))
    assert discover(provider.issuer, connection).token_endpoint == provider.url


def test_endpoints_that_are_not_offered_are_empty(
    provider: ScriptedProvider, connection: httpx.Client
) -> None:
    keys = ("authorization_endpoint", "device_authorization_endpoint", "revocation_endpoint")
    provider.changes = dict.fromkeys((*keys, "scopes_supported"))
    found = discover(provider.issuer, connection)
    assert (found.authorization_endpoint, found.device_endpoint, found.revocation_endpoint) == ("", "", "")
    assert found.scopes_supported == ()


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        ("", "is not the URL of a provider"),
        ("aai.example.org", "is not the URL of a provider"),
        ("ftp://aai.example.org", "is not the URL of a provider"),
        ("https://aai.example.org/?realm=users", "is not the URL of a provider"),
        ("https://user:word@aai.example.org", "is not the URL of a provider"),
        ("https://aai.example.org/a b", "is not the URL of a provider"),
        ("https://", "is not the URL of a provider"),
        ("http://aai.example.org/realms/users", "has no https"),
    ],
)
def test_an_issuer_that_no_login_may_be_sent_to_is_not_asked(issuer: str, reason: str) -> None:
    def never(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("the issuer was asked")

    connection = httpx.Client(transport=httpx.MockTransport(never))
    with connection, pytest.raises(AuthError, match=reason) as caught:
        discover(issuer, connection)
    assert "--oidc-issuer" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (page(200), ExitCode.AUTH, "answers with a web page"),
        (page(503), ExitCode.UNREACHABLE, "answers with a web page"),
        (text("", 200), ExitCode.AUTH, "answers nothing"),
        (text("not JSON"), ExitCode.AUTH, "is not JSON"),
        (text("[" * 100_000), ExitCode.AUTH, "is not JSON"),
        (document([1]), ExitCode.AUTH, "is not JSON|answers HTTP 200"),
        (document({}, 500), ExitCode.UNREACHABLE, "HTTP 500"),
        (text("slowly", 429), ExitCode.UNREACHABLE, "HTTP 429"),
        (Answer(302, headers={"Location": "https://evil.example.org/"}), ExitCode.AUTH, "leads elsewhere"),
        (Answer(hang_up=True), ExitCode.UNREACHABLE, "broke"),
        (Answer(reset=True), ExitCode.UNREACHABLE, "broke"),
        (Answer(200, b"x" * (1 << 20) + b"x"), ExitCode.AUTH, "larger than 1 MiB"),
        (Answer(200, BOMB, {"Content-Encoding": "gzip"}), ExitCode.AUTH, "larger than 1 MiB"),
        (Answer(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}), ExitCode.AUTH, "ends too early"),
        (Answer(200, b"{}", {"Content-Encoding": "br"}), ExitCode.AUTH, 'compressed as "br"'),
    ],
)
def test_an_answer_that_is_no_document_says_what_it_is(
    provider: ScriptedProvider, connection: httpx.Client, answer: Answer, code: ExitCode, reason: str
) -> None:
    provider.expect("GET", DISCOVERY, answer)
    with pytest.raises((AuthError, UnreachableError), match=reason) as caught:
        discover(provider.issuer, connection)
    assert caught.value.exit_code == code
    assert len(provider.requests) == 1


@pytest.mark.parametrize("answer", [Answer(200, b"{}", stall_after=1), Answer(200, b"{" * 999, drip=0.05)])
def test_a_provider_that_never_ends_its_answer_is_left(
    provider: ScriptedProvider, connection: httpx.Client, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Single bytes come in time for every limit but that of the whole."""
    monkeypatch.setattr(exchange, "SECONDS", 0.4)
    provider.expect("GET", DISCOVERY, answer)
    with pytest.raises(UnreachableError, match=r"within 0.4 s"):
        discover(provider.issuer, connection)


def test_nobody_there_is_unreachable_and_does_not_lead_to_keycloaks_paths() -> None:
    with ScriptedProvider() as gone:
        issuer = gone.issuer
    connection = open_connection(issuer, TlsSettings())
    with connection, pytest.raises(UnreachableError, match="refuses connections") as caught:
        discover(issuer, connection)
    assert "issuer" in str(caught.value.hint)


def test_requests_are_told_to_whoever_traces_them(
    provider: ScriptedProvider, connection: httpx.Client
) -> None:
    lines: list[str] = []
    discover(provider.issuer, connection, trace=lines.append)
    assert lines == [f"GET {provider.url}{DISCOVERY}: 200"]


def test_a_login_is_revoked(provider: ScriptedProvider, connection: httpx.Client) -> None:
    token = provider.log_in()
    found = discover(provider.issuer, connection)
    assert revoke(found, token, "oscar-cli", connection)
    assert provider.has_ended(token)
    (form,) = provider.forms(REVOKE)
    assert form == {"token": token, "token_type_hint": "refresh_token", "client_id": "oscar-cli"}


@pytest.mark.parametrize("answer", [refused("invalid_client"), page(404), Answer(hang_up=True), Answer(302)])
def test_a_login_that_cannot_be_revoked_is_told_and_nothing_raised(
    provider: ScriptedProvider, connection: httpx.Client, answer: Answer
) -> None:
    found = discover(provider.issuer, connection)
    provider.expect("POST", REVOKE, answer)
    assert not revoke(found, provider.log_in(), "oscar-cli", connection)
    assert not revoke(Provider(provider.issuer, found.token_endpoint), "token", "oscar-cli", connection)
