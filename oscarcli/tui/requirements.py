"""What the full-screen interface needs, and how to come by it."""

from __future__ import annotations

from importlib.util import find_spec

from oscarcli.errors import OscarError


def require_library(name: str, what: str) -> None:
    """Raise OscarError when a library of the extra `tui` is not installed.

    Args:
        name: what Python imports.
        what: what it is needed for, such as "the full-screen interface".
    """
    if find_spec(name) is None:
        raise OscarError(
            f"{what} needs the library {name.replace('_', '-')}",
            hint='install it with: pip install "oscar-cli[tui]"',
        )
