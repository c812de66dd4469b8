"""Words for the screen: in one line, without secrets and without what would move a cursor."""

from __future__ import annotations

from collections.abc import Callable

from oscarcli.errors import OscarError
from oscarcli.http.redaction import mask_shapes
from oscarcli.output.terminal import clean


def error_text(error: BaseException, mask: Callable[[str], str]) -> str:
    """Return what went wrong, and what to do next where that is known, in one line."""
    if not isinstance(error, OscarError):
        return clean(mask(mask_shapes(f"unexpected {type(error).__name__}: {error}")))
    hint = f" ({error.hint})" if error.hint else ""
    return clean(mask(error.message + hint))
