"""The metadata of one service: an RO-Crate, a graph of entities in `ro-crate-metadata.json`.

Facts: the RO-Crate 1.1 specification (researchobject.org): entities have `@id` and `@type`, refer to each
other by `{"@id": ...}`, and the dataset itself is the entity `./`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.errors import ConfigError, NotFoundError, OscarError
from oscarcli.hub.files import PackageFiles, joined

METADATA = "ro-crate-metadata.json"
DATASET = "./"
# References may lead in a circle.
MAX_REFERENCES = 20
Entity = Mapping[str, Any]


class CrateError(ConfigError):
    """A crate's metadata are wrong; the message names the file and the key."""


@dataclass(frozen=True)
class Crate:
    """One curated service's metadata.

    Args:
        slug: the name of its folder, by which it is asked for.
        folder: the folder, from the repository's root.
        dataset: the entity that describes it.
        entities: all entities by their ids.
    """

    slug: str
    folder: str
    dataset: Entity
    entities: Mapping[str, Entity]

    @property
    def path(self) -> str:
        """Where the metadata lie, from the repository's root."""
        return joined(self.folder, METADATA)

    def text(self, *keys: str) -> str:
        """Return the first of some properties that has a value, resolved to names, in one line."""
        for key in keys:
            names = [name for name in self._names(self.dataset.get(key)) if name]
            if names:
                return ", ".join(names)
        return ""

    def resolved(self, value: object) -> Entity | None:
        """Return the entity that a value is or refers to; `None` when it is none, or is not in the graph."""
        for _ in range(MAX_REFERENCES):
            if isinstance(value, str):
                return self.entities.get(value)
            if not isinstance(value, Mapping):
                return None
            if set(value) != {"@id"}:
                return value
            value = self.entities.get(str(value["@id"]))
        return None

    def _names(self, value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield " ".join(value.split())
        elif isinstance(value, list):
            for item in value:
                yield from self._names(item)
        elif isinstance(value, Mapping):
            found = self.resolved(value)
            shown = [str(found[key]) for key in ("name", "identifier", "url") if found and found.get(key)]
            yield shown[0] if shown else str(value.get("@id", ""))


def read_crate(files: PackageFiles, folder: str) -> Crate:
    """Return the metadata of the service in a folder.

    Args:
        files: the repository.
        folder: the service's folder, from the repository's root.

    Raises:
        NotFoundError: it has no metadata.
        CrateError: they are malformed.
    """
    path = joined(folder, METADATA) if folder else METADATA
    document = _document(path, files.read(path))
    graph = document.get("@graph")
    if not isinstance(graph, list) or not graph:
        raise CrateError(f"{path}: @graph: expected a list of entities")
    entities: dict[str, Entity] = {}
    for number, entity in enumerate(graph):
        if not isinstance(entity, Mapping) or not isinstance(entity.get("@id"), str):
            raise CrateError(f"{path}: @graph[{number}]: expected an entity with an @id")
        entities[entity["@id"]] = entity
    dataset = entities.get(DATASET)
    if dataset is None:
        raise CrateError(f'{path}: @graph: the entity "{DATASET}", which describes the service, is missing')
    slug = folder.rpartition("/")[2]
    return Crate(slug, folder, dataset, entities)


def _document(path: str, data: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CrateError(f"{path}: it is no UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise CrateError(f"{path}:{error.lineno}: it is no JSON: {error.msg}") from error
    except RecursionError as error:
        raise CrateError(f"{path}: it is nested too deeply") from error
    if not isinstance(document, Mapping):
        raise CrateError(f"{path}: expected an object with @graph")
    return document


def read_crates(files: PackageFiles, path: str) -> tuple[list[Crate], list[tuple[str, OscarError]]]:
    """Return the services of a repository, by name, and what is wrong with those that cannot be read.

    Args:
        files: the repository.
        path: the folder whose folders are services, or that is one itself; empty for the root.

    Raises:
        NotFoundError: there is no such folder.
    """
    crates: list[Crate] = []
    wrong: list[tuple[str, OscarError]] = []
    folders = [f"{path}/{name}" if path else name for name in files.folders(path)]
    for folder in [path] if path and METADATA in files.files(path) else folders:
        try:
            crates.append(read_crate(files, folder))
        except NotFoundError:
            # A folder without metadata is no service.
            continue
        except OscarError as error:
            wrong.append((f"{folder}/{METADATA}", error))
    crates.sort(key=lambda crate: (crate.text("name") or crate.slug, crate.slug))
    return crates, wrong
