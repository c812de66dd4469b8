"""`federation`: every change is read back, since the server reports success for changes it does not make."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import Answer, Request, ScriptedServer, document, text

WEB = "/system/federation/web"
FIRST: dict[str, Any] = {
    "type": "oscar",
    "cluster_id": "cloud",
    "service_name": "web-cloud",
    "url": "",
    "ssl_verify": True,
    "priority": 1,
    "headers": None,
}
SECOND: dict[str, Any] = {
    "type": "endpoint",
    "cluster_id": "",
    "service_name": "",
    "url": "https://hook.example/in",
    "ssl_verify": True,
    "priority": 2,
    "headers": {"Authorization": "top-secret"},
}


def identity(member: dict[str, Any]) -> tuple[Any, ...]:
    return (member.get("type", "").lower(), member.get("cluster_id"), member.get("service_name"))


@dataclass
class Federation:
    """A server's side of it: what it stores, and how it behaves."""

    members: list[dict[str, Any]] = field(
        default_factory=lambda: [copy.deepcopy(FIRST), copy.deepcopy(SECOND)]
    )
    ignores: bool = False
    answer: Answer | None = None
    bodies: list[Any] = field(default_factory=list)

    def prepare(self, server: ScriptedServer, *methods: str) -> None:
        for method in methods:
            server.always(method, WEB, self.reply)

    def reply(self, request: Request) -> Answer:
        if request.method != "GET":
            body = json.loads(request.body)
            self.bodies.append(body)
            if not self.ignores:
                self._change(request.method, body)
            if self.answer is not None:
                return self.answer
        return document({"topology": "star", "members": self.members or None, "newer": 1})

    def _change(self, method: str, body: dict[str, Any]) -> None:
        named = [identity(member) for member in body["members"]]
        if method == "POST":
            self.members += body["members"]
        elif method == "PUT":
            self.members = [body["update"][0] if identity(one) in named else one for one in self.members]
        else:
            self.members = [one for one in self.members if identity(one) not in named]


@pytest.fixture
def stored(call: Caller, server: ScriptedServer) -> Federation:
    call.know(server.url)
    return Federation()


# -- get -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["get", "get-federation", "g"])
def test_a_federation_as_text(call: Caller, server: ScriptedServer, stored: Federation, verb: str) -> None:
    stored.prepare(server, "GET")
    result = call("federation", verb, "web")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "Topology:  star",
        "Members:  2",
        "Type: oscar",
        "Cluster ID: cloud",
        "Service Name: web-cloud",
        "URL:",
        "Priority: 1",
        "",
        "Type: endpoint",
        "Cluster ID:",
        "Service Name:",
        "URL: https://hook.example/in",
        "Priority: 2",
        "",
    ]


def test_a_federation_as_a_table(call: Caller, server: ScriptedServer, stored: Federation) -> None:
    stored.prepare(server, "GET")
    lines = call("federation", "get", "web", "-o", "table").out.splitlines()
    assert lines[:2] == ["Topology:  star", "Members:  2"]
    assert lines[2].split() == ["TYPE", "CLUSTER", "ID", "SERVICE", "NAME", "URL", "PRIORITY"]
    assert lines[3].split() == ["oscar", "cloud", "web-cloud", "-", "1"]


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_federation_for_programs(
    call: Caller, server: ScriptedServer, stored: Federation, form: str, read: Any
) -> None:
    stored.prepare(server, "GET")
    masked = {**SECOND, "headers": {"Authorization": "***"}}
    expected = {"topology": "star", "members": [FIRST, masked], "newer": 1}
    assert read(call("federation", "get", "web", "-o", form).out) == expected
    shown = read(call("federation", "get", "web", "-o", form, "--show-secrets").out)
    assert shown["members"][1] == SECOND


