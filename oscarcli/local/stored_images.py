"""The images of a local cluster, seen from another process: listed, and removed when no service uses them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from oscarcli.errors import OscarError
from oscarcli.local.connections import connect_from_outside
from oscarcli.local.folder import DataFolder
from oscarcli.local.images.model import ImageError
from oscarcli.local.jobs.engine.selection import EngineError, probe


@dataclass(frozen=True)
class StoredImage:
    """An image that a service uses or used.

    Attributes:
        engine: whose image it is.
        reference: how services name it.
        identifier: what the engine knows it by.
        digest: its content's, empty when the engine does not tell.
        size: bytes on the disk; `None` when the engine does not tell.
        pulled: whether the cluster got it; others were here before and are never removed.
        services: the services that use it.
    """

    engine: str
    reference: str
    identifier: str
    digest: str
    size: int | None
    pulled: bool
    services: tuple[str, ...]


def stored_images(folder: DataFolder) -> Sequence[StoredImage]:
    """Return the images that a cluster knows of, by engine and reference; it need not run."""
    try:
        with closing(connect_from_outside(folder.database)) as connection:
            rows = connection.execute(
                "SELECT engine, reference, identifier, digest, size, pulled FROM images ORDER BY 1, 2"
            ).fetchall()
            found = connection.execute("SELECT definition FROM services ORDER BY name").fetchall()
    except sqlite3.Error:
        # It was never started, or by a version without images.
        return ()
    users: dict[str, list[str]] = {}
    for definition in (json.loads(text) for (text,) in found):
        users.setdefault(definition["image"], []).append(definition["name"])
    return [
        StoredImage(
            engine, reference, identifier, digest, size, bool(pulled), tuple(users.get(reference, ()))
        )
        for engine, reference, identifier, digest, size, pulled in rows
    ]


def prune(folder: DataFolder, image: StoredImage) -> None:
    """Remove an image that the cluster pulled. Raises OscarError, also when a container still uses it.

    It stays where another name leads to it, too.
    """
    others = [other for other in stored_images(folder) if other.reference != image.reference]
    if (image.engine, image.identifier) not in {(other.engine, other.identifier) for other in others}:
        try:
            store = probe(image.engine, folder.images).images
            if store is not None and store.find(image.identifier) is not None:
                store.remove(image.identifier)
        except (EngineError, ImageError) as error:
            raise OscarError(f"remove the image {image.reference}: {error}") from error
    with closing(connect_from_outside(folder.database, "rw")) as connection, connection:
        connection.execute(
            "DELETE FROM images WHERE engine = ? AND reference = ?", (image.engine, image.reference)
        )
