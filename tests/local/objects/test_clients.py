"""Programs other people wrote, unchanged: awscli, rclone and minio-py."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.local.objects.harness import CREDENTIALS, Server

MIB = 1 << 20
# Longer than one part of each of these clients.
LARGE = os.urandom(1000) * 20_000

Command = Callable[..., str]


def _run(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Return what the program printed; it must end well."""
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def aws(server: Server, tmp_path: Path, tool: Callable[[str], str]) -> Command:
    program = tool("aws")
    home = tmp_path / "aws"
    home.mkdir()

    def run(*words: str) -> str:
        return _run(
            [program, "--endpoint-url", server.endpoint, *words],
            home,
            {
                "AWS_ACCESS_KEY_ID": CREDENTIALS.access_key,
                "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_key,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_PAGER": "",
            },
        )

    return run


@pytest.fixture
def rclone(server: Server, tmp_path: Path, tool: Callable[[str], str]) -> Command:
    program = tool("rclone")
    home = tmp_path / "rclone"
    home.mkdir()

    def run(*words: str) -> str:
        return _run(
            [program, "--retries", "1", "--s3-chunk-size", "5Mi", "--s3-upload-cutoff", "5Mi", *words],
            home,
            {
                "RCLONE_CONFIG": str(home / "none.conf"),
                "RCLONE_CONFIG_OURS_TYPE": "s3",
                "RCLONE_CONFIG_OURS_PROVIDER": "Minio",
                "RCLONE_CONFIG_OURS_ENDPOINT": server.endpoint,
                "RCLONE_CONFIG_OURS_ACCESS_KEY_ID": CREDENTIALS.access_key,
                "RCLONE_CONFIG_OURS_SECRET_ACCESS_KEY": CREDENTIALS.secret_key,
            },
        )

    return run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with names that are hard on clients, an empty file and a large one."""
    folder = tmp_path / "tree"
    for name in ("a.txt", "sub/b c+d.txt", "sub/deep/é%41.bin", "empty"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else name.encode() * 100)
    (folder / "large.bin").write_bytes(LARGE)
    return folder


def _same(one: Path, other: Path) -> bool:
    def files(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }

    return files(one) == files(other)


@pytest.mark.thorough
def test_awscli(server: Server, aws: Command, tree: Path, tmp_path: Path) -> None:
    aws("s3", "mb", "s3://data")
    aws("s3", "sync", str(tree), "s3://data/in")
    assert "large.bin" in aws("s3", "ls", "s3://data/in/")
    aws("s3", "sync", "s3://data/in", str(tmp_path / "back"))
    assert _same(tree, tmp_path / "back")
    aws("s3", "cp", "s3://data/in/large.bin", "s3://data/copy.bin")
    aws("s3", "mv", "s3://data/in/a.txt", "s3://data/moved.txt")
    listed = json.loads(aws("s3api", "list-objects-v2", "--bucket", "data", "--output", "json"))
    keys = [item["Key"] for item in listed["Contents"]]
    assert "moved.txt" in keys
    assert "in/a.txt" not in keys
    aws("s3", "rb", "--force", "s3://data")
    assert server.store.buckets() == []
    assert server.blobs == []


def test_rclone(server: Server, rclone: Command, tree: Path, tmp_path: Path) -> None:
    rclone("mkdir", "ours:data")
    rclone("copy", str(tree), "ours:data/in")
    rclone("check", str(tree), "ours:data/in", "--download")
    rclone("check", str(tree), "ours:data/in")
    assert json.loads(rclone("lsjson", "ours:data/in/sub"))[0]["Name"] in ("b c+d.txt", "deep")
    rclone("copy", "ours:data/in", str(tmp_path / "back"))
    assert _same(tree, tmp_path / "back")
    rclone("move", "ours:data/in", "ours:data/moved")
    rclone("check", str(tree), "ours:data/moved")
    rclone("touch", "ours:data/moved/empty")
    assert rclone("cat", "ours:data/moved/sub/b c+d.txt").startswith("sub/b c+d.txt")
    rclone("purge", "ours:data")
    assert server.store.buckets() == []
    assert server.blobs == []


def test_minio_py(server: Server, tree: Path, tmp_path: Path) -> None:
    minio = pytest.importorskip("minio", reason="minio-py is not installed")
    client: Any = minio.Minio(
        endpoint=f"127.0.0.1:{server.port}",
        access_key=CREDENTIALS.access_key,
        secret_key=CREDENTIALS.secret_key,
        secure=False,
    )
    client.make_bucket(bucket_name="data")
    assert client.bucket_exists(bucket_name="data")
    assert not client.bucket_exists(bucket_name="other")
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        name = str(path.relative_to(tree))
        client.fput_object(bucket_name="data", object_name=name, file_path=str(path), part_size=5 * MIB)
        target = tmp_path / "back" / name
        client.fget_object(bucket_name="data", object_name=name, file_path=str(target))
    assert _same(tree, tmp_path / "back")
    client.put_object(
        bucket_name="data",
        object_name="stream",
        data=io.BytesIO(LARGE),
        length=-1,
        part_size=5 * MIB,
        metadata={"note": "green"},
    )
    stat = client.stat_object(bucket_name="data", object_name="stream")
    assert (stat.size, stat.metadata["x-amz-meta-note"]) == (len(LARGE), "green")
    names = [item.object_name for item in client.list_objects(bucket_name="data", recursive=True)]
    assert names == sorted(["a.txt", "empty", "large.bin", "stream", "sub/b c+d.txt", "sub/deep/é%41.bin"])
    url = client.presigned_get_object(
        bucket_name="data", object_name="sub/b c+d.txt", expires=timedelta(minutes=1)
    )
    assert url.startswith(server.endpoint)
    to_delete = [minio.deleteobjects.DeleteObject(name) for name in names]
    assert list(client.remove_objects(bucket_name="data", delete_object_list=to_delete)) == []
    client.remove_bucket(bucket_name="data")
    assert server.blobs == []
