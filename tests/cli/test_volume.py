"""`volume`: every verb and alias, and what servers answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import Answer, ScriptedServer, document, text

VOLUMES = "/system/volumes"
VOLUME: dict[str, Any] = {
    "name": "data",
    "namespace": "oscar-svc",
    "pvc_name": "data",
    "size": "1Gi",
    "owner_user": "ada",
    "creation_mode": "api",
    "attachments": [{"service_name": "reader", "mount_path": "/mnt/data"}],
    "status": {"phase": "in_use", "attachment_count": 1},
    "of_a_newer_server": {"kept": True},
}


@pytest.mark.parametrize("verb", ["list", "ls"])
def test_volumes_are_listed(run: Runner, server: ScriptedServer, verb: str) -> None:
    run.know(server.url)
    server.expect("GET", VOLUMES, document([VOLUME, {"name": "bare"}]))
    result = run("volume", verb)
    assert (result.code, result.err) == (0, "")
    assert [line.split() for line in result.out.splitlines()] == [
        ["NAME", "SIZE", "STATUS", "OWNER"],
        ["data", "1Gi", "in_use", "ada"],
        ["bare", "-", "-", "-"],
    ]


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_list_for_programs_is_the_servers_own(
    call: Caller, server: ScriptedServer, form: str, read: Any
) -> None:
    call.know(server.url)
    server.expect("GET", VOLUMES, document([VOLUME]))
    assert read(call("volume", "list", "-o", form).out) == [VOLUME]


@pytest.mark.parametrize("nothing", [[], None])
def test_no_volumes_is_no_failure(call: Caller, server: ScriptedServer, nothing: Any) -> None:
    call.know(server.url)
    server.always("GET", VOLUMES, document(nothing))
    table = call("volume", "list")
    assert (table.code, table.out, table.err) == (0, "", "No volumes found\n")
    assert call("volume", "list", "-o", "json").out == "[]\n"


@pytest.mark.parametrize("verb", ["get", "g"])
def test_a_volume_is_shown_as_yaml(call: Caller, server: ScriptedServer, verb: str) -> None:
    call.know(server.url)
    server.expect("GET", f"{VOLUMES}/data", document(VOLUME))
    result = call("volume", verb, "data")
    assert yaml.safe_load(result.out) == VOLUME


def test_a_volume_as_a_table_names_who_mounts_it(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{VOLUMES}/data", document(VOLUME))
    rows = call("volume", "get", "data", "-o", "table").out.splitlines()
    assert "ATTACHED TO" in rows[0]
    assert "reader:/mnt/data" in rows[1]


def test_an_odd_status_does_not_break_the_table(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect(
        "GET", VOLUMES, document([{"name": "odd", "status": None}, {"name": "odder", "status": "x"}])
    )
    assert call("volume", "list").code == 0


def test_create_sends_name_and_size_and_says_so(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", VOLUMES, document({"name": "data", "size": "1Gi"}, 201))
    result = call("volume", "create", "data", "--size", "1Gi")
    assert (result.code, result.out) == (0, 'Volume "data" created (size: 1Gi)\n')
    assert json.loads(server.requests[0].body) == {"name": "data", "size": "1Gi"}


def test_create_for_a_program_gives_the_servers_answer(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("POST", VOLUMES, document(VOLUME, 201))
    assert json.loads(call("volume", "create", "data", "--size", "1Gi", "-o", "json").out) == VOLUME


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the volume's size is needed"),
        (("--size", ""), "the volume's size is needed"),
        (("--size", "1GB"), 'did you mean "1Gi"'),
        (("--size", "large"), "expected a quantity"),
    ],
)
def test_create_without_a_proper_size_asks_nobody(
    call: Caller, server: ScriptedServer, words: tuple[str, ...], message: str
) -> None:
    call.know(server.url)
    result = call("volume", "create", "data", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "The volume specification is not valid: volume.name must satisfy"),
        (400, "not enough volume disk quota: 5Gi left"),
        (409, "volume already exists in caller namespace"),
    ],
)
def test_a_refused_volume_exits_7_with_the_servers_words(
    call: Caller, server: ScriptedServer, status: int, words: str
) -> None:
    call.know(server.url)
    server.expect("POST", VOLUMES, text(words, status))
    result = call("volume", "create", "data", "--size", "1Gi")
    assert (result.code, result.out) == (7, "")
    assert words in result.err


@pytest.mark.parametrize("verb", ["delete", "rm", "d", "del", "remove"])
def test_delete_in_a_script_goes_ahead_and_says_so(call: Caller, server: ScriptedServer, verb: str) -> None:
    call.know(server.url)
    server.expect("GET", f"{VOLUMES}/data", document(VOLUME))
    server.expect("DELETE", f"{VOLUMES}/data", Answer(204))
    result = call("volume", verb, "data")
    assert (result.code, result.out, result.err) == (0, 'Volume "data" deleted\n', "")


def test_deleting_an_unknown_volume_is_not_found_and_deletes_nothing(
    call: Caller, server: ScriptedServer
) -> None:
    call.know(server.url)
    server.expect("GET", f"{VOLUMES}/nope", Answer(404))
    result = call("volume", "delete", "nope")
    assert (result.code, result.out) == (5, "")


def test_a_volume_in_use_stays(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", f"{VOLUMES}/data", document(VOLUME))
    words = "managed volume is still attached to one or more services"
    server.expect("DELETE", f"{VOLUMES}/data", text(words, 400))
    result = call("volume", "delete", "data")
    assert (result.code, words in result.err) == (7, True)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_delete_asks_first(run: Runner, server: ScriptedServer, answer: str, code: int) -> None:
    run.know(server.url)
    server.expect("GET", f"{VOLUMES}/data", document(VOLUME))
    if code == 0:
        server.expect("DELETE", f"{VOLUMES}/data", Answer(204))
    result = run.terminal("volume", "delete", "data", answers=[("[y/N]", answer)])
    assert result.code == code
    assert 'Delete volume "data" (1Gi) with its files?' in result.out


def test_yes_answers_the_question_beforehand(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", f"{VOLUMES}/data", document(VOLUME))
    server.expect("DELETE", f"{VOLUMES}/data", Answer(204))
    result = run.terminal("volume", "delete", "data", "--yes")
    assert (result.code, "[y/N]" in result.out) == (0, False)


def test_a_server_without_volumes_is_told_from_a_missing_one(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", f"{VOLUMES}/data", text("404 page not found", 404))
    for verb in ("get", "delete"):
        result = call("volume", verb, "data")
        assert (result.code, "no such route" in result.err) == (7, True)


@pytest.mark.parametrize(("status", "code"), [(401, 4), (403, 4), (404, 5), (500, 1), (503, 6)])
def test_each_status_has_its_code(call: Caller, server: ScriptedServer, status: int, code: int) -> None:
    call.know(server.url)
    server.always("GET", f"{VOLUMES}/data", text("", status, **{"Retry-After": "60"}))
    result = call("volume", "get", "data")
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith('Error: cannot get volume "data": ')


def test_the_noun_alone_shows_its_verbs(call: Caller) -> None:
    result = call("volume")
    assert (result.code, "create" in result.out, result.err) == (0, True, "")
