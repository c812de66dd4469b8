"""Answers in which anything may be of another type: every command says what is wrong; none is surprised."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from oscarcli.errors import ExitCode
from tests.conftest import Caller
from tests.contract.test_no_secret_shows import SERVICE as SECRET_SERVICE
from tests.support.daily import number_of

# For each of the commands.
MUTATIONS = number_of(50)
UNFORESEEN = re.compile(r"unexpected [A-Z]\w*: |Traceback")
ODD: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    0.5,
    "",
    "x",
    [],
    [7],
    [None],
    [[]],
    {},
    {"x": 7},
    {"": None},
    [{"x": []}],
)

SERVICE: dict[str, Any] = {
    **SECRET_SERVICE,
    "owner": "ada",
    "cluster_id": "c",
    "visibility": "private",
    "log_level": "INFO",
    "labels": {"a": "b", "owner_name": "ada"},
    "annotations": {"a": "b"},
    "allowed_users": ["u"],
    "bucket_list": ["b"],
    "mount": {"storage_provider": "minio.default", "path": "m"},
    "expose": {"api_port": [80], "nodePort": [0], "min_scale": 1, "max_scale": 2, "cpu_threshold": 80},
    "kserve": {"set_auth": True, "min_scale": 1},
    "volume": {"name": "v", "size": "1Gi", "mount_path": "/x"},
    "deployment": {"state": "ready", "reason": "r"},
}
AMOUNT = {"max": 1, "used": 0}
NODE = {
    "name": "n",
    "status": "Ready",
    "cpu": {"usage_cores": 1},
    "memory": {"usage_bytes": 1},
    "conditions": [],
}
OBJECT = {"object_name": "k/a", "size_bytes": 1, "last_modified": "t", "owner": "o"}
BUCKET = {"bucket_name": "b", "visibility": "restricted", "allowed_users": ["u"], "owner": "o"}
VOLUME = {"name": "v", "size": "1Gi", "status": {"phase": "Bound"}, "attachments": [{"service_name": "x"}]}
COUNTRIES = [{"country": "ES", "request_count": 1}]
# What a cluster answers that is well, by path.
ANSWERS: dict[str, Any] = {
    "/system/services": [SERVICE],
    "/system/services/x": SERVICE,
    "/system/services/x/deployment": {"service_name": "x", "state": "ready", "reason": "r", "pods": 1},
    "/system/services/x/deployment/logs": {"entries": [{"timestamp": "t", "message": "m"}], "message": "m"},
    "/system/services/x/restart": {"service_name": "x", "state": "ready", "reason": "r"},
    "/system/logs": {"logs": [{"raw": "r", "timestamp": "t", "method": "POST", "path": "/run", "user": "u"}]},
    "/system/logs/x": {"jobs": {"j": {"status": "Succeeded", "creation_time": "2026-06-12T09:05:29Z"}}},
    "/system/info": {"version": "v4.1.2", "architecture": "a", "serverless_backend": {"name": "Knative"}},
    "/system/config": {
        "config": {"name": "oscar", "oidc_groups": [""]},
        "minio_provider": {
            "endpoint": "http://127.0.0.1:9",
            "access_key": "a",
            "secret_key": "b",
            "region": "r",
        },
        "allowed_image_repositories": ["a"],
    },
    "/system/status": {
        "cluster": {"nodes_count": 1, "nodes": [NODE], "metrics": {"cpu": {"total_free_cores": 1}}},
        "oscar": {
            "ready": True,
            "deployment": {"replicas": 1},
            "pods": {"total": 1, "states": {"Running": 1}},
        },
        "minio": {"buckets_count": 1},
    },
    "/system/buckets": [BUCKET],
    "/system/buckets/b": {**BUCKET, "objects": [OBJECT], "is_truncated": False, "next_page": ""},
    "/system/buckets/b/presign": {
        "url": "http://h/b",
        "method": "GET",
        "expires_at": "t",
        "headers": {"a": "b"},
    },
    "/system/volumes": [VOLUME],
    "/system/volumes/v": VOLUME,
    "/system/metrics": {
        "start": "s",
        "totals": {"countries": COUNTRIES},
        "sources": [{"name": "n", "notes": []}],
    },
    "/system/metrics/breakdown": {"items": [{"key": "k", "requests_count_total": 1, "countries": COUNTRIES}]},
    "/system/metrics/x": {"metrics": [{"metric": "m", "value": 1, "unit": "u", "sources": [{"name": "n"}]}]},
    "/system/quotas/user": {"user_id": "u", "resources": {"cpu": AMOUNT}, "volumes": {"disk": AMOUNT}},
    "/system/quotas/user/u": {"resources": {"cpu": AMOUNT}, "minio": {"buckets": AMOUNT}},
    "/system/federation/x": {
        "topology": "mesh",
        "members": [{"type": "oscar", "cluster_id": "c", "service_name": "s"}],
    },
}
DONE = {"POST": 201, "PUT": 204, "DELETE": 204}
# Each command, with the form of its answer that works most with it.
COMMANDS = (
    "service list --include-deployment",
    "service get x -o table",
    "service get x --token",
    "service url x -o json",
    "service delete x --yes",
    "service restart x",
    "service run x -i y",
    "service job x -i y",
    "service export x --dir out --force",
    "service deployment status x",
    "service deployment logs x",
    "service system-logs",
    "service logs list x",
    "service logs get x --latest",
    "service logs delete x j --yes",
    "apply fdl.yaml --force",
    "diff fdl.yaml",
    "delete fdl.yaml --yes",
    "cluster info",
    "cluster status -o table",
    "cluster config -o table",
    "bucket list",
    "bucket get b --folders",
    "bucket get b --all -o json",
    "bucket create b --visibility restricted --allowed-users u",
    "bucket update b --visibility restricted",
    "bucket delete b --yes",
    "bucket presign b k",
    "volume list",
    "volume get v",
    "volume create v --size 1Gi",
    "volume delete v --yes",
    "metrics summary -o table",
    "metrics breakdown -o table",
    "metrics service x -o table",
    "quota get -o table",
    "quota update u --cpu 1 -o table",
    "federation get x -o table",
    "federation add-member x --type endpoint --url http://y",
    "federation update x --cluster-id c --priority 1",
    "federation delete x --cluster-id c",
)
FDL = """\
functions:
  oscar:
  - test:
      name: x
      image: alpine:3
      script: run.sh
      cpu: "1"
      memory: 1Gi
      input: [{storage_provider: minio.default, path: xbucket/in}]
      expose: {api_port: [80], nodePort: [0]}
      environment: {variables: {A: c}, secrets: {KEY: v}}
      labels: {a: c}
      federation: {topology: mesh, members: [{type: endpoint, url: u}]}
