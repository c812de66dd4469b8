"""Statements on the pieces of objects and on unfinished uploads; the tables are in `index.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from oscarcli.local.objects.index import dump_attributes, load_attributes, read_object
from oscarcli.local.objects.model import MultipartUpload, ObjectRecord, Piece

# -- pieces ----------------------------------------------------------------------------------------------


def get_pieces(
    connection: sqlite3.Connection, content: str, *, after: int = 0, limit: int = -1
) -> list[Piece]:
    """Return the pieces of a content by number, those above `after`, at most `limit` (-1: all)."""
    rows = connection.execute(
        "SELECT * FROM pieces WHERE content = ? AND number > ? ORDER BY number LIMIT ?",
        (content, after, limit),
    )
    return [_piece(row) for row in rows]


def get_pieces_with_data(
    connection: sqlite3.Connection, content: str
) -> tuple[list[Piece], dict[str, bytes]]:
    """Return all pieces of a content by number, and the bytes of those blobs that are no files."""
    rows = connection.execute(
        "SELECT pieces.*, data FROM pieces LEFT JOIN small_blobs USING (blob) "
        "WHERE content = ? ORDER BY number",
        (content,),
    ).fetchall()
    small = {row["blob"]: row["data"] for row in rows if row["data"] is not None}
    return [_piece(row) for row in rows], small


def get_small_object(
    connection: sqlite3.Connection, bucket: str, key: str
) -> tuple[ObjectRecord, Piece, bytes] | None:
    """Return an object, its piece and its bytes, at one look, if they are one blob that is no file."""
    row = connection.execute(
        "SELECT objects.*, number, blob, pieces.etag AS piece_etag, pieces.checksum AS piece_checksum, "
        "pieces.modified_ns AS piece_modified_ns, data FROM objects "
        "JOIN pieces USING (content) JOIN small_blobs USING (blob) "
        "WHERE bucket = ? AND key = ? AND pieces.size = objects.size",
        (bucket, key),
    ).fetchone()
    if row is None:
        return None
    own = (row["piece_etag"], row["piece_checksum"], row["piece_modified_ns"])
    return read_object(row), Piece(row["number"], row["blob"], row["size"], *own), row["data"]


def add_small_blob(connection: sqlite3.Connection, blob: str, data: bytes) -> None:
    """Store the bytes of a blob that a piece names; they go with the piece."""
    connection.execute("INSERT INTO small_blobs VALUES (?, ?)", (blob, data))


def get_blobs(connection: sqlite3.Connection, content: str, number: int) -> list[str]:
    """Return the blob of a piece, if there is such a piece."""
    rows = connection.execute("SELECT blob FROM pieces WHERE content = ? AND number = ?", (content, number))
    return [row["blob"] for row in rows]


def add_piece(connection: sqlite3.Connection, content: str, piece: Piece) -> None:
    """Insert a piece; there is none of its number."""
    connection.execute(
        "INSERT INTO pieces VALUES (?, ?, ?, ?, ?, ?, ?)",
        (content, piece.number, piece.blob, piece.size, piece.etag, piece.checksum, piece.modified_ns),
    )


def remove_pieces(connection: sqlite3.Connection, content: str) -> list[str]:
    """Delete all pieces of a content; returns their blobs."""
    blobs = [piece.blob for piece in get_pieces(connection, content)]
    connection.execute("DELETE FROM pieces WHERE content = ?", (content,))
    return blobs


def remove_numbers(connection: sqlite3.Connection, content: str, numbers: Iterable[int]) -> None:
    """Delete single pieces of a content."""
    connection.executemany(
        "DELETE FROM pieces WHERE content = ? AND number = ?", [(content, number) for number in numbers]
    )


def blobs_between(connection: sqlite3.Connection, start: str, stop: str) -> set[str]:
    """Return the blobs that some piece names, from `start` up to before `stop`."""
    rows = connection.execute("SELECT blob FROM pieces WHERE blob >= ? AND blob < ?", (start, stop))
    return {row["blob"] for row in rows}


def remove_unowned_pieces(connection: sqlite3.Connection) -> int:
    """Delete pieces whose object and upload are gone; returns how many."""
    cursor = connection.execute(
        "DELETE FROM pieces WHERE content NOT IN "
        "(SELECT content FROM objects UNION SELECT content FROM uploads)"
    )
    return cursor.rowcount


# -- uploads ---------------------------------------------------------------------------------------------


def get_upload(connection: sqlite3.Connection, identifier: str) -> MultipartUpload | None:
    """Return the unfinished upload, or None."""
    row = connection.execute("SELECT * FROM uploads WHERE content = ?", (identifier,)).fetchone()
    return None if row is None else _upload(row)


def scan_uploads(
    connection: sqlite3.Connection, bucket: str, start: str, stop: str | None, after_identifier: str
) -> Iterator[MultipartUpload]:
    """Yield uploads by (key, identifier), after (`start`, `after_identifier`) and before the key `stop`."""
    bound = "" if stop is None else "AND key < ?"
    values = [bucket, start, after_identifier, *([] if stop is None else [stop])]
    rows = connection.execute(
        f"SELECT * FROM uploads WHERE bucket = ? AND (key, content) > (?, ?) {bound} "  # noqa: S608
        "ORDER BY key, content",
        values,
    )
    return map(_upload, rows)


def uploads_before(connection: sqlite3.Connection, started_ns: int) -> list[str]:
    """Return the identifiers of uploads begun before that time."""
    rows = connection.execute("SELECT content FROM uploads WHERE started_ns < ?", (started_ns,))
    return [row["content"] for row in rows]


def add_upload(connection: sqlite3.Connection, upload: MultipartUpload) -> None:
    """Insert a new upload."""
    connection.execute(
        "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            upload.identifier,
            upload.bucket,
            upload.key,
            upload.started_ns,
            dump_attributes(upload.attributes),
            upload.checksum_algorithm,
            upload.checksum_kind,
        ),
    )


def remove_upload(connection: sqlite3.Connection, identifier: str) -> None:
    """Delete the upload's row."""
    connection.execute("DELETE FROM uploads WHERE content = ?", (identifier,))


def _piece(row: sqlite3.Row) -> Piece:
    return Piece(row["number"], row["blob"], row["size"], row["etag"], row["checksum"], row["modified_ns"])


def _upload(row: sqlite3.Row) -> MultipartUpload:
    return MultipartUpload(
        identifier=row["content"],
        bucket=row["bucket"],
        key=row["key"],
        started_ns=row["started_ns"],
        attributes=load_attributes(row["attributes"]),
        checksum_algorithm=row["checksum_algorithm"],
        checksum_kind=row["checksum_kind"],
    )
