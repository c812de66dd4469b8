"""The examples as they are published, in images that stand for theirs under the same names."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local import control
from tests.local.harness import LocalCluster, Process
from tests.support.imagemagick import imagemagick_files, missing_imagemagick, undated
from tests.support.images import write_archive

EXAMPLES = Path(__file__).parents[3] / "examples"
# Each takes its input and leaves a result as the real program does, by its last argument.
STAND_INS = {
    "posenet": (
        "docker.io/deephdc/deep-oc-posenet-tf:latest",
        "deepaas-predict",
        'for last; do :; done\necho "poses" > "$last"\n',
        "output/picture.zip",
    ),
}


@pytest.mark.parametrize("name", list(STAND_INS))
def test_an_example_runs_in_an_image_of_its_name(engine: str, run: Any, tmp_path: Path, name: str) -> None:
    if engine not in ("podman", "docker"):
        pytest.skip("only podman and docker have images by name that were not pulled")
    tag, program, script, result = STAND_INS[name]
    archive = tmp_path / "image.tar"
    write_archive(archive, tag, files={f"bin/{program}": b"#!/bin/sh\n" + script.encode()})
    subprocess.run([engine, "load", "--input", archive], check=True, capture_output=True)
    process = Process(tmp_path / "data")
    cluster = process.start(engine=engine, pull="never")
    try:
        settings = process.folder.settings()
        words = ("oscar-cluster", cluster.server.endpoints.api, settings.user, settings.password)
        assert run("cluster", "add", *words).code == 0
        applied = run("apply", "--wait", EXAMPLES / name / "fdl.yaml")
        assert applied.code == 0, applied.err
        cluster.s3.put_object(Bucket=name, Key="input/picture.jpg", Body=b"a picture")
        (job,) = cluster.ended(name)
        assert cluster.content(name, result) == b"poses\n", cluster.log(name, job)
    finally:
        process.disconnect()
        control.reset(process.folder)


@pytest.fixture(scope="module")
def imagemagick(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with this machine's ImageMagick, under the name that the example's has."""
    missing = missing_imagemagick()
    if missing:
        pytest.skip(missing)
    archive = tmp_path_factory.mktemp("imagemagick") / "image.tar"
    return write_archive(archive, "docker.io/grycap/imagemagick:latest", files=imagemagick_files())


def test_grayify_gives_the_same_picture_in_its_image_as_on_the_host(
    engine: str,
    imagemagick: str,
    cluster: LocalCluster,
    start_cluster: Callable[..., LocalCluster],
) -> None:
    script = (EXAMPLES / "grayify" / "script.sh").read_text()
    picture = (EXAMPLES / "grayify" / "sunrise.png").read_bytes()
    gray = []
    for each in (cluster, start_cluster(engine=engine)):
        name = f"grayify-{engine}"
        each.create(name, script, image=imagemagick)
        each.upload(name, "in/sunrise.png", picture)
        ((job, _),) = each.ended(name).items()
        log = each.log(name, job)
        assert "Wrote a gray sunrise.png" in log, log
        gray.append(undated(each.content(f"{name}-bucket", "out/sunrise.png")))
    assert gray[0] == gray[1] != undated(picture)
