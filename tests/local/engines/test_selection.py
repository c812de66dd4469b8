"""Which engine runs a service, and what is said of one that does not work."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from oscarcli.cli.local.app import EngineName
from oscarcli.errors import OscarError
from oscarcli.local.jobs.engine import probe_image, selection
from oscarcli.local.jobs.engine.selection import EngineError, Engines
from tests.local.engines.conftest import Images
from tests.local.harness import LocalCluster, open_files


def broken(folder: Path, name: str, message: str) -> None:
    """Put a program on the PATH that fails."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {shlex.quote(message)} >&2\nexit 125\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_command_knows_every_engine() -> None:
    assert {name.value for name in EngineName} == {selection.AUTO, *selection.NAMES}


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("name", list(selection.KINDS))
def test_an_engine_that_is_missing_is_named_with_the_way_to_get_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=f"the engine {name} cannot be used: there is no program .*install"):
        selection.probe(name, tmp_path)


@pytest.mark.parametrize("name", list(selection.KINDS))
def test_an_engine_that_is_broken_says_why_and_not_to_install_it(
    programs: Path, tmp_path: Path, name: str
) -> None:
    kind = selection.KINDS[name]
    broken(programs, kind.program, "Error: no subuid ranges found")
    with pytest.raises(EngineError, match="it starts nothing: no subuid ranges found; ") as it:
        selection.probe(name, tmp_path)
    assert str(it.value).endswith(f"; {kind.repair}")
    assert kind.install not in str(it.value)


def test_auto_passes_over_what_is_broken_and_ends_at_the_host(programs: Path, tmp_path: Path) -> None:
    broken(programs, "podman", "Error: broken")
    broken(programs, "ch-run", "ch-run: broken")
    assert Engines("auto", tmp_path).default.name == "host"


def test_a_cluster_does_not_start_with_a_broken_engine(
    programs: Path, start_cluster: Callable[..., LocalCluster], tmp_path: Path
) -> None:
    said = "docker: Cannot connect to the Docker daemon.\n\nRun 'docker run --help' for more information"
    broken(programs, "docker", said)
    with pytest.raises(
        OscarError, match="start the engine docker: it starts nothing: docker: Cannot conn"
    ) as it:
        start_cluster(engine="docker")
    assert "--engine host" in (it.value.hint or "")
    assert open_files(tmp_path / "data") == []


def test_a_service_chooses_its_engine_by_an_annotation(
    engine: str, start_cluster: Callable[..., LocalCluster], images: Images
) -> None:
    cluster = start_cluster()
    annotations = {selection.ANNOTATION: engine}
    cluster.create("inside", "cat /srv/greeting\n", image=images.archive("plain"), annotations=annotations)
    cluster.create("outside", "echo outside\n")
    for service, printed in (("inside", "from the image\n"), ("outside", "outside\n")):
        cluster.submit(service)
        assert cluster.script_output(service).startswith(printed)
    deployment = cluster.api.get("/system/services/inside/deployment").json()
    assert (deployment["state"], deployment["engine"]) == ("ready", engine)


@pytest.mark.parametrize(("name", "said"), [("lxc", "none of that name"), ("docker", "there is no program")])
@pytest.mark.usefixtures("programs")
def test_a_service_with_an_engine_that_is_not_here_is_refused(
    start_cluster: Callable[..., LocalCluster], name: str, said: str
) -> None:
    definition = {"name": "x", "image": "y", "script": "z", "annotations": {selection.ANNOTATION: name}}
    answer = start_cluster().api.post("/system/services", json=definition)
    assert (answer.status_code, said in answer.text) == (400, True), answer.text


def test_secrets_for_pulls_and_gpus_are_refused_where_they_are_of_no_use(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    cluster = start_cluster()
    for member in ({"image_pull_secrets": ["a"]}, {"enable_gpu": True}):
        answer = cluster.api.post(
            "/system/services", json={"name": "x", "image": "y", "script": "z", **member}
        )
        assert answer.status_code == 400
        assert f"{next(iter(member))}: the engine host" in answer.text


def test_the_engine_of_a_start_is_remembered(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    assert cluster.folder.read_engine() == {"name": "host", "version": ""}
    (cluster.folder.path / "engine.json").write_text(json.dumps(["x"]))
    assert cluster.folder.read_engine() is None


def test_the_programs_of_the_probe_are_some(tmp_path: Path) -> None:
    import subprocess

    for number, content in enumerate((probe_image.program(), probe_image.status_program())):
        path = tmp_path / str(number)
        path.write_bytes(content)
        path.chmod(0o755)
        assert subprocess.run([path], check=False).returncode == 0


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("docker-archive:relative.tar", "without its whole path"),
        ("docker-archive:/not/there.tar", "cannot be read: No such file"),
        ("two words", "cannot be the name of an image"),
        ("/some/where.sif", "cannot be read: No such file"),
    ],
)
def test_an_image_that_cannot_be_had_is_the_reason_of_the_failure(
    engine: str, start_cluster: Callable[..., LocalCluster], image: str, said: str
) -> None:
    cluster = start_cluster(engine=engine)
    cluster.create("wrong", "true\n", image=image)
    cluster.submit("wrong")
    ((job, state),) = cluster.ended("wrong").items()
    assert state["status"] == "Failed"
    assert said in cluster.log("wrong", job)
    deployment = cluster.api.get("/system/services/wrong/deployment").json()
    assert deployment["state"] == "failed"
    assert said in deployment["reason"]


def test_an_image_that_is_not_here_is_not_pulled_with_pull_never(
    engine: str, start_cluster: Callable[..., LocalCluster]
) -> None:
    cluster = start_cluster(engine=engine, pull="never")
    cluster.create("absent", "true\n", image="registry.invalid/x:1")
    cluster.submit("absent")
    (job,) = cluster.ended("absent")
    assert "--pull never" in cluster.log("absent", job)
