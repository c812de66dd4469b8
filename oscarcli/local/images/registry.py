"""Gets images from registries, for engines whose own programs cannot, by version 2 of their HTTP API."""

from __future__ import annotations

import hashlib
import http.client
import json
import platform
import tarfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from oscarcli.local.images.model import ImageError, Progress
from oscarcli.local.images.registry_client import RegistryClient, RegistryName
from oscarcli.local.images.unpack import add_file

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# What Go calls the processors that Linux calls otherwise.
_PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class RegistryImage:
    """An image in a registry, of which nothing but its manifest was read.

    Attributes:
        digest: what the registry knows it by, for all processors.
        config_digest: what identifies its files and its configuration, as the digest of an image's file does.
    """

    client: RegistryClient
    digest: str
    manifest: bytes

    @property
    def config_digest(self) -> str:
        """The digest of its configuration."""
        return str(json.loads(self.manifest)["config"]["digest"])

    def save(self, target: Path, progress: Progress, stopped: threading.Event) -> None:
        """Write it into a file, an OCI archive.

        Args:
            target: the file.
            progress: told how far it is.
            stopped: ends it when it is set.

        Raises:
            ImageError: it cannot be had or written, or was stopped.
        """
        document = json.loads(self.manifest)
        try:
            with tarfile.open(target, "w") as archive:
                add_file(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
                parts = [document["config"], *document["layers"]]
                for number, part in enumerate(parts):
                    told = f"layer {number} of {len(parts) - 1}" if number else "its configuration"
                    self._add_blob(archive, part, _Teller(progress, told, part["size"]), stopped)
                add_file(archive, _blob_name(_digest(self.manifest)), self.manifest)
                add_file(archive, "index.json", json.dumps(self._index()).encode())
        except (OSError, tarfile.TarError) as error:
            raise ImageError(f"the image cannot be kept: {error}") from error

    def _index(self) -> dict[str, Any]:
        manifest = {
            "mediaType": MANIFESTS[0],
            "digest": _digest(self.manifest),
            "size": len(self.manifest),
        }
        return {"schemaVersion": 2, "manifests": [manifest]}

    def _add_blob(
        self, archive: tarfile.TarFile, part: dict[str, Any], teller: _Teller, stopped: threading.Event
    ) -> None:
        entry = tarfile.TarInfo(_blob_name(part["digest"]))
        entry.size = part["size"]
        if entry.name in archive.getnames():
            return
        with self.client.blob(part["digest"]) as response:
            reader = _Reader(response, teller, stopped)
            archive.addfile(entry, reader)  # type: ignore[arg-type]
        if reader.digest != part["digest"]:
            raise ImageError(f"what the registry sent is not {part['digest']}")


def look_up(reference: str, authentication: Path | None) -> RegistryImage:
    """Ask a registry for an image.

    Args:
        reference: how a service names it.
        authentication: a file of logins, as `config.json` of Docker has them.

    Raises:
        ImageError: it is not there, not for this machine, or the registry does not give it.
    """
    name = RegistryName.parse(reference)
    client = RegistryClient(name, authentication)
    data, kind = client.manifest(name.version, (*MANIFESTS, *INDEXES))
    digest = _digest(data)
    if name.version.startswith("sha256:") and name.version != digest:
        raise ImageError(f"what the registry sent is not {name.version}")
    try:
        document = json.loads(data)
        if kind in INDEXES or "manifests" in document:
            chosen = _for_this_machine(document["manifests"])
            data, _ = client.manifest(chosen, MANIFESTS)
            document = json.loads(data)
            if _digest(data) != chosen:
                raise ImageError(f"what the registry sent is not {chosen}")
        for part in (document["config"], *document["layers"]):
            _blob_name(part["digest"])
            int(part["size"])
    except (ValueError, LookupError, TypeError) as error:
        raise ImageError("the registry has it in a form that is not known here") from error
    return RegistryImage(client, digest, data)


def _for_this_machine(manifests: list[dict[str, Any]]) -> str:
    processor = _PROCESSORS.get(platform.machine(), platform.machine())
    kinds = [item.get("platform") or {} for item in manifests]
    for item, kind in zip(manifests, kinds, strict=True):
        if (kind.get("os"), kind.get("architecture")) == ("linux", processor):
            return str(item["digest"])
    there = ", ".join(sorted({f"{kind.get('os')}/{kind.get('architecture')}" for kind in kinds}))
    raise ImageError(f"it is there for {there}, not for linux/{processor}")


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _blob_name(digest: str) -> str:
    """Return where an OCI archive has something. Raises ValueError for no digest."""
    kind, _, number = digest.partition(":")
    if kind != "sha256" or len(number) != 64 or not set(number) <= set("0123456789abcdef"):
        raise ValueError(f"{digest} is no digest")
    return f"blobs/{kind}/{number}"


class _Teller:
    """Tells how much of a part is here, at each megabyte."""

    def __init__(self, progress: Progress, name: str, size: int) -> None:
        self._progress = progress
        self._name = name
        self._size = size
        self._done = 0

    def add(self, count: int) -> None:
        """Count bytes that have come."""
        before = self._done // _MEGABYTE
        self._done += count
        if self._done // _MEGABYTE != before or self._done == self._size:
            told = f"{self._done / _MEGABYTE:.0f} of {self._size / _MEGABYTE:.0f} MB"
            self._progress(f"{self._name}, {told}")


class _Reader:
    """Reads an answer, counts it and takes its digest."""

    def __init__(self, response: IO[bytes], teller: _Teller, stopped: threading.Event) -> None:
        self._response = response
        self._teller = teller
        self._stopped = stopped
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The digest of what was read."""
        return f"sha256:{self._hash.hexdigest()}"

    def read(self, size: int) -> bytes:
        """Read `size` bytes. Raises ImageError when it broke off or was stopped."""
        if self._stopped.is_set():
            raise ImageError("the cluster is stopping")
        try:
            data = self._response.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise ImageError(f"the registry broke off: {error}") from error
        if len(data) < size:
            raise ImageError("the registry broke off in the middle")
        self._hash.update(data)
        self._teller.add(len(data))
        return data
