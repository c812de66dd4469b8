"""Logins at a real provider: Keycloak, which this module starts when OSCAR_TEST_KEYCLOAK names its folder.

The user's part, a login form and a consent, is played by plain HTTP. It takes a minute, most of it Keycloak's
start; run it without parallel workers, or each starts one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from oscarcli.config.model import TlsSettings
from oscarcli.errors import AuthError
from oscarcli.http.connection import open_connection
from oscarcli.login import jwt
from oscarcli.login.browser import log_in_by_browser
from oscarcli.login.device import DeviceCode, log_in_by_device
from oscarcli.login.provider import Provider, discover, revoke
from oscarcli.login.refresh import refreshed
from oscarcli.login.token_response import NewLoginError
from oscarcli.login.tokens import AccessToken, Grant
from tests.conftest import Runner
from tests.support.ports import free_port

KEYCLOAK = os.environ.get("OSCAR_TEST_KEYCLOAK", "")
pytestmark = [
    pytest.mark.skipif(not KEYCLOAK, reason="OSCAR_TEST_KEYCLOAK names no folder of Keycloak"),
    pytest.mark.slow,
]
# Half a minute on two idle cores.
START_SECONDS = 240.0
# What Keycloak builds itself for; `kc.sh build` with these words, once, saves some of that.
BUILD = ("--cache=local", "--db=dev-file")
# A login that its test wants to fail must not hold it for minutes.
SECONDS = 20.0
USER, WORD = "jane", secrets.token_urlsafe(12)
# One lets logins last; the other ends them after seconds and has no lasting ones.
LASTING, SHORT = "oscar-cli", "oscar-cli-short"
SHORT_SECONDS = 2


def client(name: str, **attributes: str) -> dict[str, Any]:
    """Return a public client that has to use PKCE."""
    return {
        "clientId": name,
        "publicClient": True,
        "standardFlowEnabled": True,
        "directAccessGrantsEnabled": False,
        # Keycloak takes any port of a loopback address.
        "redirectUris": ["http://127.0.0.1/callback"],
        "attributes": {
            "oauth2.device.authorization.grant.enabled": "true",
            "pkce.code.challenge.method": "S256",
            **attributes,
        },
    }


REALM = {
    "realm": "users",
    "enabled": True,
    "revokeRefreshToken": True,
    "refreshTokenMaxReuse": 0,
    "accessTokenLifespan": 60,
    "oauth2DeviceCodeLifespan": 60,
    "oauth2DevicePollingInterval": 1,
    "clients": [
        client(LASTING),
        {
            **client(SHORT, **{"client.session.max.lifespan": str(SHORT_SECONDS)}),
            "defaultClientScopes": ["basic", "email", "profile"],
            "optionalClientScopes": ["address"],
        },
    ],
    "users": [
        {
            "username": USER,
            "enabled": True,
            "emailVerified": True,
            "email": "jane@example.org",
            "firstName": "Jane",
            "lastName": "Roe",
            "credentials": [{"type": "password", "value": WORD, "temporary": False}],
            "realmRoles": ["default-roles-users"],
        }
    ],
}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Keycloak, in a copy of its folder: it writes into it."""
    folder = tmp_path_factory.mktemp("keycloak")
    home = folder / "home"
    shutil.copytree(KEYCLOAK, home, ignore=shutil.ignore_patterns("data"))
    (home / "data" / "import").mkdir(parents=True)
    (home / "data" / "import" / "users-realm.json").write_text(json.dumps(REALM))
    port = free_port()
    words = [
        *("start", "--import-realm", "--hostname-strict=false", *BUILD),
        *("--http-enabled=true", "--http-host=127.0.0.1", f"--http-port={port}"),
    ]
    log = folder / "log"
    with log.open("wb") as output:
        # One process for all: the script ends with `exec java`.
        keycloak = subprocess.Popen(
            [home / "bin" / "kc.sh", *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            # The second compiler does not pay in a minute: without it half the time to start.
            env={**os.environ, "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"},
        )
    try:
        address = f"http://127.0.0.1:{port}/realms/users"
        wait_for(address, keycloak, log)
        yield address
    finally:
        keycloak.terminate()
        try:
            keycloak.wait(20)
        except subprocess.TimeoutExpired:
            keycloak.kill()
            keycloak.wait()


def wait_for(address: str, keycloak: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keycloak.poll() is None:
        try:
            if httpx.get(address, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    pytest.fail(f"Keycloak does not start:\n{log.read_text(errors='replace')[-4000:]}")


class Forms(HTMLParser):
    """The first form of a page: where it goes, its hidden fields, its buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.buttons: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = found.get("action", "")
        elif tag in ("input", "button") and found.get("name"):
            kind = found.get("type", "")
            place = self.buttons if kind == "submit" or tag == "button" else self.fields
            place[found["name"]] = found.get("value", "")


class Person:
    """A user with a browser."""

    def __init__(self) -> None:
        self._browser = httpx.Client(
            follow_redirects=True, trust_env=False, timeout=30, event_hooks={"response": [self._keep_cookies]}
        )

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._browser.close()

    def log_in(self, url: str, decision: str = "accept") -> bool:
        """Open an address, log in where that is asked for, and decide about a consent."""
        page = self._browser.get(url)
        for _ in range(3):
            form = Forms(page.text)
            if "password" in form.fields:
                page = self._post(page, form, {"username": USER, "password": WORD})
            elif decision in form.buttons:
                page = self._post(page, form, {decision: form.buttons[decision]})
            else:
                return page.is_success
        return page.is_success

    def _keep_cookies(self, _response: httpx.Response) -> None:
        """Send cookies for secure places here, too, as browsers do on loopback."""
        for cookie in self._browser.cookies.jar:
            cookie.secure = False

    def _post(self, page: httpx.Response, form: Forms, typed: dict[str, str]) -> httpx.Response:
        return self._browser.post(page.url.join(form.action), data={**form.fields, **typed})


@pytest.fixture
def person() -> Iterator[Person]:
    with Person() as user:
        yield user


@pytest.fixture
def connection(issuer: str) -> Iterator[httpx.Client]:
    with open_connection(issuer, TlsSettings()) as opened:
        yield opened


@pytest.fixture
def keycloak(issuer: str, connection: httpx.Client) -> Provider:
    return discover(issuer, connection)


def by_browser(keycloak: Provider, connection: httpx.Client, person: Person, name: str = LASTING) -> Grant:
    return log_in_by_browser(
        keycloak, name, "", connection, open_browser=person.log_in, show=lambda _url: None, seconds=SECONDS
    )


def by_device(
    keycloak: Provider,
    connection: httpx.Client,
    show: Callable[[DeviceCode], None],
    trace: Callable[[str], None] | None = None,
) -> Grant:
    return log_in_by_device(keycloak, LASTING, "", connection, show=show, trace=trace)


def refresh(token: str, issuer: str = "", client_id: str = "", scopes: str = "") -> Grant:
    return refreshed(
        token,
        issuer=issuer,
        client_id=client_id,
        scopes=scopes,
        connection_for=lambda url: open_connection(url, TlsSettings()),
    )


def user_of(grant: Grant, issuer: str) -> str:
    """Return who Keycloak says a token is of; empty when it does not accept it."""
    url = f"{issuer}/protocol/openid-connect/userinfo"
    headers = {"Authorization": f"Bearer {grant.access.value}"}
    answer = httpx.get(url, headers=headers, trust_env=False)
    return str(answer.json()["preferred_username"]) if answer.is_success else ""


def test_the_paths_taken_without_a_document_are_keycloaks(keycloak: Provider, issuer: str) -> None:
    def no_document(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, stream=httpx.ByteStream(b""))

    with httpx.Client(transport=httpx.MockTransport(no_document)) as nothing:
        guessed = discover(issuer, nothing)
    assert guessed == Provider(
        issuer,
        keycloak.token_endpoint,
        keycloak.authorization_endpoint,
        keycloak.device_endpoint,
        keycloak.revocation_endpoint,
    )
    assert "offline_access" in keycloak.scopes_supported


def test_a_browser_login_lasts(
    keycloak: Provider, connection: httpx.Client, person: Person, issuer: str
) -> None:
    before = time.time()
    grant = by_browser(keycloak, connection, person)
    assert user_of(grant, issuer) == USER
    assert grant.access.expires_at is not None
    assert before <= grant.access.expires_at - 60 <= time.time()
    claims = jwt.claims(grant.refresh_token)
    assert (claims["iss"], claims["azp"], claims["typ"]) == (issuer, LASTING, "Offline")


def test_each_refresh_brings_a_new_token_and_an_old_one_is_refused(
    keycloak: Provider,
    connection: httpx.Client,
    person: Person,
    issuer: str,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    first = by_browser(keycloak, connection, person)
    given_at = int(jwt.claims(first.refresh_token)["iat"])
    # Keycloak tells tokens of the same second not apart.
    wait_until(lambda: time.time() > given_at + 1)
    second = refresh(first.refresh_token)
    assert second.refresh_token not in ("", first.refresh_token)
    third = refresh(second.refresh_token)
    assert user_of(third, issuer) == USER
    with pytest.raises(NewLoginError, match="no longer accepts the login") as caught:
        refresh(first.refresh_token)
    assert first.refresh_token not in caught.value.message


def test_issuer_client_and_scopes_may_be_given(
    keycloak: Provider, connection: httpx.Client, person: Person, issuer: str
) -> None:
    token = by_browser(keycloak, connection, person).refresh_token
    scopes = "openid offline_access"
    grant = refresh(token, issuer=f"{issuer}/", client_id=LASTING, scopes=scopes)
    assert user_of(grant, issuer) == USER
    with pytest.raises(AuthError):
        refresh(grant.refresh_token, client_id=SHORT)


def test_a_device_login_is_waited_for_until_the_user_consents(
    keycloak: Provider, connection: httpx.Client, person: Person, issuer: str
) -> None:
    shown: list[DeviceCode] = []
    lines: list[str] = []

    def sleep(seconds: float) -> None:
        # The user takes so long that the first question comes too early.
        if lines.count(f"POST {keycloak.token_endpoint}: 400") == 1:
            assert person.log_in(shown[0].verification_uri_complete)
        time.sleep(seconds)

    grant = log_in_by_device(
        keycloak, LASTING, "", connection, show=shown.append, sleep=sleep, trace=lines.append
    )
    assert user_of(grant, issuer) == USER
    assert user_of(refresh(grant.refresh_token), issuer) == USER
    (code,) = shown
    assert code.user_code in code.verification_uri_complete
    assert code.expires_in == 60


def test_a_device_login_that_the_user_declines_is_told(
    keycloak: Provider, connection: httpx.Client, person: Person
) -> None:
    def decline(code: DeviceCode) -> None:
        person.log_in(code.verification_uri_complete, decision="cancel")

    with pytest.raises(NewLoginError, match="the login was declined"):
        by_device(keycloak, connection, decline)


def test_asking_too_often_is_slowed_down(
    keycloak: Provider, connection: httpx.Client, person: Person
) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            person.log_in(shown[0].verification_uri_complete)
            time.sleep(1.5)

    shown: list[DeviceCode] = []
    log_in_by_device(keycloak, LASTING, "", connection, show=shown.append, sleep=sleep)
    assert pauses[0] == 1
    assert pauses[2] in (6, 11)


def test_a_client_without_lasting_logins_gets_one_that_ends(
    keycloak: Provider,
    connection: httpx.Client,
    person: Person,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    grant = by_browser(keycloak, connection, person, SHORT)
    ends = jwt.expiry(grant.refresh_token)
    assert ends is not None
    assert jwt.claims(grant.refresh_token)["typ"] == "Refresh"
    wait_until(lambda: time.time() > ends + 1)
    with pytest.raises(NewLoginError, match="no longer accepts the login"):
        refresh(grant.refresh_token)


def test_a_revoked_login_is_over(keycloak: Provider, connection: httpx.Client, person: Person) -> None:
    token = by_browser(keycloak, connection, person).refresh_token
    assert revoke(keycloak, token, LASTING, connection)
    with pytest.raises(NewLoginError):
        refresh(token)
    assert not revoke(keycloak, token, "stranger", connection)


def test_an_unknown_client_is_told(keycloak: Provider, connection: httpx.Client) -> None:
    with pytest.raises(AuthError, match="does not accept the client id"):
        log_in_by_device(keycloak, "stranger", "", connection, show=lambda _code: None)


def test_an_unknown_realm_has_no_token_endpoint(issuer: str) -> None:
    token = "0paque-token-of-nobody"
    with pytest.raises(AuthError, match="cannot refresh the login") as caught:
        refresh(token, issuer=f"{issuer}-of-nowhere", client_id=LASTING)
    assert "Realm does not exist" in caught.value.message


def test_the_whole_story_through_the_real_command(run: Runner, person: Person, issuer: str) -> None:
    """Log in with a device code, take a token, let it be renewed, log out."""
    endpoint = issuer.partition("/realms/")[0]
    entry = {"endpoint": endpoint, "oidc_issuer": issuer, "oidc_client_id": LASTING}
    run.write_config(yaml.safe_dump({"oscar": {"test": entry}, "default": "test"}))
    login = run.start("auth", "login", "-c", "test", "--device")
    assert login.stderr is not None
    lines = iter(login.stderr.readline, b"")
    address = next(line.split()[-1].decode() for line in lines if b"user_code=" in line)
    assert person.log_in(address)
    _out, err = login.communicate(timeout=60)
    assert login.returncode == 0, err
    first = run("auth", "token").out.strip()
    assert user_of(Grant(AccessToken(first)), issuer) == USER
    assert run("auth", "token").out.strip() == first
    shutil.rmtree(run.home / ".cache")
    second = run("auth", "token").out.strip()
    assert second != first
    assert user_of(Grant(AccessToken(second)), issuer) == USER
    refresh_token = yaml.safe_load(run.config.read_text())["oscar"]["test"]["oidc_refresh_token"]
    assert run("auth", "logout", "-c", "test").code == 0
    with pytest.raises(NewLoginError):
        refresh(refresh_token)