@pytest.mark.parametrize("form", ["text", "table", "json", "yaml"])
@pytest.mark.parametrize(
    "nothing",
    [{"topology": "none", "members": None}, {"topology": "none", "members": []}, {"topology": ""}, {}],
)
def test_a_service_without_a_federation_is_a_failure(
    call: Caller, server: ScriptedServer, nothing: dict[str, Any], form: str
) -> None:
    call.know(server.url)
    server.always("GET", WEB, document(nothing))
    result = call("federation", "get", "web", "-o", form)
    assert (result.code, result.out) == (1, "")
    error = json.loads(result.err)["error"] if form == "json" else result.err
    assert 'service "web" has no federation' in error


def test_a_topology_without_members(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", WEB, document({"topology": "mesh", "members": []}))
    for form in ("text", "table"):
        result = call("federation", "get", "web", "-o", form)
        assert (result.code, result.out) == (
            0,
            "Topology:  mesh\nMembers:  0\nNo federation members found\n",
        )
    shown = json.loads(call("federation", "get", "web", "-o", "json").out)
    assert shown == {"topology": "mesh", "members": None}


@pytest.mark.parametrize("words", [("get",), ("add", "--cluster-id", "c", "--service-name", "s")])
def test_a_missing_service_is_not_found(call: Caller, server: ScriptedServer, words: tuple[str, ...]) -> None:
    call.know(server.url)
    server.expect("GET", WEB, Answer(404))
    result = call("federation", words[0], "web", *words[1:])
    assert (result.code, result.out) == (5, "")


def test_a_server_without_federations(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", WEB, text("404 page not found", 404))
    assert call("federation", "get", "web").code == 7


# -- add-member ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["add-member", "add", "a", "create"])
def test_a_member_is_added(call: Caller, server: ScriptedServer, stored: Federation, verb: str) -> None:
    stored.prepare(server, "GET", "POST")
    result = call("federation", verb, "web", "--cluster-id", "edge", "--service-name", "web-edge")
    assert (result.code, result.out) == (0, 'Federation member added for service "web"\n')
    assert stored.bodies == [
        {
            "members": [
                {
                    "type": "oscar",
                    "cluster_id": "edge",
                    "service_name": "web-edge",
                    "url": "",
                    "ssl_verify": True,
                    "priority": 0,
                    "headers": {},
                }
            ]
        }
    ]


@pytest.mark.parametrize(
    ("words", "verified"),
    [
        (("--insecure",), False),
        (("--ssl-verify=false",), False),
        (("--ssl-verify", "false"), False),
        (("--ssl-verify",), True),
        (("--ssl-verify=true",), True),
        ((), True),
    ],
)
def test_an_endpoint_is_added_with_headers(
    call: Caller, server: ScriptedServer, stored: Federation, words: tuple[str, ...], verified: bool
) -> None:
    stored.prepare(server, "GET", "POST")
    endpoint = ("--type", "Endpoint", "--url", "https://other.example", "--priority", "3")
    headers = ("--header", "X-A=1,2", "--header", "Authorization=Bearer a=b")
    result = call("federation", "add", "web", *endpoint, *headers, *words)
    assert result.code == 0
    member = stored.bodies[0]["members"][0]
    assert member["headers"] == {"X-A": "1,2", "Authorization": "Bearer a=b"}
    assert (member["type"], member["priority"], member["ssl_verify"]) == ("endpoint", 3, verified)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "needs --cluster-id ID and --service-name NAME"),
        (("--cluster-id", "c"), "needs --cluster-id ID and --service-name NAME"),
        (("--type", "endpoint"), "needs --url URL"),
        (("--type", "ftp", "--url", "u"), 'takes oscar or endpoint, not "ftp"'),
        (("--type", "endpoint", "--url", "u", "--header", "x"), '"x" has not the form NAME=VALUE'),
        (("--type", "endpoint", "--url", "u", "--ssl-verify=maybe"), "takes true or false"),
        (("--type", "endpoint", "--url", "u", "--ssl-verify", "true", "--insecure"), "only one of"),
        (("--type", "endpoint", "--url", "u", "--priority", "-1"), "--priority"),
    ],
)
def test_a_member_that_is_none_is_not_sent(call: Caller, words: tuple[str, ...], message: str) -> None:
    call.know("http://127.0.0.1:9")
    result = call("federation", "add", "web", *words)
    assert (result.code, result.out, message in result.err) == (2, "", True)


