"""`diff`, `apply --dry-run`, and what apply leaves alone, with a manager that behaves like a real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Caller, Outcome, Runner
from tests.support.daily import daily
from tests.support.manager import NO_ROUTE, Answer, Cluster, fdl, record
from tests.unit.fdl.test_compare import FORMS, PUBLISHED

PLACE = 'service "posenet" in cluster "oscar-cluster"'


@pytest.fixture
def cluster(cluster: Cluster) -> Cluster:
    """A cluster that behaves like a real one."""
    cluster.is_real = True
    return cluster


def lines(outcome: Outcome) -> list[str]:
    return outcome.out.splitlines()


def stderr(outcome: Outcome) -> list[str]:
    return outcome.err.splitlines()


# -- what differs -----------------------------------------------------------------------------------


def test_the_exit_code_tells_whether_there_is_a_difference(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "posenet")
    new = call("diff", file)
    assert (new.code, new.err) == (1, "")
    assert lines(new) == ['Comparing file "posenet.yaml"...', f"Would create {PLACE}"]
    assert call("apply", file).code == 0
    same = call("diff", file)
    assert (same.code, same.err) == (0, "")
    assert lines(same)[1:] == [f"Unchanged {PLACE}"]
    assert cluster.written() == ["POST posenet"]


def test_each_field_is_told(call: Caller, cluster: Cluster) -> None:
    before = "      memory: 1Gi\n      environment: {variables: {A: '1', B: '2'}}\n      enable_gpu: true\n"
    assert call("apply", fdl(call, "posenet", extra=before)).code == 0
    after = (
        "      environment: {variables: {A: '0', C: \"x\\ty\\e\"}}\n"
        "      output: [{storage_provider: minio, path: out}]\n"
    )
    file = fdl(call, "posenet", extra=after)
    (call.home / "script.sh").write_text("#!/bin/sh\necho hello\n")
    outcome = call("diff", file)
    assert outcome.code == 1
    assert lines(outcome)[1:] == [
        f"Would edit {PLACE}",
        '  ~ memory: "1Gi" -> "256Mi"',
        "  ~ enable_gpu: true -> false",
        '  + output[0].storage_provider: "minio.default"',
        '  + output[0].path: "posenet/out"',
        "  ~ script:",
        "    --- cluster",
        "    +++ FDL",
        "    @@ -1,2 +1,2 @@",
        "     #!/bin/sh",
        "    -echo hi",
        "    +echo hello",
        '  ~ environment.variables.A: "1" -> "0"',
        '  + environment.variables.C: "x\\ty\\u001b"',
        '  - environment.variables.B: "2"',
    ]
    dry = call("apply", "--dry-run", file)
    assert (dry.code, lines(dry)[1:]) == (0, lines(outcome)[1:])
    assert cluster.written() == ["POST posenet"]


def test_json_of_a_difference(call: Caller, cluster: Cluster) -> None:
    assert call("apply", fdl(call, "b", "c")).code == 0
    file = fdl(call, "a", "b", "c")
    with file.open("a") as more:
        more.write(
            "      memory: 1Gi\n      environment: {secrets: {KEY: hidden-value}}\n      colour: blue\n"
        )
    (call.home / "script.sh").write_text("#!/bin/sh\necho hi!\n")
    outcome = call("diff", "-o", "json", file)
    assert outcome.code == 1
    assert "hidden-value" not in outcome.out + outcome.err
    document = json.loads(outcome.out)
    common = {"cluster": "oscar-cluster"}
    script = {
        "field": "script",
        "diff": "--- cluster\n+++ FDL\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-echo hi\n+echo hi!",
    }
    assert document == {
        "file": str(file),
        "services": [
            {"service": "a", **common, "action": "create", "outcome": "planned"},
            {
                "service": "b",
                **common,
                "action": "edit",
                "outcome": "planned",
                "changes": [script],
                "not_compared": [],
            },
            {
                "service": "c",
                **common,
                "action": "edit",
                "outcome": "planned",
                "changes": [
                    {"field": "memory", "from": "256Mi", "to": "1Gi"},
                    script,
                    {"field": "environment.secrets.KEY", "from": None, "to": "***"},
                ],
                "not_compared": ["colour", "environment.secrets"],
            },
        ],
    }
    assert json.loads(call("apply", "--dry-run", "-o", "json", file).out) == document
    assert "- field: memory" in call("diff", "-o", "yaml", file).out


def test_colours_are_for_terminals(run: Runner, cluster: Cluster) -> None:
    assert run("apply", fdl(run, "posenet")).code == 0
    (run.home / "script.sh").write_text("#!/bin/sh\necho \x1b[31mred\n")
    outcome = run.terminal("diff", str(fdl(run, "posenet", extra="      vo: x\n      memory: 1Gi\n")))
    assert outcome.code == 1
    assert '\x1b[33m  ~ memory: "256Mi" -> "1Gi"\x1b[0m' in outcome.out
    assert "\x1b[31m    -echo hi" not in outcome.out
    assert run("diff", fdl(run, "posenet"), env={"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}).code == 0


def test_no_control_character_of_a_service_reaches_the_terminal(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "posenet")
    assert call("apply", file).code == 0
    cluster.services["posenet"]["script"] = "#!/bin/sh\necho \x1b[2J\n"
    cluster.services["posenet"]["labels"]["\x1b[31m"] = "\x1b[1m"
    outcome = call("diff", file)
    assert "\x1b" not in outcome.out
    assert "    -echo \\x1b[2J" in lines(outcome)


def test_names_clusters_and_env_files_are_taken_as_by_apply(
    call: Caller, cluster: Cluster, make_cluster: Callable[[], Cluster]
) -> None:
    other = make_cluster()
    other.is_real = True
    record(call, {"oscar-cluster": cluster, "other": other})
    (call.home / "env").write_text("MODEL=large\n")
    extra = (
        "      environment: {variables: {MODEL: small}}\n"
        "      input: [{storage_provider: minio, path: posenet/in}]\n"
    )
    words = ["-c", "other", "--name", "mine", "--env-file", str(call.home / "env")]
    words.append(str(fdl(call, "posenet", extra=extra)))
    assert call("apply", *words).code == 0
    assert other.services["mine"]["environment"]["variables"] == {"MODEL": "large"}
    assert call("diff", *words).code == 0
    assert '"large" -> "small"' in call("diff", *words[:4], words[-1]).out
    assert call("diff", *words[2:]).code == 1


# -- failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((500, "boom"), 7),
        ((200, "<html>"), 7),
        ((200, "[]"), 7),
        ((401, ""), 4),
        ((403, ""), 4),
        ((400, "invalid serviceName"), 7),
        ((502, ""), 6),
        (NO_ROUTE, 7),
    ],
)
def test_a_failure_is_never_taken_for_a_difference(
    call: Caller, cluster: Cluster, answer: Answer, code: int
) -> None:
    cluster.answers["GET", "posenet"] = answer
    outcome = call("diff", fdl(call, "posenet"))
    assert outcome.code == code
    assert "Error: " in outcome.err
    machine = call("diff", "-o", "json", fdl(call, "posenet"))
    assert machine.code == code
    assert json.loads(machine.err.splitlines()[-1])["code"] == code


def test_one_failure_among_several_is_told_beside_the_differences(call: Caller, cluster: Cluster) -> None:
    cluster.answers["GET", "a"] = (500, "boom")
    outcome = call("diff", fdl(call, "a", "b"))
    assert outcome.code == 8
    assert 'Would create service "b" in cluster "oscar-cluster"' in lines(outcome)
    assert "boom" in outcome.err


def test_other_failures_have_their_own_codes(call: Caller, cluster: Cluster) -> None:
    assert call("diff", call.home / "gone.yaml").code == 3
    assert call("diff", fdl(call, "a", extra="      memory: 1 Gb\n")).code == 3
    assert call("diff").code == 2
    assert call("diff", fdl(call, "a"), "--name", "A").code == 2
    assert call("diff", fdl(call, "a", key="nowhere")).code == 3
    record(call, {"oscar-cluster": Cluster(endpoint="http://127.0.0.1:1")})
    assert call("diff", fdl(call, "a")).code == 6


def test_a_surprise_is_no_difference_either(
    call: Caller, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("seven")

    monkeypatch.setattr("oscarcli.fdl.plan.plan", surprise)
    outcome = call("diff", fdl(call, "a"))
    assert outcome.code == 7
    assert "unexpected ZeroDivisionError: seven" in outcome.err


# -- what is left alone -----------------------------------------------------------------------------


@pytest.mark.parametrize("oidc", daily([None, "ada-0123456789@idp"], "ada-0123456789@idp"))
@pytest.mark.parametrize("name", [*PUBLISHED, *FORMS])
def test_nothing_is_written_the_second_time(
    call: Caller, cluster: Cluster, make_cluster: Callable[[], Cluster], name: str, oidc: str | None
) -> None:
    replica, eu = make_cluster(), make_cluster()
    clusters = {"oscar-cluster": cluster, "oscar-replica": replica, "two": eu}
    record(call, clusters)
    for one in clusters.values():
        one.is_real, one.oidc = True, oidc
    (call.home / "script.sh").write_bytes(b"#!/bin/sh\r\necho hi\r")
    file = call.home / "fdl.yaml"
    service = {"name": "xyz", "image": "i", "script": "script.sh", **FORMS.get(name, {})}
    text = PUBLISHED.get(name) or json.dumps({"functions": {"oscar": [{"oscar-cluster": service}]}})
    file.write_text(text)
    first = call("apply", file)
    assert first.code == 0, first.err
    for one in clusters.values():
        one.requests.clear()
    second = call("apply", file)
    assert second.code == 0
    assert [line[:11] for line in lines(second)[1:]] == ["✓ Unchanged"] * (len(lines(second)) - 1)
    assert call("diff", file).code == 0
    assert [one.written() for one in clusters.values()] == [[], [], []]


def test_force_writes_all_the_same(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "posenet")
    assert call("apply", file).code == 0
    planned = call("apply", "--dry-run", "--force", file)
    assert lines(planned)[1:] == [f"Would edit {PLACE}"]
    assert lines(call("apply", "--force", file))[1:] == [f"✓ Editing {PLACE}"]
    assert cluster.written() == ["POST posenet", "PUT posenet"]


def test_unchanged_is_an_outcome_in_json(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "a", "b")
    assert call("apply", file).code == 0
    outcome = call("apply", "-o", "json", file)
    assert json.loads(outcome.out)["services"] == [
        {"service": name, "cluster": "oscar-cluster", "action": "none", "outcome": "unchanged"}
        for name in ("a", "b")
    ]
    assert outcome.err == "created 0, edited 0, unchanged 2, failed 0, not tried 0\n"


def test_values_of_secrets_are_written_each_time_and_never_compared(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "posenet", extra="      environment: {secrets: {KEY: value-one}}\n")
    assert call("apply", file).code == 0
    same = call("diff", file)
    assert (same.code, lines(same)[1:]) == (0, [f"Unchanged {PLACE}"])
    assert stderr(same) == ["secrets are not compared: no server shows them"]
    planned = call("apply", "--dry-run", file)
    assert (lines(planned)[1:], stderr(planned)) == ([f"Would edit {PLACE}"], stderr(same))
    again = call("apply", file)
    assert lines(again)[1:] == [f"✓ Editing {PLACE}"]
    assert stderr(again) == [f"{PLACE}: sent for its secrets alone, as no server shows whether they differ"]
    # Names without values leave the stored ones as they are: then there is nothing to write.
    named = fdl(call, "posenet", extra="      environment: {secrets: {KEY: }}\n")
    assert lines(call("apply", named))[1:] == [f"✓ Unchanged {PLACE}"]


def test_a_key_that_no_server_reads_is_named_and_no_difference(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "posenet", extra="      memroy: 1Gi\n")
    assert call("apply", file).code == 0
    outcome = call("apply", file)
    assert lines(outcome)[1:] == [f"✓ Unchanged {PLACE}"]
    assert stderr(outcome)[-1] == f"{PLACE}: not compared, as the server does not show it: memroy"
    assert call("diff", file).code == 0


def test_logins_are_lent_aloud_only_when_they_are_sent(
    call: Caller, cluster: Cluster, make_cluster: Callable[[], Cluster]
) -> None:
    record(call, {"oscar-cluster": cluster, "replica": make_cluster()})
    extra = (
        "      federation:\n        members: [{type: oscar, cluster_id: replica, service_name: posenet}]\n"
    )
    file = fdl(call, "posenet", extra=extra)
    assert "is given the login" in call("apply", file).err
    assert call("apply", file).err == ""
    assert call("diff", file).err == ""


# -- services that share buckets --------------------------------------------------------------------

CHAIN = (
    "      input: [{{storage_provider: minio, path: {0}/in}}]\n"
    "      output: [{{storage_provider: minio, path: {1}}}]\n"
)


def chained(call: Caller) -> Any:
    """Write an FDL in which `words` feeds `counts`, in the order that no server takes as it is."""
    file = fdl(call, "words", extra=CHAIN.format("words", "counts/in"))
    with file.open("a") as more:
        more.write("  - oscar-cluster:\n      name: counts\n      image: i\n      script: script.sh\n")
        more.write(CHAIN.format("counts", "counts/out"))
    return file


def test_the_consumer_is_made_first_and_the_producer_in_two_steps(call: Caller, cluster: Cluster) -> None:
    file = chained(call)
    planned = call("apply", "--dry-run", file)
    assert [line.split('"')[1] for line in lines(planned)[1:]] == ["counts", "words"]
    assert stderr(planned) == [
        'service "words" in cluster "oscar-cluster": created without output to counts/in first, '
        "and then updated"
    ]
    outcome = call("apply", file)
    assert (outcome.code, stderr(outcome)) == (0, ["created 2, edited 0, unchanged 0, failed 0, not tried 0"])
    assert lines(outcome)[1:] == [
        '✓ Creating service "counts" in cluster "oscar-cluster"',
        '✓ Creating service "words" in cluster "oscar-cluster"',
    ]
    assert cluster.written() == ["POST counts", "POST words", "PUT words"]
    assert [folder["path"] for folder in cluster.services["words"]["output"]] == ["counts/in"]
    for service in cluster.services.values():
        assert (service["owner"], service["labels"]["owner_name"]) == ("cluster_admin", "oscar")
    assert "counts 2" not in call("apply", file).err
    assert cluster.written() == ["POST counts", "POST words", "PUT words"]


def test_a_producer_joins_a_consumer_that_is_there(call: Caller, cluster: Cluster) -> None:
    file = chained(call)
    assert call("apply", file).code == 0
    del cluster.services["words"]
    cluster.buckets.discard("words")
    cluster.requests.clear()
    assert call("apply", file).code == 0
    assert cluster.written() == ["POST words", "PUT words"]


def test_without_its_consumer_a_producer_is_not_tried(call: Caller, cluster: Cluster) -> None:
    cluster.answers["POST", "counts"] = (400, "no")
    outcome = call("apply", chained(call))
    assert outcome.code == 7
    assert lines(outcome)[1:] == ['✗ Creating service "counts" in cluster "oscar-cluster"']
    assert (
        'service "words" in cluster "oscar-cluster": not tried, service "counts", which has to be there '
        "first, failed" in outcome.err
    )
    assert cluster.written() == ["POST counts"]


def test_a_producer_that_cannot_be_completed_goes_on_the_next_time(call: Caller, cluster: Cluster) -> None:
    cluster.answers["PUT", "words"] = (400, "no")
    file = chained(call)
    outcome = call("apply", file)
    assert outcome.code == 8
    assert lines(outcome)[2] == '✗ Creating service "words" in cluster "oscar-cluster"'
    assert 'service "words" was created without some of its outputs: cannot' in outcome.err
    assert "goes on from here" in outcome.err
    del cluster.answers["PUT", "words"]
    again = call("apply", file)
    assert lines(again)[1:] == [
        '✓ Unchanged service "counts" in cluster "oscar-cluster"',
        '✓ Editing service "words" in cluster "oscar-cluster"',
    ] or lines(again)[1:] == [
        '✓ Editing service "words" in cluster "oscar-cluster"',
        '✓ Unchanged service "counts" in cluster "oscar-cluster"',
    ]


def test_a_circle_is_made_in_two_rounds(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "one", extra=CHAIN.format("one", "two/in"))
    with file.open("a") as more:
        more.write("  - oscar-cluster:\n      name: two\n      image: i\n      script: script.sh\n")
        more.write(CHAIN.format("two", "one/in"))
    outcome = call("apply", file)
    assert outcome.code == 0
    assert "without end: one -> two -> one" in outcome.err
    assert cluster.written() == ["POST one", "POST two", "PUT one", "PUT two"]
    assert len(lines(outcome)) == 3
    assert lines(call("apply", file))[1:] == [
        '✓ Unchanged service "one" in cluster "oscar-cluster"',
        '✓ Unchanged service "two" in cluster "oscar-cluster"',
    ]


def test_a_failure_in_a_circle_leaves_the_other_one_in_part(call: Caller, cluster: Cluster) -> None:
    file = fdl(call, "one", extra=CHAIN.format("one", "two/in"))
    with file.open("a") as more:
        more.write("  - oscar-cluster:\n      name: two\n      image: i\n      script: script.sh\n")
        more.write(CHAIN.format("two", "one/in"))
    cluster.answers["POST", "two"] = (400, "no")
    outcome = call("apply", file)
    assert outcome.code == 8
    assert (
        'service "one" was created without some of its outputs: service "two", which it needs, failed'
        in outcome.err
    )
    assert cluster.services["one"]["output"] == []


def test_a_bucket_of_somebody_else_s_is_told_as_the_server_tells_it(call: Caller, cluster: Cluster) -> None:
    cluster.buckets.add("counts")
    outcome = call("apply", fdl(call, "words", extra=CHAIN.format("words", "counts/in")))
    assert outcome.code == 1
    assert 'the bucket "counts" already exists' in outcome.err
    assert "apply one FDL that has the bucket's service, too" in outcome.err


# -- a failure that is none -------------------------------------------------------------------------


def test_an_update_that_was_done_although_the_server_failed(
    call: Caller, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("apply", fdl(call, "posenet")).code == 0
    own = cluster._own

    def failing(method: str, name: str, document: Any) -> Answer:
        answer = own(method, name, document)
        return (500, "policy user cluster_admin does not exist") if method == "PUT" else answer

    monkeypatch.setattr(cluster, "_own", failing)
    outcome = call("apply", fdl(call, "posenet", extra="      memory: 1Gi\n"))
    assert outcome.code == 0
    assert lines(outcome)[1:] == [f"✓ Editing {PLACE}"]
    assert "policy user cluster_admin does not exist; and yet the service is as wanted" in outcome.err
    # Whether an update without a difference was done cannot be told.
    assert call("apply", "--force", fdl(call, "posenet", extra="      memory: 1Gi\n")).code == 1


@pytest.mark.parametrize("lost", ["owner", "labels"])
def test_an_update_that_lost_what_the_server_had_set_is_not_as_wanted(
    call: Caller, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    assert call("apply", fdl(call, "posenet")).code == 0
    own = cluster._own

    def failing(method: str, name: str, document: Any) -> Answer:
        if method != "PUT":
            return own(method, name, document)
        own(method, name, {**document, lost: {} if lost == "labels" else ""})
        return 500, "policy of nobody"

    monkeypatch.setattr(cluster, "_own", failing)
    outcome = call("apply", fdl(call, "posenet", extra="      memory: 1Gi\n"))
    assert cluster.services["posenet"]["memory"] == "1Gi"
    assert (outcome.code, lines(outcome)[1:]) == (1, [f"✗ Editing {PLACE}"])
    assert "policy of nobody" in outcome.err


def test_an_update_that_failed_did_fail(call: Caller, cluster: Cluster) -> None:
    assert call("apply", fdl(call, "posenet")).code == 0
    cluster.answers["PUT", "posenet"] = (500, "Error updating the service: no")
    outcome = call("apply", fdl(call, "posenet", extra="      memory: 1Gi\n"))
    assert (outcome.code, lines(outcome)[1:]) == (1, [f"✗ Editing {PLACE}"])
