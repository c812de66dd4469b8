"""The tables of the object store and the statements on them.

Functions here take the connection, so that a caller decides what belongs to one transaction. Keys are TEXT:
SQLite compares it by its UTF-8 bytes, which is S3's order.

The bytes of an object are its *pieces*: blobs in order, one for a simple upload, one for each part of a
multipart upload, none for an empty object. An upload and the object it becomes share the name of the
content, so that completing a terabyte is one row and no copying. A small blob lies in the database itself: it
is durable with the commit that names it, where a file of its own would take two more flushes of the disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from functools import lru_cache

from oscarcli.local.objects.model import Attributes, Bucket, Checksum, ObjectRecord

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY,
    created_ns INTEGER NOT NULL,
    tags TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL REFERENCES buckets (name),
    key TEXT NOT NULL,
    content TEXT NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified_ns INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    checksum TEXT,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    content TEXT PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES buckets (name),
    key TEXT NOT NULL,
    started_ns INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    checksum_algorithm TEXT NOT NULL,
    checksum_kind TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, content);
CREATE TABLE IF NOT EXISTS pieces (
    content TEXT NOT NULL,
    number INTEGER NOT NULL,
    blob TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    checksum TEXT NOT NULL,
    modified_ns INTEGER NOT NULL,
    PRIMARY KEY (content, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS small_blobs (
    blob TEXT PRIMARY KEY REFERENCES pieces (blob) ON DELETE CASCADE,
    data BLOB NOT NULL
);
"""

Connection = sqlite3.Connection


# -- buckets ---------------------------------------------------------------------------------------------


def get_bucket(connection: Connection, name: str) -> Bucket | None:
    """Return the bucket, or None."""
    row = connection.execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
    return None if row is None else _bucket(row)


def has_bucket(connection: Connection, name: str) -> bool:
    """Tell whether there is such a bucket."""
    return connection.execute("SELECT 1 FROM buckets WHERE name = ?", (name,)).fetchone() is not None


def get_buckets(connection: Connection) -> list[Bucket]:
    """Return all buckets by name."""
    return [_bucket(row) for row in connection.execute("SELECT * FROM buckets ORDER BY name")]


def add_bucket(connection: Connection, bucket: Bucket) -> None:
    """Insert a bucket that does not exist."""
    connection.execute(
        "INSERT INTO buckets (name, created_ns, tags) VALUES (?, ?, ?)",
        (bucket.name, bucket.created_ns, json.dumps(dict(bucket.tags))),
    )


def set_bucket_tags(connection: Connection, name: str, tags: Mapping[str, str]) -> None:
    """Replace the tags of a bucket."""
    connection.execute("UPDATE buckets SET tags = ? WHERE name = ?", (json.dumps(dict(tags)), name))


def remove_bucket(connection: Connection, name: str) -> list[str]:
    """Delete a bucket with its objects and uploads; returns the contents that are gone."""
    contents = [
        row["content"]
        for table in ("objects", "uploads")
        for row in connection.execute(f"SELECT content FROM {table} WHERE bucket = ?", (name,))  # noqa: S608
    ]
    connection.execute("DELETE FROM objects WHERE bucket = ?", (name,))
    connection.execute("DELETE FROM uploads WHERE bucket = ?", (name,))
    connection.execute("DELETE FROM buckets WHERE name = ?", (name,))
    return contents


def has_objects(connection: Connection, name: str) -> bool:
    """Tell whether the bucket holds at least one object."""
    return (
        connection.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (name,)).fetchone() is not None
    )


def get_usage(connection: Connection, name: str) -> tuple[int, int]:
    """Return (bytes, objects) of a bucket."""
    row = connection.execute(
        "SELECT coalesce(sum(size), 0), count(*) FROM objects WHERE bucket = ?", (name,)
    ).fetchone()
    return row[0], row[1]


# -- objects ---------------------------------------------------------------------------------------------


def get_object(connection: Connection, bucket: str, key: str) -> ObjectRecord | None:
    """Return the object, or None."""
    row = connection.execute("SELECT * FROM objects WHERE bucket = ? AND key = ?", (bucket, key)).fetchone()
    return None if row is None else read_object(row)


def scan_objects(
    connection: Connection, bucket: str, start: str, stop: str | None, *, after: bool, limit: int
) -> Iterator[ObjectRecord]:
    """Yield up to `limit` objects by key, from `start` (itself left out when `after`) up to before `stop`."""
    comparison = ">" if after else ">="
    bound = "" if stop is None else "AND key < ?"
    values = [bucket, start, *([] if stop is None else [stop]), limit]
    rows = connection.execute(
        f"SELECT * FROM objects WHERE bucket = ? AND key {comparison} ? {bound} ORDER BY key LIMIT ?",  # noqa: S608
        values,
    )
    return map(read_object, rows)


def add_object(connection: Connection, item: ObjectRecord) -> bool:
    """Insert the object unless there is one of its key; tell whether there was none.

    Raises sqlite3.IntegrityError when there is no such bucket.
    """
    query = "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    return connection.execute(query, _row(item)).rowcount == 1


def put_object(connection: Connection, item: ObjectRecord) -> None:
    """Insert the object, or replace the one of its key."""
    connection.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(item))


def set_object_tags(connection: Connection, item: ObjectRecord, tags: Mapping[str, str]) -> None:
    """Replace the tags of an object that exists."""
    attributes = Attributes(item.content_type, item.attributes.headers, item.metadata, tags)
    connection.execute(
        "UPDATE objects SET attributes = ? WHERE bucket = ? AND key = ?",
        (dump_attributes(attributes), item.bucket, item.key),
    )


def remove_object(connection: Connection, bucket: str, key: str) -> None:
    """Delete the object's row; its pieces are removed by `remove_pieces`."""
    connection.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key))


# -- rows and values -------------------------------------------------------------------------------------


def _bucket(row: sqlite3.Row) -> Bucket:
    return Bucket(row["name"], row["created_ns"], json.loads(row["tags"]))


def _row(item: ObjectRecord) -> tuple[str | int | None, ...]:
    return (
        item.bucket,
        item.key,
        item.content,
        item.size,
        item.etag,
        item.modified_ns,
        dump_attributes(item.attributes),
        _dump_checksum(item.checksum),
    )


def read_object(row: sqlite3.Row) -> ObjectRecord:
    """Return the object that a row of its table is."""
    checksum = None if row["checksum"] is None else Checksum(*json.loads(row["checksum"]))
    return ObjectRecord(
        bucket=row["bucket"],
        key=row["key"],
        size=row["size"],
        etag=row["etag"],
        modified_ns=row["modified_ns"],
        attributes=load_attributes(row["attributes"]),
        checksum=checksum,
        content=row["content"],
    )


def dump_attributes(attributes: Attributes) -> str:
    """Return attributes as a column holds them."""
    if not (attributes.headers or attributes.metadata or attributes.tags):
        return _dump_content_type(attributes.content_type)
    return json.dumps(
        [
            attributes.content_type,
            dict(attributes.headers),
            dict(attributes.metadata),
            dict(attributes.tags),
        ]
    )


@lru_cache(maxsize=64)
def _dump_content_type(content_type: str) -> str:
    return json.dumps([content_type, {}, {}, {}])


def load_attributes(text: str) -> Attributes:
    """Return attributes from their column."""
    return Attributes(*json.loads(text))


def _dump_checksum(checksum: Checksum | None) -> str | None:
    return None if checksum is None else json.dumps([checksum.algorithm, checksum.value, checksum.kind])
