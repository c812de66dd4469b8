"""Calls that may take long, in threads of their own: no key ever waits for a cluster."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from oscarcli.errors import OscarError, UnreachableError

Answer = TypeVar("Answer")

# Threads that wait for answers; a cluster that is dead holds each for as long as its client's time limits.
MAX_THREADS = 24
_free_threads = threading.BoundedSemaphore(MAX_THREADS)


async def in_thread(call: Callable[[], Answer], seconds: float, what: str) -> Answer:
    """Return what a call returns, and raise what it raises; meanwhile the screen goes on.

    Unlike threads of a pool, this one does not keep the program from ending when it is left behind.

    Args:
        call: what to do.
        seconds: how long to wait for it.
        what: what is tried, for messages.

    Raises:
        UnreachableError: it takes longer.
        OscarError: too many calls wait already.
    """
    if not _free_threads.acquire(blocking=False):
        raise OscarError(f"cannot {what}: {MAX_THREADS} requests wait for answers already")
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def settle(answer: Answer | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)  # type: ignore[arg-type]  # without an error it is the answer

    def carry_out() -> None:
        answer, failure = None, None
        try:
            answer = call()
        except BaseException as error:  # noqa: BLE001 -- raised where the answer is waited for
            failure = error
        finally:
            _free_threads.release()
        # The loop is closed when the program ends meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, answer, failure)

    threading.Thread(target=carry_out, daemon=True, name=what).start()
    try:
        return await asyncio.wait_for(future, seconds)
    except asyncio.TimeoutError:
        raise UnreachableError(f"cannot {what}: no answer within {seconds:g} s") from None
