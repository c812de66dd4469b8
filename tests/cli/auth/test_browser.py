"""Logins by browser: PKCE, the way back to loopback, and what else may come to that door."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from oscarcli.errors import AuthError, UnreachableError
from oscarcli.login.browser import log_in_by_browser
from oscarcli.login.provider import Provider, discover
from oscarcli.login.token_response import NewLoginError
from oscarcli.login.tokens import Grant
from tests.support.oidc import AUTH, CLIENT, TOKEN, ScriptedProvider, refused
from tests.support.ports import free_port
from tests.support.server import Answer, Request, document, page

LogIn = Callable[..., Grant]
# A login that its test wants to fail must not hold it for minutes.
SECONDS = 20.0


def visit(url: str) -> bool:
    """Be a browser: follow wherever it leads."""
    httpx.get(url, follow_redirects=True, trust_env=False, verify=False)
    return True


def asked(url: str) -> dict[str, str]:
    """Return what a login page is asked with."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def back(url: str, **changes: str) -> httpx.Response:
    """Go back to the program with an answer of one's own."""
    query = asked(url)
    answer = {"state": query["state"], "code": "a-code", **changes}
    return httpx.get(query["redirect_uri"], params=answer, trust_env=False, verify=False)


@pytest.fixture
def log_in(provider: ScriptedProvider, connection: httpx.Client) -> LogIn:
    """Logs in with a browser that a function plays; `shown` takes the URL."""

    def by_browser(
        open_browser: Callable[[str], bool] = visit,
        *,
        found: Provider | None = None,
        client: str = CLIENT,
        scopes: str = "",
        port: int = 0,
        seconds: float = SECONDS,
        show: Callable[[str], None] = lambda _url: None,
        trace: Callable[[str], None] | None = None,
    ) -> Grant:
        return log_in_by_browser(
            found or discover(provider.issuer, connection),
            client,
            scopes,
            connection,
            open_browser=open_browser,
            show=show,
            port=port,
            seconds=seconds,
            trace=trace,
        )

    return by_browser


def test_a_browser_brings_a_login(provider: ScriptedProvider, log_in: LogIn) -> None:
    shown: list[str] = []
    grant = log_in(show=shown.append)
    assert provider.accepts(grant.access.value)
    assert grant.refresh_token
    (url,) = shown
    query = asked(url)
    assert url.startswith(f"{provider.url}{AUTH}?")
    assert query["redirect_uri"].startswith("http://127.0.0.1:")
    assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
    assert query["scope"] == "openid email profile offline_access"
    assert query["code_challenge_method"] == "S256"
    assert min(len(query["state"]), len(query["nonce"])) >= 32
    (form,) = provider.forms(TOKEN)
    assert form["redirect_uri"] == query["redirect_uri"]
    assert 43 <= len(form["code_verifier"]) <= 128
    assert form["code_verifier"] not in url


def test_nothing_is_used_twice(log_in: LogIn) -> None:
    shown: list[str] = []
    log_in(show=shown.append)
    log_in(show=shown.append)
    first, second = (asked(url) for url in shown)
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


def test_an_endpoint_with_a_query_of_its_own_keeps_it(provider: ScriptedProvider, log_in: LogIn) -> None:
    provider.changes = {"authorization_endpoint": f"{provider.url}{AUTH}?realm=users"}
    shown: list[str] = []
    log_in(show=shown.append)
    assert asked(shown[0])["realm"] == "users"


def test_the_page_is_plain_and_says_where_to_go_on(log_in: LogIn) -> None:
    pages: list[httpx.Response] = []

    def browser(url: str) -> bool:
        pages.append(httpx.get(url, follow_redirects=True, trust_env=False, verify=False))
        return True

    log_in(browser)
    (answer,) = pages
    assert answer.status_code == 200
    assert "go back to the terminal" in answer.text
    assert "<script" not in answer.text
    assert asked(str(answer.url))["code"] not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("failing", [lambda _url: False, lambda _url: 1 / 0])
def test_without_a_browser_the_shown_address_does(
    provider: ScriptedProvider, log_in: LogIn, failing: Callable[[str], bool]
) -> None:
    """A person copies it to where a browser is."""
    with ThreadPoolExecutor(1) as person:
        grant = log_in(failing, show=lambda url: person.submit(visit, url))
    assert provider.accepts(grant.access.value)


