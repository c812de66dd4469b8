"""What becomes of an exposed service: started, stopped, broken, changed, and gone."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from oscarcli.local import control
from oscarcli.local.exposed import deployment as deployment_module
from oscarcli.local.exposed import probes
from oscarcli.local.images.model import ImageError
from oscarcli.local.services.exposure import differences
from tests.local.exposed.conftest import Expose, deployment, printed, reaches
from tests.local.harness import LocalCluster, Process, wait_for
from tests.support import echo_service
from tests.support.ports import free_port

HEALTHY = {"health_path": "/health"}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let broken services be started again soon."""
    monkeypatch.setattr(deployment_module, "MIN_BACKOFF_SECONDS", 0.1)
    monkeypatch.setattr(deployment_module, "MAX_BACKOFF_SECONDS", 0.2)


def call(cluster: LocalCluster, name: str, path: str = "/x") -> Any:
    """Call a service."""
    return cluster.call("GET", f"/system/services/{name}/exposed{path}")


def pod(cluster: LocalCluster, name: str) -> str:
    """Return the name of the pod that answers."""
    return str(call(cluster, name).json()["environment"]["HOSTNAME"])


def change(cluster: LocalCluster, name: str, word: str) -> str:
    """Stop, start or restart a service; return its state."""
    answer = cluster.api.post(f"/system/services/{name}/{word}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["state"])


def listens(port: int) -> bool:
    """Tell whether something listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_deployment_tells_how_it_is(cluster: LocalCluster, expose: Expose) -> None:
    expose("told", **HEALTHY)
    found = reaches(cluster, "told", "ready")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.pop("last_transition_time"))
    assert found == {
        "service_name": "told",
        "namespace": "oscar-svc",
        "state": "ready",
        "active_instances": 1,
        "affected_instances": 0,
        "resource_kind": "exposed_service",
    }
    shown = cluster.api.get("/system/services/told", params={"include": "deployment"}).json()
    assert shown["deployment"]["resource_kind"] == "exposed_service"


def test_a_service_that_is_not_healthy_gets_no_calls(cluster: LocalCluster, expose: Expose) -> None:
    expose("sick", health_path="/absent")
    reason = "GET /absent is answered by 404"
    found = wait_for(
        lambda: reason in (found := deployment(cluster, "sick")).get("reason", "") and found, "404"
    )
    assert (found["state"], found["active_instances"], found["affected_instances"]) == ("pending", 1, 1)
    answer = call(cluster, "sick")
    assert (answer.status_code, reason in answer.text) == (503, True)


def test_a_service_that_falls_ill_gets_no_calls_until_it_is_well(
    cluster: LocalCluster, expose: Expose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "READINESS_PERIOD_SECONDS", 0.1)
    expose("ailing", **HEALTHY)
    reaches(cluster, "ailing", "ready")
    first = pod(cluster, "ailing")
    assert call(cluster, "ailing", "/sicken").status_code == 200
    reason = "GET /health is answered by 500"
    # One failure is none: calls go through until there are three.
    found = wait_for(
        lambda: reason in (found := deployment(cluster, "ailing")).get("reason", "") and found, "500"
    )
    assert (found["state"], found["active_instances"], found["affected_instances"]) == ("pending", 1, 1)
    answer = call(cluster, "ailing", "/heal")
    assert (answer.status_code, reason in answer.text) == (503, True)
    port = cluster.api.get("/system/services/ailing").json()["expose"]["api_port"][0]
    with socket.create_connection(("127.0.0.1", port)) as direct:
        direct.sendall(b"GET /heal HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in direct.recv(100)
    reaches(cluster, "ailing", "ready")
    assert pod(cluster, "ailing") == first


def test_a_service_that_stays_ill_is_started_anew(
    cluster: LocalCluster, expose: Expose, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(probes, "LIVENESS_DELAY_SECONDS", 1.5)
        patch.setattr(probes, "LIVENESS_PERIOD_SECONDS", 0.05)
        expose("dead", **HEALTHY)
        reaches(cluster, "dead", "ready")
    first = pod(cluster, "dead")
    assert call(cluster, "dead", "/sicken").status_code == 200
    # After twice as long where it has been ended once before, when it took too long to start.
    said = r"an error, 3 times in a row, so it was ended, .*; it is started again after 0\.[12] s$"
    wait_for(lambda: any(re.search(said, line) for line in printed(cluster, "dead")), "its end")
    wait_for(lambda: call(cluster, "dead").status_code == 200, "the service to be back")
    assert pod(cluster, "dead") != first


def test_probes_come_as_often_as_the_manager_says() -> None:
    assert (probes.READINESS_PERIOD_SECONDS, probes.TIMEOUT_SECONDS, probes.MAX_FAILURES) == (5, 2, 3)
    assert (probes.LIVENESS_DELAY_SECONDS, probes.LIVENESS_PERIOD_SECONDS) == (30, 10)


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({}, "/"),
        ({"health_path": "up"}, "/up"),
        ({"health_path": "/up", "rewrite_target": True}, "/system/services/one/exposed/up"),
        ({"health_path": "/up", "rewrite_target": True, "probe_mode": " Direct "}, "/up"),
        (
            {"health_path": "/up", "rewrite_target": True, "probe_mode": "legacy"},
            "/system/services/one/exposed/up",
        ),
        ({"health_path": "/up", "probe_mode": "direct"}, "/up"),
    ],
)
def test_the_path_of_probes(members: dict[str, Any], path: str) -> None:
    expose = {"health_path": "", "rewrite_target": False, **members}
    assert probes.health_path({"name": "one", "expose": expose}) == path


def test_the_log_is_what_the_service_printed(cluster: LocalCluster, expose: Expose) -> None:
    expose("chatty", "seq 1 1500; printf 'no end'; exec sleep 1000\n")
    wait_for(lambda: printed(cluster, "chatty")[-1:] == ["no end"], "the last line")
    path = "/system/services/chatty/deployment/logs"
    asked = {None: 200, "3": 3, "0": 200, "x": 200, "5000": 1000}
    for lines, count in asked.items():
        document = cluster.api.get(path, params={"tailLines": lines} if lines else {}).json()
        assert (document["service_name"], document["available"]) == ("chatty", True)
        messages = [entry["message"] for entry in document["entries"]]
        assert (len(messages), messages[-2:]) == (count, ["1500", "no end"])
        assert "timestamp" not in document["entries"][0]
    document = cluster.api.get(path, params={"timestamps": "true", "tailLines": "2"}).json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["entries"][0]["timestamp"])


def test_a_service_is_stopped_started_and_restarted(cluster: LocalCluster, expose: Expose) -> None:
    port = expose("switched", **HEALTHY)
    reaches(cluster, "switched", "ready")
    first = pod(cluster, "switched")
    for _ in range(2):
        assert change(cluster, "switched", "stop") == "stopped"
    wait_for(lambda: not listens(port), "its end")
    answer = call(cluster, "switched")
    assert (answer.status_code, "stopped" in answer.text) == (503, True)
    assert deployment(cluster, "switched")["active_instances"] == 0
    for _ in range(2):
        assert change(cluster, "switched", "start") in ("pending", "ready")
    reaches(cluster, "switched", "ready")
    second = pod(cluster, "switched")
    change(cluster, "switched", "restart")
    reaches(cluster, "switched", "ready")
    assert len({first, second, pod(cluster, "switched")}) == 3
    change(cluster, "switched", "stop")
    assert change(cluster, "switched", "restart") == "stopped"
    assert deployment(cluster, "switched")["state"] == "stopped"


def test_a_service_that_is_starting_can_be_stopped_started_and_restarted(
    cluster: LocalCluster, expose: Expose
) -> None:
    expose("slow", "exec sleep 1000\n")
    for word, state in (
        ("start", "pending"),
        ("restart", "pending"),
        ("stop", "stopped"),
        ("start", "pending"),
    ):
        assert change(cluster, "slow", word) == state
    found = wait_for(
        lambda: (found := deployment(cluster, "slow"))["active_instances"] and found, "its process"
    )
    assert (found["state"], found["affected_instances"]) == ("pending", 1)
    assert re.fullmatch(r"nothing listens at its port \d+ yet", found["reason"])


def test_only_exposed_services_are_stopped(cluster: LocalCluster) -> None:
    cluster.create("hidden")
    for word in ("stop", "start", "restart"):
        answer = cluster.api.post(f"/system/services/hidden/{word}")
        assert (answer.status_code, answer.text) == (400, 'service "hidden" is not exposed')
        assert cluster.api.post(f"/system/services/nobody/{word}").status_code == 404
    document = cluster.api.get("/system/services/hidden/deployment/logs").json()
    assert (document["available"], document["entries"]) == (False, [])


def test_a_service_that_ends_is_started_again(cluster: LocalCluster, expose: Expose) -> None:
    expose("fragile", **HEALTHY)
    reaches(cluster, "fragile", "ready")
    first = pod(cluster, "fragile")
    assert call(cluster, "fragile", "/crash").status_code == 502
    wait_for(lambda: call(cluster, "fragile").status_code == 200, "the service to be back")
    assert pod(cluster, "fragile") != first
    ended = "local cluster - ERROR - it ended with exit code 3; it is started again after 0.1 s"
    lines = [line for line in printed(cluster, "fragile") if "HTTP/1.1" not in line]
    assert lines == ["listening", ended, "listening"]


def test_a_service_that_cannot_start_says_why_and_is_tried_less_and_less(
    cluster: LocalCluster, expose: Expose
) -> None:
    expose("hopeless", "echo no such model >&2; exit 7\n")
    reason = reaches(cluster, "hopeless", "failed")["reason"]
    assert "it ended with exit code 7; it is started again after" in reason
    pauses = "again after (0.1|0.2) s"
    lines = wait_for(lambda: len(found := printed(cluster, "hopeless")) > 5 and found, "three starts")
    assert [re.findall(pauses, line) for line in lines[1:6:2]] == [["0.1"], ["0.2"], ["0.2"]]
    assert lines[0] == "no such model"


def test_a_script_of_another_language_is_run_by_its_first_line(cluster: LocalCluster, expose: Expose) -> None:
    text = Path(echo_service.__file__).read_text()
    port = free_port()
    expose("snake", f"#!{sys.executable}\n" + text.replace("sys.argv[1]", str(port)), port, **HEALTHY)
    reaches(cluster, "snake", "ready")


def test_an_update_replaces_what_runs(cluster: LocalCluster, expose: Expose) -> None:
    expose("updated", **HEALTHY)
    reaches(cluster, "updated", "ready")
    definition = cluster.api.get("/system/services/updated").json()
    definition["environment"] = {"variables": {"REVISION": "two"}, "secrets": {}}
    assert cluster.api.put("/system/services", json=definition).status_code == 204
    reaches(cluster, "updated", "ready")
    assert call(cluster, "updated").json()["environment"]["REVISION"] == "two"
    del definition["expose"]
    assert cluster.api.put("/system/services", json=definition).status_code == 204
    assert call(cluster, "updated").status_code == 404
    assert deployment(cluster, "updated")["resource_kind"] == "knative_service"


def test_a_deleted_service_ends(cluster: LocalCluster, expose: Expose) -> None:
    port = expose("gone", **HEALTHY)
    reaches(cluster, "gone", "ready")
    assert cluster.api.delete("/system/services/gone").status_code == 204
    assert not listens(port)
    assert not (cluster.folder.deployments / "gone").exists()


def test_a_service_that_is_deleted_with_its_member_ends(cluster: LocalCluster, expose: Expose) -> None:
    port = expose("spoke", **HEALTHY)
    cluster.create("wheel", "true\n", input=[], output=[])
    reaches(cluster, "spoke", "ready")
    body = {"members": [{"type": "oscar", "cluster_id": "other", "service_name": "spoke"}], "delete": True}
    for verb in ("POST", "DELETE"):
        assert cluster.api.request(verb, "/system/federation/wheel", json=body).status_code == 200
    assert cluster.api.get("/system/services/spoke").status_code == 404
    assert not listens(port)


def test_a_service_that_is_gone_is_not_started(cluster: LocalCluster, expose: Expose) -> None:
    port = expose("late-start", min_scale=0)
    deployments = cluster.server.cluster.deployments
    former = deployments.get("late-start")
    assert former is not None
    assert cluster.api.delete("/system/services/late-start").status_code == 204
    deployments.start(former)
    deployments.restart(former)
    deployments.put("late-start")
    assert deployments.get("late-start") is None
    assert former.status()["state"] == "stopped"
    assert not listens(port)


def test_a_run_that_fails_in_no_known_way_is_tried_again(
    cluster: LocalCluster, expose: Expose, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise ImageError("the image is gone")

    with monkeypatch.context() as patch:
        patch.setattr(deployment_module, "pod", fail)
        expose("odd", **HEALTHY)
        assert "the image is gone" in reaches(cluster, "odd", "failed")["reason"]
    reaches(cluster, "odd", "ready")


def test_a_service_that_ignores_the_word_is_killed(cluster: LocalCluster, expose: Expose) -> None:
    script = f"trap '' TERM\n{sys.executable} {Path(echo_service.__file__)} PORT & wait; wait\n"
    port = free_port()
    expose("stubborn", script.replace("PORT", str(port)), port, **HEALTHY)
    reaches(cluster, "stubborn", "ready")
    assert cluster.api.delete("/system/services/stubborn").status_code == 204
    assert not listens(port)


def test_a_port_in_use_is_the_reason(cluster: LocalCluster, expose: Expose) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        script = f"exec {sys.executable} {Path(echo_service.__file__)} {port}\n"
        expose("late", script, port, **HEALTHY)
        reason = reaches(cluster, "late", "failed")["reason"]
        assert f"the port {port} is in use by another program; with the engine host services listen" in reason
    reaches(cluster, "late", "ready")
    expose("later", script, port, **HEALTHY)
    assert f'the port {port} is in use by the service "late"' in reaches(cluster, "later", "failed")["reason"]
    assert cluster.api.delete("/system/services/late").status_code == 204
    reaches(cluster, "later", "ready")


def test_a_service_with_min_scale_0_runs_when_it_is_called(
    cluster: LocalCluster, expose: Expose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_module, "IDLE_SECONDS", 0.3)
    port = expose("sleeper", min_scale=0, **HEALTHY)
    found = deployment(cluster, "sleeper")
    assert (found["state"], found["active_instances"]) == ("ready", 0)
    assert "the next call starts it" in found["reason"]
    assert not listens(port)
    first = pod(cluster, "sleeper")
    wait_for(lambda: not listens(port), "its sleep")
    assert deployment(cluster, "sleeper")["state"] == "ready"
    assert pod(cluster, "sleeper") != first
    assert change(cluster, "sleeper", "stop") == "stopped"
    assert call(cluster, "sleeper").status_code == 503
    assert any("a real cluster, which refuses 0" in line for line in printed(cluster, "sleeper"))


def test_a_service_stays_awake_as_long_as_it_answers(
    cluster: LocalCluster, expose: Expose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_module, "IDLE_SECONDS", 0.3)
    port = expose("narrator", min_scale=0, **HEALTHY)
    netloc = urlsplit(cluster.server.endpoints.api).netloc
    host, _, api_port = netloc.rpartition(":")
    address = (host, int(api_port))
    with socket.create_connection(address, timeout=30) as connection, connection.makefile("rwb") as stream:
        connection.sendall(
            f"GET /system/services/narrator/exposed/upgrade HTTP/1.1\r\nHost: {netloc}\r\n"
            "Connection: Upgrade\r\nUpgrade: shouting\r\n\r\n".encode()
        )
        while stream.readline() != b"WELCOME\n":
            pass
        time.sleep(1)
        stream.write(b"still there\n")
        stream.flush()
        assert stream.readline() == b"STILL THERE\n"
    wait_for(lambda: not listens(port), "its sleep")


def test_more_replicas_than_one_are_told_of_once(cluster: LocalCluster, expose: Expose) -> None:
    expose("many", max_scale=10, **HEALTHY)
    reaches(cluster, "many", "ready")
    change(cluster, "many", "restart")
    told = [line for line in printed(cluster, "many") if "one replica runs here" in line]
    one = "one replica runs here, whatever max_scale (10) and cpu_threshold (80) say"
    assert told == [f"local cluster - INFO - {one}"]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"cpu_threshold": 0}, "expose.cpu_threshold must be 1 or more on a real cluster, which refuses 0"),
        (
            {"min_scale": 0, "max_scale": 0, "cpu_threshold": 0},
            "expose.min_scale and max_scale and cpu_threshold must be 1 or more on a real cluster, "
            "which refuses 0",
        ),
        ({"api_port": [8000, 8001]}, "only the first of expose.api_port is reached: 8000"),
        ({"probe_mode": "tcp"}, 'expose.probe_mode "tcp" counts as "legacy", as on a real cluster'),
        ({"auth_type": "forward"}, "expose.auth_type means nothing without set_auth, as on a real cluster"),
    ],
)
def test_what_means_nothing_is_told_of(members: dict[str, Any], said: str) -> None:
    whole = {
        "min_scale": 1,
        "max_scale": 1,
        "cpu_threshold": 80,
        "set_auth": False,
        "api_port": [8000],
        **members,
    }
    assert [sentence for _, sentence in differences({"expose": whole})] == [said]


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("nodePort", [30080], "expose.nodePort: the local cluster has no nodes"),
        ("auth_type", "digest", 'expose.auth_type: "digest" is neither basic nor forward'),
        ("default_command", True, "expose.default_command: the engine host has no image"),
        ("api_port", [70000], "expose.api_port: 70000 is no port"),
        ("api_port", [8080, 0], "expose.api_port: 0 is no port"),
    ],
)
def test_what_cannot_be_is_refused(cluster: LocalCluster, member: str, value: Any, said: str) -> None:
    expose = {"api_port": [8080], "min_scale": 1, "max_scale": 1, member: value}
    definition = {"name": "refused", "image": "none", "script": "true", "expose": expose}
    answer = cluster.api.post("/system/services", json=definition)
    assert (answer.status_code, said in answer.text) == (400, True), answer.text


def test_a_strict_cluster_refuses_what_the_autoscaler_does(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    expose = {"api_port": [8080], "min_scale": 0, "max_scale": 1, "cpu_threshold": 80}
    definition = {"name": "scaled", "image": "none", "script": "true", "expose": expose}
    answer = start_cluster(strict=True).api.post("/system/services", json=definition)
    assert (answer.status_code, "expose.min_scale: Invalid value: 0" in answer.text) == (500, True)


def servers(port: int) -> list[int]:
    """Return the processes that serve at a port."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                line = Path(f"/proc/{entry.name}/cmdline").read_bytes()
            except OSError:
                continue
            if line.endswith(f"echo_service.py\0{port}\0".encode()):
                found.append(int(entry.name))
    return found


def test_services_end_with_the_server_and_start_with_it(tmp_path: Path) -> None:
    process = Process(tmp_path / "data")
    try:
        cluster = process.start()
        ports = {name: free_port() for name in ("runs", "stays")}
        for name, port in ports.items():
            script = f"exec {sys.executable} {Path(echo_service.__file__)} {port}\n"
            exposed = {"api_port": [port], "min_scale": 1, "max_scale": 1, **HEALTHY}
            cluster.create(name, script, expose=exposed, input=[], output=[])
            reaches(cluster, name, "ready")
        change(cluster, "stays", "stop")
        (before,) = servers(ports["runs"])
        process.kill()
        cluster = process.start()
        assert deployment(cluster, "stays")["state"] == "stopped"
        reaches(cluster, "runs", "ready")
        assert before not in servers(ports["runs"])
        assert len(servers(ports["runs"])) == 1
        control.stop(process.folder)
        assert servers(ports["runs"]) == []
    finally:
        process.disconnect()
        control.reset(process.folder)
