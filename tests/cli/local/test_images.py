"""`local images`: what the cluster keeps, shown and removed by the real command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ExitCode
from tests.local.harness import Process, wait_for
from tests.support.images import missing_busybox, missing_engine, write_archive

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
        tree = Path(row["identifier"])
        assert (tree / "root" / "bin" / "busybox").exists()
        assert images("prune").out == "0 images removed\n"
        cluster.api.delete("/system/services/uses")
        assert images("prune").code == ExitCode.USAGE
        assert tree.exists()
        removed = images("prune", "--yes")
        assert (removed.code, removed.out) == (0, "1 images removed\n")
        assert not tree.exists()
        assert json.loads(images("list", "-o", "json").out) == []
    finally:
        process.disconnect()
        from oscarcli.local import control

        control.reset(process.folder)
