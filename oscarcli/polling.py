"""Looking again and again at something that does not tell by itself when it changes."""

from __future__ import annotations

import math
import time

# The pause grows by this factor with each look that brings no news.
GROWTH = 1.5


class Poll:
    """The pauses between looks: short after news, longer while there are none, and up to a limit.

    Args:
        pause: seconds between two looks, after news.
        longest: seconds that the pause grows to without news; it does not grow if omitted.
        rest: a look that took long, because a server is slow, is followed by a pause so many times as long.
        longest_rest: seconds that such a pause lasts at most.
        limit: seconds to go on looking, from now; `None` for as long as it takes.
    """

    def __init__(
        self,
        pause: float,
        longest: float = 0.0,
        *,
        rest: float = 0.0,
        longest_rest: float = math.inf,
        limit: float | None = None,
    ) -> None:
        self._shortest, self._longest = pause, max(pause, longest)
        self._rest, self._longest_rest = rest, longest_rest
        self._pause = pause
        self._began = time.monotonic()
        self._deadline = None if limit is None else self._began + limit

    @property
    def left(self) -> float | None:
        """Seconds that are left of the limit."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    def begin(self) -> None:
        """Take it that a look begins: what it takes is what the rest is measured by."""
        self._began = time.monotonic()

    def wait(self, *, changed: bool = False) -> bool:
        """Wait until the next look.

        Args:
            changed: whether the look brought something new.

        Returns:
            Whether there was time left; without any there is no waiting.
        """
        self._pause = self._shortest if changed else min(self._pause * GROWTH, self._longest)
        cost = time.monotonic() - self._began
        pause = max(self._pause, min(cost * self._rest, self._longest_rest))
        left = self.left
        if left is None or left > 0:
            time.sleep(pause if left is None else min(pause, left))
        self.begin()
        return left is None or left > 0
