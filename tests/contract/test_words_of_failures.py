"""What a server says when it fails is shown, and what else stands in its answer is not."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from oscarcli.http.redaction import mask_shapes
from tests.conftest import Caller, ScriptedServer
from tests.support.daily import daily
from tests.support.server import Answer

TOKEN = "5a" * 32
KEYS = ("canary-AccessKey", "canary-SecretKey-1", "canary-Secret-2", "canary-Password-3", TOKEN)
SERVICE: dict[str, Any] = {
    "name": "svc",
    "image": "alpine:3",
    "token": TOKEN,
    "storage_providers": {"minio": {"labels": {"access_key": KEYS[0], "secret_key": KEYS[1], "region": "r"}}},
    "environment": {"variables": {"A": "canary-Secret-2"}, "secrets": {"S": KEYS[2]}},
    "clusters": {"far": {"endpoint": "https://x", "auth_user": "u", "auth_password": KEYS[3]}},
}
FDL = "functions: {oscar: [{test: {name: svc, image: alpine:3, script: run.sh, cpu: '1', memory: 1Gi}}]}\n"
FORMS = {
    "compact": json.dumps(SERVICE, separators=(",", ":")),
    "indented": json.dumps(SERVICE, indent=4),
    "cut short": json.dumps(SERVICE)[:-3],
    "a list": json.dumps([SERVICE]),
    "in a document": json.dumps({"error": f"not stored: {json.dumps(SERVICE)}"}),
    "Go's form": f"not stored: {{Name:svc Token:{TOKEN} AccessKey:{KEYS[0]} SecretKey:{KEYS[1]} "
    f"AuthPassword:{KEYS[3]} Secrets:map[S:{KEYS[2]}]}}",
    "as a header": f"not stored: Authorization: Bearer {KEYS[1]} password={KEYS[3]} token: {TOKEN}",
}
WORDS = (
    ("service", "get", "svc"),
    ("service", "delete", "svc"),
    ("service", "logs", "get", "svc", "j"),
    ("apply", "fdl.yaml"),
)


@pytest.mark.parametrize("status", daily([300, 400, 500, 503], 400))
def test_a_document_in_a_failure_is_not_shown(
    call: Caller, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.chdir(call.home)
    monkeypatch.setattr("time.sleep", lambda _: None)
    (call.home / "fdl.yaml").write_text(FDL)
    (call.home / "run.sh").write_text("#!/bin/sh\n")
    for form in FORMS.values():
        body = form if "not stored" in form else f"it was not stored\n{form}"
        with Failing(Answer(status, body.encode(), {"Content-Type": "text/plain"})) as server:
            call.know(server.url, "test")
            for words in WORDS:
                for extra in ([], ["-o", "json", "--debug"]) if words == WORDS[0] else (["--debug"],):
                    outcome = call(*words, *extra)
                    shown = outcome.out + outcome.err
                    assert outcome.code not in (0, 130), words
                    assert [key for key in KEYS if key in shown] == [], (words, extra)
                    assert "not stored" in shown, (words, extra, shown)


class Failing(ScriptedServer):
    """Answers everything alike."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def reply_to(self, request: Any) -> Answer:
        return self._answer


@pytest.mark.parametrize("body", [*FORMS.values(), json.dumps("x" + json.dumps(SERVICE))])
def test_an_answer_of_an_unexpected_shape_is_not_quoted_with_its_secrets(call: Caller, body: str) -> None:
    for kind in ("application/json", "text/plain"):
        with Failing(Answer(200, body.encode(), {"Content-Type": kind})) as server:
            call.know(server.url)
            for words in (
                ("service", "list"),
                ("service", "get", "svc"),
                ("cluster", "status"),
                ("volume", "list"),
            ):
                outcome = call(*words, "--debug", "-o", "json")
                shown = outcome.err if outcome.code else ""
                assert [key for key in KEYS if key in shown] == [], words


def test_names_that_happen_to_be_keys_stay_readable(
    call: Caller, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider, a bucket, a service and a user may be called like a key."""
    monkeypatch.chdir(call.home)
    (call.home / "run.sh").write_text("#!/bin/sh\n")
    (call.home / "fdl.yaml").write_text(
        "functions: {oscar: [{test: {name: images, image: alpine:3, script: run.sh, cpu: '1', memory: 1Gi,\n"
        "  output: [{storage_provider: minio.archive, path: images/out}]}}]}\n"
        "storage_providers: {minio: {archive: {endpoint: 'https://m.example', region: r,\n"
        "  access_key: archive, secret_key: images}}}\n"
    )
    said = 'service "images" of user "operator": no bucket "images" at minio.archive'
    server.always("GET", "/system/services/images", Answer(404))
    server.always("POST", "/system/services", Answer(400, said.encode(), {"Content-Type": "text/plain"}))
    call.write_config(
        f"oscar: {{test: {{endpoint: '{server.url}', auth_user: operator, auth_password: operator}}}}\n"
        "default: test\n"
    )
    outcome = call("apply", "fdl.yaml")
    assert outcome.code == 7
    assert said in outcome.err


@pytest.mark.parametrize(
    "text",
    [
        "invalid token: token is expired",
        "wrong password: try again",
        "the secret key is wrong",
        "image alpine@sha256:" + "ab" * 32,
        "basic authentication is off",
        'there is no service "token"',
        "bearer tokens are not taken",
        'pods "svc-6d1f2a34-aaaa-bbbb-cccc-0123456789ab" not found',
        "https://minio.example:9000/bucket/key",
    ],
)
def test_words_about_secrets_are_no_secrets(text: str) -> None:
    assert mask_shapes(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ada:s3cr3t@h/x", "https://ada:***@h/x"),
        (
            "https://h/b/k?X-Amz-Signature=0f0f&X-Amz-Date=2026",
            "https://h/b/k?X-Amz-Signature=***&X-Amz-Date=2026",
        ),
        ("Basic YWRhOmh1bnRlcjI=", "Basic ***"),
        ('"secret_key": "a\\"b", "region": "r"', '"secret_key": ***, "region": "r"'),
        ("auth_password: hunter2 and more", "auth_password: *** and more"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
    ],
)
def test_secrets_are_known_by_their_look(text: str, shown: str) -> None:
    assert mask_shapes(text) == shown


def test_a_known_secret_is_masked_where_it_stands_alone(httpx_request: httpx.Request) -> None:
    from oscarcli.http.failure_text import server_text

    answer = httpx.Response(500, text="cannot log in with hunter2-of-ada", request=httpx_request)
    assert server_text(answer) == "cannot log in with ***"


@pytest.fixture
def httpx_request() -> httpx.Request:
    document = {"name": "x", "environment": {"secrets": {"S": "hunter2-of-ada"}}}
    return httpx.Request("POST", "http://h/system/services", json=document)
