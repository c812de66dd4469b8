"""How long a server may be away while something is followed or waited for."""

from __future__ import annotations

import time

from oscarcli.api.responses import ServerError
from oscarcli.errors import OscarError, UnreachableError

# Seconds without a usable answer before it is given up.
MAX_OUTAGE_SECONDS = 60.0
# What may pass: the server is away, restarts, or fails without meaning the request.
TRANSIENT = (UnreachableError, ServerError)


class ServerOutage:
    """Bears a server that is away, for a while.

    Args:
        seconds: how long from its first silence; a minute if omitted.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = MAX_OUTAGE_SECONDS if seconds is None else seconds
        self._silent_since: float | None = None
        self._failures = 0
        self._was_heard = False

    def failed(self, error: OscarError) -> str | None:
        """Take a failure and return what to say about it, `None` when there is no need to say it now.

        Raises:
            OscarError: the failure itself, when it lasts too long, or comes from a server that answers but
                never gave a usable answer.
        """
        now = time.monotonic()
        self._failures += 1
        if self._silent_since is None:
            self._silent_since = now
        if not isinstance(error, UnreachableError) and not self._was_heard:
            raise error
        if now - self._silent_since >= self._seconds:
            raise error
        # A connection that broke once is not worth a word.
        return f"{error.message}; trying again for {self._seconds:g} s" if self._failures == 2 else None

    def succeeded(self) -> str | None:
        """Take an answer and return what to say about it, `None` when nothing was said of a silence."""
        was_told = self._failures > 1
        self._silent_since, self._failures, self._was_heard = None, 0, True
        return "the server answers again" if was_told else None
