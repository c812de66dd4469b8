"""Logins confirmed on another device: what is shown, how often is asked, and how it ends."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from oscarcli.errors import AuthError, OscarError, UnreachableError
from oscarcli.login.device import DeviceCode, log_in_by_device
from oscarcli.login.provider import Provider, discover
from oscarcli.login.token_response import NewLoginError
from oscarcli.login.tokens import Grant
from tests.support.oidc import CLIENT, CONFIRM, DEVICE, TOKEN, ScriptedProvider, refused
from tests.support.server import Answer, document, page, text


class Waiting:
    """Time that passes only when it is waited for."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.shown: list[DeviceCode] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def clock(self) -> float:
        return sum(self.pauses)


LogIn = Callable[..., Grant]


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def log_in(provider: ScriptedProvider, connection: httpx.Client, waiting: Waiting) -> LogIn:
    """Logs in; keywords replace what is found out or given."""

    def by_device(
        found: Provider | None = None,
        client: str = CLIENT,
        scopes: str = "",
        trace: Callable[[str], None] | None = None,
    ) -> Grant:
        return log_in_by_device(
            found or discover(provider.issuer, connection),
            client,
            scopes,
            connection,
            show=waiting.shown.append,
            sleep=waiting.sleep,
            clock=waiting.clock,
            trace=trace,
        )

    return by_device


def test_a_login_is_waited_for(provider: ScriptedProvider, log_in: LogIn, waiting: Waiting) -> None:
    provider.device_answers = ["authorization_pending"] * 3
    grant = log_in()
    assert provider.accepts(grant.access.value)
    assert grant.refresh_token
    address = provider.url + CONFIRM
    assert waiting.shown == [DeviceCode("WDJB-MJHT", address, f"{address}?user_code=WDJB-MJHT", 600)]
    assert waiting.pauses == [5, 5, 5, 5]


def test_slow_down_adds_five_seconds_for_good(
    provider: ScriptedProvider, log_in: LogIn, waiting: Waiting
) -> None:
    provider.interval = 2
    provider.device_answers = ["authorization_pending", "slow_down", "authorization_pending", "slow_down"]
    log_in()
    assert waiting.pauses == [2, 2, 7, 7, 12]


def test_the_usual_scopes_and_a_lasting_login_are_asked_for(
    provider: ScriptedProvider, log_in: LogIn
) -> None:
    log_in()
    log_in(scopes=" openid  eduperson_entitlement offline_access")
    provider.changes = {"scopes_supported": ["openid"]}
    log_in()
    assert [form["scope"] for form in provider.forms(DEVICE)] == [
        "openid email profile offline_access",
        "openid eduperson_entitlement offline_access",
        "openid email profile",
    ]


@pytest.mark.parametrize(("path", "code"), [(DEVICE, "invalid_scope"), (TOKEN, "not_allowed")])
def test_a_lasting_login_that_is_not_given_is_done_without(
    provider: ScriptedProvider, log_in: LogIn, path: str, code: str
) -> None:
    provider.expect("POST", path, refused(code))
    assert provider.accepts(log_in().access.value)
    scopes = [form["scope"] for form in provider.forms(DEVICE)]
    assert scopes == ["openid email profile offline_access", "openid email profile"]


def test_the_code_is_bound_to_this_login(provider: ScriptedProvider, log_in: LogIn) -> None:
    """PKCE: the provider of these tests refuses a device code without its verifier."""
    log_in()
    (asked,), (redeemed,) = provider.forms(DEVICE), provider.forms(TOKEN)
    assert (asked["client_id"], asked["code_challenge_method"]) == (CLIENT, "S256")
    assert 43 <= len(redeemed["code_verifier"]) <= 128
    log_in()
    assert provider.forms(DEVICE)[1]["code_challenge"] != asked["code_challenge"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("access_denied", "the login was declined"),
        ("expired_token", "the code expired before the login was confirmed"),
        ("invalid_grant", "no longer accepts"),
    ],
)
def test_the_end_of_a_login_is_told(
    provider: ScriptedProvider, log_in: LogIn, waiting: Waiting, code: str, reason: str
) -> None:
    provider.device_answers = ["authorization_pending", code]
    with pytest.raises(NewLoginError, match=f"cannot log in: .*{reason}"):
        log_in()
    assert len(waiting.pauses) == 2


