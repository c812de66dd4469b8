"""Local clusters for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.harness import LocalCluster, open_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster that the tests of a module share; each uses services of its own."""
    running = open_cluster(tmp_path_factory.mktemp("shared") / "data", parallel=4)
    yield running
    running.close()


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[Callable[..., LocalCluster]]:
    """Start clusters of one test's own; all share one directory, so close one before the next."""
    started: list[LocalCluster] = []

    def start(**options: Any) -> LocalCluster:
        started.append(open_cluster(tmp_path / "data", **options))
        return started[-1]

    yield start
    for running in started:
        running.close()
