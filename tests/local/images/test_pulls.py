"""How images are got, and that nothing of it outlives the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscarcli.local.images.authentication import PullSecrets
from oscarcli.local.images.model import Image, ImageError
from oscarcli.local.images.pulls import ImageRequest, Pulls
from oscarcli.local.images.table import ImageTable
from oscarcli.local.jobs.engine.client import EngineProgram
from oscarcli.local.schema import SCHEMA
from oscarcli.local.state import State
from tests.local.harness import LocalCluster


class Store:
    """An engine's images: none, and any can be pulled."""

    def __init__(self) -> None:
        self.pulled: list[str] = []

    def find(self, _reference: str) -> Image | None:
        return None

    def check(self, image: Image) -> None:
        raise NotImplementedError

    def pull(self, reference: str, _authentication: Path | None, _progress: Callable[[str], None]) -> Image:
        self.pulled.append(reference)
        return Image(reference, "sha256:1", "", 1)

    def remove(self, identifier: str) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """Nothing takes any time."""


@pytest.fixture
def pulls(tmp_path: Path) -> Iterator[Pulls]:
    state = State(tmp_path / "state.db", SCHEMA)
    yield Pulls(ImageTable(state), PullSecrets(tmp_path / "secrets"))
    state.close()


def test_an_image_is_pulled_until_the_server_is_about_to_stop(pulls: Pulls) -> None:
    store = Store()
    assert pulls.require(ImageRequest("podman", store, "first"), lambda: None).identifier == "sha256:1"
    pulls.stop()
    with pytest.raises(ImageError, match="the server is about to stop"):
        pulls.require(ImageRequest("podman", store, "second"), lambda: None)
    assert store.pulled == ["first"]


def test_a_pull_that_a_thread_has_yet_to_start_ends_with_the_others() -> None:
    program = EngineProgram(["/bin/sleep"])
    program.stop()
    with pytest.raises(ImageError):
        program.pull(["60"], lambda _line: None)


def test_the_first_image_that_is_asked_for_at_the_end_is_not_pulled(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    inner, store = start_cluster().server.cluster, Store()
    inner.stop_runs()
    with pytest.raises(ImageError, match="the server is about to stop"):
        inner._pulls.require(ImageRequest("podman", store, "late"), lambda: None)
    assert store.pulled == []
