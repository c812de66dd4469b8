"""Which transfers another run can go on with, and what is said of them when they end early."""

from __future__ import annotations

from oscarcli.errors import AuthError, ForbiddenError, UnreachableError
from oscarcli.storage.cancel import Cancelled

MIB = 1 << 20
HOW_TO_GO_ON = "run the same command again to go on; --restart begins anew"


def can_go_on(error: BaseException) -> bool:
    """Tell whether a transfer that ended so may succeed from where it stopped.

    What a server refuses, a damaged file or a full disk will not be better, and nothing is kept for it.
    """
    if isinstance(error, ForbiddenError):
        return False
    return not isinstance(error, Exception) or isinstance(error, (Cancelled, UnreachableError, AuthError))


def amount_text(arrived: int, size: int) -> str:
    """Return how much of a transfer is done; sizes in bytes."""
    return f"{arrived / MIB:.0f} of {size / MIB:.0f} MiB"
