"""Parts that are made with their first use, by whichever thread comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, overload

Part = TypeVar("Part")


class MadeOnce(cached_property[Part]):
    """A cached property of which there is one however many threads ask at the same time.

    Since Python 3.12 each of them would make its own, and two would look after the same things.
    """

    def __init__(self, make: Callable[[Any], Part]) -> None:
        super().__init__(make)
        self._making = threading.RLock()

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> MadeOnce[Part]: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> Part: ...

    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> MadeOnce[Part] | Part:
        if instance is None:
            return self
        with self._making:
            return super().__get__(instance, owner)
