"""A log that is followed over broken connections and restarted servers: each line once, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest

from oscarcli.api import client
from oscarcli.jobs import follow, outage
from tests.conftest import Caller, Runner
from tests.support.daily import daily
from tests.support.server import Answer, Request, ScriptedServer, document, text

LIST = "/system/logs/svc"
LINES = [f"line {n} of the log, {'x' * (n % 90)}" for n in range(10_000)]
STAMP = "2026-06-12T09:05:{second:02}.{nanosecond:09}Z"


def stamped(lines: list[str]) -> str:
    """Return lines as the server sends them when it is asked for times."""
    return "".join(
        f"{STAMP.format(second=n // 200 % 60, nanosecond=n)} {line}\n" for n, line in enumerate(lines)
    )


def cut(answer: Answer, at: int) -> Answer:
    """Return an answer whose connection breaks in the middle of the body."""
    return Answer(200, answer.body[:at], {**answer.headers, "Content-Length": str(len(answer.body))})


def torn(answer: Answer) -> Answer:
    """Return an answer that breaks inside of a line."""
    return cut(answer, len(answer.body) * 2 // 3)


BREAKS: dict[str, Callable[[Answer], Answer]] = {
    "reset": lambda _: Answer(reset=True),
    "hang-up": lambda _: Answer(hang_up=True),
    "torn": torn,
    "no-body": lambda answer: cut(answer, 0),
    "empty-500": lambda _: Answer(500),
    "500": lambda _: text("etcdserver: leader changed", 500),
    "502": lambda _: Answer(502),
    "503": lambda _: Answer(503, headers={"Retry-After": "0"}),
}


class Job:
    """A job that is pending first, then writes, and whose connections break.

    Args:
        breaks: how connections break, one after the other.
        often: how many do in all.
        step: how many lines come between two looks.
    """

    def __init__(self, breaks: list[Callable[[Answer], Answer]], often: int, step: int) -> None:
        self.written = 0
        self.broken = 0
        self.pending_looks = 2
        self._breaks, self._often, self._step = cycle(breaks), often, step
        self._lock = threading.Lock()
        self._turn = 0

    def serve(self, server: ScriptedServer) -> None:
        """Answer for this job."""
        server.always("GET", LIST, self.listed)
        server.always("GET", f"{LIST}/j", self.logged)

    def listed(self, _request: Request) -> Answer:
        with self._lock:
            if self.pending_looks:
                self.pending_looks -= 1
                return self._delivered(document({"jobs": {"j": {"status": "Pending"}}}))
            ended = self.written >= len(LINES) and self.broken >= self._often
            return self._delivered(document({"jobs": {"j": {"status": "Succeeded" if ended else "Running"}}}))

    def logged(self, request: Request) -> Answer:
        assert request.query == {"timestamps": "true"}
        with self._lock:
            self.written = min(self.written + self._step, len(LINES))
            return self._delivered(text(stamped(LINES[: self.written])))

    def _delivered(self, answer: Answer) -> Answer:
        self._turn += 1
        if self._turn % 2 or self.broken >= self._often:
            return answer
        self.broken += 1
        return next(self._breaks)(answer)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the waiting out of waiting."""
    monkeypatch.setattr(follow, "MIN_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(follow, "MAX_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr(client, "RETRY_DELAYS", ())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", daily(BREAKS, "torn", "503"))
def test_ten_thousand_lines_come_through_twenty_breaks_of_every_kind(
    call: Caller, server: ScriptedServer, kind: str
) -> None:
    call.know(server.url)
    job = Job([BREAKS[kind]], often=20, step=401)
    job.serve(server)
    result = call("service", "logs", "get", "svc", "j", "--follow")
    assert result.code == 0, result.err
    assert result.out.splitlines() == LINES
    assert job.broken == 20
    assert result.err.splitlines()[-1] == 'job "j": Succeeded'


@pytest.mark.slow
def test_the_real_command_loses_and_doubles_nothing(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    job = Job(list(BREAKS.values()), often=20, step=500)
    job.serve(server)
    result = run("service", "logs", "get", "svc", "j", "--follow", "--show-timestamps")
    assert result.code == 0, result.err
    assert result.out == stamped(LINES)
    assert job.broken == 20


@pytest.mark.usefixtures("quick")
def test_a_node_that_drops_the_oldest_lines_loses_none_that_were_seen(
    call: Caller, server: ScriptedServer
) -> None:
    whole = stamped(LINES[:2000]).splitlines(keepends=True)
    windows: Iterator[tuple[int, int]] = iter([(0, 700), (300, 1200), (900, 1300), (1100, 2000)])
    looks = {"last": (1100, 2000), "ended": False}

    def logged(_request: Request) -> Answer:
        first, last = next(windows, (1100, 2000))
        looks["ended"] = last == 2000
        return text("".join(whole[first:last]))

    call.know(server.url)
    server.always(
        "GET",
        LIST,
        lambda _: document({"jobs": {"j": {"status": "Succeeded" if looks["ended"] else "Running"}}}),
    )
    server.always("GET", f"{LIST}/j", logged)
    result = call("service", "logs", "get", "svc", "j", "--follow")
    assert (result.code, result.out.splitlines()) == (0, LINES[:2000])


def test_a_restarted_server_goes_on_where_the_old_one_was(run: Runner) -> None:
    """The server is gone for a while, and comes back on its port."""
    job = Job([], often=0, step=2500)
    with ScriptedServer() as first:
        run.know(first.url)
        job.serve(first)
        process = run.start("service", "logs", "get", "svc", "j", "-f")
        assert process.stdout is not None
        read = [process.stdout.readline() for _ in range(2500)]
    with ScriptedServer(port=first.port) as second:
        job.serve(second)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert (b"".join(read) + out).decode().splitlines() == LINES
    assert err.decode().splitlines()[-1] == 'job "j": Succeeded'


@pytest.mark.usefixtures("quick")
def test_a_server_that_stays_away_is_given_up_with_a_code_of_its_own(
    call: Caller, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "MAX_OUTAGE_SECONDS", 0.3)
    call.know(server.url)
    server.expect("GET", LIST, document({"jobs": {"j": {"status": "Running"}}}))
    server.expect("GET", f"{LIST}/j", text(stamped(["one"])))
    server.always("GET", f"{LIST}/j", Answer(hang_up=True))
    server.always("GET", LIST, Answer(hang_up=True))
    result = call("service", "logs", "get", "svc", "j", "-f")
    assert (result.code, result.out) == (6, "one\n")
    first, *_, last = result.err.splitlines()
    assert "trying again for 0.3 s" in first
    assert last.startswith("Error: cannot")
