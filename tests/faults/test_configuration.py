"""The configuration file under many writers at once, and under writers that are killed."""

from __future__ import annotations

import os
import random
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from oscarcli.config.file import ConfigFile
from oscarcli.config.model import Cluster
from tests.conftest import Runner
from tests.support.forked import start_script

# So many edits each of so many processes makes in a storm, a multiple of ten. The full number, 1000, takes
# minutes and is what `TEST_EDITS` is for.
STORM_EDITS = int(os.environ.get("TEST_EDITS", "10"))
# Each takes longer than the one before: the file grows.
ROUNDS = min(100, 2 * STORM_EDITS)
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
    return start_script(script, *map(str, words), env=run.environ, cwd=run.home)


def test_two_processes_that_add_clusters_at_once_lose_none(run: Runner) -> None:
    """Again and again: both workers get a line at the same time, and the next when both have answered."""
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
        assert process.returncode == 0, (out, err)
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
            assert not list(run.config.parent.glob(".*.part"))


def test_a_reader_never_sees_half_a_file(run: Runner) -> None:
    run.write_config("oscar:\n  c0: {endpoint: x}\n  c1: {endpoint: x}\ndefault: c0\n")
    writer = start(run, WRITER, run.config)
    try:
        for _ in range(300):
            assert set(ConfigFile(run.config).read().clusters) == {"c0", "c1"}
    finally:
        writer.kill()
        writer.communicate()


