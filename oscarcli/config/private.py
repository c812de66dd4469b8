"""Small files for nobody else's eyes, beside the configuration or among what can be made anew."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from oscarcli.files import write_atomic

PROGRAM_FOLDER = "oscar-cli"
TOKENS_FOLDER = "tokens"
OTHERS = 0o077


def cache_home(environ: Mapping[str, str]) -> Path | None:
    """Return where this program keeps what can be made anew, `None` when there is no such place."""
    named = environ.get("XDG_CACHE_HOME", "")
    try:
        home = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return home / PROGRAM_FOLDER


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return where tokens are kept between runs, `None` when there is no such place."""
    home = cache_home(environ)
    return None if home is None else home / TOKENS_FOLDER


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner alone. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & OTHERS:
        folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Put a file in its place as a whole, mode 0600. Raises OSError."""
    make_private_folder(path.parent)
    write_atomic(path, text.encode(), mode=0o600, is_durable=True)


def read_private(path: Path) -> str | None:
    """Return a file's text, `None` when others can read or write it: then it is no secret, or not ours.

    Raises:
        OSError: it cannot be read, or is a link.
        ValueError: it is no text.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, encoding="utf-8") as file:
        status = os.fstat(file.fileno())
        is_ours = status.st_uid == os.geteuid() and not status.st_mode & OTHERS
        return file.read() if is_ours else None