def test_a_member_is_not_added_twice(call: Caller, server: ScriptedServer, stored: Federation) -> None:
    stored.prepare(server, "GET")
    result = call("federation", "add", "web", "--cluster-id", "cloud", "--service-name", "web-cloud")
    assert (result.code, "is a member already" in result.err) == (7, True)


def test_an_addition_that_the_server_does_not_make_is_no_success(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.prepare(server, "GET", "POST")
    stored.ignores = True
    result = call("federation", "add", "web", "--cluster-id", "edge", "--service-name", "x")
    assert (result.code, result.out) == (7, "")
    assert "is as it was, though the server reported no failure" in result.err


@pytest.mark.parametrize(
    "answer",
    [
        text("Updated with federation warnings: [edge: connection refused]"),
        text("error reading refresh-token secret: not found", 500),
    ],
)
def test_members_that_could_not_be_told_make_a_partial_success(
    call: Caller, server: ScriptedServer, stored: Federation, answer: Answer
) -> None:
    stored.prepare(server, "GET", "POST")
    stored.answer = answer
    result = call("federation", "add", "web", "--cluster-id", "edge", "--service-name", "x")
    assert (result.code, result.out) == (8, 'Federation member added for service "web"\n')
    assert answer.body.decode() in result.err


def test_a_failure_that_changed_nothing_is_told_as_it_is(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.prepare(server, "GET", "POST")
    stored.ignores, stored.answer = True, text("Error updating service: etcd", 500)
    result = call("federation", "add", "web", "--cluster-id", "edge", "--service-name", "x")
    assert (result.code, result.out, "Error updating service: etcd" in result.err) == (1, "", True)


# -- update --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["update", "update-member", "u"])
def test_a_member_is_updated_and_keeps_the_rest(
    call: Caller, server: ScriptedServer, stored: Federation, verb: str
) -> None:
    stored.prepare(server, "GET", "PUT")
    result = call("federation", verb, "web", "--cluster-id", "cloud", "--priority", "7", "--insecure")
    assert (result.code, result.out) == (0, 'Federation member updated for service "web"\n')
    new = {**FIRST, "priority": 7, "ssl_verify": False}
    assert stored.bodies == [{"members": [FIRST], "update": [new]}]
    assert stored.members == [new, SECOND]


def test_what_tells_a_member_apart_can_change_too(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.prepare(server, "GET", "PUT")
    words = ("--service-name", "web-cloud", "--new-cluster-id", "edge", "--new-service-name", "w")
    assert call("federation", "update", "web", *words).code == 0
    assert identity(stored.members[0]) == ("oscar", "edge", "w")


def test_a_secret_header_survives_an_update(call: Caller, server: ScriptedServer, stored: Federation) -> None:
    stored.prepare(server, "GET", "PUT")
    assert call("federation", "update", "web", "--type", "endpoint", "--url", "https://new").code == 0
    assert stored.members[1] == {**SECOND, "url": "https://new"}


def test_priority_zero_can_be_set(call: Caller, server: ScriptedServer, stored: Federation) -> None:
    stored.prepare(server, "GET", "PUT")
    assert call("federation", "update", "web", "--cluster-id", "cloud", "--priority", "0").code == 0
    assert stored.members[0]["priority"] == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--cluster-id", "cloud"), 2, "say what to change"),
        (("--priority", "1"), 2, "name the member with"),
        (("--cluster-id", "nowhere", "--priority", "1"), 5, 'no federation member with cluster_id "nowhere"'),
        (("--cluster-id", "cloud", "--new-type", "endpoint"), 2, "needs --url URL"),
    ],
)
def test_an_update_that_names_no_member_or_no_change(
    call: Caller,
    server: ScriptedServer,
    stored: Federation,
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    if code == 5 or "--new-type" in words or words[0] == "--priority":
        stored.prepare(server, "GET")
    result = call("federation", "update", "web", *words)
    assert (result.code, result.out, message in result.err) == (code, "", True)


def test_an_update_of_several_members_names_them(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.members.append({**FIRST, "cluster_id": "edge"})
    stored.prepare(server, "GET")
    result = call("federation", "update", "web", "--type", "oscar", "--priority", "1")
    assert result.code == 2
    assert (
        '2 members fit: service "web-cloud" of cluster "cloud"; service "web-cloud" of cluster "edge"'
        in result.err
    )


def test_an_update_that_the_server_does_not_make_is_no_success(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.prepare(server, "GET", "PUT")
    stored.ignores = True
    result = call("federation", "update", "web", "--cluster-id", "cloud", "--priority", "7")
    assert (result.code, result.out) == (7, "")


# -- delete --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["delete", "rm", "del", "d", "delete-member", "remove-member"])
def test_a_member_is_removed_and_its_service_stays(
    call: Caller, server: ScriptedServer, stored: Federation, verb: str
) -> None:
    stored.prepare(server, "GET", "DELETE")
    result = call("federation", verb, "web", "--cluster-id", "cloud", "--service-name", "web-cloud")
    assert (result.code, result.out) == (0, 'Federation members deleted for service "web"\n')
    assert result.err == 'removed: service "web-cloud" of cluster "cloud"\n'
    assert stored.bodies == [{"members": [FIRST]}]
    assert stored.members == [SECOND]


def test_all_members_that_fit_are_removed(call: Caller, server: ScriptedServer, stored: Federation) -> None:
    stored.members.append({**FIRST, "service_name": "other"})
    stored.prepare(server, "GET", "DELETE")
    assert call("federation", "delete", "web", "--cluster-id", "cloud").code == 0
    assert stored.members == [SECOND]


@pytest.mark.parametrize("words", [(), ("--all",), ("-y",)])
def test_without_a_selector_all_members_are_removed(
    call: Caller, server: ScriptedServer, stored: Federation, words: tuple[str, ...]
) -> None:
    stored.prepare(server, "GET", "DELETE")
    result = call("federation", "delete", "web", *words)
    assert (result.code, result.out) == (0, 'Federation members deleted for service "web"\n')
    assert result.err.splitlines() == [
        'removed: service "web-cloud" of cluster "cloud"',
        'removed: endpoint "https://hook.example/in"',
    ]
    assert stored.bodies == [{"members": [FIRST, SECOND]}]
    assert stored.members == []


@pytest.mark.parametrize(
    ("words", "answers", "code", "left"),
    [
        ((), [("[y/N]", "y\n")], 0, []),
        ((), [("[y/N]", "n\n")], 1, [FIRST, SECOND]),
        (("--all",), [], 0, []),
        (("--yes",), [], 0, []),
        (("--cluster-id", "cloud"), [], 0, [SECOND]),
    ],
)
def test_on_a_terminal_removing_all_members_asks(
    run: Runner,
    server: ScriptedServer,
    stored: Federation,
    words: tuple[str, ...],
    answers: list[tuple[str, str]],
    code: int,
    left: list[dict[str, Any]],
) -> None:
    stored.prepare(server, "GET", *(("DELETE",) if code == 0 else ()))
    result = run.terminal("federation", "delete", "web", *words, answers=answers)
    assert (result.code, stored.members) == (code, left)
    question = 'Remove all 2 federation members of service "web"?'
    assert (question in result.out) == bool(answers)


@pytest.mark.parametrize("option", ["--cluster-id", "--service-name", "--type"])
def test_an_empty_selector_does_not_mean_all(call: Caller, option: str) -> None:
    call.know("http://127.0.0.1:9")
    result = call("federation", "delete", "web", option, "")
    assert (result.code, result.out, f"{option} is empty" in result.err) == (2, "", True)


def test_all_and_a_selector_contradict_each_other(call: Caller) -> None:
    call.know("http://127.0.0.1:9")
    result = call("federation", "delete", "web", "--all", "--cluster-id", "cloud")
    assert (result.code, result.out, "--all" in result.err) == (2, "", True)


def test_where_there_are_no_members_none_are_removed(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.members = []
    stored.prepare(server, "GET")
    result = call("federation", "delete", "web")
    assert (result.code, result.out) == (0, 'Service "web" has no federation members\n')
    document = json.loads(call("federation", "delete", "web", "--all", "-o", "json").out)
    assert document == {"topology": "star", "members": None, "newer": 1}


def test_services_of_all_members_are_deleted_only_with_a_yes(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.prepare(server, "GET")
    refused = call("federation", "delete", "web", "--all", "--delete-service")
    assert (refused.code, refused.out, "say --yes" in refused.err) == (2, "", True)
    assert stored.members == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("words", "code"), [(("--cluster-id", "nowhere"), 5), (("--service-name", "web"), 5)]
)
def test_a_removal_that_fits_nothing_is_no_success(
    call: Caller, server: ScriptedServer, stored: Federation, words: tuple[str, ...], code: int
) -> None:
    stored.prepare(server, "GET")
    result = call("federation", "delete", "web", *words)
    assert (result.code, result.out) == (code, "")


def test_a_removal_that_the_server_does_not_make_is_no_success(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.prepare(server, "GET", "DELETE")
    stored.ignores = True
    assert call("federation", "delete", "web", "--cluster-id", "cloud").code == 7


def test_services_are_deleted_only_with_a_yes(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.prepare(server, "GET", "DELETE")
    words = ("federation", "delete", "web", "--cluster-id", "cloud", "--delete-service")
    refused = call(*words)
    assert (refused.code, refused.out, "say --yes" in refused.err) == (2, "", True)
    assert stored.bodies == []
    server.expect("GET", "/system/services/web-cloud", Answer(404))
    done = call(*words, "--yes")
    assert done.code == 0
    assert stored.bodies == [{"members": [FIRST], "delete": True}]
    assert 'no service "web-cloud" in this cluster any more' in done.err


def test_a_service_that_was_not_deleted_is_told(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.prepare(server, "GET", "DELETE")
    server.expect("GET", "/system/services/web-cloud", document({"name": "web-cloud"}))
    result = call("federation", "rm", "web", "--cluster-id", "cloud", "--delete-service", "-y")
    assert (result.code, result.out) == (8, 'Federation members deleted for service "web"\n')
    assert "not the service web-cloud" in result.err


def test_the_service_itself_is_never_deleted_along(
    call: Caller, server: ScriptedServer, stored: Federation
) -> None:
    stored.members[0]["service_name"] = "web"
    stored.prepare(server, "GET")
    result = call("federation", "rm", "web", "--cluster-id", "cloud", "--delete-service", "-y")
    assert (result.code, 'would delete service "web" itself' in result.err) == (7, True)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_on_a_terminal_deleting_services_asks(
    run: Runner, server: ScriptedServer, stored: Federation, answer: str, code: int
) -> None:
    stored.prepare(server, "GET", *(("DELETE",) if code == 0 else ()))
    if code == 0:
        server.expect("GET", "/system/services/web-cloud", Answer(404))
    words = ("federation", "delete", "web", "--cluster-id", "cloud", "--delete-service")
    result = run.terminal(*words, answers=[("[y/N]", answer)])
    assert result.code == code
    assert 'Delete service "web-cloud" of this cluster with all buckets and files?' in result.out
