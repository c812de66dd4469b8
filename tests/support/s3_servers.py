"""Servers that speak S3 on loopback: moto, the local cluster's store, and MinIO where it is installed."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from oscarcli.storage.s3 import boto as s3_boto
from oscarcli.storage.s3.settings import S3Settings
from tests.support.ports import free_port

ACCESS_KEY, SECRET_KEY = "conformance", "conformance-secret"


@dataclass(frozen=True)
class Server:
    """Something that speaks S3 on loopback."""

    endpoint: str
    checks_keys: bool = True
    is_fast: bool = True

    @property
    def settings(self) -> S3Settings:
        return S3Settings("minio.default", ACCESS_KEY, SECRET_KEY, endpoint=self.endpoint, read_timeout=30)


def minio_provider(endpoint: str) -> dict[str, Any]:
    """Return how a manager tells of its store at an endpoint."""
    return {"endpoint": endpoint, "verify": True, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}


@contextmanager
def empty_bucket(server: Server, bucket: str) -> Iterator[Any]:
    """Give a client of a store, with an empty bucket in it; the client is closed when the tests end."""
    client = client_of(server)
    if bucket not in [found["Name"] for found in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=bucket)
    for found in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        client.delete_object(Bucket=bucket, Key=found["Key"])
    yield client


@functools.cache
def client_of(server: Server) -> Any:
    """Return a client of a store: one for all tests, as to make one costs more than most of them."""
    client = s3_boto.boto_client(server.settings)
    atexit.register(client.close)
    return client


@contextmanager
def moto_server() -> Iterator[Server]:
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Server(f"http://{host}:{port}", checks_keys=False, is_fast=False)
    finally:
        server.stop()


@contextmanager
def local_server(folder: Path, names: Iterable[str] = ()) -> Iterator[Server]:
    """Serve the local cluster's own store, also under these names of hosts."""
    from oscarcli.local.http.hosts import AllowedHosts
    from oscarcli.local.http.listener import Listener
    from oscarcli.local.objects import index
    from oscarcli.local.objects.s3.listener import S3Front
    from oscarcli.local.objects.s3.signatures import Credentials
    from oscarcli.local.objects.store import ObjectStore
    from oscarcli.local.state import State

    state = State(folder / "state.db", [index.SCHEMA])
    front = S3Front(ObjectStore(state, folder / "blobs"), Credentials(ACCESS_KEY, SECRET_KEY))
    hosts = AllowedHosts("127.0.0.1", names)
    listener = Listener("127.0.0.1", 0, front.handle, hosts=hosts, is_quick=front.is_quick)
    listener.start()
    try:
        yield Server(f"http://127.0.0.1:{listener.port}")
    finally:
        listener.stop()
        state.close()


def minio_binary() -> str | None:
    go_path = os.environ.get("GOPATH") or str(Path.home() / "go")
    return shutil.which("minio") or shutil.which("minio", path=f"{go_path}/bin")


@contextmanager
def minio_server(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Serve a MinIO with its data in `folder` and more settings in its environment."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("there is no minio binary here")
    port = free_port()
    process = subprocess.Popen(
        [binary, "server", "--quiet", "--address", f"127.0.0.1:{port}", str(folder / "data")],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "MINIO_ROOT_USER": ACCESS_KEY,
            "MINIO_ROOT_PASSWORD": SECRET_KEY,
            "MINIO_BROWSER": "off",
            **(environment or {}),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = Server(f"http://127.0.0.1:{port}", is_fast=False)
        wait_for_buckets(server)
        yield server
    finally:
        process.terminate()
        process.wait()


def wait_for_buckets(server: Server) -> None:
    client = s3_boto.boto_client(replace(server.settings, read_timeout=2))
    deadline = time.monotonic() + 30
    while True:
        try:
            client.list_buckets()
        except Exception:  # noqa: BLE001 -- any answer but a good one means: not yet
            assert time.monotonic() < deadline, "the server does not come up"
            time.sleep(0.05)
        else:
            break
    client.close()
