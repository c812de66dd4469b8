"""The local cluster's OpenID issuer, and the real command that logs in there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from oscarcli.errors import ExitCode
from tests.conftest import Runner
from tests.local.harness import LocalCluster, open_cluster
from tests.support.daily import daily

CLIENT = {"client_id": "oscar-cli"}
FREE = ("--port", "0", "--s3-port", "0")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    running = open_cluster(tmp_path_factory.mktemp("issuer") / "data", users=True)
    assert running.server.cluster.users is not None
    running.server.cluster.users.add("ann", ["staff"])
    yield running
    running.close()


@pytest.fixture
def metadata(cluster: LocalCluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.call("GET", "/oidc/.well-known/openid-configuration").json()
    assert found["issuer"] == f"{cluster.server.endpoints.api}/oidc"
    return found


@pytest.fixture
def post(cluster: LocalCluster) -> Callable[..., httpx.Response]:
    def post(url: str, **form: str) -> httpx.Response:
        return cluster.call("POST", url, data=form)

    return post


Post = Callable[..., httpx.Response]


def begin(post: Post, metadata: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = post(
        metadata["device_authorization_endpoint"], **CLIENT, scope="openid profile"
    ).json()
    return found


def ask(
    post: Post, metadata: dict[str, Any], code: dict[str, Any], **form: str
) -> tuple[int, dict[str, Any]]:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    response = post(
        metadata["token_endpoint"], **CLIENT, grant_type=grant, device_code=code["device_code"], **form
    )
    return response.status_code, response.json()


def log_in(post: Post, metadata: dict[str, Any]) -> dict[str, Any]:
    code = begin(post, metadata)
    assert post(code["verification_uri"], user_code=code["user_code"], user="ann").status_code == 200
    status, granted = ask(post, metadata, code)
    assert status == 200
    return granted


def part(token: str, number: int) -> Any:
    text = token.split(".")[number]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_its_signatures_hold_for_another_library(
    cluster: LocalCluster, metadata: dict[str, Any], post: Post
) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    granted = log_in(post, metadata)
    (key,) = cluster.call("GET", metadata["jwks_uri"]).json()["keys"]
    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}, "nothing of the private key"
    numbers = {name: base64.urlsafe_b64decode(key[name] + "==") for name in "ne"}
    public = rsa.RSAPublicNumbers(*(int.from_bytes(numbers[name], "big") for name in "en")).public_key()
    for token in (granted["access_token"], granted["refresh_token"], granted["id_token"]):
        content, _, signature = token.rpartition(".")
        given = base64.urlsafe_b64decode(signature + "==")
        public.verify(given, content.encode(), padding.PKCS1v15(), hashes.SHA256())
        assert part(token, 0) == {"alg": "RS256", "kid": key["kid"], "typ": "JWT"}
    claims = part(granted["access_token"], 1)
    assert (claims["iss"], claims["groups"], claims["name"]) == (metadata["issuer"], ["staff"], "ann")
    bearer = {"Authorization": f"Bearer {granted['access_token']}"}
    info = cluster.call("GET", metadata["userinfo_endpoint"], headers=bearer).json()
    assert (info["sub"], info["preferred_username"]) == (claims["sub"], "ann")
    assert cluster.call("GET", "/system/info", headers=bearer).status_code == 200
    for other in ("refresh_token", "id_token"):
        bearer = {"Authorization": f"Bearer {granted[other]}"}
        assert cluster.call("GET", "/system/info", headers=bearer).status_code == 401
        assert cluster.call("GET", metadata["userinfo_endpoint"], headers=bearer).status_code == 401


def test_a_device_code_waits_is_declined_and_is_good_once(metadata: dict[str, Any], post: Post) -> None:
    code = begin(post, metadata)
    assert re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", code["user_code"])
    assert ask(post, metadata, code)[1]["error"] == "authorization_pending"
    assert post(code["verification_uri"], user_code=code["user_code"], user="nobody").status_code == 400
    assert ask(post, metadata, code)[1]["error"] == "authorization_pending"
    assert post(code["verification_uri"], user_code="AAAA-AAAA", user="ann").status_code == 400
    lower = code["user_code"].lower()
    assert post(code["verification_uri"], user_code=lower, user="ann").status_code == 200
    assert ask(post, metadata, code)[0] == 200
    assert ask(post, metadata, code) == (
        400,
        {"error": "invalid_grant", "error_description": "Device code not valid"},
    )
    declined = begin(post, metadata)
    post(declined["verification_uri"], user_code=declined["user_code"], answer="deny")
    assert ask(post, metadata, declined)[1]["error"] == "access_denied"


def test_the_code_s_challenge_is_checked(metadata: dict[str, Any], post: Post) -> None:
    hashed = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    challenge = {"code_challenge": hashed, "code_challenge_method": "S256"}
    url = metadata["device_authorization_endpoint"]
    code = post(url, **CLIENT, scope="openid", **challenge).json()
    post(code["verification_uri"], user_code=code["user_code"], user="ann")
    assert ask(post, metadata, code, code_verifier="wrong")[1]["error"] == "invalid_grant"
    # The example of RFC 7636.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert ask(post, metadata, code, code_verifier=verifier)[0] == 200


def test_a_refresh_token_is_good_once_and_can_be_revoked(metadata: dict[str, Any], post: Post) -> None:
    first = log_in(post, metadata)["refresh_token"]

    def refresh(token: str, **form: str) -> tuple[int, dict[str, Any]]:
        words = {"grant_type": "refresh_token", "refresh_token": token, **form}
        response = post(metadata["token_endpoint"], **CLIENT, **words)
        return response.status_code, response.json()

    assert refresh(first, scope="openid admin")[1]["error"] == "invalid_scope"
    status, second = refresh(first)
    assert status == 200
    assert refresh(first)[1]["error"] == "invalid_grant"
    assert refresh(second["access_token"])[1]["error"] == "invalid_grant"
    assert post(metadata["revocation_endpoint"], **CLIENT, token=second["refresh_token"]).status_code == 200
    assert refresh(second["refresh_token"])[1]["error"] == "invalid_grant"
    assert post(metadata["revocation_endpoint"], **CLIENT, token="nonsense").status_code == 200


def test_odd_requests_are_refused_by_name(
    cluster: LocalCluster, metadata: dict[str, Any], post: Post
) -> None:
    url = metadata["token_endpoint"]
    assert post(url, client_id="other", grant_type="refresh_token").json()["error"] == "invalid_client"
    assert post(url, **CLIENT, grant_type="password").json()["error"] == "unsupported_grant_type"
    assert cluster.call("POST", url, content=b"\xff").json()["error"] == "invalid_request"
    assert cluster.call("POST", url, content=b"a" * 70_000).json()["error"] == "invalid_request"
    page = cluster.call("GET", "/oidc/device", params={"user_code": '"><script>'})
    assert "<script>" not in page.text
    assert cluster.call("GET", "/oidc/nothing").text == "404 page not found"


# -- the real command ------------------------------------------------------------------------------------


@pytest.fixture
def place(run: Runner, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    place = ("--data-dir", str(tmp_path / "data"))
    started = run("local", "start", "--users", *FREE, *place)
    assert started.code == 0, started.err
    yield place
    run("local", "reset", "--yes", *place)


def test_a_user_is_added_and_works_with_a_stored_login(run: Runner, place: tuple[str, ...]) -> None:
    added = run("local", "user", "add", "ann", "--group", "staff", "--store-as", "mine", *place)
    assert (added.code, added.out) == (0, 'Cluster "mine" stored with the login of "ann"\n')
    assert run("cluster", "info", "-c", "mine").code == 0
    assert run("bucket", "create", "of-ann", "-c", "mine").code == 0
    (bucket,) = json.loads(run("bucket", "list", "-c", "mine", "-o", "json").out)
    (user,) = json.loads(run("local", "user", "list", "-o", "json", *place).out)
    assert (bucket["owner"], bucket["visibility"]) == (user["uid"], "private")
    assert user == {"name": "ann", "uid": user["uid"], "groups": ["staff"]}
    again = run("local", "user", "add", "ann", *place)
    assert again.code == ExitCode.USAGE
    assert again.err.splitlines()[0] == 'Error: add the user: there is a user "ann" already'
    assert run("local", "user", "remove", "ann", *place).code == 0
    assert run("cluster", "info", "-c", "mine").code == ExitCode.AUTH
    assert run("local", "user", "remove", "ann", *place).code == ExitCode.NOT_FOUND
    assert run("local", "user", "list", "-o", "json", *place).out == "[]\n"


def test_a_shown_token_is_what_cluster_add_takes(run: Runner, place: tuple[str, ...]) -> None:
    token = run("local", "user", "add", "bob", *place).out.strip()
    endpoint = yaml.safe_load(run.config.read_text())["oscar"]["local"]["endpoint"]
    added = run("cluster", "add", "bobs", endpoint, "--oidc-refresh-token", token, "--insecure-storage")
    assert added.code == 0, added.err
    assert run("service", "list", "-c", "bobs").code == 0
    other = json.loads(run("local", "user", "token", "bob", "-o", "json", *place).out)
    assert other["refresh_token"] not in ("", token)
    assert other["issuer"] == f"{endpoint}/oidc"


def test_auth_login_by_a_device_code(run: Runner, place: tuple[str, ...]) -> None:
    run("local", "user", "add", "ann", *place)
    endpoint = yaml.safe_load(run.config.read_text())["oscar"]["local"]["endpoint"]
    entry = {"endpoint": endpoint, "oidc_issuer": f"{endpoint}/oidc", "oidc_client_id": "oscar-cli"}
    run.write_config(yaml.safe_dump({"oscar": {"test": entry}, "default": "test"}))
    login = run.start("auth", "login", "-c", "test", "--device", "--insecure-storage")
    assert login.stderr is not None
    lines = iter(login.stderr.readline, b"")
    address = next(line.split()[-1].decode() for line in lines if b"user_code=" in line)
    page, _, code = address.partition("?user_code=")
    assert "Log in as ann" in httpx.get(address, trust_env=False, verify=False).text
    confirmed = httpx.post(page, data={"user_code": code, "user": "ann"}, trust_env=False, verify=False)
    assert "You are logged in as ann" in confirmed.text
    _out, err = login.communicate(timeout=60)
    assert login.returncode == 0, err
    assert run("cluster", "info").code == 0
    refresh_token = yaml.safe_load(run.config.read_text())["oscar"]["test"]["oidc_refresh_token"]
    assert run("auth", "logout", "-c", "test").code == 0
    form = {**CLIENT, "grant_type": "refresh_token", "refresh_token": refresh_token}
    refused = httpx.post(f"{endpoint}/oidc/token", data=form, trust_env=False, verify=False)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("name", daily(["-x", "a b", "", "a/b", "x" * 65], "a/b"))
def test_a_name_that_cannot_be_one_is_refused(run: Runner, place: tuple[str, ...], name: str) -> None:
    result = run("local", "user", "add", *place, "--", name)
    assert result.code == ExitCode.USAGE
    assert "is no name" in result.err


def test_users_need_a_cluster(run: Runner, tmp_path: Path) -> None:
    result = run("local", "user", "list", "--data-dir", str(tmp_path / "none"))
    assert result.code == ExitCode.NOT_FOUND
    assert "local start --users" in result.err
