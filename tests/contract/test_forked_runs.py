"""Most tests run the program in a fork of a process that has imported it: nothing tells it from a new one."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Outcome, Runner
from tests.support import forked
from tests.support.daily import daily
from tests.support.keyring_env import in_keyring, keyring_env
from tests.support.server import ScriptedServer, document, text

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux alone")

LIST = "/system/services"
BAD = "not: [yaml"
FDL = "functions:\n  oscar:\n  - c:\n      name: ä\n      image: i\n      script: s\n"


@pytest.fixture
def new(run: Runner) -> Runner:
    """The same world, and processes that start as a user starts them."""
    return replace(run, may_fork=False)


@pytest.mark.parametrize(
    ("words", "data", "code"),
    daily(
        [
            ("--version", b"", 0),
            ("help service list", b"", 0),
            ("cluster list", b"", 0),
            ("cluster nothing", b"", 2),
            ("service list", b"", 3),
            ("validate -", BAD.encode(), 3),
            ("validate - -o json", FDL.encode(), 3),
            ("validate -", b"\xff\xfe", 3),
            ("validate -", FDL.encode() + b"# " + b"x" * 200_000 + b"\n", 3),
            ("cluster add x http://127.0.0.1:9 ada --password-stdin --no-check", b"", 2),
        ],
        "cluster nothing",
        "service list",
        "validate - -o json",
    ),
)
def test_streams_and_code_are_those_of_a_new_process(
    run: Runner, new: Runner, words: str, data: bytes, code: int
) -> None:
    fork, real = run(*words.split(), input=data), new(*words.split(), input=data)
    assert fork == real
    assert fork.code == code


@pytest.mark.parametrize(
    "words", daily(["service list", "service list -o json", "service list --debug"], "service list --debug")
)
def test_answers_of_a_server_look_the_same(
    run: Runner, new: Runner, server: ScriptedServer, words: str
) -> None:
    run.know(server.url)
    for _ in range(2):
        server.expect("GET", LIST, document([{"name": "ä\x1b[1m" * 5000, "image": "i"}]))

    def steady(outcome: Outcome) -> tuple[int, str, list[str]]:
        return outcome.code, outcome.out, [line.partition(" in ")[0] for line in outcome.err.splitlines()]

    fork = steady(run(*words.split()))
    assert fork == steady(new(*words.split()))
    assert fork[0] == 0
    assert len(fork[1]) > 5000


def test_a_terminal_looks_the_same(run: Runner, new: Runner) -> None:
    run.know("http://127.0.0.1:9")
    for words in (["cluster", "list"], ["service", "list"], ["cluster", "remove", "test"]):
        answers = [("[y/N]", "y\r")] if words[1] == "remove" else []
        before = run.config.read_bytes()
        fork = run.terminal(*words, answers=answers, columns=60)
        run.config.write_bytes(before)
        assert fork == new.terminal(*words, answers=answers, columns=60)
        assert fork.out


@pytest.mark.parametrize("number", daily([signal.SIGINT, signal.SIGTERM, signal.SIGKILL], "SIGINT"))
def test_a_signal_ends_both_alike(
    run: Runner, new: Runner, server: ScriptedServer, wait_until: Callable[..., None], number: signal.Signals
) -> None:
    run.know(server.url)
    server.always("GET", "/system/logs/x", document({"jobs": {"j": {"status": "Running"}}}))
    server.always("GET", "/system/logs/x/j", text("line\n"))
    ends = []
    for runner in (run, new):
        process = runner.start("service", "logs", "get", "x", "j", "-f")
        assert isinstance(process, forked.ForkedProcess) is (runner is run)
        begun = len(server.requests)
        wait_until(lambda begun=begun: len(server.requests) > begun + 3)
        assert process.poll() is None
        assert Path(f"/proc/{process.pid}/cwd").readlink() == run.home
        process.send_signal(number)
        ends.append((*process.communicate(timeout=60), process.wait()))
    assert ends[0] == ends[1]
    assert ends[0][-1] == (130 if number == signal.SIGINT else -number)


def test_a_reader_that_has_gone_is_no_different(run: Runner, new: Runner) -> None:
    ends = []
    for runner in (run, new):
        # It answers when its input has ended, and then nobody reads any more.
        with runner.start("validate", "-") as process:
            assert process.stdin
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            process.stdin.write(b"functions:\n  oscar: []\n")
            process.stdin.close()
            ends.append((process.wait(60), process.stderr.read()))
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYTHONHOME", "/nowhere"),
        ("PYTHONIOENCODING", "latin-1"),
        ("PYTHONWARNINGS", "default"),
        ("LC_ALL", "C"),
        ("LANG", "de_DE.UTF-8"),
        ("TZ", "Asia/Tokyo"),
        # Typer looks at it when it is imported.
        ("TYPER_USE_RICH", "0"),
    ],
)
def test_what_counts_when_python_starts_gets_a_python_that_starts(run: Runner, name: str, value: str) -> None:
    assert forked.can_run(run.environ)
    assert not forked.can_run({**run.environ, name: value})
    without = {key: kept for key, kept in run.environ.items() if key != "LANG"}
    assert not forked.can_run(without)


def test_folders_with_modules_are_searched_alike(run: Runner, new: Runner) -> None:
    for runner, name in ((run, "fork"), (new, "new")):
        file = run.home / f"{name}.json"
        words = ("cluster", "add", "a", "http://x", "ada", "--password-stdin", "--no-check", "--force")
        env = keyring_env("file_keyring.FileKeyring", file)
        assert forked.can_run({**run.environ, **env})
        added = runner(*words, input="s3cr3t", env=env)
        assert (added.code, in_keyring(file)) == (0, {"oscar-cli http://x": {"a: password of ada": "s3cr3t"}})


@pytest.mark.parametrize("name", ["sitecustomize.py", "yaml.py", "oscarcli/__init__.py", "nacl.cpython.so"])
def test_one_with_a_module_that_was_imported_already_gets_a_python_that_starts(
    run: Runner, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "modules"
    environ = {**run.environ, "PYTHONPATH": str(folder)}
    assert forked.can_run(environ)
    (folder / name).parent.mkdir(parents=True)
    (folder / name).touch()
    assert not forked.can_run(environ)


def test_several_processes_share_one_server(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "forks")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        shared = forked.start(listener)
    first, second = forked.connect(address), forked.connect(address)
    for one in (first, second, shared):
        monkeypatch.setattr(forked, "server", lambda one=one: one)
        assert run("cluster", "nothing").code == 2
        one.close()
    with pytest.raises(OSError):
        forked.connect(address)
