"""`apply` and `diff` on the local cluster in its strict manner, which refuses what a real one refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import Caller, Outcome, Runner
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, local_server
from tests.unit.fdl.test_compare import FORMS, PUBLISHED

EXAMPLES = Path(__file__).parents[3] / "examples"
# What the local cluster refuses has no second time there; a manager that has it is in test_diff.py.
REFUSED_FORMS = {
    *("other providers", "one port", "assigned ports", "a fixed port", "default words", "mount"),
    *("model", "model without login", "volume", "attached volume", "federation", "old replicas"),
}
ACCEPTED = ("posenet", "cowsay", "simple_test", "fire_detection")


@pytest.fixture
def strict(run: Runner) -> Iterator[Runner]:
    """The real command with a strict local cluster as its default one."""
    data = run.home / "data"
    started = run("local", "start", "--strict", "--port", "0", "--s3-port", "0", "--data-dir", data)
    assert started.code == 0, started.err
    yield run
    run("local", "stop", "--data-dir", data)


def marks(outcome: Outcome) -> list[str]:
    return [line.split()[1] for line in outcome.out.splitlines()[1:]]


def all_forms(folder: Path) -> list[Path]:
    """Write one FDL for each form that the local cluster has a use for."""
    (folder / "script.sh").write_bytes(b"#!/bin/sh\r\necho hi\r")
    files = []
    for name in ACCEPTED:
        files.append(folder / f"{name}.yaml")
        files[-1].write_text(PUBLISHED[name])
    for number, (name, keys) in enumerate(FORMS.items()):
        if name in REFUSED_FORMS:
            continue
        service: dict[str, Any] = {"name": f"form-{number}", "image": "i", "script": "script.sh", **keys}
        files.append(folder / f"form-{number}.yaml")
        files[-1].write_text(json.dumps({"functions": {"oscar": [{"oscar-cluster": service}]}}))
    return files


def test_nothing_is_written_the_second_time(strict: Runner, call: Caller) -> None:
    files = all_forms(strict.home)
    assert len(files) >= 14
    for file in files:
        first = call("apply", "-c", "local", file)
        assert (first.code, marks(first)) == (0, ["Creating"]), f"{file.name}: {first.err}"
    log = (strict.home / "data" / "server.log").read_text()
    for file in files:
        again = call("apply", "-c", "local", file)
        assert (again.code, marks(again)) == (0, ["Unchanged"]), f"{file.name}: {again.out} {again.err}"
        assert call("diff", "-c", "local", file).code == 0
    later = (strict.home / "data" / "server.log").read_text().removeprefix(log)
    assert "created" not in later
    assert "updated" not in later


def test_what_is_applied_does_not_differ_from_then_on(strict: Runner) -> None:
    file = strict.home / "posenet.yaml"
    (strict.home / "script.sh").write_text("#!/bin/sh\n")
    file.write_text(PUBLISHED["posenet"])
    assert strict("apply", "-c", "local", file).code == 0
    file.write_text(PUBLISHED["posenet"].replace("1Gi", "2Gi").replace("posenet/output", "posenet/results"))
    found = strict("diff", "-c", "local", file)
    assert found.code == 1
    assert found.out.splitlines()[2:] == [
        '  ~ memory: "1Gi" -> "2Gi"',
        '  ~ output[0].path: "posenet/output" -> "posenet/results"',
    ]
    assert strict("apply", "-c", "local", "--wait", file).code == 0
    assert strict("diff", "-c", "local", file).code == 0


def test_a_workflow_is_made_in_the_order_that_is_accepted_and_works(strict: Runner, tmp_path: Path) -> None:
    folder = EXAMPLES / "workflow"
    text = (folder / "fdl.yaml").read_text()
    # The producer first, as no server takes it.
    head, consumer, producer = text.split("  - default-cluster:\n")
    file = tmp_path / "fdl.yaml"
    file.write_text("  - default-cluster:\n".join([head, producer, consumer]))
    for script in ("words.sh", "word-count.sh"):
        (tmp_path / script).write_text((folder / script).read_text())
    applied = strict("apply", "--wait", file)
    assert applied.code == 0, applied.err
    assert marks(applied) == ["Creating", "Creating", "Ready", "Ready"]
    assert [line.split('"')[1] for line in applied.out.splitlines()[1:3]] == ["word-count", "words"]
    assert marks(strict("apply", file)) == ["Unchanged", "Unchanged"]
    (tmp_path / "a.txt").write_text("that and that\n")
    assert strict("service", "put-file", "words", tmp_path / "a.txt").code == 0
    for service in ("words", "word-count"):
        assert strict("service", "logs", "get", service, "--latest", "--follow").code == 0
    got = strict("service", "get-file", "word-count", "word-count/counts/a.counts", tmp_path / "counts")
    assert got.code == 0, got.err
    assert (tmp_path / "counts").read_text().split()[:2] == ["2", "that"]


def stored(strict: Runner, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(strict("service", "get", name, "-o", "json").out)
    return document


def buckets(strict: Runner) -> list[str]:
    return [bucket["bucket_name"] for bucket in json.loads(strict("bucket", "list", "-o", "json").out)]


@pytest.mark.thorough
def test_a_workflow_keeps_its_owner_and_goes_with_its_buckets(strict: Runner) -> None:
    """Whoever is updated while it is created, too: nothing may be forgotten on the way."""
    file = EXAMPLES / "workflow" / "fdl.yaml"
    alone = EXAMPLES / "text-stats" / "fdl.yaml"
    for _ in range(2):
        assert strict("apply", file).code == 0
        assert strict("apply", alone).code == 0
        services = {name: stored(strict, name) for name in ("words", "word-count", "text-stats")}
        assert {service["owner"] for service in services.values()} == {"cluster_admin"}
        # An update forgets labels that it is not sent: all three have what a creation gives.
        wanted = services["text-stats"]["labels"].keys()
        assert "owner_name" in wanted
        assert {name: service["labels"].keys() for name, service in services.items()} == dict.fromkeys(
            services, wanted
        )
        assert strict("apply", "--force", file).code == 0
        assert stored(strict, "words")["owner"] == "cluster_admin"
        for name in services:
            deleted = strict("service", "delete", name)
            assert (deleted.code, deleted.err) == (0, "")
        assert buckets(strict) == []


@pytest.mark.thorough
def test_a_service_that_lost_its_owner_leaves_its_bucket_and_that_is_said(strict: Runner) -> None:
    """As another client's update leaves it behind."""
    file = EXAMPLES / "text-stats" / "fdl.yaml"
    assert strict("apply", file).code == 0
    cluster = yaml.safe_load(strict.config.read_text())["oscar"]["local"]
    without = {key: value for key, value in stored(strict, "text-stats").items() if key != "owner"}
    login = (cluster["auth_user"], cluster["auth_password"])
    answer = httpx.put(
        f"{cluster['endpoint']}/system/services", json=without, auth=login, trust_env=False, verify=False
    )
    assert answer.status_code == 204
    deleted = strict("service", "delete", "text-stats")
    assert deleted.code == 1
    assert "Error deleting service buckets" in deleted.err
    assert "hint: the service is gone, its buckets are not" in deleted.err
    assert buckets(strict) == ["text-stats"]
    assert strict("service", "get", "text-stats").code == 5
    assert strict("bucket", "delete", "text-stats").code == 0
    assert strict("apply", file).code == 0


