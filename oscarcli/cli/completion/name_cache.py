"""Names that a cluster told a moment ago, for the next Tab when it is slow or away.

A file for each cluster, login and list, for its owner alone: names and a word about each, never a secret.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.config.private import make_private_folder, read_private
from oscarcli.config.token_cache import origin_of
from oscarcli.files import write_atomic

if TYPE_CHECKING:
    from oscarcli.config.model import Cluster

Pair = tuple[str, str]

FOLDER = "names"
MAX_AGE_SECONDS = 60.0
# So long one program fills the cache in the background, and no other one tries.
MAX_FILL_SECONDS = 10.0


class NameCache:
    """What is remembered of one list.

    Args:
        home: where this program keeps what can be made anew; `None` for nowhere.
        cluster: whose list it is, and by which login.
        parts: what tells the list from others of the cluster.
    """

    def __init__(self, home: Path | None, cluster: Cluster, *parts: str) -> None:
        # A token stands for its user; a password does not, and a digest of one could be guessed.
        login = (cluster.login, cluster.auth_user, cluster.oidc_account_name, cluster.token)
        name = origin_of(cluster.identifier, cluster.endpoint, *login, *parts)
        self._file = home / FOLDER / f"{name}.json" if home else None

    def read(self) -> list[Pair] | None:
        """Return the names; `None` when there are none that are young enough."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            if self._file is not None:
                document = json.loads(read_private(self._file) or "null")
                if 0 <= time.time() - document["at"] < MAX_AGE_SECONDS:
                    return [(str(name), str(about)) for name, about in document["names"]]
        return None

    def write(self, names: list[Pair]) -> None:
        """Remember the names, and forget all lists that have become too old; quietly when that fails."""
        if self._file is None:
            return
        with suppress(OSError, ValueError):
            make_private_folder(self._file.parent)
            text = json.dumps({"at": time.time(), "names": names})
            write_atomic(self._file, text.encode(), mode=0o600)
            self._remove_old()

    def begin_fill(self) -> bool:
        """Tell whether nobody else fills it in the background now; from then on this program does."""
        with suppress(OSError):
            if self._file is not None:
                make_private_folder(self._file.parent)
                mark = self._file.with_suffix(".filling")
                if not _is_older(mark, MAX_FILL_SECONDS):
                    return False
                mark.touch(mode=0o600)
                return True
        return False

    def _remove_old(self) -> None:
        assert self._file is not None
        for file in self._file.parent.iterdir():
            if _is_older(file, MAX_AGE_SECONDS):
                file.unlink(missing_ok=True)


def _is_older(file: Path, seconds: float) -> bool:
    try:
        return not 0 <= time.time() - file.stat().st_mtime < seconds
    except FileNotFoundError:
        return True
