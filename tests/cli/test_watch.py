"""`--watch`: in place on a terminal, in a pipe the whole answer when it has changed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable

import pytest
import yaml

from tests.cli.test_table_options import table_commands
from tests.conftest import Caller, Runner
from tests.contract.test_output import verbs_with_json
from tests.support.command import PATIENCE
from tests.support.server import Answer, Request, ScriptedServer, document

LIST = "/system/services"
ONE = [{"name": "one", "image": "alpine", "cpu": "1", "memory": "1Gi"}]
TWO = [*ONE, {"name": "two", "image": "alpine", "cpu": "2", "memory": "2Gi"}]
WORDS = ("service", "list", "--watch", "--interval", "0.1")
WATCHED = {
    "cluster list", "cluster status", "auth status", "service list", "service list-files",
    "service logs list", "service deployment status", "bucket list", "bucket get", "bucket uploads",
    "hub list", "volume list",
    "metrics summary", "metrics breakdown", "metrics service", "quota get", "federation get", "health",
    "local status", "local images list", "local user list",
}  # fmt: skip

Wait = Callable[[Callable[[], bool]], None]


class Looks:
    """Answers one after another, and the last one for good; `None` breaks the connection."""

    def __init__(self, server: ScriptedServer, *answers: list[dict[str, str]] | None) -> None:
        self.left = list(answers)
        self.server = server
        server.always("GET", LIST, self.answer)

    def answer(self, _request: Request) -> Answer:
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return Answer(hang_up=True) if found is None else document(found)

    @property
    def are_over(self) -> bool:
        """Whether the last answer was seen, and once more without news."""
        return len(self.left) == 1 and len(self.server.requests) > self.count + 1

    def expect(self, count: int) -> Looks:
        self.count = count
        return self


def interrupted(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


def lines_of(process: subprocess.Popen[bytes], count: int) -> str:
    assert process.stdout is not None
    # What never comes must not hang the test.
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        return b"".join(process.stdout.readline() for _ in range(count)).decode()
    finally:
        timer.cancel()


def test_in_a_pipe_the_whole_comes_when_it_has_changed(
    run: Runner, server: ScriptedServer, wait_until: Wait
) -> None:
    run.know(server.url)
    looks = Looks(server, ONE, ONE, TWO, [], TWO).expect(5)
    process = run.start(*WORDS, "--columns", "name,cpu")
    wait_until(lambda: looks.are_over)
    code, out, err = interrupted(process)
    assert code == 130
    assert out.split("\n\n") == [
        "NAME  CPU\none   1",
        "NAME  CPU\none   1\ntwo   2",
        # Nothing, and the blank line behind it.
        "\nNAME  CPU\none   1\ntwo   2\n",
    ]
    assert err == "There are no services in the cluster\ninterrupted\n"


def test_documents_in_a_pipe_are_lines_of_json_and_a_stream_of_yaml(
    run: Runner, server: ScriptedServer
) -> None:
    run.know(server.url)
    looks = Looks(server, ONE, TWO)
    process = run.start(*WORDS, "--query", "[].name")
    assert lines_of(process, 2) == '["one"]\n["one", "two"]\n'
    assert interrupted(process)[0] == 130
    looks.left = [ONE, TWO]
    process = run.start(*WORDS, "--query", "[].name", "-o", "yaml")
    assert list(yaml.safe_load_all(lines_of(process, 4))) == [["one"], ["one", "two"]]
    interrupted(process)


@pytest.mark.parametrize("form", ["yaml", "json", "table"])
def test_a_time_that_moves_by_itself_is_no_news(
    run: Runner, server: ScriptedServer, wait_until: Wait, form: str
) -> None:
    run.know(server.url)
    calls = iter([1, 1, 1, 2, *[2] * 10_000])

    def answer(_request: Request) -> Answer:
        end = f"2026-06-12T00:00:{len(server.requests) % 60:02}Z"
        return document({"start": "2026-06-11T00:00:00Z", "end": end, "totals": {"calls": next(calls)}})

    server.always("GET", "/system/metrics", answer)
    process = run.start("metrics", "summary", "--watch", "--interval", "0.1", "-o", form)
    wait_until(lambda: len(server.requests) > 6)
    out = interrupted(process)[1]
    assert [line.split()[-1].strip("}") for line in re.findall(r".*calls.*", out)] == ["1", "2"]


@pytest.mark.slow
def test_a_server_that_goes_away_is_said_once_and_awaited(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    Looks(server, ONE, None, None, None, TWO)
    process = run.start(*WORDS, "-o", "name")
    assert lines_of(process, 4) == "one\n\none\ntwo\n"
    code, _, err = interrupted(process)
    assert code == 130
    away, back, last = err.splitlines()
    assert away.endswith("; looking again every 0.1 s")
    assert (back, last) == ("the server answers again", "interrupted")


@pytest.mark.parametrize(("answer", "code"), [(Answer(401), 4), (Answer(hang_up=True), 6), (Answer(503), 6)])
def test_what_fails_at_first_is_not_watched(
    call: Caller, server: ScriptedServer, answer: Answer, code: int
) -> None:
    call.know(server.url)
    server.always("GET", LIST, answer)
    result = call(*WORDS, "-o", "json")
    assert (result.code, result.out) == (code, "")
    assert json.loads(result.err)["code"] == code


def test_a_refusal_in_between_ends_it(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", LIST, document(ONE))
    server.always("GET", LIST, Answer(403))
    result = run(*WORDS, "-q")
    assert (result.code, result.out) == (4, "one\n")


def test_a_terminal_is_drawn_over_and_left_as_it_was(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    Looks(server, TWO, ONE, None)
    screen = run.terminal(*WORDS, "--columns", "name", answers=[("looking again", signal.SIGINT)])
    assert screen.code == 130
    before, _, rest = screen.out.partition("\x1b[?1049h\x1b[?25l")
    shown, _, after = rest.partition("\x1b[?25h\x1b[?1049l")
    assert before == ""
    first, second, third = shown.split("\x1b[H")[1:]
    assert "Every 0.1 s: oscar-cli service list" in first
    assert ["two" in frame for frame in (first, second, third)] == [True, False, False]
    # What is gone is erased, not the whole screen: that would flicker.
    assert all(frame.endswith("\x1b[K\x1b[J") for frame in (first, second))
    assert "\x1b[2J" not in shown
    assert "one" in third
    # The last answer stays on the usual screen.
    assert after.splitlines()[-2:] == ["one", "interrupted"]


def test_a_long_answer_fits_the_screen(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    Looks(server, [{"name": f"service-{number:03}"} for number in range(100)])
    screen = run.terminal(*WORDS, answers=[("more lines", signal.SIGTERM)])
    assert screen.code == 143
    frame = screen.out.partition("\x1b[H")[2].partition("\x1b[J")[0]
    # Forty lines: one about the looks and a blank one, the header, the rows, and what is left out.
    assert len(frame.splitlines()) == 40
    assert "service-035" in frame
    assert "service-036" not in frame
    assert "(64 more lines)" in frame
    assert "\x1b[?1049l" in screen.out


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_cannot_be_drawn_on_is_a_pipe(
    run: Runner, server: ScriptedServer, env: dict[str, str]
) -> None:
    run.know(server.url)
    Looks(server, ONE, TWO)
    screen = run.terminal(*WORDS, "-o", "name", env=env, answers=[("two", signal.SIGINT)])
    assert screen.out.startswith("one\n\none\ntwo\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("service list --interval 3", "--interval goes with --watch only"),
        ("service list --watch --interval 0", "0 is not from 0.1 to 86400 seconds"),
        ("service list --watch --interval nan", "nan is not from 0.1 to"),
        ("service list --watch --interval soon", "'soon' is not a valid float"),
        ("service get x --watch", "no such option: --watch"),
        ("bucket uploads b --clear --watch", "--clear does not go with --watch"),
    ],
)
def test_what_cannot_be_watched(call: Caller, words: str, message: str) -> None:
    call.know("http://127.0.0.1:9")
    result = call(*words.split())
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_the_configuration_is_read_anew_at_each_look(run: Runner, wait_until: Wait) -> None:
    run.know("http://x", "first")
    process = run.start("cluster", "list", "-w", "--interval", "0.1")
    assert lines_of(process, 1) == "first (http://x) (Default)\n"
    run.know("http://x", "second")
    assert lines_of(process, 2) == "\nsecond (http://x) (Default)\n"
    assert interrupted(process)[0] == 130


def test_a_status_whose_exit_code_tells_it_is_watched_all_the_same(run: Runner) -> None:
    process = run.start("local", "status", "-w", "-o", "json", "--interval", "0.1")
    assert json.loads(lines_of(process, 1))["running"] is False
    assert process.poll() is None
    assert interrupted(process)[0] == 130


def test_what_can_be_watched() -> None:
    assert {path for path in verbs_with_json() if is_watchable(path)} == WATCHED
    # Each of them has a table, and so its rows and names.
    assert {path for path, has_options in table_commands() if has_options} >= WATCHED


def is_watchable(path: str) -> bool:
    from oscarcli.cli.kit.command_tree import read_tree

    node = read_tree()
    for word in path.split():
        node = node.children[word]
    return node.option("--watch") is not None and node.option("--interval") is not None
