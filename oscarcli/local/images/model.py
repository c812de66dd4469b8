"""What an image on this machine is, and what every store of images offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Progress = Callable[[str], None]
"""Told in a few words how far a pull is."""


class ImageError(Exception):
    """An image cannot be had or used; the text says why, in one sentence."""


@dataclass(frozen=True)
class Image:
    """An image on this machine.

    Attributes:
        reference: how a service names it.
        identifier: what its engine runs it by: an id, a file or a folder.
        digest: what it is by its content, `sha256:...`; empty when the engine does not know.
        size: bytes that it takes on the disk; `None` when the engine does not tell.
    """

    reference: str
    identifier: str
    digest: str
    size: int | None = None


class ImageStore(Protocol):
    """The images of one engine."""

    def find(self, reference: str) -> Image | None:
        """Return an image that is here, `None` when it would have to be pulled. Raises ImageError."""
        ...

    def pull(self, reference: str, authentication: Path | None, progress: Progress) -> Image:
        """Get an image from a registry or a file.

        Args:
            reference: how a service names it.
            authentication: a file of logins to registries, as `config.json` of Docker has them.
            progress: told how far it is.

        Raises:
            ImageError: it cannot be had, or no script can run in it.
        """
        ...

    def check(self, image: Image) -> None:
        """Make sure that scripts can run in an image. Raises ImageError."""
        ...

    def stop(self) -> None:
        """End all pulls."""
        ...

    def remove(self, identifier: str) -> None:
        """Remove an image by what its engine knows it by. Raises ImageError, also when something uses it."""
        ...
