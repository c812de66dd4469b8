"""Which version of a curated service is deployed here: a file that is kept beside one's own FDLs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from oscarcli.errors import ConfigError, OscarError, RefusedError
from oscarcli.files import write_atomic

LOCK_NAME = "hub.lock"


@dataclass(frozen=True)
class Pin:
    """A version of a service.

    Args:
        origin: the repository and folder: `OWNER/REPO/PATH`.
        ref: what was asked for: a branch, a tag or a commit.
        commit: the commit that this was.
        digest: of the FDL and all it is made of.
    """

    origin: str
    ref: str
    commit: str
    digest: str


class Lock:
    """A file of pins, by the services' names in the hub.

    Args:
        path: the file; it need not exist.

    Raises:
        ConfigError: it is there and is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pins = self._read()

    def _read(self) -> dict[str, Pin]:
        try:
            document = json.loads(self.path.read_text())
            return {slug: Pin(**entry) for slug, entry in document["services"].items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(f'cannot read "{self.path}": {error.strerror}') from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f'"{self.path}" is no lock of hub services: {error}', hint="remove it, and use --pin"
            ) from error

    def find(self, slug: str, origin: str) -> Pin | None:
        """Return a service's pin, `None` when it has none of this origin."""
        pin = self._pins.get(slug)
        return pin if pin is not None and pin.origin == origin else None

    def check(self, slug: str, found: Pin) -> None:
        """Raise RefusedError when a service is not what it was when it was pinned."""
        pinned = self.find(slug, found.origin)
        if pinned is not None and pinned.digest != found.digest:
            raise RefusedError(
                f'"{slug}" has changed since it was pinned in "{self.path}": {pinned.commit[:12]} had '
                f"{pinned.digest[:19]}, {found.commit[:12]} has {found.digest[:19]}",
                hint=f"look at it with 'oscar-cli hub show {slug}', then accept it with --pin",
            )

    def pin(self, slug: str, found: Pin) -> None:
        """Write a service's pin. Raises OscarError."""
        self._pins[slug] = found
        services: dict[str, Any] = {name: asdict(pin) for name, pin in sorted(self._pins.items())}
        try:
            write_atomic(self.path, f"{json.dumps({'services': services}, indent=2)}\n".encode())
        except OSError as error:
            raise OscarError(f'cannot write "{self.path}": {error.strerror}') from error
