"""A store behind a real listener, in this process."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from oscarcli.local.http.listener import Listener
from oscarcli.local.objects import index
from oscarcli.local.objects.model import ObjectCreated
from oscarcli.local.objects.s3.listener import S3Front
from oscarcli.local.objects.s3.signatures import Credentials
from oscarcli.local.objects.store import ObjectStore
from oscarcli.local.state import State

CREDENTIALS = Credentials("localadmin", "local-secret-key")
# What a hook of the store might keep; it lives in the same database.
EVENTS = "CREATE TABLE IF NOT EXISTS test_events (bucket TEXT, key TEXT, etag TEXT, name TEXT)"


@dataclass
class Server:
    """A running store."""

    folder: Path
    store: ObjectStore
    state: State
    port: int
    created: list[ObjectCreated] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def blobs(self) -> list[str]:
        """The names of all blobs: files, and small ones in the database."""
        files = [path.name for path in (self.folder / "blobs").rglob("*") if path.is_file()]
        rows = self.state.read().execute("SELECT blob FROM small_blobs").fetchall()
        return sorted(files + [row["blob"] for row in rows])

    @property
    def named_blobs(self) -> list[str]:
        # An empty part has a row but no bytes.
        rows = self.state.read().execute("SELECT blob FROM pieces WHERE size > 0")
        return sorted(row["blob"] for row in rows)

    def content(self, key: str) -> bytes:
        """The bytes of an object in the bucket `data`."""
        with self.store.open("data", key)[1] as reader:
            return reader.read()

    def has_no_orphans(self) -> bool:
        return self.blobs == self.named_blobs


def boto_client(endpoint: str, *, key: str = "", secret: str = "", **config: Any) -> Any:
    """Return a boto3 client with its own default settings, except that it fails at once."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=key or CREDENTIALS.access_key,
        aws_secret_access_key=secret or CREDENTIALS.secret_key,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 1}, **config),
    )


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Serve a store below `folder` until the end of the block."""
    created: list[ObjectCreated] = []
    commits: list[int] = []

    def keep(connection: sqlite3.Connection, event: ObjectCreated) -> bool:
        stored = event.stored
        row = (stored.bucket, stored.key, stored.etag, event.event_name)
        connection.execute("INSERT INTO test_events VALUES (?, ?, ?, ?)", row)
        created.append(event)
        return stored.key != "unheard"

    state = State(folder / "state.db", [index.SCHEMA, EVENTS])
    store = ObjectStore(
        state, folder / "blobs", on_created=keep, committed=lambda: commits.append(len(created))
    )
    store.sweep()
    front = S3Front(store, CREDENTIALS)
    listener = Listener("127.0.0.1", 0, front.handle, is_quick=front.is_quick)
    listener.start()
    try:
        yield Server(folder, store, state, listener.port, created, commits)
    finally:
        listener.stop()
        state.close()


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Return (status, code) of the error a boto3 call ends in."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
