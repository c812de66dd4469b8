"""Exposed services in their images, asked of the real programs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from oscarcli.local import control
from oscarcli.local.jobs.engine import selection
from tests.local.engines.conftest import Images
from tests.local.engines.test_conformance import containers
from tests.local.exposed.conftest import deployment, printed, reaches
from tests.local.exposed.test_deployments import listens
from tests.local.harness import LocalCluster, Process, open_cluster, wait_for
from tests.support.ports import free_port

HTTPD = "/bin/httpd"


def expose(cluster: LocalCluster, name: str, script: str, image: str, port: int, **members: object) -> None:
    """Create an exposed service."""
    given = {"api_port": [port], "min_scale": 1, "max_scale": 1, "health_path": "/greeting", **members}
    cluster.create(name, script, image=image, memory="64Mi", cpu="1", expose=given, input=[], output=[])


def greeting(cluster: LocalCluster, name: str) -> str:
    """Return what a service serves."""
    return cluster.call("GET", f"/system/services/{name}/exposed/greeting").text


def test_a_service_listens_in_its_image(contained: LocalCluster, images: Images) -> None:
    port = free_port()
    script = f'#!/bin/sh\necho "$HOSTNAME $OSCAR_SERVICE_BASE_PATH"; exec httpd -f -p {port} -h /srv\n'
    expose(contained, "served", script, images.archive("plain"), port)
    found = reaches(contained, "served", "ready")
    assert (found["resource_kind"], found["image"]) == ("exposed_service", images.archive("plain"))
    assert greeting(contained, "served") == "from the image\n"
    (line,) = (line for line in printed(contained, "served") if "/exposed" in line)
    assert line.startswith("served-dlp-")
    assert line.endswith(" /system/services/served/exposed")
    assert contained.api.post("/system/services/served/stop").json()["state"] == "stopped"
    wait_for(lambda: not listens(port), "its end")
    contained.api.post("/system/services/served/start")
    reaches(contained, "served", "ready")
    assert contained.api.delete("/system/services/served").status_code == 204
    assert not listens(port)


def test_the_command_of_the_image_is_run_when_it_is_wanted(contained: LocalCluster, images: Images) -> None:
    port = free_port()
    image = images.archive(f"server{port}", Entrypoint=[HTTPD, "-f"], Cmd=["-p", str(port), "-h", "/srv"])
    expose(contained, "own", "echo not this; exit 1\n", image, port, default_command=True)
    reaches(contained, "own", "ready")
    assert greeting(contained, "own") == "from the image\n"
    assert contained.api.delete("/system/services/own").status_code == 204
    assert not listens(port)


def test_an_image_that_cannot_be_had_is_the_reason(contained: LocalCluster) -> None:
    expose(contained, "without", "true\n", "docker-archive:/not/there.tar", 8000)
    found = reaches(contained, "without", "failed")
    assert "/not/there.tar cannot be read" in found["reason"]
    assert found["active_instances"] == 0


def test_a_service_that_ends_in_its_image_is_started_again(contained: LocalCluster, images: Images) -> None:
    expose(contained, "ends", "echo begun; exit 3\n", images.archive("plain"), free_port())
    wait_for(lambda: printed(contained, "ends").count("begun") > 1, "the second start")
    assert any("it ended with exit code 3" in line for line in printed(contained, "ends"))
    assert contained.api.delete("/system/services/ends").status_code == 204


def test_a_killed_server_leaves_no_service(engine: str, images: Images, tmp_path: Path) -> None:
    process = Process(tmp_path / "data")
    cluster = process.start(engine=engine)
    port = free_port()
    try:
        expose(cluster, "killed", f"exec httpd -f -p {port} -h /srv\n", images.archive("plain"), port)
        reaches(cluster, "killed", "ready")
        process.kill()
        cluster = process.start(engine=engine)
        reaches(cluster, "killed", "ready")
        assert greeting(cluster, "killed") == "from the image\n"
        assert len(containers(engine)) == (1 if engine in ("podman", "docker") else 0)
        control.stop(process.folder)
        assert not listens(port)
        assert containers(engine) == []
    finally:
        process.disconnect()
        control.reset(process.folder)


@pytest.fixture
def bridged(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings under which containers have a network of their own."""
    if engine not in ("podman", "docker"):
        pytest.skip("only podman and docker give containers a network of their own")
    settings = Path(os.environ["CONTAINERS_CONF"]).read_text().replace('netns = "host"', 'netns = "bridge"')
    path = tmp_path / "containers.conf"
    path.write_text(settings)
    monkeypatch.setenv("CONTAINERS_CONF", str(path))
    selection.probe(engine, tmp_path)
    words = [engine, "run", "--rm", "--publish=127.0.0.1::8000", "localhost/oscar-cli-probe", "/true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{engine} has no network of its own here: {done.stderr.strip()[-200:]}")


@pytest.mark.usefixtures("bridged")
def test_services_with_networks_of_their_own_share_a_port(
    engine: str, images: Images, tmp_path: Path
) -> None:
    cluster = open_cluster(tmp_path / "data", engine=engine)
    try:
        port = free_port()
        for name in ("one", "two"):
            script = f"exec httpd -f -p {port} -h /srv\n"
            expose(cluster, name, script, images.archive("plain"), port)
            reaches(cluster, name, "ready")
        assert not listens(port)
        assert [greeting(cluster, name) for name in ("one", "two")] == ["from the image\n"] * 2
        assert deployment(cluster, "one")["active_instances"] == 1
    finally:
        cluster.close()
    assert containers(engine) == []


def test_a_service_has_its_volume_and_its_mount(contained: LocalCluster, images: Images) -> None:
    port = free_port()
    script = (
        f"#!/bin/sh\nset -e\ncp /mnt/kept-bucket/in/a /data/copy\ncp /data/copy /mnt/kept-bucket/in/b\n"
        f"exec httpd -f -p {port} -h /data\n"
    )
    contained.s3.create_bucket(Bucket="kept-bucket")
    contained.s3.put_object(Bucket="kept-bucket", Key="in/a", Body=b"from the bucket\n")
    contained.create(
        "kept",
        script,
        image=images.archive("plain"),
        memory="64Mi",
        expose={"api_port": [port], "min_scale": 1, "max_scale": 1, "health_path": "/copy"},
        volume={"size": "1Gi", "mount_path": "/data"},
        mount={"storage_provider": "minio.default", "path": "kept-bucket"},
        input=[],
        output=[],
    )
    reaches(contained, "kept", "ready")
    answer = contained.call("GET", "/system/services/kept/exposed/copy")
    assert answer.text == "from the bucket\n"
    contained.api.post("/system/services/kept/stop")
    wait_for(lambda: "in/b" in contained.keys("kept-bucket"), "the mount to be stored")
    assert contained.content("kept-bucket", "in/b") == b"from the bucket\n"
    assert contained.api.delete("/system/services/kept").status_code == 204