def test_waiting_ends_with_the_code(provider: ScriptedProvider, log_in: LogIn, waiting: Waiting) -> None:
    provider.device_answers = ["authorization_pending"] * 1000
    with pytest.raises(NewLoginError, match="expired before the login was confirmed"):
        log_in()
    assert waiting.clock() <= 600
    assert len(provider.forms(TOKEN)) == 119


def test_slow_down_without_end_still_ends(
    provider: ScriptedProvider, log_in: LogIn, waiting: Waiting
) -> None:
    provider.device_answers = ["slow_down"] * 1000
    with pytest.raises(NewLoginError, match="expired"):
        log_in()
    assert waiting.clock() <= 600


def test_a_failure_on_the_way_is_waited_out_ever_longer(
    provider: ScriptedProvider, log_in: LogIn, waiting: Waiting
) -> None:
    """RFC 8628, 3.5: after a connection timeout the pauses grow."""
    for answer in (Answer(hang_up=True), page(502), Answer(reset=True)):
        provider.expect("POST", TOKEN, answer)
    assert provider.accepts(log_in().access.value)
    assert waiting.pauses[0] == 5
    assert waiting.pauses == sorted(waiting.pauses)


def test_failures_that_do_not_last_are_forgotten(provider: ScriptedProvider, log_in: LogIn) -> None:
    for _ in range(2):
        for answer in (*[Answer(hang_up=True)] * 3, refused("authorization_pending")):
            provider.expect("POST", TOKEN, answer)
    assert provider.accepts(log_in().access.value)


def test_a_provider_that_went_away_is_not_asked_for_ever(
    provider: ScriptedProvider, log_in: LogIn, waiting: Waiting
) -> None:
    provider.always("POST", TOKEN, Answer(hang_up=True))
    with pytest.raises(UnreachableError, match="broke"):
        log_in()
    assert len(provider.forms(TOKEN)) == 5
    assert waiting.pauses == [5, 10, 20, 40, 60]


@pytest.mark.parametrize(
    ("changes", "code", "pause"),
    [
        ({"interval": None}, DeviceCode("A", "https://a.example.org/d", "", 600), 5),
        ({"interval": 0}, DeviceCode("A", "https://a.example.org/d", "", 600), 1),
        ({"interval": -7}, DeviceCode("A", "https://a.example.org/d", "", 600), 1),
        ({"interval": "often"}, DeviceCode("A", "https://a.example.org/d", "", 600), 5),
        ({"interval": 10**9}, DeviceCode("A", "https://a.example.org/d", "", 600), 60),
        ({"expires_in": None}, DeviceCode("A", "https://a.example.org/d", "", 600), 5),
        ({"expires_in": 10**400}, DeviceCode("A", "https://a.example.org/d", "", 600), 5),
        ({"expires_in": 10**9}, DeviceCode("A", "https://a.example.org/d", "", 3600), 5),
        (
            {"verification_uri_complete": "javascript:alert(1)"},
            DeviceCode("A", "https://a.example.org/d", "", 600),
            5,
        ),
        (
            {"verification_uri": None, "verification_url": "https://old.example.org"},
            DeviceCode("A", "https://old.example.org", "", 600),
            5,
        ),
    ],
)
def test_odd_values_are_taken_for_what_is_usual(
    provider: ScriptedProvider,
    log_in: LogIn,
    waiting: Waiting,
    changes: dict[str, object],
    code: DeviceCode,
    pause: float,
) -> None:
    provider.expect("POST", DEVICE, document({**OFFER, **changes}))
    provider.expect("POST", TOKEN, document({"access_token": "good"}))
    assert log_in().access.value == "good"
    assert (waiting.shown, waiting.pauses) == ([code], [pause])