STORM_WORKERS = 20
STORM_KILLS = STORM_WORKERS * (1 + STORM_EDITS // 100)
# Seconds between two kills on average: an edit takes some 10 ms of a machine with two processors.
STORM_PAUSE = 0.012 * STORM_EDITS * STORM_WORKERS / STORM_KILLS
# Makes edit N, N + 1, ... by the real command line and acknowledges each by its number.
STORM_WORKER = """
import contextlib, os, sys
from pathlib import Path
from oscarcli.cli.app import main
name, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
guest, path = name + "-guest", Path(os.environ["HOME"], ".oscar-cli", "config.yaml")
sink = open(os.devnull, "w")
def edit(*words):
    try:
        with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            main(["cluster", *words])
    except SystemExit as ending:
        if ending.code:
            os._exit(ending.code)
for number in range(first, last + 1):
    if number % 5 == 3:
        edit("default", "--set", name)
    elif number % 10 == 4:
        edit("add", guest, "http://guest", "ada", "pw", "--no-check", "--force")
    elif number % 10 == 9:
        # It is gone when a process was killed behind this very edit.
        if guest in path.read_text():
            edit("delete", guest)
    else:
        edit("add", name, f"http://x/{number}", "ada", f"pw{number}", "--no-check", "--force")
    print(number, flush=True)
"""
# Reads until its standard input ends. No cluster that was there may be missing, or be what it was before.
STORM_READER = """
import sys, threading
from pathlib import Path
from oscarcli.config.file import ConfigFile
path = Path(sys.argv[1])
kept = sys.argv[2]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
seen, reads = {}, 0
while not ended.wait(0.005):
    clusters = ConfigFile(path).read().clusters
    names = [name for name in clusters if name.startswith("w") and not name.endswith("-guest")]
    numbers = {name: int(clusters[name].endpoint.rpartition("/")[2]) for name in names}
    for name, number in numbers.items():
        assert clusters[name].auth_password == f"pw{number}", name
    for name, number in seen.items():
        assert numbers[name] >= number, name
    assert path.read_text().startswith(kept)
    seen, reads = numbers, reads + 1
print(reads)
"""
KEPT = """\
# Ours; ask before you change it.
mine: {list: [1, "1"], text: 0x1F}   # not of oscar-cli
oscar:
  # The one that matters.
  first:
    endpoint: https://first.example.org   # production
    auth_user: ada
    mine:
    - kept
"""


def stored_number(edits: int) -> int:
    """Return the last of so many edits that was of a process's own cluster."""
    return max(number for number in range(edits + 1) if number % 5 < 3)


class Storm:
    """Processes that edit one file, and what each has acknowledged."""

    def __init__(self, run: Runner, edits: int) -> None:
        self.acknowledged = {f"w{number}": 0 for number in range(STORM_WORKERS)}
        self._run, self._edits = run, edits
        self._selector = selectors.DefaultSelector()
        self._workers: dict[str, subprocess.Popen[str]] = {}
        for name in self.acknowledged:
            self._begin(name)

    def _begin(self, name: str) -> None:
        first = self.acknowledged[name] + 1
        worker = start(self._run, STORM_WORKER, name, str(first), str(self._edits))
        assert worker.stdout is not None
        self._workers[name] = worker
        self._selector.register(worker.stdout, selectors.EVENT_READ, name)

    @property
    def running(self) -> list[str]:
        return list(self._workers)

    def watch(self, seconds: float) -> None:
        """Take acknowledgements as they come, for so long or until nobody runs."""
        deadline = time.monotonic() + seconds
        while self._workers and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._take(key.data)

    def _take(self, name: str) -> None:
        worker = self._workers[name]
        assert worker.stdout is not None
        line = worker.stdout.readline()
        if line.endswith("\n"):
            assert int(line) == self.acknowledged[name] + 1
            self.acknowledged[name] += 1
        else:
            self._end(name)
            assert self.acknowledged[name] == self._edits, (name, worker.returncode)

    def kill(self, name: str) -> None:
        """Kill a process, count what it acknowledged before, and let another go on."""
        worker = self._workers[name]
        assert worker.stdout is not None
        worker.kill()
        for line in worker.stdout:
            if line.endswith("\n"):
                self.acknowledged[name] = int(line)
        self._end(name)
        stored = ConfigFile(self._run.config).read().clusters
        if self.acknowledged[name]:
            number = int(stored[name].endpoint.rpartition("/")[2])
            assert number >= stored_number(self.acknowledged[name])
        self._begin(name)

    def _end(self, name: str) -> None:
        worker = self._workers.pop(name)
        self._selector.unregister(worker.stdout)  # type: ignore[arg-type]
        worker.communicate()

    def close(self) -> None:
        for name in self.running:
            self._workers[name].kill()
            self._end(name)
        self._selector.close()


@pytest.mark.thorough
def test_a_storm_of_edits_and_kills_loses_nothing_that_was_acknowledged(run: Runner) -> None:
    """Twenty processes edit by the real command line; one at random is killed again and again."""
    run.write_config(KEPT)
    chance = random.Random(7)
    reader = start(run, STORM_READER, run.config, KEPT)
    storm = Storm(run, STORM_EDITS)
    try:
        for _ in range(STORM_KILLS):
            storm.watch(chance.uniform(0, 2 * STORM_PAUSE))
            if storm.running:
                storm.kill(chance.choice(storm.running))
        while storm.running:
            storm.watch(1.0)
        reads, _ = reader.communicate()
    finally:
        storm.close()
        reader.kill()
        reader.communicate()
    assert reader.returncode == 0
    assert int(reads) > 0
    text = run.config.read_text()
    assert text.startswith(KEPT)
    stored = {name: found["endpoint"] for name, found in yaml.safe_load(text)["oscar"].items()}
    for name in storm.acknowledged:
        assert stored[name] == f"http://x/{stored_number(STORM_EDITS)}"
        # The guest came and went, and in the end it is gone.
        assert f"{name}-guest" not in stored
    assert sorted(entry.name for entry in run.config.parent.iterdir()) == [".config.yaml.lock", "config.yaml"]


# -- places and rights -------------------------------------------------------------------------------

ADD = ("cluster", "add", "new", "http://x", "ada", "pw", "--no-check")
SIMPLE = "# mine\noscar:\n  a:\n    endpoint: http://a\n"


def folder_of(run: Runner) -> list[str]:
    return sorted(entry.name for entry in run.config.parent.iterdir())


@pytest.mark.parametrize("mode", [0o400, 0o500, 0o440, 0o444])
def test_a_read_only_file_is_not_replaced_even_by_root(run: Runner, mode: int) -> None:
    run.write_config(SIMPLE)
    run.config.chmod(mode)
    for words in (ADD, ("cluster", "delete", "a"), ("cluster", "default", "--set", "a")):
        outcome = run(*words)
        assert (outcome.code, outcome.out) == (3, "")
        assert f"cannot write the configuration {run.config}: it is read-only (mode 0" in outcome.err
        assert f"'chmod u+w {run.config}' allows changes" in outcome.err
    assert run.config.read_text() == SIMPLE
    # What others could read they no longer can; what the owner may not write stays so.
    assert run.config.stat().st_mode & 0o777 == mode & 0o700
    assert run("cluster", "list").code == 0
    run.config.chmod(0o600)
    assert run(*ADD).code == 0


def test_a_link_is_followed_to_another_folder_also_to_a_file_that_is_not_there_yet(run: Runner) -> None:
    real = run.home / "dotfiles" / "deep" / "oscar.yaml"
    run.config.parent.mkdir()
    run.config.symlink_to("../dotfiles/deep/oscar.yaml")
    assert run(*ADD).code == 0
    assert run.config.is_symlink()
    assert "new" in yaml.safe_load(real.read_text())["oscar"]
    assert real.stat().st_mode & 0o777 == 0o600
    assert folder_of(run) == ["config.yaml"]
    assert run("cluster", "default", "--set", "new").code == 0
    assert sorted(entry.name for entry in real.parent.iterdir()) == [".oscar.yaml.lock", "oscar.yaml"]


def test_a_mode_that_others_have_a_part_in_is_tightened_with_a_word(run: Runner) -> None:
    run.write_config(SIMPLE)
    run.config.chmod(0o664)
    outcome = run(*ADD)
    assert (outcome.code, run.config.stat().st_mode & 0o777) == (0, 0o600)
    assert outcome.err.count("could be read by other users; its mode is 0600 now") == 1


def test_what_is_no_ordinary_file_is_never_replaced(run: Runner) -> None:
    outcome = run(*ADD, "--config", "/dev/null")
    assert outcome.code == 3
    assert "cannot write the configuration /dev/null: it is no ordinary file" in outcome.err
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays_the_owner_when_root_edits(run: Runner) -> None:
    run.write_config(SIMPLE.replace("oscar:", "x: &x 1\ny: *x\noscar:"))
    os.chown(run.config, 1234, 2345)
    assert run("cluster", "add", "b", "http://b", "ada", "pw", "--no-check").code == 0
    status = run.config.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (1234, 2345, 0o600)


@pytest.fixture
def small_disk(run: Runner) -> Iterator[Path]:
    """A file system of its own for the configuration, with little room."""
    run.config.parent.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(run.config.parent)]
    try:
        mounted = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no right to mount a small file system")
    yield run.config.parent
    subprocess.run(["umount", str(run.config.parent)], check=True)