def test_icons_and_silent_connections_do_not_disturb(provider: ScriptedProvider, log_in: LogIn) -> None:
    held: list[socket.socket] = []

    def browser(url: str) -> bool:
        address = urlsplit(asked(url)["redirect_uri"])
        held.append(socket.create_connection((str(address.hostname), int(address.port or 0))))
        root = f"http://{address.netloc}"
        statuses = [
            httpx.get(root + path, trust_env=False, verify=False).status_code
            for path in ("/favicon.ico", "/", "/callback", "/callback/?code=a&state=b")
        ]
        statuses.append(
            httpx.post(f"{root}/callback?code=a&state=b", trust_env=False, verify=False).status_code
        )
        assert statuses == [404, 404, 404, 404, 501]
        return visit(url)

    try:
        assert provider.accepts(log_in(browser).access.value)
    finally:
        for one in held:
            one.close()


def test_the_first_answer_counts(provider: ScriptedProvider, log_in: LogIn) -> None:
    def browser(url: str) -> bool:
        visit(url)
        assert back(url, code="another").status_code == 200
        return True

    assert provider.accepts(log_in(browser).access.value)
    assert len(provider.forms(TOKEN)) == 1


@pytest.mark.parametrize("state", ["", "another", "ÿ"])
def test_an_answer_to_another_login_is_refused(provider: ScriptedProvider, log_in: LogIn, state: str) -> None:
    with pytest.raises(AuthError, match="no answer to this login") as caught:
        log_in(lambda url: back(url, state=state).is_success)
    assert caught.value.hint
    assert provider.forms(TOKEN) == []


def test_a_repeated_state_is_none(provider: ScriptedProvider, log_in: LogIn) -> None:
    def browser(url: str) -> bool:
        query = asked(url)
        again = f"{query['redirect_uri']}?code=a&state={query['state']}&state={query['state']}"
        return httpx.get(again, trust_env=False, verify=False).is_success

    with pytest.raises(AuthError, match="no answer to this login"):
        log_in(browser)
    assert provider.forms(TOKEN) == []


def test_an_answer_of_another_provider_is_refused(provider: ScriptedProvider, log_in: LogIn) -> None:
    with pytest.raises(AuthError, match="wrong issuer"):
        log_in(lambda url: back(url, iss="https://evil.example.org").is_success)
    assert provider.forms(TOKEN) == []


@pytest.mark.parametrize("code", ["", "a\x1bb", "ö", "a" * 4097])
def test_an_answer_without_a_code_is_refused(provider: ScriptedProvider, log_in: LogIn, code: str) -> None:
    with pytest.raises(AuthError, match="no authorization code"):
        log_in(lambda url: back(url, code=code).is_success)
    assert provider.forms(TOKEN) == []


def test_a_declined_login_is_told_in_the_providers_words(provider: ScriptedProvider, log_in: LogIn) -> None:
    words = "The user\x1b[2J said no\n" + "really " * 100

    def browser(url: str) -> bool:
        return back(url, error="access_denied", error_description=words).is_success

    with pytest.raises(NewLoginError, match="the login was declined") as caught:
        log_in(browser)
    assert "The user [2J said no really" in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 350


def test_a_scope_that_is_refused_names_the_option(log_in: LogIn) -> None:
    with pytest.raises(AuthError, match="scopes") as caught:
        log_in(lambda url: back(url, error="invalid_scope").is_success, scopes="openid offline_access")
    assert "--oidc-scopes" in str(caught.value.hint)


def test_a_lasting_login_that_is_not_given_is_done_without(provider: ScriptedProvider, log_in: LogIn) -> None:
    shown: list[str] = []

    def browser(url: str) -> bool:
        return back(url, error="invalid_scope").is_success if "offline" in url else visit(url)

    assert provider.accepts(log_in(browser, show=shown.append).access.value)
    scopes = [asked(url)["scope"] for url in shown]
    assert scopes == ["openid email profile offline_access", "openid email profile"]


