"""Names that the cluster does not have: what is like them is told, for one request at most."""

from __future__ import annotations

import json

import pytest

from oscarcli.cli.kit.similar_names import close_names
from tests.conftest import Caller
from tests.support.server import Answer, ScriptedServer, document

SERVICES = [{"name": "posenet"}, {"name": "text-stats"}, {"name": "pose\x1bnet"}]
BUCKETS = [{"bucket_name": "photos"}, {"bucket_name": "texts"}]
LONG = "posenet-ebcaec-413f-4575-b6e2-e90b3b109d41"
JOBS = {"jobs": {"posenet-ebcaec": {"status": "Failed"}, "posenet-120000": {"status": "Succeeded"}}}


@pytest.fixture(autouse=True)
def _known(call: Caller, server: ScriptedServer) -> None:
    call.write_config(f"oscar: {{here: {{endpoint: {server.url}}}}}\ndefault: here\n")


def hint_of(text: str) -> str:
    return text.partition("hint: ")[2].strip()


def test_a_service_is_suggested_for_one_request_more(call: Caller, server: ScriptedServer) -> None:
    server.expect("GET", "/system/services/posnet", Answer(404))
    server.expect("GET", "/system/services", document(SERVICES))
    outcome = call("service", "get", "posnet")
    assert (outcome.code, outcome.out) == (5, "")
    assert outcome.err == (
        'Error: cannot get service "posnet": it does not exist\nhint: did you mean posenet?\n'
    )
    assert server.calls() == ["GET /system/services/posnet", "GET /system/services"]


def test_a_service_without_a_federation_of_its_name_is_suggested(
    call: Caller, server: ScriptedServer
) -> None:
    server.expect("GET", "/system/federation/posnet", Answer(404))
    server.expect("GET", "/system/services", document(SERVICES))
    assert hint_of(call("federation", "get", "posnet").err) == "did you mean posenet?"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("posenet-ebcaed", LONG), ("ebcaed", LONG), ("4575-b6e3", LONG), ("ebc", LONG), ("zzzzzz", None)],
)
def test_a_part_of_a_long_name_that_is_nearly_right(typed: str, meant: str | None) -> None:
    assert close_names(typed, [LONG, "posenet-120000-413f-4576-aaaa"]) == ([meant] if meant else [])
    assert close_names("posnet-", [f"posenet-{number}-{LONG}" for number in range(4)]) == []
    assert close_names("posenet-999", [f"posenet-99{number}-{LONG}" for number in range(4)]) == []


@pytest.mark.parametrize("name", ["POSENET", "posenett", "net"])
def test_case_letters_too_many_and_parts_are_like_a_name(
    call: Caller, server: ScriptedServer, name: str
) -> None:
    server.expect("GET", f"/system/services/{name}", Answer(404))
    server.expect("GET", "/system/services", document(SERVICES))
    assert hint_of(call("service", "get", name).err) == "did you mean posenet?"


def test_json_has_the_suggestion_in_its_hint(call: Caller, server: ScriptedServer) -> None:
    server.expect("GET", "/system/services/text-stat", Answer(404))
    server.expect("GET", "/system/services", document(SERVICES))
    error = json.loads(call("service", "get", "text-stat", "-o", "json").err)
    assert "did you mean text-stats?" in json.dumps(error)


def test_a_job_a_bucket_and_a_volume(call: Caller, server: ScriptedServer) -> None:
    server.always("GET", "/system/logs/posenet", document(JOBS))
    assert hint_of(call("service", "logs", "get", "posenet", "posenet-ebcaxc", "-f").err) == (
        "did you mean posenet-ebcaec? 'oscar-cli service logs list posenet' shows them"
    )
    server.expect("GET", "/system/buckets/photo", Answer(404))
    server.expect("GET", "/system/buckets", document(BUCKETS))
    assert hint_of(call("bucket", "get", "photo").err) == "did you mean photos?"
    server.expect("GET", "/system/volumes/dsk", Answer(404))
    server.expect("GET", "/system/volumes", document([{"name": "disk"}]))
    assert hint_of(call("volume", "get", "dsk").err) == "did you mean disk?"


def test_a_list_that_was_there_already_is_not_asked_for_again(call: Caller, server: ScriptedServer) -> None:
    server.expect("GET", "/system/buckets", document(BUCKETS))
    outcome = call("bucket", "update", "photo", "--visibility", "public")
    assert (outcome.code, server.calls()) == (5, ["GET /system/buckets"])
    assert hint_of(outcome.err) == "did you mean photos? 'oscar-cli bucket list' shows those there are"


@pytest.mark.parametrize(
    "words",
    [
        ("service", "delete", "posnet", "--yes"),
        ("service", "delete-file", "posnet", "minio.default", "in/x"),
        ("service", "logs", "delete", "posnet", "x"),
        ("volume", "delete", "posnet", "--yes"),
        ("bucket", "delete", "posnet", "--yes"),
        ("service", "sync", "posnet:in", "there", "--delete", "--yes"),
    ],
)
def test_nothing_is_suggested_to_who_destroys(call: Caller, words: tuple[str, ...]) -> None:
    # Not the fixture: which of these it is asked for is the command's business, but no list is among them.
    with ScriptedServer() as server:
        call.write_config(f"oscar: {{here: {{endpoint: {server.url}}}}}\ndefault: here\n")
        for path in ("services/posnet", "logs/posnet/x", "volumes/posnet", "buckets/posnet"):
            for method in ("GET", "DELETE"):
                server.always(method, f"/system/{path}", Answer(404))
        for kind in ("services", "volumes", "buckets"):
            server.always("GET", f"/system/{kind}", document([{"name": "posenet", "bucket_name": "posenet"}]))
        outcome = call(*words)
        assert (outcome.code, "did you mean" in outcome.err) == (5, False)
        assert "GET /system/services" not in server.calls()


@pytest.mark.parametrize(
    "reply",
    [Answer(401), Answer(500), document({"no": "list"}), Answer(200, b"[]", stall_after=0)],
    ids=["refused", "failure", "shape", "silence"],
)
def test_a_search_that_fails_leaves_the_error_as_it_is(
    call: Caller, server: ScriptedServer, reply: Answer
) -> None:
    server.expect("GET", "/system/services/posnet", Answer(404))
    server.always("GET", "/system/services", reply)
    outcome = call("service", "get", "posnet")
    assert (outcome.code, outcome.err) == (5, 'Error: cannot get service "posnet": it does not exist\n')


@pytest.mark.parametrize("words", [("cluster", "delete", "her"), ("service", "delete", "x", "-c", "her")])
def test_nor_is_another_cluster(call: Caller, words: tuple[str, ...]) -> None:
    outcome = call(*words)
    assert (outcome.code, hint_of(outcome.err).startswith("'oscar-cli cluster list' shows them")) == (3, True)
    assert "did you mean here?" in call("cluster", "info", "-c", "her").err
