"""Parts that are made with their first use."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from oscarcli.local.first_use import MadeOnce


class Whole:
    @MadeOnce
    def part(self) -> object:
        time.sleep(0.05)
        return object()


def test_threads_that_ask_together_get_the_same_part() -> None:
    whole = Whole()
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(lambda: whole.part) for _ in range(4)]
        parts = {id(future.result()) for future in futures}
    assert parts == {id(whole.part)}
    assert Whole().part is not whole.part


def test_what_nobody_asked_for_is_not_there() -> None:
    whole = Whole()
    assert "part" not in vars(whole)
    assert whole.part is vars(whole)["part"]
