"""Files in Amazon S3, which has a region and no endpoint: the real command, with moto in Amazon's place.

moto's proxy answers for every host of Amazon, with certificates of its own authority.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Runner
from tests.local.harness import wait_for
from tests.support.ports import free_port
from tests.support.server import ScriptedServer, document

KEYS = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "secret"}
REGION = "eu-west-1"
LARGE = bytes(range(256)) * (40 << 12)


@pytest.fixture(scope="module")
def amazon() -> Iterator[str]:
    """The address of the proxy behind which Amazon is."""
    program = Path(sys.executable).with_name("moto_proxy")
    if not program.exists() or shutil.which("openssl") is None:
        pytest.skip("moto's proxy, or openssl, is not here")
    port = free_port()
    command = [str(program), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: process.poll() is not None or _listens(port), "moto's proxy")
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def service(run: Runner, server: ScriptedServer, amazon: str, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """The program, and a service "svc" that writes to a bucket in Ireland."""
    import moto.moto_proxy

    authority = Path(moto.moto_proxy.__file__).with_name("ca.crt")
    definition: dict[str, Any] = {
        "name": "svc",
        "output": [{"storage_provider": "s3.mine", "path": "my-bucket/out"}],
        "storage_providers": {"s3": {"mine": {**KEYS, "region": REGION}}},
    }
    server.always("GET", "/system/services/svc", lambda _: document(definition))
    entry = {"endpoint": server.url, "auth_user": "u", "auth_password": "p", "ca_file": str(authority)}
    run.write_config(json.dumps({"oscar": {"c": entry}, "default": "c"}))
    monkeypatch.chdir(run.home)
    proxied = {**run.environ, "HTTPS_PROXY": amazon, "NO_PROXY": "127.0.0.1"}
    _make_bucket(amazon, authority)
    return replace(run, environ=proxied)


def _make_bucket(proxy: str, authority: Path) -> None:
    """Make the bucket as its owner would: by Amazon's own library."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        aws_access_key_id=KEYS["access_key"],
        aws_secret_access_key=KEYS["secret_key"],
        region_name=REGION,
        verify=str(authority),
        config=Config(proxies={"https": proxy}),
    )
    if not client.list_buckets()["Buckets"]:
        client.create_bucket(Bucket="my-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})


@pytest.mark.thorough
def test_files_go_there_and_come_back(service: Runner, tmp_path: Path) -> None:
    (service.home / "größe 1.txt").write_text("hello")
    (service.home / "large.bin").write_bytes(LARGE)
    for name in ("größe 1.txt", "large.bin"):
        put = service("service", "put-file", "svc", "s3.mine", name, "my-bucket/out/")
        assert put.code == 0, put.err
    listed = service("service", "list-files", "svc", "-q")
    assert listed.out.splitlines() == ["größe 1.txt", "large.bin"]
    got = service("service", "get-file", "svc", "s3.mine", "my-bucket/out/", "back/")
    assert got.code == 0, got.err
    assert (service.home / "back" / "large.bin").read_bytes() == LARGE
    assert (service.home / "back" / "größe 1.txt").read_text() == "hello"
    assert service("service", "delete-file", "svc", "s3.mine", "my-bucket/out/large.bin").code == 0
    missing = service("service", "get-file", "svc", "s3.mine", "my-bucket/out/large.bin")
    assert (missing.code, missing.out) == (5, "")


def test_which_client_moves_them_is_said(service: Runner) -> None:
    said = service("service", "list-files", "svc", "-v").err
    assert "s3.mine: objects are moved by the boto3 client: Amazon's regions" in said


def test_a_bucket_that_is_not_there_is_no_bucket_of_ours(service: Runner) -> None:
    result = service("service", "list-files", "svc", "s3.mine", "nobodys-bucket/out")
    assert result.code == 5
    assert '"nobodys-bucket' in result.err
