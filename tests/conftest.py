"""What every test of the program needs: the real command, in a world of its own, and a server to call."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.support import botocore_files, forked
from tests.support.command import Caller, Outcome, Runner
from tests.support.forked import WARNINGS
from tests.support.programs import path_without_engines
from tests.support.server import ScriptedServer

__all__ = ["Caller", "Outcome", "Runner", "ScriptedServer"]


def pytest_configure(config: pytest.Config) -> None:
    """Start what runs the program for all processes that run tests, while they collect them."""
    is_first = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if is_first and forked.IS_POSSIBLE:
        forked.share()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from walking through thousands of collected tests again and again."""
    gc.disable()
    try:
        found: object = yield
        botocore_files.read_once()
        gc.collect()
        gc.freeze()
        return found
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow tests: what they wait for is then waited for while others are at work."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """Environment variables of an isolated world."""
    home = tmp_path / "home"
    home.mkdir()
    return isolated(home)


def isolated(home: Path) -> dict[str, str]:
    """Return the environment variables of a home: nothing of the machine's user reaches the program."""
    return {
        "HOME": str(home),
        "PATH": path_without_engines(),
        "LANG": "C.UTF-8",
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        "PYTHONWARNINGS": WARNINGS,
        # A keyring of this machine must never be asked.
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


@pytest.fixture
def run(world: dict[str, str]) -> Runner:
    """The real command, in a process of its own."""
    return Runner(Path(world["HOME"]), world)


@pytest.fixture
def call(world: dict[str, str]) -> Caller:
    """The command inside this process: for tests that make many calls."""
    return Caller(Path(world["HOME"]), world)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A scripted OSCAR server; the test fails when its script was not played to the letter."""
    with ScriptedServer() as scripted:
        yield scripted
        scripted.verify()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits for a condition, and fails the test when it never comes."""

    def wait(condition: Callable[[], bool], seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the condition never came"
            time.sleep(0.02)

    return wait


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests in this process speak to loopback alone, whatever the machine's proxy settings."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