def test_no_answer_in_time_ends_it(log_in: LogIn) -> None:
    with pytest.raises(NewLoginError, match=r"no answer in time"):
        log_in(lambda _url: True, seconds=0.2)


def test_the_door_is_closed_afterwards_however_it_ends(log_in: LogIn) -> None:
    urls: list[str] = []

    def interrupted(url: str) -> bool:
        urls.append(url)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_in(interrupted)
    log_in(show=urls.append)
    assert len(urls) == 2
    before = threading.active_count()
    for url in urls:
        with pytest.raises(httpx.ConnectError):
            back(url)
    assert threading.active_count() <= before


def test_a_port_of_ones_choice_serves_one_login_after_the_other(log_in: LogIn) -> None:
    """Its last connections linger for a minute, which must not keep the next login waiting."""
    port, shown = free_port(), list[str]()
    for _ in range(2):
        log_in(port=port, show=shown.append)
    assert {asked(url)["redirect_uri"] for url in shown} == {f"http://127.0.0.1:{port}/callback"}


def test_a_port_that_is_taken_is_told_before_anything_is_opened(
    provider: ScriptedProvider, log_in: LogIn
) -> None:
    opened: list[str] = []
    with pytest.raises(AuthError, match=f"127.0.0.1:{provider.port}: Address already in use") as caught:
        log_in(opened.append, port=provider.port, show=opened.append)
    assert "port" in str(caught.value.hint)
    assert opened == []


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_told(log_in: LogIn, port: int) -> None:
    with pytest.raises(AuthError, match="no such port"):
        log_in(port=port)


def test_a_provider_without_a_login_page_leads_to_device_codes(log_in: LogIn) -> None:
    with pytest.raises(AuthError, match="no login by browser") as caught:
        log_in(found=Provider("https://aai.example.org", "https://aai.example.org/token"))
    assert "--device" in str(caught.value.hint)


def test_a_code_that_is_used_or_stale_asks_for_a_new_login(log_in: LogIn) -> None:
    with pytest.raises(NewLoginError, match="Code not valid"):
        log_in(lambda url: back(url).is_success)


def test_a_verifier_that_does_not_fit_is_refused_by_the_provider(
    provider: ScriptedProvider, log_in: LogIn
) -> None:
    """That the provider of these tests really checks PKCE, or the others would show nothing."""

    def tampering(url: str) -> bool:
        return visit(url.replace("code_challenge=", "code_challenge=A"))

    with pytest.raises(NewLoginError, match="PKCE verification failed"):
        log_in(tampering)


@pytest.mark.parametrize("changes", [{"nonce": "another"}, {"nonce": None}, {"aud": "another"}, {"aud": []}])
def test_an_identity_token_of_another_login_is_refused(
    provider: ScriptedProvider, log_in: LogIn, changes: dict[str, object]
) -> None:
    nonces: list[str] = []

    def reply(_request: Request) -> Answer:
        claims = {"aud": CLIENT, "nonce": nonces[0], **changes}
        return document({"access_token": "good", "id_token": provider.signed(claims)})

    provider.expect("POST", TOKEN, reply)
    with pytest.raises(AuthError, match="belongs to another login"):
        log_in(show=lambda url: nonces.append(asked(url)["nonce"]))


def test_no_code_is_told_in_errors_or_traces(
    provider: ScriptedProvider, log_in: LogIn, capfd: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []

    def reply(request: Request) -> Answer:
        return refused("odd", f"the form {request.body.decode()} is odd")

    provider.expect("POST", TOKEN, reply)
    with pytest.raises(AuthError) as caught:
        log_in(lambda url: back(url, code="secret-code-of-the-user").is_success, trace=lines.append)
    (form,) = provider.forms(TOKEN)
    told = " ".join([caught.value.message, *lines, *capfd.readouterr()])
    assert form["code"] == "secret-code-of-the-user"
    assert not any(secret in told for secret in (form["code"], form["code_verifier"]))
    assert lines == [f"POST {provider.url}{TOKEN}: 400"]


def test_a_provider_that_fails_at_the_end_is_told(provider: ScriptedProvider, log_in: LogIn) -> None:
    provider.expect("POST", TOKEN, page(502))
    with pytest.raises(UnreachableError, match="web page"):
        log_in()
