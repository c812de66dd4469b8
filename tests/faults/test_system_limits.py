"""Limits of the system and files that change: the real command names the cause, and does what it can."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oscarcli.storage.s3.boto import boto_client
from tests.conftest import Runner
from tests.support.command import COMMAND, PATIENCE
from tests.support.s3_servers import local_server, minio_provider
from tests.support.scripted_s3 import MIB, Reply, Seen, Server, multipart_answer

BUCKET = "svc"


@dataclass
class Limited:
    """The command under limits of a shell, and a cluster with a real store."""

    run: Runner
    objects: Any

    def __call__(self, limit: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["bash", "-c", f'ulimit {limit}; exec "$@"', "-", *COMMAND, "bucket", *words],
            capture_output=True,
            timeout=PATIENCE,
            env={**self.run.environ},
            cwd=self.run.home,
            check=False,
        )

    def keys(self) -> set[str]:
        return {found["Key"] for found in self.objects.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def know_store(run: Runner, endpoint: str) -> Server:
    """Let a cluster with this store be on record; return its manager."""
    body = json.dumps({"config": {}, "minio_provider": minio_provider(endpoint)}).encode()
    manager = Server()
    manager.script = lambda _: Reply(headers={"Content-Type": "application/json"}, body=body)
    run.know(manager.endpoint)
    return manager


@pytest.fixture
def limited(run: Runner, tmp_path: Path) -> Iterator[Limited]:
    with local_server(tmp_path) as store:
        objects = boto_client(store.settings)
        objects.create_bucket(Bucket=BUCKET)
        manager = know_store(run, store.endpoint)
        yield Limited(run, objects)
        manager.stop()
        objects.close()


def test_few_open_files_are_enough_for_many_small_uploads(limited: Limited) -> None:
    names = [f"f{number}" for number in range(30)]
    for name in names:
        (limited.run.home / name).write_text(name)
    done = limited("-n 16", "put-file", BUCKET, *names, "in/")
    assert (done.returncode, done.stderr) == (0, b"")
    assert limited.keys() == {f"in/{name}" for name in names}


@pytest.mark.thorough
def test_few_open_files_are_enough_for_large_uploads_and_downloads(limited: Limited) -> None:
    names = ["a", "b"]
    for name in names:
        (limited.run.home / name).write_bytes(name.encode() * (40 * MIB))
    done = limited("-n 16", "put-file", BUCKET, *names, "in/", "--no-progress")
    assert (done.returncode, done.stderr) == (0, b"")
    done = limited("-n 16", "get-file", BUCKET, "in/", "here", "--no-progress")
    assert (done.returncode, done.stderr) == (0, b"")
    assert {path.name: path.stat().st_size for path in (limited.run.home / "here").iterdir()} == {
        "a": 40 * MIB,
        "b": 40 * MIB,
    }


def test_a_limit_of_the_size_of_files_is_named_and_nothing_half_written_stays(limited: Limited) -> None:
    limited.objects.put_object(Bucket=BUCKET, Key="two", Body=os.urandom(2 * MIB))
    before = set(limited.run.home.iterdir())
    done = limited("-f 1000", "get-file", BUCKET, "two", "here")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b'"here" cannot be written: File too large\nhint: ' in done.stderr
    assert b"ulimit -f" in done.stderr
    assert set(limited.run.home.iterdir()) == before


def test_a_full_disk_is_named(limited: Limited) -> None:
    limited.objects.put_object(Bucket=BUCKET, Key="two", Body=os.urandom(2 * MIB))
    done = limited("-n 100", "get-file", BUCKET, "two", "/dev/full")
    assert done.returncode == 1
    assert b'"/dev/full" cannot be written: No space left on device\n' in done.stderr


def test_a_file_that_becomes_shorter_while_it_is_sent_is_told_as_that(run: Runner) -> None:
    big = run.home / "big.bin"
    big.write_bytes(b"x" * (40 * MIB))
    store = Server()
    manager = know_store(run, store.endpoint)

    def answer(seen: Seen) -> Reply:
        if seen.path.endswith("?uploads"):
            os.truncate(big, 1000)
        return multipart_answer(seen)

    store.script = answer
    done = run("bucket", "put-file", BUCKET, "big.bin")
    store.stop()
    manager.stop()
    assert (done.code, done.out) == (7, "")
    assert done.err == 'Error: the local file "big.bin" was changed while it was read\n'
    assert [seen.method for seen in store.seen].count("DELETE") == 1
