"""Two servers that must answer alike: the local cluster's store, and MinIO where it is installed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.s3.target import Target
from tests.local.objects.harness import boto_client
from tests.support.daily import daily
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, Server, local_server, minio_server

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with local_server(tmp_path_factory.mktemp("local")) as server:
        yield server


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with minio_server(tmp_path_factory.mktemp("minio")) as server:
        yield server


# What MinIO answers does not change with this program: CI asks it.
@pytest.fixture(params=daily(["local", "minio"], "local"))
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    server: Server = request.getfixturevalue(request.param)
    client = boto_client(server.endpoint, key=ACCESS_KEY, secret=SECRET_KEY)
    bucket = f"bucket-{os.getpid()}-{next(NUMBERS)}"
    client.create_bucket(Bucket=bucket)
    port = urlsplit(server.endpoint).port
    assert port is not None
    yield Target(request.param, server.endpoint, port, client, bucket)
    client.close()


@pytest.fixture(scope="session")
def cache_folder() -> Path:
    """A folder that outlives the tests: programs are built once."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "oscar-cli-tests"
