"""A cluster on record with one service, `svc`, whose files are in a real store on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support import server as manager
from tests.support.command import World
from tests.support.s3_servers import Server, empty_bucket, minio_provider
from tests.support.trees import contents

BUCKET = "svc"


@dataclass
class StoredService:
    """The service and what is in its bucket.

    Attributes:
        world: where the cluster is on record.
        document: the service's.
        objects: a client of the store.
        endpoint: of the store.
    """

    world: World
    document: dict[str, Any]
    objects: Any
    endpoint: str

    def put(self, *keys: str, content: str | None = None) -> None:
        """Store objects; the content of each is its key where none is given."""
        for key in keys:
            body = (key if content is None else content).encode()
            self.objects.put_object(Bucket=BUCKET, Key=key, Body=body)

    def stored(self) -> dict[str, str]:
        """Return the content of each object."""
        listed = self.objects.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        bodies = {
            one["Key"]: self.objects.get_object(Bucket=BUCKET, Key=one["Key"])["Body"] for one in listed
        }
        return {key: body.read().decode() for key, body in bodies.items()}

    def write(self, files: Mapping[str, str]) -> None:
        """Write local files."""
        for name, content in files.items():
            path = self.world.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def read(self, folder: str) -> dict[str, str]:
        """Return the content of each file below a local folder."""
        return contents(self.world.home / folder)


@contextmanager
def stored_service(world: World, store: Server) -> Iterator[StoredService]:
    """Yield the service with an empty bucket, on record in a world."""
    document = {
        "name": "svc",
        "input": [{"storage_provider": "minio.default", "path": f"{BUCKET}/in"}],
        "output": [{"storage_provider": "minio", "path": f"{BUCKET}/out"}],
    }
    configuration = {"config": {}, "minio_provider": minio_provider(store.endpoint)}
    with manager.ScriptedServer() as server, empty_bucket(store, BUCKET) as client:
        # A test may change the document.
        server.always("GET", "/system/services/svc", lambda _: manager.document(document))
        server.always("GET", "/system/config", manager.document(configuration))
        world.know(server.url)
        yield StoredService(world, document, client, store.endpoint)
