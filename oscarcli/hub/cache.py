"""Archives of repositories, kept: what has not changed is not sent again, and is there without a network."""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from oscarcli.files import write_atomic
from oscarcli.hub.origin import HubOrigin

# A repository that nobody looked at for so long is fetched anew.
MAX_AGE_SECONDS = 90 * 24 * 3600.0
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class KeptArchive:
    """An archive of before.

    Args:
        data: it.
        etag: what the server called this version; empty when it gave no name.
        fetched_at: when, in Unix seconds.
        commit: the version; empty when the archive does not tell.
    """

    data: bytes = field(repr=False)
    etag: str
    fetched_at: float
    commit: str = ""


class ArchiveCache:
    """Archives by their origins.

    Args:
        folder: where they are kept; `None` keeps nothing beyond this run.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, origin: HubOrigin) -> KeptArchive | None:
        """Return the archive of an origin, `None` when there is none that can be used.

        A commit is also found in what was fetched by the name of a branch.
        """
        if self._folder is None:
            return None
        kept = _read(self._folder / f"{_key(origin)}.json", origin)
        if kept is None and COMMIT.fullmatch(origin.ref):
            others = (_read(path, origin, origin.ref) for path in sorted(self._folder.glob("*.json")))
            kept = next((other for other in others if other), None)
        return kept

    def keep(self, origin: HubOrigin, data: bytes, etag: str, commit: str) -> None:
        """Keep an archive; where that is not possible nothing is kept, which is no failure."""
        if self._folder is None:
            return
        path = self._folder / f"{_key(origin)}.tar.gz"
        about = {
            "repository": _repository(origin),
            "commit": commit,
            "etag": etag,
            "sha256": hashlib.sha256(data).hexdigest(),
            "fetched_at": time.time(),
        }
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._forget_old()
            write_atomic(path, data, mode=0o600)
            write_atomic(self._folder / f"{_key(origin)}.json", json.dumps(about).encode(), mode=0o600)
        except OSError:
            return

    def _forget_old(self) -> None:
        assert self._folder is not None
        oldest = time.time() - MAX_AGE_SECONDS
        for file in self._folder.iterdir():
            with suppress(OSError):
                if file.stat().st_mtime < oldest:
                    file.unlink()


def _read(path: Path, origin: HubOrigin, commit: str | None = None) -> KeptArchive | None:
    """Return the archive that a file tells about, `None` when it is not what is looked for, or not whole."""
    try:
        about = json.loads(path.read_text())
        if about["repository"] != _repository(origin) or commit not in (None, about["commit"]):
            return None
        data = path.with_suffix(".tar.gz").read_bytes()
        if hashlib.sha256(data).hexdigest() != about["sha256"]:
            return None
        return KeptArchive(data, str(about["etag"]), float(about["fetched_at"]), str(about["commit"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _repository(origin: HubOrigin) -> str:
    return f"{origin.api_base}/repos/{origin.owner}/{origin.repo}"


def _key(origin: HubOrigin) -> str:
    place = "\0".join((origin.api_base, origin.owner, origin.repo, origin.ref))
    return hashlib.sha256(place.encode()).hexdigest()[:32]
