"""The full-screen interface with 1,000 services and 10,000 jobs: to the first frame, and from key to frame.

Goals: a first frame, and a list in it, after at most 0.5 s; 95 of 100 keys answered by a frame within 50 ms.

What a cluster answers comes from memory, so that the screen is what is measured; it is read, checked and made
into rows as ever. Where neighbours want the processors, what a key costs of them tells more than how long it
takes: both are printed. `BENCH_SERVICES`, `BENCH_JOBS` and `BENCH_KEYS` make it smaller or larger.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from measure import write
from textual import events
from textual.screen import Screen

from oscarcli.api.client import Client
from oscarcli.config.model import Cluster
from oscarcli.tui.access import Access
from oscarcli.tui.app import InteractiveApp
from oscarcli.tui.row_table import RowTable
from oscarcli.tui.views.jobs import JobsView

SERVICES = int(os.environ.get("BENCH_SERVICES", "1000"))
JOBS = int(os.environ.get("BENCH_JOBS", "10000"))
KEYS = int(os.environ.get("BENCH_KEYS", "60"))
SIZES = ((80, 24), (200, 60))
MAX_WAIT_SECONDS = 5.0


Presses = Mapping[str, Sequence[tuple[str, str | None]]]
SERVICE_KEYS: Presses = {
    "services: move": [("down", None)] * KEYS,
    "services: page": [("pagedown", None)] * (KEYS // 4),
}
JOB_KEYS: Presses = {
    "jobs: move": [("down", None)] * KEYS,
    "jobs: page": [("pagedown", None)] * (KEYS // 4),
    "jobs: first, last": [("end", None), ("home", None)] * (KEYS // 8),
    "jobs: sort": [("3", "3")] * (KEYS // 4),
    "jobs: filter, typed": [("slash", "/"), *((letter, letter) for letter in "00a fail")],
    "jobs: filter, taken back": [("backspace", None)] * 8,
}


class TimedApp(InteractiveApp):
    """Remembers when it drew something."""

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self.drawn = asyncio.Event()
        self.frame_time = 0.0

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, renderable)
        self.frame_time = time.perf_counter()
        self.drawn.set()


def access() -> Access:
    """Return the way to a cluster whose answers are in memory."""
    services = [
        {
            "name": f"service-{number:04}",
            "image": f"registry.example/images/{number % 50}:latest",
            "cpu": "1.0",
            "memory": "1Gi",
            "deployment": {"state": ("ready", "pending", "failed")[number % 3]},
        }
        for number in range(SERVICES)
    ]
    jobs = {
        f"service-0000-{number:08x}": {
            "status": ("Succeeded", "Failed", "Running")[number % 3],
            "creation_time": f"2026-01-{number % 28 + 1:02}T{number % 24:02}:00:{number % 60:02}Z",
            "start_time": f"2026-01-{number % 28 + 1:02}T{number % 24:02}:01:{number % 60:02}Z",
            "finish_time": f"2026-01-{number % 28 + 1:02}T{number % 24:02}:02:{number % 60:02}Z",
        }
        for number in range(JOBS)
    }
    answers = {
        "/system/services": json.dumps(services),
        "/system/logs/service-0000": json.dumps({"jobs": jobs}),
    }

    def answer(request: httpx.Request) -> httpx.Response:
        kind = {"Content-Type": "application/json"}
        return httpx.Response(200, text=answers[request.url.path], headers=kind)

    client = Client("http://cluster.example", httpx.Auth(), transport=httpx.MockTransport(answer))
    entry = Cluster("bench", "http://cluster.example")
    return Access({"bench": entry}, "bench", lambda _: client, lambda text: text, refresh_seconds=0)


async def frame_with(app: TimedApp, is_there: Callable[[], bool]) -> float:
    """Wait for the first frame for which something is true, and return when it was drawn."""
    deadline = time.perf_counter() + 60
    while True:
        app.drawn.clear()
        if is_there() and app.frame_time:
            return app.frame_time
        await asyncio.wait_for(app.drawn.wait(), deadline - time.perf_counter())


async def key_times(app: TimedApp, keys: Sequence[tuple[str, str | None]]) -> list[tuple[float, float]]:
    """Press keys one by one, and return the milliseconds from each to its frame, and those of a processor."""
    times = []
    for key, character in keys:
        await asyncio.sleep(0.05)
        app.drawn.clear()
        begun, used = time.perf_counter(), time.process_time()
        app.post_message(events.Key(key, character))
        await asyncio.wait_for(app.drawn.wait(), MAX_WAIT_SECONDS)
        times.append(((app.frame_time - begun) * 1000, (time.process_time() - used) * 1000))
    return times


async def presses(app: TimedApp, groups: Presses) -> list[tuple[float, float]]:
    """Press groups of keys, write what each group took, and return the figures of all."""
    every = []
    for name, keys in groups.items():
        found = await key_times(app, keys)
        told(name, found)
        every += found
    return every


def told(name: str, times: list[tuple[float, float]]) -> None:
    """Write medians and 95th percentiles."""
    parts = []
    for kind, values in zip(("until the frame", "of a processor"), zip(*times, strict=True), strict=True):
        p95 = statistics.quantiles(values, n=20)[-1]
        parts.append(f"{kind}: median {statistics.median(values):5.1f} ms, p95 {p95:5.1f} ms")
    write(f"  {name:24} {'   '.join(parts)}")


async def measure(size: tuple[int, int]) -> None:
    """Measure on a screen of one size."""
    app = TimedApp(access())
    begun = time.perf_counter()
    async with app.run_test(size=size) as pilot:
        first = app.frame_time
        filled = await frame_with(app, lambda: has_rows(app, SERVICES))
        write(f"{size[0]} x {size[1]}, {SERVICES} services, {JOBS} jobs")
        write(f"  first frame {first - begun:.2f} s, with all services {filled - begun:.2f} s")
        await pilot.pause()
        every = await presses(app, SERVICE_KEYS)
        await pilot.press("home")
        begun, used = time.perf_counter(), time.process_time()
        app.post_message(events.Key("enter", None))
        first = await frame_with(app, lambda: table(app).columns is JobsView.columns and has_rows(app, 1))
        filled = await frame_with(app, lambda: has_rows(app, JOBS))
        cost = time.process_time() - used
        write(
            f"  from Enter to the first jobs {first - begun:.2f} s, to all {filled - begun:.2f} s "
            f"({cost:.2f} s of a processor)"
        )
        await pilot.pause()
        every += await presses(app, JOB_KEYS)
        told("all keys", every)


def has_rows(app: TimedApp, count: int) -> bool:
    """Tell whether the table on the screen has so many rows."""
    return bool(app.screen.query(RowTable)) and table(app).total >= count


def table(app: TimedApp) -> RowTable:
    """Return the table on the screen."""
    return app.screen.query_one(RowTable)


def main() -> None:
    """Print the figures for a small and a large screen."""
    for size in SIZES:
        asyncio.run(measure(size))


if __name__ == "__main__":
    main()
