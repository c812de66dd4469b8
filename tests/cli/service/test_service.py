"""`service list`, `get` and `delete`."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import Answer, ScriptedServer, document, text

SERVICE: dict[str, Any] = {
    "name": "posenet",
    "image": "images.example.org/grycap/posenet",
    "cpu": "1.0",
    "memory": "1Gi",
    "token": "top-secret",
    "script": "#!/bin/sh  \n\techo größe\n",
    "from_the_future": [{"a": None}],
    "storage_providers": {
        "minio": {"default": {"access_key": "hidden"}, "own": {"secret_key": "top-secret", "region": "r"}}
    },
    "environment": {"variables": {"A": "b"}, "secrets": {"KEY": "top-secret", "NONE": ""}},
}
MASKED = json.loads(json.dumps(SERVICE).replace("top-secret", "***"))
LIST = "/system/services"


@pytest.fixture
def cluster(call: Caller, server: ScriptedServer) -> ScriptedServer:
    call.know(server.url)
    return server


# -- list ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["service list", "services ls", "svc list", "s ls"])
def test_services_are_listed_in_the_servers_order(call: Caller, cluster: ScriptedServer, words: str) -> None:
    other = {"name": "a", "image": None, "cpu": "", "memory": 5}
    cluster.expect("GET", LIST, document([SERVICE, other]))
    result = call(*words.split())
    assert (result.code, result.err) == (0, "")
    assert [line.split() for line in result.out.splitlines()] == [
        ["NAME", "IMAGE", "CPU", "MEMORY"],
        ["posenet", "images.example.org/grycap/posenet", "1.0", "1Gi"],
        ["a", "-", "-", "5"],
    ]


def test_lists_keep_every_field_and_mask_every_secret(call: Caller, cluster: ScriptedServer) -> None:
    cluster.always("GET", LIST, document([SERVICE]))
    assert json.loads(call("service", "list", "-o", "json").out) == [MASKED]
    assert yaml.safe_load(call("service", "list", "--output", "yaml").out) == [MASKED]
    assert json.loads(call("service", "list", "-o", "json", "--show-secrets").out) == [SERVICE]


@pytest.mark.parametrize("body", ["[]", "null"])
def test_no_services_is_no_failure(call: Caller, cluster: ScriptedServer, body: str) -> None:
    cluster.always("GET", LIST, Answer(200, body.encode(), {"Content-Type": "application/json"}))
    result = call("service", "list")
    assert (result.code, result.out) == (0, "")
    assert result.err == "There are no services in the cluster\n"
    as_json = call("service", "list", "-o", "json")
    assert (as_json.out, as_json.err) == ("[]\n", "")


def test_the_same_list_on_a_terminal_is_bold_and_fits(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.always("GET", LIST, document([{**SERVICE, "image": "i" * 200, "name": "evil\x1b[2J"}]))
    screen = run.terminal("service", "list", columns=60).out.splitlines()
    assert screen[0].startswith("\x1b[1mNAME")
    assert screen[1].startswith("evil\\x1b[2J")
    assert "…" in screen[1]
    assert len(screen[1]) <= 60
    wide = run.terminal("service", "list", columns=60, env={"COLUMNS": "400", "TERM": "dumb"}).out
    assert "\x1b" not in wide
    assert "i" * 200 in wide
    piped = run("service", "list", env={"COLUMNS": "20"}).out
    assert "i" * 200 in piped
    assert "\x1b" not in piped


# -- get -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["get", "g"])
def test_a_service_is_shown_in_yaml_without_its_secrets(
    call: Caller, cluster: ScriptedServer, verb: str
) -> None:
    cluster.always("GET", f"{LIST}/posenet", document(SERVICE))
    shown = call("service", verb, "posenet").out
    assert yaml.safe_load(shown) == MASKED
    assert "\ntoken: '***'\n" in shown
    assert "script: |\n  #!/bin/sh  \n  \techo größe\n" in shown
    assert json.loads(call("service", verb, "posenet", "-o", "json").out) == MASKED
    table = call("service", verb, "posenet", "-o", "table").out
    assert table.splitlines()[1].split()[0] == "posenet"


def test_secrets_are_shown_on_demand(call: Caller, cluster: ScriptedServer) -> None:
    cluster.always("GET", f"{LIST}/posenet", document(SERVICE))
    shown = call("service", "get", "posenet", "--show-secrets").out
    assert yaml.safe_load(shown) == SERVICE
    assert "\ntoken: top-secret\n" in shown
    token = call("service", "get", "posenet", "--token")
    assert (token.code, token.out, token.err) == (0, "top-secret\n", "")


def test_a_token_the_server_keeps_back_is_an_error(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("GET", f"{LIST}/posenet", document({"name": "posenet"}))
    result = call("service", "get", "posenet", "--token")
    assert (result.code, result.out) == (4, "")


@pytest.mark.parametrize(
    ("name", "path"),
    [("a/b", "a%2Fb"), ("../info", "..%2Finfo"), ("é", "%C3%A9"), ("50%", "50%25"), ("a?b#c", "a%3Fb%23c")],
)
def test_a_name_is_one_segment_of_the_path(
    call: Caller, cluster: ScriptedServer, name: str, path: str
) -> None:
    cluster.expect("GET", f"{LIST}/{path}", Answer(404))
    result = call("service", "get", name)
    assert (result.code, result.out) == (5, "")
    assert result.err == f'Error: cannot get service "{name}": it does not exist\n'


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_is_none_is_refused_without_a_call(
    call: Caller, cluster: ScriptedServer, name: str
) -> None:
    result = call("service", "get", name)
    assert (result.code, result.out) == (2, "")
    assert f'"{name}" is not a name' in result.err


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (text("invalid serviceName", 400), 7, "the server refused it (HTTP 400): invalid serviceName"),
        (Answer(401), 4, "the credentials are not accepted"),
        (text("User x doesn't have permision to get this service", 403), 4, "not allowed: User x doesn't"),
        (Answer(404), 5, "it does not exist"),
        (text("404 page not found", 404), 7, "the server has no such route (/system/services/x)"),
        (Answer(500), 1, "the server failed (HTTP 500)"),
        (text("etcd: \x1b[31mtimeout\n", 500), 1, "the server failed (HTTP 500): etcd: \\x1b[31mtimeout"),
        (Answer(200), 4, "the server answered nothing; the login may lack the permission"),
        (Answer(200, b"[]"), 1, "unexpected shape"),
        (Answer(200, b"null"), 1, "unexpected shape"),
        (Answer(200, b"{'a'"), 1, "the answer is not JSON"),
    ],
)
def test_every_failure_has_its_code_and_words(
    call: Caller, cluster: ScriptedServer, answer: Answer, code: int, words: str
) -> None:
    cluster.always("GET", f"{LIST}/x", answer)
    result = call("service", "get", "x")
    assert (result.code, result.out) == (code, "")
    assert words in result.err.splitlines()[0]
    as_json = call("service", "get", "x", "-o", "json")
    failure = json.loads(as_json.err)
    assert (as_json.code, as_json.out, failure["code"]) == (code, "", code)


# -- delete --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["delete", "d", "del", "remove", "rm"])
def test_deleting_says_so_in_a_pipe_too_and_asks_nothing_there(
    call: Caller, cluster: ScriptedServer, verb: str
) -> None:
    cluster.expect("DELETE", f"{LIST}/a", Answer(204))
    result = call("service", verb, "a")
    assert (result.code, result.out, result.err) == (0, '✓ Removing service "a"\n', "")


def test_one_failure_does_not_hide_the_others(call: Caller, cluster: ScriptedServer) -> None:
    for name, status in (("a", 204), ("b", 404), ("c", 500), ("d", 204)):
        cluster.always("DELETE", f"{LIST}/{name}", Answer(status))
    result = call("service", "delete", "a", "b", "c", "d", "a")
    assert result.code == 8
    assert result.out.splitlines() == [
        f'{mark} Removing service "{name}"' for mark, name in zip("✓✗✗✓", "abcd", strict=True)
    ]
    assert 'Error: cannot delete service "b": it does not exist' in result.err
    assert result.err.splitlines()[-1] == "Error: 2 of 4 services were not deleted: b, c"
    as_json = call("service", "delete", "a", "b", "-o", "json")
    assert as_json.code == 8
    assert json.loads(as_json.out) == {
        "deleted": ["a"],
        "failed": {"b": 'cannot delete service "b": it does not exist'},
        "not_tried": [],
    }
    assert json.loads(as_json.err)["code"] == 8


@pytest.mark.parametrize(("status", "code"), [(404, 5), (403, 4), (401, 4), (500, 1), (503, 6)])
def test_the_only_ones_failure_is_the_commands(
    call: Caller, cluster: ScriptedServer, status: int, code: int
) -> None:
    cluster.expect("DELETE", f"{LIST}/a", Answer(status))
    result = call("service", "delete", "a")
    assert (result.code, result.out) == (code, '✗ Removing service "a"\n')


def test_a_refused_login_is_not_tried_again_and_again(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("DELETE", f"{LIST}/a", Answer(401))
    assert call("service", "delete", "a", "b", "c").code == 4
    assert cluster.calls() == ["DELETE /system/services/a"]


def test_a_server_that_goes_away_leaves_the_rest_untried_and_named(
    call: Caller, cluster: ScriptedServer
) -> None:
    cluster.expect("DELETE", f"{LIST}/a", Answer(204))
    cluster.expect("DELETE", f"{LIST}/b", Answer(hang_up=True))
    result = call("service", "delete", "a", "b", "c")
    assert result.code == 8
    assert '"c": not tried' in result.err
    assert "it may have been done all the same" in result.err
    assert result.err.splitlines()[-1] == "Error: 2 of 3 services were not deleted: b, c"


def test_a_web_page_is_no_deletion(call: Caller, cluster: ScriptedServer) -> None:
    cluster.expect("DELETE", f"{LIST}/a", Answer(200, b"<html>", {"Content-Type": "text/html"}))
    assert call("service", "delete", "a").code == 1


@pytest.mark.parametrize("body", ["", "null"])
@pytest.mark.parametrize(("found", "code"), [(document(SERVICE), 1), (Answer(404), 0)])
def test_a_deletion_that_is_answered_with_nothing_is_done_only_where_the_service_is_gone(
    call: Caller, cluster: ScriptedServer, body: str, found: Answer, code: int
) -> None:
    cluster.expect("DELETE", f"{LIST}/a", text(body))
    cluster.expect("GET", f"{LIST}/a", found)
    result = call("service", "delete", "a")
    assert (result.code, result.out) == (code, f'{"✗" if code else "✓"} Removing service "a"\n')
    assert ('cannot delete service "a": the server answered 200, which does not say' in result.err) is bool(
        code
    )


def test_on_a_terminal_a_deletion_is_asked_about(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    question = 'Delete "a", "b" with all jobs, buckets and files? [y/N]'
    refused = run.terminal("service", "delete", "a", "b", answers=[(question, "\n")])
    assert (refused.code, "nothing was deleted" in refused.out) == (1, True)
    assert server.requests == []
    for name in "ab":
        server.expect("DELETE", f"{LIST}/{name}", Answer(204))
    agreed = run.terminal("service", "delete", "a", "b", answers=[(question, "y\n")])
    assert agreed.code == 0
    assert '\x1b[32m✓\x1b[0m Removing service "a"' in agreed.out
    server.expect("DELETE", f"{LIST}/c", Answer(204))
    assert "[y/N]" not in run.terminal("service", "delete", "c", "--yes").out
