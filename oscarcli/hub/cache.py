"""Archives of repositories, kept: what has not changed is not sent again, and is there without a network."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oscarcli.files import write_atomic
from oscarcli.hub.origin import HubOrigin

# A repository that nobody looked at for so long is fetched anew.
MAX_AGE_SECONDS = 90 * 24 * 3600.0


@dataclass(frozen=True)
class KeptArchive:
    """An archive of before.

    Args:
        path: the file.
        etag: what the server called this version; empty when it gave no name.
        fetched_at: when, in Unix seconds.
    """

    path: Path
    etag: str
    fetched_at: float


class ArchiveCache:
    """Archives by their origins.

    Args:
        folder: where they are kept; `None` keeps nothing beyond this run.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, origin: HubOrigin) -> KeptArchive | None:
        """Return the archive of an origin, `None` when there is none that can be used."""
        if self._folder is None:
            return None
        path = self._folder / f"{_key(origin)}.tar.gz"
        try:
            about = json.loads(path.with_suffix(".json").read_text())
            is_whole = path.stat().st_size == about["size"]
            return KeptArchive(path, str(about["etag"]), float(about["fetched_at"])) if is_whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, origin: HubOrigin, data: bytes, etag: str) -> Path | None:
        """Keep an archive; `None` when that is not possible here, which is no failure."""
        if self._folder is None:
            return None
        path = self._folder / f"{_key(origin)}.tar.gz"
        about: dict[str, Any] = {"etag": etag, "size": len(data), "fetched_at": time.time()}
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._forget_old()
            write_atomic(path, data, mode=0o600)
            write_atomic(path.with_suffix(".json"), json.dumps(about).encode(), mode=0o600)
        except OSError:
            return None
        return path

    def _forget_old(self) -> None:
        assert self._folder is not None
        oldest = time.time() - MAX_AGE_SECONDS
        for file in self._folder.iterdir():
            with suppress(OSError):
                if file.stat().st_mtime < oldest:
                    file.unlink()


def _key(origin: HubOrigin) -> str:
    place = "\0".join((origin.api_base, origin.owner, origin.repo, origin.ref))
    return hashlib.sha256(place.encode()).hexdigest()[:32]
