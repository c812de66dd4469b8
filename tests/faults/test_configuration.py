"""The configuration file under two writers at once, and under a writer that is killed."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from oscarcli.config.file import ConfigFile
from oscarcli.config.model import Cluster
from tests.conftest import Runner

ROUNDS = 100
# Adds clusters NAME-0, NAME-1, ... by the real command line, each as soon as a line comes in.
WORKER = """
import sys
from oscarcli.cli.app import main
for line in sys.stdin:
    try:
        main(["cluster", "add", f"{sys.argv[1]}-{line.strip()}", "http://x", "ada", "pw", "--no-check"])
    except SystemExit as ending:
        print(int(ending.code or 0), flush=True)
"""
# Rewrites the default over and over until it is killed.
WRITER = """
import itertools, sys
from pathlib import Path
from oscarcli.config.file import ConfigFile
file = ConfigFile(Path(sys.argv[1]))
for number in itertools.count():
    file.set_default(f"c{number % 2}")
    if not number:
        print("begun", flush=True)
"""


def start(run: Runner, script: str, *words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        env=dict(run.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_that_add_clusters_at_once_lose_none(run: Runner) -> None:
    """A hundred times: both workers get a line at the same time, and the next when both have answered."""
    workers = [start(run, WORKER, name) for name in ("one", "two")]
    for number in range(ROUNDS):
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(f"{number}\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout is not None
            lines = [worker.stdout.readline(), worker.stdout.readline()]
            assert "successfully stored" in lines[0]
            assert lines[1] == "0\n"
    for worker in workers:
        worker.communicate()
    stored = yaml.safe_load(run.config.read_text())
    assert set(stored["oscar"]) == {f"{name}-{number}" for name in ("one", "two") for number in range(ROUNDS)}
    assert stored["default"] in ("one-0", "two-0")
    assert sorted(entry.name for entry in run.config.parent.iterdir()) == [".config.yaml.lock", "config.yaml"]


def test_real_commands_at_once_lose_none_either(run: Runner) -> None:
    names = [f"c{number}" for number in range(8)]
    processes = [run.start("cluster", "add", name, "http://x", "ada", "pw", "--no-check") for name in names]
    for process in processes:
        out, err = process.communicate()
        assert (process.returncode, err) == (0, b""), out
    assert set(yaml.safe_load(run.config.read_text())["oscar"]) == set(names)


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(run: Runner) -> None:
    entries = "".join(f"  c{number}:\n    endpoint: http://x # {'kept ' * 50}\n" for number in range(50))
    run.write_config(f"# top\noscar:\n{entries}default: c0 # end\n")
    chance = random.Random(11)
    deadline = time.monotonic() + 12
    kills = 0
    while kills < 25 and time.monotonic() < deadline:
        writer = start(run, WRITER, run.config)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        time.sleep(chance.uniform(0, 0.02))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        kills += 1
        text = run.config.read_text()
        assert re.fullmatch(rf"# top\noscar:\n{re.escape(entries)}default: c[01] # end\n", text)
        assert run.config.stat().st_mode & 0o777 == 0o600
    assert kills
    ConfigFile(run.config).put(Cluster("after", "http://x"))
    assert sorted(entry.name for entry in run.config.parent.iterdir()) == [".config.yaml.lock", "config.yaml"]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_writer_that_is_asked_to_stop_leaves_nothing_behind(
    run: Runner, signal_number: signal.Signals
) -> None:
    """SIGTERM may leave a temporary file, as SIGKILL does; Ctrl-C may not."""
    run.write_config("oscar:\n  c0: {endpoint: x}\n  c1: {endpoint: x}\n")
    for _ in range(5):
        writer = start(run, WRITER.replace("import sys", "import os, sys"), run.config)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        writer.send_signal(signal_number)
        writer.communicate()
        assert set(yaml.safe_load(run.config.read_text())["oscar"]) == {"c0", "c1"}
        if signal_number is signal.SIGINT:
            assert not list(run.config.parent.glob("*.tmp"))


def test_a_reader_never_sees_half_a_file(run: Runner) -> None:
    run.write_config("oscar:\n  c0: {endpoint: x}\n  c1: {endpoint: x}\ndefault: c0\n")
    writer = start(run, WRITER, run.config)
    try:
        for _ in range(300):
            assert set(ConfigFile(run.config).read().clusters) == {"c0", "c1"}
    finally:
        writer.kill()
        writer.communicate()