"""


def places(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all parts of a document, its own among them."""
    yield path
    children = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in children:
        yield from places(value, (*path, key))


def mutated(document: Any, chance: random.Random) -> Any:
    """Return a document in which one or two parts are something else, or missing."""
    changed = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 2))):
        *above, last = ("", *chance.choice(list(places(changed))))
        if not above:
            return copy.deepcopy(chance.choice(ODD))
        holder = changed
        for key in above[1:]:
            holder = holder[key]
        if isinstance(holder, dict) and chance.random() < 0.1:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(chance.choice(ODD))
    return changed


class Cluster(httpx.MockTransport):
    """A cluster whose answers are what `change` makes of them."""

    def __init__(self) -> None:
        self.change: Callable[[Any], Any] = lambda document: document
        self.asked: list[str] = []
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        has_document = path in ANSWERS and (
            request.method == "GET" or path.endswith(("/restart", "/presign")) or "quotas" in path
        )
        if path == "/system/volumes" and request.method == "POST":
            return httpx.Response(201, json=self.change(VOLUME))
        if not has_document:
            is_log = path == "/system/logs/x/j" and request.method == "GET"
            status = 200 if is_log or path.startswith("/run/") else DONE.get(request.method, 404)
            return httpx.Response(status, text="a line\n" if status == 200 else "")
        return httpx.Response(200, json=self.change(ANSWERS[path]))


@pytest.fixture
def cluster(call: Caller, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster on record, reached without any socket."""
    monkeypatch.chdir(call.home)
    (call.home / "fdl.yaml").write_text(FDL)
    (call.home / "run.sh").write_text("#!/bin/sh\n")
    cluster = Cluster()
    call.know("http://cluster.example")
    monkeypatch.setattr(
        "oscarcli.http.connection.open_connection", lambda *_, **__: httpx.Client(transport=cluster)
    )
    monkeypatch.setattr("time.sleep", lambda _: None)
    return cluster


@pytest.mark.parametrize("command", COMMANDS)
def test_a_well_cluster_lets_every_command_succeed(call: Caller, cluster: Cluster, command: str) -> None:
    outcome = call(*command.split())
    # There is a difference, and what is changed in a federation stays as it was.
    expected = {
        "diff fdl.yaml": 1,
        "federation add-member": 7,
        "federation update": 7,
        "federation delete": 7,
    }
    assert outcome.code == next((c for words, c in expected.items() if command.startswith(words)), 0), outcome
    assert cluster.asked


@pytest.mark.parametrize("command", COMMANDS)
def test_no_mutated_answer_is_a_surprise(call: Caller, cluster: Cluster, command: str) -> None:
    chance = random.Random(command)
    cluster.change = lambda document: mutated(document, chance)
    for number in range(MUTATIONS):
        outcome = call(*command.split())
        said = outcome.out + outcome.err
        assert outcome.code in list(ExitCode), (number, outcome)
        assert UNFORESEEN.search(said) is None, (number, outcome.err)
