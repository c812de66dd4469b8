"""`apply` and `delete`: the real command against a server that answers as told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Caller, Outcome, Runner
from tests.support.manager import NO_ROUTE, Answer, Cluster, fdl, record


@pytest.fixture(autouse=True)
def _at_home(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(call.home)


def lines(outcome: Outcome) -> list[str]:
    return outcome.out.splitlines()


# -- what is done ----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["apply", "a"])
def test_apply_creates_then_leaves_alone_and_edits_what_differs(
    call: Caller, cluster: Cluster, word: str
) -> None:
    file = fdl(call, "posenet")
    created = call(word, file)
    assert (created.code, created.err) == (0, "")
    assert created.out == (
        'Applying file "posenet.yaml"...\n✓ Creating service "posenet" in cluster "oscar-cluster"\n'
    )
    assert cluster.services["posenet"] == {
        "name": "posenet",
        "image": "example/image",
        "script": "#!/bin/sh\necho hi\n",
        "cluster_id": "oscar-cluster",
        "storage_providers": {"minio": {}},
    }
    again = call(word, file)
    assert (again.code, again.err) == (0, "")
    assert lines(again)[1] == '✓ Unchanged service "posenet" in cluster "oscar-cluster"'
    edited = call(word, fdl(call, "posenet", extra="      memory: 1Gi\n"))
    assert (edited.code, edited.err) == (0, "")
    assert lines(edited)[1] == '✓ Editing service "posenet" in cluster "oscar-cluster"'
    assert cluster.services["posenet"]["memory"] == "1Gi"
    assert cluster.asked() == [
        *("GET posenet", "POST posenet"),
        "GET posenet",
        # Looked up again just before it is replaced: the update has to carry what the server added.
        *("GET posenet", "GET posenet", "PUT posenet"),
    ]


@pytest.mark.parametrize("word", ["delete", "d", "del", "remove", "rm"])
def test_delete_needs_nothing_but_names(call: Caller, cluster: Cluster, word: str) -> None:
    cluster.services = {"posenet": {}, "other": {}}
    file = fdl(call, "posenet", extra="      memory: 3 GB\n      memroy: 3\n")
    (call.home / "script.sh").unlink()
    outcome = call(word, file)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        'Deleting file "posenet.yaml"...\n✓ Removing service "posenet" in cluster "oscar-cluster"\n'
    )
    assert list(cluster.services) == ["other"]
    assert cluster.asked() == ["DELETE posenet"]


def test_the_owner_is_kept_by_an_edit(call: Caller, cluster: Cluster) -> None:
    cluster.services["posenet"] = {"name": "posenet", "owner": "someone", "token": "t", "bucket_list": ["b"]}
    assert call("apply", fdl(call, "posenet")).code == 0
    assert cluster.services["posenet"]["owner"] == "someone"
    assert not {"token", "bucket_list"} & cluster.services["posenet"].keys()


def test_an_fdl_comes_through_standard_input(call: Caller, cluster: Cluster) -> None:
    text = fdl(call, "posenet").read_text()
    outcome = call("apply", "-", input=text)
    assert lines(outcome)[0] == 'Applying file "<stdin>"...'
    assert list(cluster.services) == ["posenet"]


@pytest.mark.parametrize(
    ("version", "ports"), [("4.1.0", [80]), ("v4.0.2", 80), ("devel", [80]), ("3.6.0", 80)]
)
def test_ports_are_sent_as_the_server_s_version_wants_them(
    call: Caller, cluster: Cluster, version: str, ports: Any
) -> None:
    cluster.version = version
    assert call("apply", fdl(call, "posenet", "other", extra="      expose: {api_port: 80}\n")).code == 0
    assert cluster.services["posenet"]["expose"]["api_port"] == ports
    assert cluster.services["other"]["expose"]["api_port"] == ports
    assert cluster.asked().count("GET info") == 1


def test_no_password_of_the_configuration_is_put_into_a_service(call: Caller, cluster: Cluster) -> None:
    outcome = call("apply", fdl(call, "posenet"))
    assert "hunter2" not in json.dumps(cluster.services) + outcome.out + outcome.err


def test_a_service_with_replicas_is_given_their_logins_aloud(
    call: Caller, cluster: Cluster, make_cluster: Callable[[], Cluster]
) -> None:
    record(call, {"oscar-cluster": cluster, "replica": make_cluster()})
    extra = (
        "      federation:\n        members: [{type: oscar, cluster_id: replica, service_name: posenet}]\n"
    )
    outcome = call("apply", fdl(call, "posenet", extra=extra))
    assert outcome.code == 0
    assert 'service "posenet" is given the login of replica' in outcome.err
    assert "hunter2" not in outcome.err
    assert list(cluster.services["posenet"]["clusters"]) == ["replica"]


@pytest.mark.parametrize(
    ("version", "is_lent"), [("4.0.2", True), ("v3.6.5", True), ("4.1.0", False), ("devel", False)]
)
def test_replicas_take_a_login_along_only_to_servers_that_read_them(
    call: Caller, cluster: Cluster, make_cluster: Callable[[], Cluster], version: str, is_lent: bool
) -> None:
    record(call, {"oscar-cluster": cluster, "replica": make_cluster()})
    cluster.version = version
    extra = "      replicas: [{type: oscar, cluster_id: replica, service_name: posenet}]\n"
    outcome = call("apply", fdl(call, "posenet", extra=extra))
    assert outcome.code == 0
    assert ("is given the login of replica" in outcome.err) == is_lent
    assert ("hunter2" in json.dumps(cluster.services)) == is_lent
    assert list(cluster.services["posenet"].get("clusters", {})) == (["replica"] if is_lent else [])
    assert "replicas: read by OSCAR up to 4.0" in outcome.err


def test_dry_run_sends_nothing(call: Caller, cluster: Cluster) -> None:
    cluster.services["b"] = {"name": "b"}
    outcome = call("apply", "--dry-run", fdl(call, "a", "b"))
    assert outcome.code == 0
    assert lines(outcome) == [
        'Planning file "posenet.yaml"...',
        'Would create service "a" in cluster "oscar-cluster"',
        'Would edit service "b" in cluster "oscar-cluster"',
        '  + image: "example/image"',
        "  ~ script:",
        "    --- cluster",
        "    +++ FDL",
        "    @@ -0,0 +1,2 @@",
        "    +#!/bin/sh",
        "    +echo hi",
    ]
    assert cluster.asked() == ["GET a", "GET b"]


def test_dry_run_tells_what_it_could_not_find_out(call: Caller, cluster: Cluster) -> None:
    cluster.answers["GET", "a"] = (500, "boom")
    outcome = call("apply", "--dry-run", fdl(call, "a", "b"))
    assert outcome.code == 8
    assert 'Would create service "b" in cluster "oscar-cluster"' in lines(outcome)
    assert "(HTTP 500): boom" in outcome.err
    assert cluster.services == {}


# -- several services ------------------------------------------------------------------------------


def test_one_failure_hides_no_other_outcome(call: Caller, cluster: Cluster) -> None:
    cluster.services["a"] = {"name": "a"}
    cluster.answers["POST", "b"] = (500, "Error creating the service: quota\n")
    outcome = call("apply", fdl(call, "a", "b", "c"))
    assert outcome.code == 8
    assert lines(outcome) == [
        'Applying file "posenet.yaml"...',
        '✓ Editing service "a" in cluster "oscar-cluster"',
        '✗ Creating service "b" in cluster "oscar-cluster"',
        '✓ Creating service "c" in cluster "oscar-cluster"',
    ]
    assert outcome.err.splitlines() == [
        'service "b" in cluster "oscar-cluster": cannot create service "b": the server failed (HTTP 500): '
        "Error creating the service: quota",
        "created 1, edited 1, unchanged 0, failed 1, not tried 0",
        "Error: 1 of 3 services failed",
    ]


def test_all_went_well_is_summed_up(call: Caller, cluster: Cluster) -> None:
    cluster.services["b"] = {"name": "b"}
    outcome = call("apply", fdl(call, "a", "b"))
    assert (outcome.code, outcome.err) == (0, "created 1, edited 1, unchanged 0, failed 0, not tried 0\n")


def test_failures_of_one_kind_have_its_code(call: Caller, cluster: Cluster) -> None:
    for name in ("a", "b"):
        cluster.answers["POST", name] = (400, "The service specification is not valid: no\n")
    outcome = call("apply", fdl(call, "a", "b"))
    assert outcome.code == 7
    assert outcome.err.splitlines()[-2:] == [
        "created 0, edited 0, unchanged 0, failed 2, not tried 0",
        "Error: 2 of 2 services failed",
    ]
    cluster.answers["POST", "b"] = (500, "")
    assert call("apply", fdl(call, "a", "b")).code == 8


def test_a_refused_login_is_not_tried_again(call: Caller, cluster: Cluster) -> None:
    for name in ("a", "b"):
        cluster.answers["GET", name] = (401, "")
    outcome = call("apply", fdl(call, "a", "b"))
    assert outcome.code == 4
    assert lines(outcome)[1:] == ['✗ Checking service "a" in cluster "oscar-cluster"']
    assert 'service "b" in cluster "oscar-cluster": not tried' in outcome.err
    assert "created 0, edited 0, unchanged 0, failed 1, not tried 1" in outcome.err
    assert cluster.asked() == ["GET a"]


def test_somebody_else_s_service_stops_no_other(call: Caller, cluster: Cluster) -> None:
    cluster.answers["GET", "a"] = (403, "User x doesn't have permision to get this service")
    outcome = call("apply", fdl(call, "a", "b"))
    assert outcome.code == 8
    assert "doesn't have permision" in outcome.err
    assert list(cluster.services) == ["b"]


def test_a_dead_cluster_does_not_keep_a_living_one_waiting(
    call: Caller, cluster: Cluster, make_cluster: Callable[[], Cluster]
) -> None:
    dead = Cluster(endpoint="http://127.0.0.1:1")
    record(call, {"oscar-cluster": cluster, "dead": dead})
    file = fdl(call, "a", "b", key="dead")
    with file.open("a") as more:
        more.write("  - oscar-cluster:\n      name: c\n      image: i\n      script: script.sh\n")
    outcome = call("apply", file)
    assert outcome.code == 8
    assert lines(outcome)[1:] == [
        '✗ Checking service "a" in cluster "dead"',
        '✓ Creating service "c" in cluster "oscar-cluster"',
    ]
    assert "created 1, edited 0, unchanged 0, failed 1, not tried 1" in outcome.err
    assert 'service "b" in cluster "dead": not tried' in outcome.err


def test_delete_goes_on_after_a_missing_service(call: Caller, cluster: Cluster) -> None:
    cluster.services = {"b": {}}
    cluster.answers["DELETE", "c"] = (500, 'the service "c" does not have a registered ConfigMap')
    outcome = call("delete", fdl(call, "a", "b", "c"))
    assert outcome.code == 8
    assert lines(outcome)[1:] == [
        '✗ Removing service "a" in cluster "oscar-cluster"',
        '✓ Removing service "b" in cluster "oscar-cluster"',
        '✗ Removing service "c" in cluster "oscar-cluster"',
    ]
    assert "removed 1, missing 2, failed 0, not tried 0" in outcome.err
    assert call("delete", fdl(call, "a", "b", "c")).code == 5
    ignoring = call("delete", "--ignore-missing", fdl(call, "a", "b", "c"))
    assert ignoring.code == 0
    assert lines(ignoring)[1] == '✓ Removing service "a" in cluster "oscar-cluster"'
    assert 'service "a" in cluster "oscar-cluster": there is none' in ignoring.err


# -- one service that fails ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "answer", "code", "words"),
    [
        ("GET", (401, ""), 4, "credentials are not accepted"),
        ("GET", (500, "boom"), 1, "boom"),
        ("GET", NO_ROUTE, 7, "no such route"),
        ("GET", (502, ""), 6, "HTTP 502"),
        ("GET", (200, "<html>"), 1, "not JSON"),
        ("GET", (200, ""), 4, "answered nothing"),
        (
            "POST",
            (400, "A service with the provided name already exists"),
            7,
            "choose another one with --name",
        ),
        ("POST", (409, "A secret with the given name already exists"), 7, "delete service"),
        ("POST", (500, 'the bucket "b" already exists\n'), 1, "delete the bucket"),
        ("POST", (413, ""), 7, "too large"),
        ("POST", NO_ROUTE, 7, "no such route"),
    ],
)
def test_one_service_fails_with_the_error_s_own_code(
    call: Caller, cluster: Cluster, method: str, answer: Answer, code: int, words: str
) -> None:
    cluster.answers[method, "posenet"] = answer
    outcome = call("apply", fdl(call, "posenet"))
    verb = "Checking" if method == "GET" else "Creating"
    assert outcome.code == code
    assert words in outcome.err
    assert outcome.err.count("Error: ") == 1
    assert lines(outcome)[1:] == [f'✗ {verb} service "posenet" in cluster "oscar-cluster"']
    # Whatever cannot be told apart from "it exists" is never taken as leave to create.
    assert [word for word in cluster.asked() if word.startswith("POST")] == (
        ["POST posenet"] if method == "POST" else []
    )


@pytest.mark.parametrize("body", ["", "null"])
@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_write_that_is_answered_with_nothing_is_done_only_where_the_service_is_as_wanted(
    call: Caller, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, method: str, is_done: bool, body: str
) -> None:
    if method == "PUT":
        assert call("apply", fdl(call, "posenet")).code == 0
    whole = cluster.answer

    def answer(asked: str, path: str, document: Any) -> Answer:
        if asked != method:
            return whole(asked, path, document)
        if is_done:
            whole(asked, path, document)
        return 200, body

    monkeypatch.setattr(cluster, "answer", answer)
    outcome = call("apply", fdl(call, "posenet", extra="      memory: 1Gi\n"))
    verb, tried = ("Creating", "create") if method == "POST" else ("Editing", "update")
    mark = "✓" if is_done else "✗"
    assert (outcome.code, lines(outcome)[1:]) == (
        0 if is_done else 1,
        [f'{mark} {verb} service "posenet" in cluster "oscar-cluster"'],
    )
    assert f'cannot {tried} service "posenet": the server answered 200, which does not say' in outcome.err
    assert ("and yet the service is as wanted" in outcome.err) is is_done


@pytest.mark.parametrize("body", ["", "null"])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_deletion_that_is_answered_with_nothing_is_done_only_where_the_service_is_gone(
    call: Caller, cluster: Cluster, is_done: bool, body: str
) -> None:
    cluster.services = {} if is_done else {"posenet": {"name": "posenet"}}
    cluster.answers["DELETE", "posenet"] = (200, body)
    outcome = call("delete", fdl(call, "posenet"))
    assert outcome.code == (0 if is_done else 1)
    assert lines(outcome)[1:] == [
        f'{"✓" if is_done else "✗"} Removing service "posenet" in cluster "oscar-cluster"'
    ]


def test_a_server_that_does_not_answer_in_time(call: Caller, cluster: Cluster) -> None:
    cluster.answers["POST", "posenet"] = (0, "")
    outcome = call("apply", "--timeout", "1", fdl(call, "posenet"))
    assert outcome.code == 6
    assert "it may still be in progress there" in outcome.err


def test_delete_of_what_is_not_there(call: Caller, cluster: Cluster) -> None:
    outcome = call("delete", fdl(call, "posenet"))
    assert outcome.code == 5
    assert "--ignore-missing" in outcome.err
    assert call("delete", "--ignore-missing", fdl(call, "posenet")).code == 0


def test_delete_on_a_server_without_the_route_is_a_failure(call: Caller, cluster: Cluster) -> None:
    cluster.answers["DELETE", "posenet"] = NO_ROUTE
    assert call("delete", "--ignore-missing", fdl(call, "posenet")).code == 7


# -- names, environment, clusters ------------------------------------------------------------------


def test_name_renames_the_service_and_its_bucket_and_delete_finds_it(call: Caller, cluster: Cluster) -> None:
    extra = "      input: [{storage_provider: minio, path: posenet/in}]\n"
    file = fdl(call, "posenet", extra=extra)
    assert call("apply", file, "-n", "mine").code == 0
    assert cluster.services["mine"]["input"][0]["path"] == "mine/in"
    assert call("delete", file, "--name", "mine").code == 0
    assert cluster.services == {}


def test_an_empty_name_leaves_the_name(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "a", "b")
    for empty in (("-n", ""), ("--name=",), ("--env-file", "")):
        assert call("apply", file, *empty).code == 0
        assert sorted(cluster.services) == ["a", "b"]
        assert call("delete", file, *(() if "--env-file" in empty else empty)).code == 0
        assert cluster.services == {}


def test_what_an_expose_and_a_cluster_lack_is_told_and_sent_without(call: Caller, cluster: Cluster) -> None:
    extra = "      expose: {nodePort: [30500], min_scale: 2.0}\n"
    file = fdl(call, "posenet", extra=extra)
    file.write_text(file.read_text() + "clusters:\n  far:\n    endpoint: ''\n")
    outcome = call("apply", file)
    assert outcome.code == 0
    assert [line.partition(": functions.oscar[0].")[2] or line for line in outcome.err.splitlines()] == [
        "oscar-cluster.expose.nodePort: servers ignore it without api_port",
        f"warning: {file}:10: clusters.far.endpoint: empty; no service can be handed on to this cluster",
    ]
    document = cluster.services["posenet"]
    assert (document["expose"], document["clusters"]) == ({"min_scale": 2}, {"far": {}})


def test_name_for_several_services_is_a_mapping(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "a", "b")
    refused = call("apply", file, "--name", "x")
    assert (refused.code, refused.out, cluster.requests) == (2, "", [])
    assert "--name a=NEW --name b=NEW" in refused.err
    assert call("apply", file, "--name", "a=x", "--name", "b=y").code == 0
    assert list(cluster.services) == ["x", "y"]


def test_env_file_fills_in_and_says_what_it_did(call: Caller, cluster: Cluster) -> None:
    (call.home / "env").write_text("export MODEL='a b'\nKEY=secret-value\nOTHER=1\n")
    extra = "      environment:\n        Variables: {MODEL: }\n        secrets: {KEY: }\n"
    outcome = call("apply", fdl(call, "posenet", extra=extra), "--env-file", call.home / "env")
    assert outcome.code == 0
    assert cluster.services["posenet"]["environment"] == {
        "variables": {"MODEL": "a b"},
        "secrets": {"KEY": "secret-value"},
    }
    assert outcome.err.splitlines() == [
        f"from {call.home / 'env'}: MODEL, KEY",
        f"warning: no service has these variables or secrets of {call.home / 'env'}: OTHER",
    ]


def test_a_wrong_env_file_stops_before_anything_is_sent(call: Caller, cluster: Cluster) -> None:
    (call.home / "env").write_text("A=1\nB\n")
    outcome = call("apply", fdl(call, "posenet"), "--env-file", "env")
    assert (outcome.code, outcome.out, cluster.requests) == (3, "", [])
    assert outcome.err == "Error: invalid env file env at line 2: expected KEY=value\n"


@pytest.mark.parametrize(
    ("key", "words", "target"),
    [
        ("oscar-cluster", [], "oscar-cluster"),
        ("other", [], "other"),
        ("default-cluster", [], "oscar-cluster"),
        ("other", ["--default"], "oscar-cluster"),
        ("oscar-cluster", ["-c", "other"], "other"),
        ("nowhere", ["--cluster=other"], "other"),
        ("nowhere", ["--default", "-c", "other"], "oscar-cluster"),
    ],
)
def test_the_target_cluster(
    call: Caller,
    cluster: Cluster,
    make_cluster: Callable[[], Cluster],
    key: str,
    words: list[str],
    target: str,
) -> None:
    clusters = {"oscar-cluster": cluster, "other": make_cluster()}
    record(call, clusters)
    file = fdl(call, "posenet", key=key)
    # The variable tells which cluster is meant where nothing else does; here the file does.
    outcome = call("apply", *words, file, env={"OSCAR_CLI_CLUSTER": "nowhere"})
    assert outcome.code == 0, outcome.err
    assert lines(outcome)[1] == f'✓ Creating service "posenet" in cluster "{target}"'
    assert clusters[target].services["posenet"]["cluster_id"] == target
    assert call("delete", *words, file).code == 0
    assert clusters[target].services == {}


@pytest.mark.parametrize("verb", ["apply", "delete"])
def test_an_unknown_cluster(call: Caller, cluster: Cluster, verb: str) -> None:
    file = fdl(call, "a", key="oscar-clutser")
    outcome = call(verb, file)
    assert (outcome.code, outcome.out, cluster.requests) == (3, "", [])
    assert 'Error: the cluster "oscar-clutser" doesn\'t exist\n' in outcome.err
    assert ("did you mean oscar-cluster?" in outcome.err) == (verb != "delete"), "nothing else may be deleted"
    assert "oscar-cli cluster add" in outcome.err


def test_without_a_default_cluster(call: Caller, cluster: Cluster) -> None:
    record(call, {"oscar-cluster": cluster}, default="")
    outcome = call("apply", fdl(call, "a", key="default-cluster"))
    assert (outcome.code, cluster.requests) == (3, [])
    assert "oscar-cli cluster default --set" in outcome.err


# -- files -----------------------------------------------------------------------------------------


def test_all_mistakes_are_shown_and_nothing_is_sent(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "a", extra="      memory: 256Mb\n      enable_gpu: maybe\n      memroy: 1\n")
    outcome = call("apply", file)
    assert (outcome.code, outcome.out, cluster.requests) == (3, "", [])
    place = "functions.oscar[0].oscar-cluster"
    assert outcome.err.splitlines() == [
        f'warning: {file}:9: {place}.memroy: unknown key, did you mean "memory"?',
        f'Error: the FDL "{file}" has 2 mistakes',
        f'{file}:7: {place}.memory: "256Mb" is not a quantity, did you mean "256Mi"?',
        f'{file}:8: {place}.enable_gpu: expected true or false, not "maybe"',
    ]


def test_mistakes_in_json(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "a", extra="      memory: 256Mb\n")
    outcome = call("apply", "-o", "json", file)
    assert (outcome.code, outcome.out) == (3, "")
    document = json.loads(outcome.err)
    assert document["error"] == f'the FDL "{file}" has 1 mistake'
    assert [detail.partition(": ")[0] for detail in document["details"]] == [f"{file}:7"]


@pytest.mark.parametrize("verb", ["apply", "delete"])
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("gone.yaml", None, 'cannot read the FDL "gone.yaml": No such file or directory'),
        (".", None, 'cannot read the FDL ".": it is a folder'),
        ("f.yaml", "", "f.yaml:1: the file is empty"),
        ("f.yaml", "a: b: c\n", "f.yaml:1: not valid YAML"),
        ("f.yaml", "\x00\x01", "f.yaml:1: the control character U+0000"),
        ("f.yaml", "{" * 100000, "f.yaml:1: nested more than"),
        ("f.yaml", "just words\n", "f.yaml:1: expected keys and values, not a single value"),
        (
            "f.json",
            '{"functions": {"oscar": []}}',
            "f.json:1: functions.oscar: the list of services is empty",
        ),
    ],
)
def test_files_that_are_no_fdl(
    call: Caller, cluster: Cluster, verb: str, name: str, text: str | None, words: str
) -> None:
    if text is not None:
        (call.home / name).write_text(text)
    outcome = call(verb, name)
    assert (outcome.code, outcome.out, cluster.requests) == (3, "", [])
    assert words in outcome.err
    assert "Traceback" not in outcome.err


def test_control_characters_of_a_file_never_reach_the_terminal(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, '"a\\e[31m"')
    outcome = call("apply", file)
    assert outcome.code == 3
    assert "\x1b" not in outcome.err


@pytest.mark.parametrize("verb", ["apply", "delete"])
def test_words_are_counted(call: Caller, verb: str) -> None:
    assert call(verb).code == 2
    assert call(verb, "a.yaml", "b.yaml").code == 2
    assert call(verb, "--help").code == 0


# -- forms of the answer, and the terminal ---------------------------------------------------------


@pytest.mark.parametrize("verb", ["apply", "delete"])
def test_json_has_every_outcome(call: Caller, cluster: Cluster, verb: str) -> None:
    cluster.services = {"a": {"name": "a"}, "b": {"name": "b"}}
    method = "PUT" if verb == "apply" else "DELETE"
    cluster.answers[method, "b"] = (500, "boom")
    file = fdl(call, "a", "b")
    outcome = call(verb, "-o", "json", file)
    assert outcome.code == 8
    document = json.loads(outcome.out)
    kind = "edit" if verb == "apply" else "delete"
    assert document["file"] == str(file)
    [first, second] = document["services"]
    assert first == {"service": "a", "cluster": "oscar-cluster", "action": kind, "outcome": "done"}
    assert second.pop("error").endswith("(HTTP 500): boom")
    assert second == {
        "service": "b",
        "cluster": "oscar-cluster",
        "action": kind,
        "outcome": "failed",
        "code": 1,
    }
    assert json.loads(outcome.err.splitlines()[-1])["code"] == 8


def test_json_of_a_plan(call: Caller, cluster: Cluster) -> None:
    document = json.loads(call("apply", "--dry-run", "-o", "json", fdl(call, "a")).out)
    assert document["services"] == [
        {"service": "a", "cluster": "oscar-cluster", "action": "create", "outcome": "planned"}
    ]


def test_marks_are_green_and_red_on_a_terminal_only(run: Runner, cluster: Cluster) -> None:
    cluster.answers["POST", "b"] = (500, "boom")
    outcome = run.terminal("apply", str(fdl(run, "a", "b")))
    assert 'Creating service "a" in cluster "oscar-cluster"...\r\x1b[K' in outcome.out
    assert '\x1b[32m✓\x1b[0m Creating service "a" in cluster "oscar-cluster"' in outcome.out
    assert '\x1b[31m✗\x1b[0m Creating service "b" in cluster "oscar-cluster"' in outcome.out


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, []), ("\n", 2, ["posenet"])])
def test_delete_asks_on_a_terminal(
    run: Runner, cluster: Cluster, answer: str, code: int, left: list[str]
) -> None:
    cluster.services = {"posenet": {}}
    outcome = run.terminal("delete", str(fdl(run, "posenet")), answers=[("[y/N]", answer)])
    assert outcome.code == code
    assert "buckets" in outcome.out
    assert list(cluster.services) == left


def test_yes_asks_nothing(run: Runner, cluster: Cluster) -> None:
    cluster.services = {"posenet": {}}
    assert run.terminal("delete", "--yes", str(fdl(run, "posenet"))).code == 0
    assert cluster.services == {}
