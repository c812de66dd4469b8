"""Transfers that are killed at any moment go on where they were: the real command, and stores on loopback.

`TEST_KILLS=50` kills each direction at so many moments of 200 MiB.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller, Runner
from tests.support.s3_servers import Server, empty_bucket, local_server, minio_provider, minio_server
from tests.support.server import ScriptedServer, document

MIB = 1 << 20
BUCKET = "photos"
KILLS = int(os.environ.get("TEST_KILLS", "2"))
SIZE = (200 if KILLS > 10 else 40) * MIB + 4321


@pytest.fixture(scope="module", params=["local", "minio"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    serve = local_server if request.param == "local" else minio_server
    with serve(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def objects(store: Server) -> Iterator[Any]:
    with empty_bucket(store, BUCKET) as client:
        yield client


@pytest.fixture
def killed(run: Runner, call: Caller, server: ScriptedServer, store: Server) -> Runner:
    """The command, with a cluster that gives the store's keys."""
    call.know(server.url)
    minio = minio_provider(store.endpoint)
    server.always("GET", "/system/config", document({"config": {}, "minio_provider": minio}))
    return run


def content(seed: int) -> bytes:
    return random.Random(seed).randbytes(SIZE)


def digest_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def kill_once(run: Runner, pieces: int, delay: float, *words: str) -> bool:
    """Start a command and kill it once so many pieces have arrived, or a little later.

    Returns:
        Whether it was still running.
    """
    process = run.start(*words)
    while process.poll() is None and pieces_of(run) < pieces:
        time.sleep(0.002)
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def pieces_of(run: Runner) -> int:
    """Return how many pieces a journal tells of."""
    lines = 0
    for path in run.journals:
        with contextlib.suppress(FileNotFoundError):
            lines = path.read_bytes().count(b"\n")
    return lines - 1


def moments() -> Iterator[tuple[int, float]]:
    """Yield random moments of a transfer: after so many pieces, and so many seconds."""
    chance = random.Random(7)
    for _ in range(KILLS):
        yield chance.randrange(SIZE // (16 * MIB)), chance.uniform(0.0, 0.1)


@pytest.mark.thorough
def test_a_put_that_is_killed_goes_on(killed: Runner, objects: Any) -> None:
    source = killed.home / "large.bin"
    words = ("bucket", "put-file", BUCKET, "large.bin", "in/large.bin", "--no-progress")
    kills = resumed = 0
    for number, moment in enumerate(moments()):
        source.write_bytes(content(number))
        kills += kill_once(killed, *moment, *words)
        result = killed(*words)
        assert result.code == 0, result.err
        resumed += "goes on" in result.err
        body = objects.get_object(Bucket=BUCKET, Key="in/large.bin")["Body"]
        assert hashlib.md5(body.read()).hexdigest() == digest_of(source)
        assert killed.journals == []
    assert resumed >= KILLS // 10, f"{kills} were killed, and {resumed} went on"


@pytest.mark.thorough
def test_a_get_that_is_killed_goes_on(killed: Runner, objects: Any) -> None:
    words = ("bucket", "get-file", BUCKET, "out/large.bin", "large.bin", "--no-progress")
    target = killed.home / "large.bin"
    kills = resumed = 0
    for number, moment in enumerate(moments()):
        objects.put_object(Bucket=BUCKET, Key="out/large.bin", Body=content(number))
        kills += kill_once(killed, *moment, *words)
        result = killed(*words)
        assert result.code == 0, result.err
        resumed += "goes on" in result.err
        assert digest_of(target) == hashlib.md5(content(number)).hexdigest()
        assert killed.journals == []
        assert list(killed.home.glob(".large.bin.*")) == []
    assert resumed >= KILLS // 10, f"{kills} were killed, and {resumed} went on"