OFFER = {
    "device_code": "secret-device-code",
    "user_code": "A",
    "verification_uri": "https://a.example.org/d",
    "expires_in": 600,
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device_code": None}, "no device code"),
        ({"device_code": 7}, "no device code"),
        ({"user_code": ""}, "no code to type"),
        ({"user_code": "\x1b[2J"}, "no code to type"),
        ({"user_code": "A" * 65}, "no code to type"),
        ({"verification_uri": None}, "no address"),
        ({"verification_uri": "javascript:alert(1)"}, "no address"),
        ({"verification_uri": "https://a.example.org/\x1b[2J"}, "no address"),
        ({"verification_uri": "https://a.example.org/" + "a" * 2000}, "no address"),
    ],
)
def test_an_offer_that_cannot_be_shown_is_refused(
    provider: ScriptedProvider, log_in: LogIn, waiting: Waiting, changes: dict[str, object], reason: str
) -> None:
    provider.expect("POST", DEVICE, document({**OFFER, **changes}))
    with pytest.raises(AuthError, match=reason):
        log_in()
    assert waiting.shown == []


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (refused("unauthorized_client"), AuthError, "does not let this client"),
        (page(404), AuthError, "web page"),
        (page(500), UnreachableError, "web page"),
        (text("busy", 503), UnreachableError, "not JSON"),
        (document({}), AuthError, "not JSON|HTTP 200"),
        (Answer(302, headers={"Location": "/login"}), AuthError, "leads elsewhere"),
        (Answer(hang_up=True), UnreachableError, "broke"),
    ],
)
def test_a_login_that_cannot_begin_says_why(
    provider: ScriptedProvider, log_in: LogIn, answer: Answer, kind: type[OscarError], reason: str
) -> None:
    provider.expect("POST", DEVICE, answer)
    with pytest.raises(kind, match=f"cannot log in: .*({reason})"):
        log_in()


def test_scopes_that_are_refused_name_the_option(provider: ScriptedProvider, log_in: LogIn) -> None:
    provider.expect("POST", DEVICE, refused("invalid_scope", "no such scope"))
    with pytest.raises(AuthError, match="no such scope") as caught:
        log_in(scopes="openid offline_access")
    assert "--oidc-scopes" in str(caught.value.hint)


def test_an_unknown_client_names_the_option(log_in: LogIn) -> None:
    with pytest.raises(AuthError, match="does not accept the client id") as caught:
        log_in(client="stranger")
    assert "--oidc-client-id" in str(caught.value.hint)


def test_a_provider_without_device_codes_leads_to_the_browser(log_in: LogIn) -> None:
    with pytest.raises(AuthError, match="has no login with a device code") as caught:
        log_in(Provider("https://aai.example.org", "https://aai.example.org/token"))
    assert "browser" in str(caught.value.hint)


def test_no_code_is_told_in_errors_or_traces(provider: ScriptedProvider, log_in: LogIn) -> None:
    lines: list[str] = []
    provider.expect("POST", DEVICE, document(OFFER))
    provider.expect("POST", TOKEN, refused("odd", "the code secret-device-code is odd"))
    with pytest.raises(AuthError) as caught:
        log_in(trace=lines.append)
    assert "the code *** is odd" in caught.value.message
    assert lines == [f"POST {provider.url}{DEVICE}: 200", f"POST {provider.url}{TOKEN}: 400"]


def test_ctrl_c_ends_the_waiting(
    provider: ScriptedProvider, log_in: LogIn, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_self: Waiting, _seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Waiting, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        log_in()
    assert provider.forms(TOKEN) == []
