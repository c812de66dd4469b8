"""Command lines for programs that cannot be had everywhere, checked by a program that knows their options.

It shows that what we type is documented, and how scripts, variables and files go in and out; it does not show
that the real programs work so. Where one is installed, the conformance tests are the place to add it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oscarcli.local.jobs.engine import container
from tests.local.harness import LocalCluster, wait_for
from tests.support import recorded_engine
from tests.support.ports import free_port

SCRIPT = 'echo "$A"; tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/x"; exit 3\n'


@pytest.fixture(params=sorted(recorded_engine.OPTIONS))
def recorded(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an engine that a stand-in is called by."""
    name: str = request.param
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / name
    program.write_text(f"#!{sys.executable}\n" + Path(recorded_engine.__file__).read_text())
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RECORDED", str(tmp_path / "recorded"))
    return name


def _without_place(word: str) -> str:
    """Return a word of a command line with WORK for the folder of the job's files, which is anywhere."""
    folder = "work"
    return re.sub(f"(?:/[^/:]+)+/{folder}/", "WORK/", word)


def calls(folder: Path) -> list[list[str]]:
    """Return what the stand-in was called with."""
    return [json.loads(line) for line in (folder / "recorded").read_text().splitlines()]


def test_a_run_by_documented_options(
    recorded: str, start_cluster: Callable[..., LocalCluster], tmp_path: Path
) -> None:
    cluster = start_cluster(engine=recorded)
    image = "registry.invalid/tools:1"
    cluster.create(
        "one", SCRIPT, image=image, memory="64Mi", cpu="0.5", environment={"variables": {"A": "of ours"}}
    )
    cluster.upload("one", "in/a.txt", b"text")
    ((job, state),) = cluster.ended("one").items()
    log = cluster.log("one", job)
    assert state["status"] == "Succeeded", log
    assert cluster.content("one-bucket", "out/x") == b"TEXT"
    assert "of ours\n" in log
    assert "exit code 3" in log
    run = next(words for words in calls(tmp_path) if "/oscar/config/script.sh" in words)
    shown = [_without_place(word) for word in run if "\n" not in word]
    if recorded == "docker":
        assert shown[1:5] == ["run", "--rm", "--pull=never", "--log-driver=none"]
        assert {"--volume=WORK/tmp:/tmp", "--volume=WORK/config:/oscar/config:ro"} < set(shown)
        assert {"--memory=67108864", "--cpus=0.5", "--env=A", "--env=OSCAR_SERVICE_TOKEN"} < set(shown)
        image_id = recorded_engine.IMAGE["Id"]
        assert shown[-4:] == ["--entrypoint=/bin/sh", image_id, "-c", "/oscar/config/script.sh"]
    else:
        assert shown[1:6] == ["--quiet", "--nocolor", "exec", "--compat", "--pwd=/"]
        assert shown[6:8] == ["--bind=WORK/tmp:/tmp", "--bind=WORK/config:/oscar/config:ro"]
        assert shown[8:10] == ["--memory=67108864", "--cpus=0.5"]
        assert shown[10].endswith(".sif")
        assert shown[11:] == ["/bin/sh", "-c", "/oscar/config/script.sh"]
        pull = next(words for words in calls(tmp_path) if "pull" in words)
        assert pull[1:] == ["pull", "--force", shown[10], f"docker://{image}"]
    secret = cluster.token("one")
    assert not any(secret in word for words in calls(tmp_path) for word in words)


def test_the_gpus_are_asked_for(
    recorded: str, start_cluster: Callable[..., LocalCluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "NVIDIA_DEVICE", Path(os.devnull))
    cluster = start_cluster(engine=recorded)
    cluster.create("trained", "true\n", image="registry.invalid/tools:1", enable_gpu=True)
    cluster.submit("trained")
    cluster.ended("trained")
    run = next(words for words in calls(tmp_path) if "/oscar/config/script.sh" in words)
    assert {"docker": "--gpus=all"}.get(recorded, "--nv") in run


def test_a_service_listens_by_documented_options(
    recorded: str, start_cluster: Callable[..., LocalCluster], tmp_path: Path
) -> None:
    cluster = start_cluster(engine=recorded)
    port = 80 if recorded == "docker" else free_port()
    expose = {"api_port": [port], "min_scale": 1, "max_scale": 1, "default_command": True}
    image = "registry.invalid/nginx:1"
    cluster.create("web", "true\n", image=image, memory="64Mi", expose=expose, input=[], output=[])

    def started() -> list[str]:
        marks = ("--hostname=web-dlp-", f"--bind={cluster.folder.deployments}/web/")
        return next(
            (words for words in calls(tmp_path) if any(mark in " ".join(words) for mark in marks)), []
        )

    words = wait_for(started, "its start")
    if recorded == "docker":
        assert re.search(rf" --publish=127\.0\.0\.1:[0-9]+:{port} ", " ".join(words))
        assert words[-1] == recorded_engine.IMAGE["Id"]
        assert not any(word.startswith("--entrypoint") for word in words)
    else:
        assert words[1:5] == ["--quiet", "--nocolor", "run", "--compat"]
        assert words[-1].endswith(".sif")
