"""`local images`: what the cluster keeps, shown and removed by the real command."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ExitCode
from tests.local.harness import Process, wait_for
from tests.support.images import BUSYBOX, missing_busybox, missing_engine, write_archive

pytestmark = pytest.mark.skipif(
    bool(missing_engine("charliecloud") or missing_busybox()), reason="there is no ch-run or busybox here"
)


@pytest.fixture
def images(run: Any, tmp_path: Path) -> Callable[..., Any]:
    """Run `local images VERB` on a data directory of the test's own, with the engines of this machine."""
    env = {"PATH": os.environ["PATH"]}
    return lambda verb, *words: run("local", "images", verb, "--data-dir", tmp_path / "data", *words, env=env)


def test_images_are_listed_and_those_without_services_removed(
    images: Callable[..., Any], tmp_path: Path
) -> None:
    assert json.loads(images("list", "-o", "json").out) == []
    reference = write_archive(tmp_path / "image.tar", "localhost/x:1")
    process = Process(tmp_path / "data")
    cluster = process.start(engine="charliecloud")
    try:
        cluster.create("uses", "true\n", image=reference)
        path = "/system/services/uses/deployment"
        state = wait_for(lambda: (d := cluster.api.get(path).json())["state"] == "ready" and d, "the image")
        (row,) = json.loads(images("list", "-o", "json").out)
        assert (row["reference"], row["services"], row["pulled"]) == (reference, ["uses"], True)
        assert row["digest"] == state["digest"]
        assert row["size"] >= Path(str(BUSYBOX)).stat().st_size
        tree = Path(row["identifier"])
        assert (tree / "root" / "bin" / "busybox").exists()
        assert images("prune").out == "0 images removed\n"
        cluster.api.delete("/system/services/uses")
        assert images("prune").code == ExitCode.USAGE
        assert tree.exists()
        removed = images("prune", "--yes")
        assert (removed.code, removed.out) == (0, "1 image removed\n")
        assert not tree.exists()
        assert json.loads(images("list", "-o", "json").out) == []
    finally:
        process.disconnect()
        from oscarcli.local import control

        control.reset(process.folder)


def test_what_another_name_leads_to_stays_and_what_was_replaced_goes(
    images: Callable[..., Any], tmp_path: Path
) -> None:
    path, same = tmp_path / "image.tar", tmp_path / "same.tar"
    reference = write_archive(path, "localhost/x:1")
    shutil.copy(path, same)
    process = Process(tmp_path / "data")
    cluster = process.start(engine="charliecloud")
    try:
        for name, image in (("one", reference), ("other", f"docker-archive:{same}")):
            cluster.create(name, "cat /srv/greeting\n", image=image, log_level="CRITICAL")
            cluster.submit(name)
            cluster.ended(name)
        (first, second) = json.loads(images("list", "-o", "json").out)
        assert first["identifier"] == second["identifier"]
        cluster.api.delete("/system/services/other")
        assert images("prune", "--yes").out == "1 image removed\n"
        write_archive(path, "localhost/x:1", files={"srv/greeting": b"another"})
        cluster.submit("one", job="later")
        cluster.ended("one", 2)
        rows = {row["reference"]: row for row in json.loads(images("list", "-o", "json").out)}
        assert rows.keys() == {reference, first["identifier"]}
        assert Path(first["identifier"]).exists()
        assert json.loads(images("prune", "--yes", "-o", "json").out) == {"removed": [first["identifier"]]}
        assert not Path(first["identifier"]).exists()
        cluster.submit("one", job="last")
        assert cluster.ended("one", 3)["last"]["status"] == "Succeeded"
        assert "another" in cluster.log("one", "last")
    finally:
        process.disconnect()
        from oscarcli.local import control

        control.reset(process.folder)
