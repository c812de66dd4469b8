"""Every example runs as written on the local cluster, from upload to downloaded result."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Runner

EXAMPLES = Path(__file__).parents[2] / "examples"
# Letters, counted by hand once: the text's own words, not the script's opinion of them.
THAT_IN_GETTYSBURG = 13


def test_the_containerfile_takes_what_is_there_and_runs_the_program() -> None:
    lines = (EXAMPLES / "Containerfile").read_text().splitlines()
    steps = [line.split(" ", 1) for line in lines if line.startswith(("COPY ", "ENTRYPOINT "))]
    copied = [words.split()[:-1] for step, words in steps if step == "COPY"]
    assert [
        source for sources in copied for source in sources if not (EXAMPLES.parent / source).exists()
    ] == []
    project = (EXAMPLES.parent / "pyproject.toml").read_text()
    # What a build of the package reads has to be among them.
    for needed in ("pyproject.toml", "README.md", "LICENSE", "oscarcli"):
        assert any(needed in sources for sources in copied)
    (program,) = (json.loads(words)[0] for step, words in steps if step == "ENTRYPOINT")
    assert f"\n{program} = " in project.partition("[project.scripts]")[2]


@pytest.fixture
def cluster(run: Runner) -> Iterator[Runner]:
    """The real command with a local cluster as its default one."""
    started = run("local", "start", "--port", "0", "--s3-port", "0")
    assert started.code == 0, started.err
    yield run
    run("local", "stop")


def finished_log(run: Runner, service: str) -> str:
    """Wait for the newest job of a service and return its log."""
    followed = run("service", "logs", "get", service, "--latest", "--follow")
    assert followed.code == 0, followed.err
    assert "Succeeded" in followed.err
    return followed.out


def test_text_stats(cluster: Runner, tmp_path: Path) -> None:
    assert cluster("apply", EXAMPLES / "text-stats" / "fdl.yaml").code == 0
    assert cluster("service", "put-file", "text-stats", EXAMPLES / "text-stats" / "gettysburg.txt").code == 0
    assert "Wrote gettysburg.stats.txt" in finished_log(cluster, "text-stats")
    result = tmp_path / "stats.txt"
    got = cluster("service", "get-file", "text-stats", "text-stats/output/gettysburg.stats.txt", result)
    assert got.out == f"{result}\n"
    assert f"{THAT_IN_GETTYSBURG} that" in result.read_text(encoding="utf-8")


def test_workflow(cluster: Runner, tmp_path: Path) -> None:
    assert cluster("apply", EXAMPLES / "workflow" / "fdl.yaml").code == 0
    assert cluster("service", "put-file", "words", EXAMPLES / "text-stats" / "gettysburg.txt").code == 0
    finished_log(cluster, "words")
    # The first job's output was stored with the second job's row, so it is there by now.
    assert "different words" in finished_log(cluster, "word-count")
    result = tmp_path / "counts"
    assert (
        cluster("service", "get-file", "word-count", "word-count/counts/gettysburg.counts", result).code == 0
    )
    assert result.read_text(encoding="utf-8").split()[:2] == [str(THAT_IN_GETTYSBURG), "that"]


def test_posenet_says_what_it_needs(cluster: Runner, tmp_path: Path) -> None:
    applied = cluster("apply", EXAMPLES / "posenet" / "fdl.yaml", "--default")
    assert applied.out.splitlines() == [
        'Applying file "fdl.yaml"...',
        '✓ Creating service "posenet" in cluster "local"',
    ]
    (tmp_path / "image.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    assert cluster("service", "put-file", "posenet", tmp_path / "image.jpg").code == 0
    assert "deepaas-predict is not installed here" in finished_log(cluster, "posenet")
    listed = cluster("service", "list-files", "posenet", "minio.default", "posenet/output", "-o", "json")
    assert json.loads(listed.out) == []


def test_grayify(cluster: Runner, tmp_path: Path) -> None:
    assert cluster("apply", EXAMPLES / "grayify" / "fdl.yaml").code == 0
    picture = EXAMPLES / "grayify" / "sunrise.png"
    assert cluster("service", "put-file", "grayify", picture).code == 0
    log = finished_log(cluster, "grayify")
    if "ImageMagick is not installed here" in log:
        pytest.skip("ImageMagick is not installed here")
    result = tmp_path / "gray.png"
    assert cluster("service", "get-file", "grayify", "grayify/output/sunrise.png", result).code == 0
    assert result.read_bytes()[:4] == b"\x89PNG"
    assert result.read_bytes() != picture.read_bytes()


@pytest.mark.thorough
def test_quickstart_touches_nothing_outside_the_clone(run: Runner) -> None:
    root = EXAMPLES.parent
    if not (root / ".venv" / "bin" / "oscar-cli").exists():
        pytest.skip("the clone has no virtual environment, and making one needs a network")
    done = subprocess.run(
        ["sh", EXAMPLES / "quickstart.sh"],
        env=dict(run.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "$ oscar-cli service get-file text-stats" in done.stdout
    assert f"{THAT_IN_GETTYSBURG} that" in done.stdout
    assert list(run.home.iterdir()) == []