@pytest.mark.thorough
def test_an_edit_keeps_owner_and_labels(strict: Runner, tmp_path: Path) -> None:
    assert strict("apply", EXAMPLES / "text-stats" / "fdl.yaml").code == 0
    before = stored(strict, "text-stats")
    editor = tmp_path / "editor.sh"
    editor.write_text("#!/bin/sh\nsed -i 's/memory: .*/memory: 300Mi/' \"$1\"\n")
    editor.chmod(0o755)
    edited = strict("service", "edit", "text-stats", env={"VISUAL": str(editor)})
    assert edited.code == 0, edited.err
    assert stored(strict, "text-stats") == {**before, "memory": "300Mi"}
    assert strict("service", "delete", "text-stats").code == 0
    assert buckets(strict) == []


@pytest.mark.thorough
def test_a_bucket_that_is_there_is_refused_with_what_to_do(strict: Runner) -> None:
    text = (EXAMPLES / "text-stats" / "fdl.yaml").read_text()
    (strict.home / "script.sh").write_text("#!/bin/sh\n")
    (strict.home / "one.yaml").write_text(text)
    (strict.home / "two.yaml").write_text(text.replace("name: text-stats", "name: other"))
    assert strict("apply", strict.home / "one.yaml").code == 0
    refused = strict("apply", strict.home / "two.yaml")
    assert refused.code == 1
    assert 'the bucket "text-stats" already exists' in refused.err
    assert "apply one FDL that has the bucket's service, too" in refused.err


def test_what_init_writes_works_as_it_is(strict: Runner, tmp_path: Path) -> None:
    assert strict("init", "counter", "--dir", tmp_path / "new").code == 0
    applied = strict("apply", "--wait", tmp_path / "new" / "fdl.yaml")
    assert (applied.code, marks(applied)) == (0, ["Creating", "Ready"])
    (tmp_path / "a.txt").write_text("one two\n")
    assert strict("service", "put-file", "counter", tmp_path / "a.txt").code == 0
    assert strict("service", "logs", "get", "counter", "--latest", "--follow").code == 0
    got = strict("service", "get-file", "counter", "counter/output/a.txt.count.txt", tmp_path / "result")
    assert got.code == 0, got.err
    assert (tmp_path / "result").read_text().split() == ["1", "2", "8"]


def test_a_bucket_elsewhere_that_is_not_tagged_is_no_failure(strict: Runner, call: Caller) -> None:
    """As from a real server: the service and its bucket are made, and the answer is 400."""
    folder = strict.home / "store"
    folder.mkdir()
    (strict.home / "script.sh").write_text("true\n")
    with local_server(folder) as store:
        keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}
        service = {
            "name": "tagged",
            "image": "i",
            "script": "script.sh",
            "output": [{"storage_provider": "minio.other", "path": "elsewhere/out"}],
        }
        providers = {"minio": {"other": {**keys, "endpoint": store.endpoint}}}
        fdl = {"functions": {"oscar": [{"local": service}]}, "storage_providers": providers}
        (strict.home / "fdl.yaml").write_text(json.dumps(fdl))
        first = call("apply", "-c", "local", strict.home / "fdl.yaml")
        assert (first.code, marks(first)) == (0, ["Creating"]), first.err
        words = (
            "Error tagging bucket: error setting tag on bucket elsewhere: The specified bucket does not exist"
        )
        assert f"{words}; and yet the service is as wanted" in first.err
        again = call("apply", "-c", "local", strict.home / "fdl.yaml")
        assert (again.code, marks(again)) == (0, ["Unchanged"])
        # Of a bucket that is there already nothing is made, neither there nor here.
        service["name"] = "second"
        (strict.home / "fdl.yaml").write_text(json.dumps(fdl))
        taken = call("apply", "-c", "local", strict.home / "fdl.yaml")
        assert taken.code == 1
        assert 'the bucket "elsewhere" already exists' in taken.err
        assert "hint: servers refuse a new service whose bucket is there already" in taken.err
