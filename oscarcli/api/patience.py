"""How long a server may be away while something is followed or waited for."""

from __future__ import annotations

import time

from oscarcli.api.responses import ServerError
from oscarcli.errors import OscarError, UnreachableError

# Seconds without a usable answer before it is given up.
PATIENCE = 60.0
# What may pass: the server is away, restarts, or fails without meaning the request.
PASSING = (UnreachableError, ServerError)


class Patience:
    """Bears a server that is away, for a while.

    Args:
        seconds: how long from its first silence.
    """

    def __init__(self, seconds: float = PATIENCE) -> None:
        self._seconds = seconds
        self._silent_since: float | None = None
        self._was_heard = False

    def bear(self, error: OscarError) -> str | None:
        """Take a failure and return what to say about it, `None` when that was said before.

        Raises:
            OscarError: the failure itself, when it lasts too long, or comes from a server that answers but
                never gave a usable answer.
        """
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
            if isinstance(error, UnreachableError) or self._was_heard:
                return f"{error.message}; trying again for {self._seconds:g} s"
            raise error
        if now - self._silent_since >= self._seconds:
            raise error
        return None

    def relieve(self) -> str | None:
        """Take an answer and return what to say about it, `None` when the server was not away."""
        was_silent = self._silent_since is not None
        self._silent_since, self._was_heard = None, True
        return "the server answers again" if was_silent else None
