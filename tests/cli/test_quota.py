"""`quota`: what a user may take, on servers of several ages."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.conftest import Caller, Runner
from tests.support.server import ScriptedServer, document, text

MINE = "/system/quotas/user"
ADA = f"{MINE}/ada%40egi.eu"
QUOTA: dict[str, Any] = {
    "user_id": "ada@egi.eu",
    "cluster_queue": "oscar-cq-ada",
    "resources": {
        "cpu": {"max": 2000, "used": 500},
        "memory": {"max": 2147483648, "used": 0},
        "ephemeral-storage": {"max": 1073741824, "used": 512},
        "gpu": {"max": 1, "used": 0},
    },
    "volumes": {
        "disk": {"max": "50Gi", "used": "1Gi"},
        "volumes": {"max": "5", "used": "1"},
        "max_disk_per_volume": "10Gi",
        "min_disk_per_volume": "1Gi",
    },
    "minio": {
        "buckets": {"max": 0, "used": 3},
        "storage_per_bucket": {"max": "10Gi"},
        "storage_total": {"used": "2Gi"},
    },
    "of_a_newer_server": [],
}


@pytest.mark.parametrize("verb", ["get", "g"])
def test_ones_own_quota(run: Runner, server: ScriptedServer, verb: str) -> None:
    run.know(server.url)
    server.expect("GET", MINE, document(QUOTA))
    result = run("quota", verb)
    assert (result.code, result.err) == (0, "")
    assert yaml.safe_load(result.out) == QUOTA


def test_the_quota_of_a_user_in_json(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", ADA, document(QUOTA))
    assert json.loads(call("quota", "get", "ada@egi.eu", "-o", "json").out) == QUOTA


def test_a_quota_as_a_table(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", ADA, document(QUOTA))
    rows = [line.split("  ") for line in call("quota", "get", "ada@egi.eu", "-o", "table").out.splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["RESOURCE", "MAX", "USED"],
        ["cpu", "2", "0.5"],
        ["memory", "2.0GiB", "0B"],
        ["ephemeral-storage", "1.0GiB", "512B"],
        ["gpu", "1", "0"],
        ["volume disk", "50GiB", "1.0GiB"],
        ["volume count", "5", "1"],
        ["largest volume", "10GiB", "-"],
        ["smallest volume", "1.0GiB", "-"],
        ["buckets", "no limit", "3"],
        ["storage per bucket", "10GiB", "-"],
        ["storage", "-", "2.0GiB"],
    ]


@pytest.mark.parametrize(
    ("older", "row"),
    [
        ({"resources": {"cpu": {"max": "2", "used": "500m"}}}, ["cpu", "2", "0.5"]),
        ({"resources": {"cpu": None}, "volumes": None, "minio": []}, ["cpu", "-", "-"]),
    ],
)
def test_older_and_odd_quotas_are_shown(
    call: Caller, server: ScriptedServer, older: dict[str, Any], row: list[str]
) -> None:
    call.know(server.url)
    server.expect("GET", MINE, document(older))
    assert call("quota", "get", "-o", "table").out.splitlines()[1].split() == row


def test_the_clusters_account_has_none_and_is_told_what_to_do(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", MINE, text("missing user identificator: no uid", 401))
    result = call("quota", "get")
    assert (result.code, result.out) == (4, "")
    assert "the cluster's own account, which has none" in result.err
    assert "hint: name a user: 'oscar-cli quota get USER_ID'" in result.err


def test_a_wrong_password_is_told_as_one(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", MINE, text("", 401))
    result = call("quota", "get")
    assert (result.code, "the credentials are not accepted" in result.err) == (4, True)


@pytest.mark.parametrize("words", [("get", "ada@egi.eu"), ("update", "ada@egi.eu", "--cpu", "1")])
@pytest.mark.parametrize(
    "reason",
    [
        # Without queues, from a real manager; with them; of an update; of a user without a namespace.
        'getting volume quotas for user ada@egi.eu: resourcequotas "ada" not found',
        'getting ClusterQueue oscar-cq-ada: clusterqueues.kueue.x-k8s.io "oscar-cq-ada" not found',
        'getting current volume quota: resourcequotas "ada" not found',
        'getting MinIO quotas for user urn:a: namespaces "oscar-svc-ada" not found',
    ],
)
def test_a_user_of_whom_the_server_knows_nothing(
    call: Caller, server: ScriptedServer, words: tuple[str, ...], reason: str
) -> None:
    call.know(server.url)
    server.expect("GET" if words[0] == "get" else "PUT", ADA, text(reason, 500))
    result = call("quota", *words)
    assert (result.code, result.out) == (5, "")
    what = "get" if words[0] == "get" else "update"
    assert f'Error: cannot {what} the quota of user "ada@egi.eu": the server knows no such user' in result.err
    assert "the server failed" not in result.err


def test_a_failure_that_is_about_no_user_stays_one(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", ADA, text("getting volume quotas for user ada: etcdserver: request timed out", 500))
    assert call("quota", "get", "ada@egi.eu").code == 1
    server.expect("GET", MINE, text('getting volume quotas for user a: resourcequotas "a" not found', 500))
    result = call("quota", "get")
    assert (result.code, "the server has set no limits up for this login" in result.err) == (5, True)


@pytest.mark.parametrize("words", [("get", "ada@egi.eu"), ("update", "ada@egi.eu", "--cpu", "1")])
def test_a_user_may_not_look_at_others(call: Caller, server: ScriptedServer, words: tuple[str, ...]) -> None:
    call.know(server.url)
    server.expect("GET" if words[0] == "get" else "PUT", ADA, text("forbidden", 403))
    result = call("quota", *words)
    assert (result.code, "only the cluster's own account" in result.err) == (4, True)


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("--cpu", "8"), {"cpu": "8"}),
        (("--memory", "16Gi", "--gpu", "2"), {"memory": "16Gi", "gpu": "2"}),
        (("--ephemeral-storage", "20Gi", "--gpu", "0"), {"ephemeral_storage": "20Gi", "gpu": "0"}),
        (("--volume-disk", "50Gi", "--volume-count", "5"), {"volumes": {"disk": "50Gi", "volumes": "5"}}),
        (
            ("--volume-max-disk", "10Gi", "--volume-min-disk", "1Gi"),
            {"volumes": {"max_disk_per_volume": "10Gi", "min_disk_per_volume": "1Gi"}},
        ),
        (
            ("--minio-buckets", "3", "--minio-storage", "10Gi"),
            {"minio": {"buckets": "3", "storage_per_bucket": "10Gi"}},
        ),
    ],
)
def test_only_what_is_given_is_sent_and_the_answer_shown(
    call: Caller, server: ScriptedServer, words: tuple[str, ...], body: dict[str, Any]
) -> None:
    call.know(server.url)
    server.expect("PUT", ADA, document(QUOTA))
    result = call("quota", "u", "ada@egi.eu", *words)
    assert (result.code, result.err) == (0, "")
    assert yaml.safe_load(result.out) == QUOTA
    assert json.loads(server.requests[0].body) == body


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "say what to change"),
        (("--gpu", "1"), "--gpu alone is ignored"),
        (("--gpu", "1", "--volume-count", "1"), "--gpu alone is ignored"),
        (("--gpu", "-1", "--cpu", "1"), "--gpu"),
        (("--cpu", "many"), "--cpu: expected a quantity"),
        (("--cpu", ""), "--cpu: expected a quantity"),
        (("--memory", "1GB"), 'did you mean "1Gi"'),
        (("--minio-buckets", "1.5"), "--minio-buckets"),
    ],
)
def test_what_the_server_would_fail_over_is_not_sent(
    call: Caller, words: tuple[str, ...], message: str
) -> None:
    call.know("http://127.0.0.1:9")
    result = call("quota", "update", "ada@egi.eu", *words)
    assert (result.code, result.out, message in result.err) == (2, "", True)


def test_a_server_that_knows_nothing_of_it_is_warned_of(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("PUT", ADA, document({"user_id": "ada", "resources": {"cpu": {"max": 1, "used": 0}}}))
    result = call("quota", "update", "ada@egi.eu", "--cpu", "1", "--gpu", "1", "--minio-buckets", "1")
    assert result.code == 0
    assert "no quota of gpu" in result.err
    assert "no quota of minio" in result.err
    assert "no quota of cpu" not in result.err


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [(400, "invalid payload: x", 7), (500, "quantities must match", 1), (503, "kueue is off", 6)],
)
def test_a_refused_update(call: Caller, server: ScriptedServer, status: int, words: str, code: int) -> None:
    call.know(server.url)
    server.expect("PUT", ADA, text(words, status))
    result = call("quota", "update", "ada@egi.eu", "--cpu", "1")
    assert (result.code, result.out, words in result.err) == (code, "", True)


def test_a_server_without_quotas(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", MINE, text("404 page not found", 404))
    assert call("quota", "get").code == 7


def test_an_empty_user_is_no_user(call: Caller) -> None:
    call.know("http://127.0.0.1:9")
    assert call("quota", "get", "").code == 2