def test_a_full_disk_is_told_and_loses_nothing(run: Runner, small_disk: Path) -> None:
    run.write_config(SIMPLE)
    with (small_disk / "filling").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass
    before = folder_of(run)
    for words in (ADD, ("cluster", "delete", "a")):
        outcome = run(*words)
        assert (outcome.code, outcome.out) == (3, "")
        assert "No space left on device; it is as it was" in outcome.err
        assert run.config.read_text() == SIMPLE
    assert set(folder_of(run)) <= {*before, ".config.yaml.lock"}
    (small_disk / "filling").unlink()
    assert run(*ADD).code == 0


def test_a_read_only_file_system_is_told(run: Runner, small_disk: Path) -> None:
    run.write_config(SIMPLE)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    outcome = run(*ADD)
    assert (outcome.code, outcome.out) == (3, "")
    assert "Read-only file system; it is as it was" in outcome.err
    assert "OSCAR_CLI_CONFIG" in outcome.err
    assert run("cluster", "list").out == "a (http://a)\n"


# As `ulimit -f` would: no file may get longer than so many bytes.
LIMITED = """
import resource, signal, sys
from oscarcli.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
main()
"""


def test_a_file_that_may_not_grow_is_told_and_loses_nothing(run: Runner) -> None:
    run.write_config(SIMPLE)
    words = [sys.executable, "-B", "-c", LIMITED, *ADD]
    done = subprocess.run(words, env=dict(run.environ), capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (3, "")
    assert "File too large; it is as it was" in done.stderr
    assert run.config.read_text() == SIMPLE
    assert folder_of(run) == [".config.yaml.lock", "config.yaml"]


# -- layouts that stand in the way -------------------------------------------------------------------

REFERRING = """\
# shared by both
base: &base {ssl_verify: true, auth_user: ada}
oscar:
  a: &a
    <<: *base
    endpoint: http://a
  b: *a
"""


def test_a_layout_that_stands_in_the_way_is_given_up_and_kept_as_a_backup(run: Runner) -> None:
    run.write_config(REFERRING)
    run.config.chmod(0o640)
    outcome = run("cluster", "delete", "a")
    backup = run.config.with_name("config.yaml.backup")
    assert outcome.code == 0
    assert "warning:" in outcome.err
    assert f"the file as it was, with its secrets, is kept as {backup}" in outcome.err
    assert backup.read_text() == REFERRING
    assert [path.stat().st_mode & 0o777 for path in (backup, run.config)] == [0o600, 0o600]
    shared = {"ssl_verify": True, "auth_user": "ada"}
    assert yaml.safe_load(run.config.read_text()) == {
        "base": shared,
        "oscar": {"b": {"endpoint": "http://a", **shared}},
    }
    # The next changes are made in place; the backup is that of the last layout that was given up.
    outcome = run(*ADD)
    assert (outcome.code, "backup" in outcome.err) == (0, False)
    assert backup.read_text() == REFERRING
    assert folder_of(run) == [".config.yaml.lock", "config.yaml", "config.yaml.backup"]


def test_no_backup_no_change(run: Runner, small_disk: Path) -> None:
    run.write_config(REFERRING)
    (small_disk / "config.yaml.backup").mkdir()
    outcome = run("cluster", "delete", "a")
    assert outcome.code == 3
    assert "Is a directory; it is as it was" in outcome.err
    assert run.config.read_text() == REFERRING


def test_json_that_loses_something_is_kept_as_a_backup_and_other_json_is_not(run: Runner) -> None:
    path = run.home / "c.json"
    plain = '{"oscar": {"a": {"endpoint": "http://a"}}, "mine": [1.5, {"x": null}]}'
    path.write_text(plain)
    assert "backup" not in run(*ADD, "--config", path).err
    path.write_text(plain.replace("1.5", "1.50"))
    assert f"is kept as {path}.backup" in run(*ADD, "--config", path).err
    assert "1.50" in Path(f"{path}.backup").read_text()
