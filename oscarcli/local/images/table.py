"""The table of images: which services' images are here, and which of them we pulled."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from oscarcli.local.images.model import Image
from oscarcli.local.state import State

# `stamp` is that of a file when it was read; `pulled` tells images of ours from those that were here.
SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    engine TEXT NOT NULL,
    reference TEXT NOT NULL,
    identifier TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER,
    stamp TEXT NOT NULL,
    pulled INTEGER NOT NULL,
    PRIMARY KEY (engine, reference)
);
"""


@dataclass(frozen=True)
class ImageRecord:
    """An image of an engine; `stamp` is empty when it comes from a registry."""

    engine: str
    image: Image
    stamp: str
    pulled: bool


class ImageTable:
    """Images by engine and reference.

    Args:
        state: the database; its schema includes `SCHEMA`.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, engine: str, reference: str) -> ImageRecord | None:
        """Return what is known of an image, `None` when it was never used."""
        query = "SELECT * FROM images WHERE engine = ? AND reference = ?"
        row = self._state.read().execute(query, (engine, reference)).fetchone()
        return None if row is None else _record(row)

    def put(self, record: ImageRecord) -> None:
        """Store what is known of an image; one that we once pulled stays ours.

        An image of ours in whose place another comes is kept under its identifier: jobs may use it still, and
        who looks for what can be removed finds it.
        """
        image = record.image
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO images "
                "SELECT engine, identifier, identifier, digest, size, stamp, pulled "
                "FROM images WHERE engine = ? AND reference = ? AND identifier != ? AND pulled",
                (record.engine, image.reference, image.identifier),
            )
            connection.execute(
                "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (engine, reference) DO UPDATE SET "
                "identifier = excluded.identifier, digest = excluded.digest, size = excluded.size, "
                "stamp = excluded.stamp, pulled = max(pulled, excluded.pulled)",
                (
                    record.engine,
                    image.reference,
                    image.identifier,
                    image.digest,
                    image.size,
                    record.stamp,
                    record.pulled,
                ),
            )


def _record(row: sqlite3.Row) -> ImageRecord:
    image = Image(row["reference"], row["identifier"], row["digest"], row["size"])
    return ImageRecord(row["engine"], image, row["stamp"], bool(row["pulled"]))
