"""CRC32C and CRC64NVME by a compiled library where one is installed: gigabytes a second, not tens of MB.

The libraries are optional, and loaded when the first such checksum is asked for. `crc.py` is always there.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from oscarcli.local.objects import crc

Update = Callable[[bytes, int], int]
"""Gives the CRC of what the number stands for followed by the bytes; 0 stands for nothing."""


@cache
def crc32c() -> Update:
    """Return the fastest CRC32C here."""
    return _awscrt("crc32c") or _google_crc32c() or crc.CRC32C.update


@cache
def crc64nvme() -> Update:
    """Return the fastest CRC64NVME here."""
    return _awscrt("crc64nvme") or crc.CRC64NVME.update


def _awscrt(name: str) -> Update | None:
    library = _loaded("awscrt.checksums")
    # Older releases know CRC32C alone.
    update: Update | None = getattr(library, name, None)
    return update


def _google_crc32c() -> Update | None:
    with warnings.catch_warnings():
        # Its own Python code, which it warns of, is slower than ours.
        warnings.simplefilter("ignore", RuntimeWarning)
        library = _loaded("google_crc32c")
    if getattr(library, "implementation", "python") == "python":
        return None
    extend: Callable[[int, bytes], int] = library.extend
    return lambda data, value: extend(value, data)


def _loaded(name: str) -> Any:
    """Return a module, None where it is not installed or does not load on this system."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError):
        return None
