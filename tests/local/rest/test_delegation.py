"""Two local clusters in one federation: services are spread over both, and jobs go where there is room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.jobs.federation.queue import OfferedJobs
from tests.local.harness import LocalCluster, open_cluster, wait_for

HUGE = "900Ti"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalCluster, LocalCluster]]:
    """Two clusters; the first one runs a single job at a time."""
    first = open_cluster(tmp_path_factory.mktemp("first") / "data", parallel=1)
    second = open_cluster(tmp_path_factory.mktemp("second") / "data", parallel=2)
    yield first, second
    for cluster in (first, second):
        cluster.close()


@pytest.fixture
def first(pair: tuple[LocalCluster, LocalCluster]) -> LocalCluster:
    return pair[0]


@pytest.fixture
def second(pair: tuple[LocalCluster, LocalCluster]) -> LocalCluster:
    return pair[1]


def entry(cluster: LocalCluster, **changes: Any) -> dict[str, Any]:
    settings = cluster.server.cluster.settings
    return {
        "endpoint": cluster.server.endpoints.api,
        "auth_user": settings.user,
        "auth_password": settings.password,
        "ssl_verify": True,
        **changes,
    }


def definition(
    name: str, first: LocalCluster, second: LocalCluster, script: str, topology: str = "star", **more: Any
) -> dict[str, Any]:
    member = {"type": "oscar", "cluster_id": "second", "service_name": f"{name}-there"}
    federation = {"topology": topology, "members": [member], **more.pop("federation", {})}
    return {
        "name": name,
        "cluster_id": "first",
        "image": "i",
        "script": script,
        "input": [{"storage_provider": "minio.default", "path": f"{name}-bucket/in"}],
        "output": [{"storage_provider": "minio.default", "path": f"{name}-bucket/out"}],
        "clusters": {"first": entry(first), "second": entry(second)},
        "federation": federation,
        **more,
    }


def create(cluster: LocalCluster, document: dict[str, Any]) -> None:
    response = cluster.api.post("/system/services", json=document)
    assert (response.status_code, response.text) == (201, "")


def occupied(cluster: LocalCluster, name: str, go: Path) -> None:
    """Keep the only place of a cluster until a file is there."""
    cluster.create(name, f"until [ -e {go} ]; do sleep 0.05; done\n", input=[], output=[])
    cluster.submit(name)
    wait_for(lambda: [job["status"] for job in cluster.jobs(name).values()] == ["Running"], "the place")


def test_a_service_is_made_at_its_members(first: LocalCluster, second: LocalCluster) -> None:
    secrets = {"variables": {"A": "b"}, "secrets": {"S": "hidden"}}
    create(first, definition("spread", first, second, "true\n", environment=secrets))
    there = second.api.get("/system/services/spread-there").json()
    assert there["token"] == first.token("spread")
    assert there["federation"] == {"group_id": "spread", "topology": "star"}
    assert there["annotations"] == {
        "oscar.grycap/federation-worker": "true",
        "oscar.grycap/origin-cluster": "first",
        "oscar.grycap/origin-service": "spread",
    }
    assert (there["cluster_id"], there["script"]) == ("second", "true\n")
    assert there["environment"] == {"variables": {"A": "b"}, "secrets": {"S": ""}}
    assert {cluster["auth_password"] for cluster in there["clusters"].values()} == {""}, "no logins"
    assert there["storage_providers"]["minio"]["first"]["endpoint"] == first.server.cluster.s3_endpoint
    assert there["storage_providers"]["minio"]["default"]["endpoint"] == second.server.cluster.s3_endpoint


def test_an_upload_without_a_place_becomes_a_job_of_the_second_cluster(
    first: LocalCluster, second: LocalCluster, tmp_path: Path
) -> None:
    script = 'tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$STORAGE_OBJECT_KEY")"\n'
    create(first, definition("events", first, second, script))
    first.upload("events", "in/here.txt", b"here")
    assert len(first.ended("events")) == 1, "as long as there is a place, it runs here"
    occupied(first, "events-busy", tmp_path / "go")
    first.upload("events", "in/far away.txt", b"far")
    ((name, job),) = second.ended("events-there").items()
    log = second.log("events-there", name)
    assert job["status"] == "Succeeded", log
    assert "Downloading item from bucket 'events-bucket' with key 'in/far away.txt'" in log
    assert second.content("events-bucket", "out/far away.txt") == b"FAR"
    wait_for(lambda: len(first.jobs("events")) == 1, "the job to be gone here")
    (tmp_path / "go").touch()
    first.ended("events-busy")
    assert first.keys("events-bucket") == ["in/", "in/far away.txt", "in/here.txt", "out/", "out/here.txt"]


def test_a_payload_keeps_its_job_name(first: LocalCluster, second: LocalCluster, tmp_path: Path) -> None:
    create(first, definition("payload", first, second, 'cat "$INPUT_FILE_PATH"; echo " $JOB_UUID"\n'))
    occupied(first, "payload-busy", tmp_path / "go")
    first.submit("payload", b"aGVsbG8=", job="a-name-of-ones-own")
    assert list(second.ended("payload-there")) == ["a-name-of-ones-own"]
    assert "hello a-name-of-ones-own" in second.log("payload-there", "a-name-of-ones-own")
    (tmp_path / "go").touch()
    first.ended("payload-busy")


def test_what_this_machine_is_too_small_for_goes_to_a_member(
    first: LocalCluster, second: LocalCluster, caplog: pytest.LogCaptureFixture
) -> None:
    create(first, definition("huge", first, second, "true\n", memory=HUGE))
    second.api.put(
        "/system/services", json={**second.api.get("/system/services/huge-there").json(), "memory": "1Mi"}
    )
    with caplog.at_level("INFO", "oscarcli.local"):
        first.submit("huge", b"")
        ((_, job),) = second.ended("huge-there").items()
    assert job["status"] == "Succeeded"
    wait_for(lambda: not first.jobs("huge"), "the job to be gone here")
    assert 'of service "huge" was delegated to service "huge-there" of cluster "second"' in caplog.text
    wait_for(lambda: not list(first.folder.jobs.glob("huge-*")), "its folder to be gone")


@pytest.mark.parametrize("mode", ["static", "random", "load-based", "topsis"])
def test_members_are_chosen_in_every_way(
    first: LocalCluster, second: LocalCluster, tmp_path: Path, mode: str
) -> None:
    name = f"mode-{mode}"
    document = definition(name, first, second, "true\n", federation={"delegation": mode}, cpu="0")
    document["clusters"]["gone"] = entry(second, endpoint="http://127.0.0.1:9")
    create(first, document)
    # As the members may be later: the first is away, and the second is not to be asked.
    stored = first.server.cluster.services.get(name)
    assert stored is not None
    (member,) = stored["federation"]["members"]
    never = {**member, "service_name": "never", "priority": 101}
    others = [{**member, "cluster_id": "gone"}, *([never] if mode == "static" else [])]
    stored["federation"]["members"] = [*others, {**member, "priority": 1}]
    first.server.cluster.services.put(stored)
    occupied(first, f"{name}-busy", tmp_path / "go")
    first.submit(name)
    assert [job["status"] for job in second.ended(f"{name}-there").values()] == ["Succeeded"]
    (tmp_path / "go").touch()
    first.ended(f"{name}-busy")


def test_a_job_that_nobody_takes_waits_and_is_offered_again(
    first: LocalCluster, second: LocalCluster, tmp_path: Path
) -> None:
    document = definition("again", first, second, "true\n", federation={"rescheduler_threshold": 1})
    create(first, document)
    token = second.api.get("/system/services/again-there").json()
    assert second.api.delete("/system/services/again-there").status_code == 204
    occupied(first, "again-busy", tmp_path / "go")
    first.submit("again")
    (job,) = first.jobs("again").values()
    assert job["status"] in ("Pending", "Suspended")
    # Not made by the first cluster: its token is another one, which the login gets.
    second.create("again-there", "echo taken\n", input=[], output=[])
    assert token["token"] != second.token("again-there")
    assert second.script_output("again-there").startswith("taken")
    (tmp_path / "go").touch()
    first.ended("again-busy")
    assert first.jobs("again") == {}


def test_a_job_that_came_from_elsewhere_goes_no_further(
    first: LocalCluster, second: LocalCluster, tmp_path: Path
) -> None:
    create(first, definition("meshed", first, second, "true\n", topology="mesh"))
    there = second.api.get("/system/services/meshed-there").json()
    (peer,) = there["federation"]["members"]
    assert (peer["cluster_id"], peer["service_name"]) == ("first", "meshed")
    occupied(first, "meshed-busy", tmp_path / "go")
    second_event = b'{"storage_provider": "second", "event": "aGVsbG8="}'
    first.submit("meshed", second_event)
    first.server.cluster.delegator.wake()
    assert list(second.jobs("meshed-there")) == []
    (tmp_path / "go").touch()
    assert [job["status"] for job in first.ended("meshed").values()] == ["Succeeded"]


def test_an_upload_stays_where_members_cannot_read_it(
    first: LocalCluster, second: LocalCluster, tmp_path: Path
) -> None:
    document = definition("nameless", first, second, 'cat "$INPUT_FILE_PATH"\n') | {"cluster_id": ""}
    create(first, document)
    occupied(first, "nameless-busy", tmp_path / "go")
    first.upload("nameless", "in/x", b"not for others")
    first.submit("nameless", b"aGVsbG8=", job="for-others")
    assert list(second.ended("nameless-there")) == ["for-others"]
    (tmp_path / "go").touch()
    assert "not for others" in first.only_log("nameless")


def test_in_a_mesh_jobs_come_back(first: LocalCluster, second: LocalCluster, tmp_path: Path) -> None:
    create(first, definition("ring", first, second, 'cat "$INPUT_FILE_PATH"\n', topology="mesh"))
    for number in (1, 2):
        second.create(
            f"ring-busy{number}", f"until [ -e {tmp_path / 'go'} ]; do sleep 0.05; done\n", input=[]
        )
        second.submit(f"ring-busy{number}")
    wait_for(lambda: len(second.server.cluster.jobs.running()) == 2, "both places")
    second.submit("ring-there", b"aGVsbG8=", job="from-the-second")
    assert list(first.ended("ring")) == ["from-the-second"]
    assert "hello" in first.log("ring", "from-the-second")
    # The first cluster does not know the store of the second.
    second.s3.put_object(Bucket="ring-bucket", Key="in/x", Body=b"stays")
    (tmp_path / "go").touch()
    assert "stays" in second.only_log("ring-there")


def test_a_wrong_login_refuses_the_service(first: LocalCluster, second: LocalCluster) -> None:
    document = definition("rejected", first, second, "true\n")
    document["clusters"]["second"]["auth_password"] = "wrong"
    answer = first.api.post("/system/services", json=document)
    words = 'federation auth failed: [auth rejected by cluster "second" (status 401)]'
    assert (answer.status_code, answer.text) == (401, words)
    del document["clusters"]["second"]
    answer = first.api.post("/system/services", json=document)
    assert answer.text == 'federation auth failed: [cluster "second" not defined]'
    assert first.api.get("/system/services/rejected").status_code == 404


def test_a_member_that_refuses_the_service_takes_it_back_everywhere(
    first: LocalCluster, second: LocalCluster
) -> None:
    second.create("clash-b", "true\n")
    document = definition("clash", first, second, "true\n")
    (member,) = document["federation"]["members"]
    document["federation"]["members"] = [
        {**member, "service_name": "clash-a"},
        {**member, "service_name": "clash-b"},
    ]
    first.s3.create_bucket(Bucket="clash-bucket")
    first.upload("clash", "in/old", b"older than the service")
    answer = first.api.post("/system/services", json=document)
    text = "cluster responded with status 400: A service with the provided name already exists"
    assert (answer.status_code, answer.text) == (500, f"Error creating the service: {text}")
    assert first.api.get("/system/services/clash").status_code == 404
    assert second.api.get("/system/services/clash-a").status_code == 404
    assert second.api.get("/system/services/clash-b").status_code == 200
    assert first.content("clash-bucket", "in/old") == b"older than the service"


def test_members_follow_changes(first: LocalCluster, second: LocalCluster) -> None:
    document = definition("followed", first, second, "true\n")
    create(first, document)
    assert first.api.put("/system/services", json={**document, "script": "echo new\n"}).status_code == 204
    assert second.api.get("/system/services/followed-there").json()["script"] == "echo new\n"
    more = {"type": "oscar", "cluster_id": "second", "service_name": "followed-too"}
    answer = first.api.post("/system/federation/followed", json={"members": [more]})
    assert [one["service_name"] for one in answer.json()["members"]] == ["followed-there", "followed-too"]
    assert second.api.get("/system/services/followed-too").json()["script"] == "echo new\n"
    body = {"members": [more], "update": [{**more, "cluster_id": "nowhere"}]}
    answer = first.api.put("/system/federation/followed", json=body)
    words = 'Updated with federation warnings: [cluster "nowhere" not defined]'
    assert (answer.status_code, answer.text) == (200, words)


def test_an_endpoint_gets_the_event(first: LocalCluster, second: LocalCluster, tmp_path: Path) -> None:
    second.create("ended", 'cat "$INPUT_FILE_PATH"\n', input=[], output=[])
    document = definition("pointed", first, second, "true\n")
    document["federation"]["members"] = [
        {
            "type": "endpoint",
            "url": f"{second.server.endpoints.api}/job/ended",
            "headers": second.bearer("ended"),
        }
    ]
    create(first, document)
    occupied(first, "pointed-busy", tmp_path / "go")
    first.submit("pointed", b"aGVsbG8=")
    assert second.script_output("ended").startswith("hello")
    (tmp_path / "go").touch()
    first.ended("pointed-busy")


def test_a_job_that_was_being_offered_waits_again_after_a_crash(tmp_path: Path) -> None:
    cluster = open_cluster(tmp_path / "data", parallel=1)
    cluster.create("crashed", "true\n", input=[], output=[])
    occupied(cluster, "busy", tmp_path / "go")
    cluster.submit("crashed")
    (name,) = cluster.jobs("crashed")
    assert OfferedJobs(cluster.server.cluster.state).suspend(name) is not None
    cluster.close()
    again = open_cluster(tmp_path / "data", parallel=1)
    assert [job["status"] for job in again.ended("crashed").values()] == ["Succeeded"]
    again.close()
