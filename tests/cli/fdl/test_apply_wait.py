"""`apply --wait`: until services are ready, by the deployment route or without it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from oscarcli.fdl.wait import PAUSE_SECONDS
from tests.conftest import Caller, Outcome, Runner
from tests.support.manager import NO_ROUTE, Answer, Cluster, fdl, record

PLACE = 'service "posenet" in cluster "oscar-cluster"'
DEPLOYMENT = ("GET", "posenet/deployment")
LOGS = ("GET", "posenet/deployment/logs?tailLines=20")


def state(word: str, reason: str | None = None, kind: str = "knative_service") -> Answer:
    document = {
        "service_name": "posenet",
        "namespace": "oscar-svc",
        "state": word,
        "active_instances": 0,
        "affected_instances": 0,
        "resource_kind": kind,
    }
    return 200, json.dumps({**document, **({"reason": reason} if reason else {})})


def log(*messages: str) -> Answer:
    entries = [{"message": message} for message in messages]
    return 200, json.dumps({"service_name": "posenet", "available": True, "entries": entries})


def lines(outcome: Outcome) -> list[str]:
    return outcome.out.splitlines()[1:]


def looks(cluster: Cluster) -> int:
    return sum(path.endswith("/deployment") for _, path, _ in cluster.requests)


@pytest.fixture
def cluster(cluster: Cluster) -> Cluster:
    """A cluster that behaves like a real one."""
    cluster.is_real = True
    return cluster


def test_it_waits_until_the_service_is_ready_and_tells_each_state_once(
    call: Caller, cluster: Cluster
) -> None:
    cluster.answers[DEPLOYMENT] = [
        state("pending"),
        state("pending"),
        state("pending", "ContainerCreating"),
        state("degraded"),
        state("ready"),
    ]
    outcome = call("apply", "--wait", fdl(call, "posenet"))
    assert outcome.code == 0
    assert lines(outcome) == [f"✓ Creating {PLACE}", f"✓ Ready {PLACE}"]
    assert outcome.err.splitlines() == [
        f"{PLACE}: pending",
        f"{PLACE}: pending (ContainerCreating)",
        f"{PLACE}: degraded",
    ]
    assert looks(cluster) == 5


def test_a_failure_is_told_with_its_reason_and_the_last_words(call: Caller, cluster: Cluster) -> None:
    cluster.answers[DEPLOYMENT] = [state("pending"), state("failed", "ImagePullBackOff")]
    cluster.answers[LOGS] = log(*(f"line {number}\n" for number in range(30)), "\x1b[31mred")
    outcome = call("apply", "--wait", fdl(call, "posenet"))
    assert outcome.code == 1
    assert lines(outcome) == [f"✓ Creating {PLACE}", f"✗ Waiting for {PLACE}"]
    told = outcome.err.splitlines()
    assert told[:2] == [
        f"{PLACE}: pending",
        "created 1, edited 0, unchanged 0, failed 0, not tried 0, not ready 1",
    ]
    assert told[2] == 'Error: service "posenet" failed: ImagePullBackOff'
    assert told[3:-1] == [*(f"line {number}" for number in range(11, 30)), "\\x1b[31mred"]
    assert told[-1] == "hint: 'oscar-cli service deployment logs posenet' shows more of what it wrote"


def test_a_failure_is_told_by_the_first_look_after_the_server_knows(run: Runner, cluster: Cluster) -> None:
    has_failed, was_asked = threading.Event(), threading.Event()
    looks_since: list[str] = []

    class Turning(dict[tuple[str, str], Any]):
        def get(self, key: tuple[str, str], default: Any = None) -> Any:
            if key != DEPLOYMENT:
                return super().get(key, default)
            was_asked.set()
            if not has_failed.is_set():
                return state("pending")
            looks_since.append("look")
            return state("failed", "it broke")

    cluster.answers = Turning()
    process = run.start("apply", "--wait", fdl(run, "posenet"))
    assert was_asked.wait(60)
    has_failed.set()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"it broke" in err, len(looks_since)) == (1, True, 1)
    # The looks are close enough for two seconds, with time to spare for a slow answer.
    assert PAUSE_SECONDS <= 1


def test_time_runs_out(call: Caller, cluster: Cluster) -> None:
    cluster.answers[DEPLOYMENT] = state("pending", "Unschedulable")
    cluster.answers[LOGS] = log("waiting for a node")
    outcome = call("apply", "--wait", "--timeout", "1", fdl(call, "posenet"))
    assert outcome.code == 6
    assert 'service "posenet" is not ready after 1 s: pending (Unschedulable)' in outcome.err
    assert "waiting for a node" in outcome.err
    assert "--timeout SECONDS waits longer" in outcome.err


def test_an_older_server_without_the_route_is_asked_for_the_service(call: Caller, cluster: Cluster) -> None:
    cluster.answers[DEPLOYMENT] = NO_ROUTE
    outcome = call("apply", "--wait", fdl(call, "posenet"))
    assert (outcome.code, lines(outcome)[1]) == (0, f"✓ Ready {PLACE}")
    cluster.answers["GET", "posenet"] = [(200, json.dumps(cluster.services["posenet"])), (404, "")]
    gone = call("apply", "--wait", fdl(call, "posenet"))
    assert gone.code == 5


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((401, ""), 4, "credentials are not accepted"),
        (state("stopped"), 1, 'service "posenet" is stopped'),
        ((200, "[]"), 1, "unexpected shape"),
    ],
)
def test_what_cannot_pass_is_not_waited_for(
    call: Caller, cluster: Cluster, answer: Answer, code: int, words: str
) -> None:
    cluster.answers[DEPLOYMENT] = answer
    outcome = call("apply", "--wait", fdl(call, "posenet"))
    assert outcome.code == code
    assert words in outcome.err
    assert looks(cluster) == 1


@pytest.mark.parametrize("passing", [(500, "boom"), (502, "")])
def test_what_may_pass_is(call: Caller, cluster: Cluster, passing: Answer) -> None:
    cluster.answers[DEPLOYMENT] = [passing, state("ready")]
    outcome = call("apply", "--wait", fdl(call, "posenet"))
    assert outcome.code == 0


def test_a_service_that_runs_jobs_only_has_nothing_to_wait_for(call: Caller, cluster: Cluster) -> None:
    cluster.answers[DEPLOYMENT] = state("unavailable", kind="unavailable")
    # A manager without Knative says so by saying nothing.
    assert call("apply", "--wait", fdl(call, "posenet")).code == 0
    cluster.answers["GET", "/system/info"] = (
        200,
        json.dumps({"version": "4.1.2", "serverless_backend": {"name": "Knative", "version": "1.2"}}),
    )
    assert call("apply", "--wait", "--timeout", "0.3", fdl(call, "posenet")).code == 6
    exposed = fdl(call, "posenet", extra="      expose: {api_port: 80}\n")
    del cluster.answers["GET", "/system/info"]
    assert call("apply", "--wait", "--timeout", "0.3", exposed).code == 6


def test_a_model_server_may_sleep(call: Caller, cluster: Cluster) -> None:
    cluster.answers[DEPLOYMENT] = state("stopped", kind="kserve_service")
    kserve = "      kserve: {type: inference, storage_uri: u, inference: {model_format: x}%s}\n"
    assert call("apply", "--wait", fdl(call, "posenet", extra=kserve % "")).code == 0
    assert call("apply", "--wait", fdl(call, "posenet", extra=kserve % ", min_scale: 1")).code == 1


def test_an_updated_service_has_to_stay_ready(call: Caller, cluster: Cluster) -> None:
    cluster.answers[DEPLOYMENT] = state("ready")
    assert call("apply", "--wait", fdl(call, "posenet")).code == 0
    assert looks(cluster) == 1
    # For a moment the server still tells the state of what it was.
    cluster.answers[DEPLOYMENT] = [state("ready"), state("pending"), state("failed", "CrashLoopBackOff")]
    outcome = call("apply", "--wait", fdl(call, "posenet", extra="      memory: 1Gi\n"))
    assert (outcome.code, "CrashLoopBackOff" in outcome.err) == (1, True)
    cluster.answers[DEPLOYMENT] = state("ready")
    unchanged = call("apply", "--wait", fdl(call, "posenet", extra="      memory: 1Gi\n"))
    assert lines(unchanged) == [f"✓ Unchanged {PLACE}", f"✓ Ready {PLACE}"]


def test_of_several_each_has_its_own_end(call: Caller, cluster: Cluster) -> None:
    for name in ("a", "b", "c"):
        cluster.answers["GET", f"{name}/deployment"] = [state("pending"), state("ready")]
    cluster.answers["GET", "b/deployment"] = state("failed", "no")
    cluster.answers["GET", "b/deployment/logs?tailLines=20"] = log("last words")
    cluster.answers["POST", "d"] = (400, "never")
    outcome = call("apply", "--wait", fdl(call, "a", "b", "c", "d"))
    assert outcome.code == 8
    assert sorted(lines(outcome)[4:]) == [
        '✓ Ready service "a" in cluster "oscar-cluster"',
        '✓ Ready service "c" in cluster "oscar-cluster"',
        '✗ Waiting for service "b" in cluster "oscar-cluster"',
    ]
    assert 'service "b" in cluster "oscar-cluster": service "b" failed: no' in outcome.err
    assert "  last words" in outcome.err
    assert "created 3, edited 0, unchanged 0, failed 1, not tried 0, not ready 1" in outcome.err
    assert "2 of 4 services failed" in outcome.err


def test_json_has_states_and_logs(call: Caller, cluster: Cluster) -> None:
    cluster.answers["GET", "a/deployment"] = state("ready")
    cluster.answers["GET", "b/deployment"] = state("failed", "no")
    cluster.answers["GET", "b/deployment/logs?tailLines=20"] = log("last words")
    outcome = call("apply", "--wait", "-o", "json", fdl(call, "a", "b"))
    assert outcome.code == 8
    first, second = json.loads(outcome.out)["services"]
    common = {"cluster": "oscar-cluster", "action": "create"}
    assert first == {"service": "a", **common, "outcome": "done", "state": "ready", "reason": "", "log": []}
    assert second == {
        "service": "b",
        **common,
        "outcome": "failed",
        "state": "failed",
        "reason": "no",
        "log": ["last words"],
        "error": 'service "b" failed: no',
        "code": 1,
    }


def test_on_a_terminal_states_replace_each_other(run: Runner, cluster: Cluster) -> None:
    cluster.answers[DEPLOYMENT] = [state("pending", "x" * 300), state("ready")]
    outcome = run.terminal("apply", "--wait", str(fdl(run, "posenet")), columns=60)
    assert outcome.code == 0
    assert "\r\x1b[K" in outcome.out
    waiting = next(part for part in outcome.out.split("\r\x1b[K") if "pending" in part)
    assert len(waiting) < 60
    assert outcome.out.endswith(f"\x1b[32m✓\x1b[0m Ready {PLACE}\n")


def test_clusters_are_waited_for_side_by_side(
    call: Caller, cluster: Cluster, make_cluster: Callable[[], Cluster]
) -> None:
    other = make_cluster()
    record(call, {"oscar-cluster": cluster, "other": other})
    file = fdl(call, "a")
    with file.open("a") as more:
        more.write("  - other:\n      name: b\n      image: i\n      script: script.sh\n")
    cluster.answers["GET", "a/deployment"] = [state("pending"), state("ready")]
    other.answers["GET", "b/deployment"] = [state("pending"), state("ready")]
    assert call("apply", "--wait", file).code == 0
