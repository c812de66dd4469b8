"""A running store for each test, and the clients other people wrote."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.objects.harness import Server, boto_client, running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as server:
        yield server


@pytest.fixture
def s3(server: Server) -> Iterator[Any]:
    """A boto3 client, with a bucket named `data`."""
    client = boto_client(server.endpoint)
    client.create_bucket(Bucket="data")
    yield client
    client.close()


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Find a program beside the interpreter or on PATH; skip the test when there is none."""

    def find(name: str) -> str:
        path = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        if path is None:
            pytest.skip(f"{name} is not installed")
        return path

    return find
