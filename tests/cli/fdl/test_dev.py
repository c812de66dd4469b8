"""`dev` on a local cluster: again and again at each save, and once."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oscarcli.cli.fdl import file_watch
from oscarcli.cli.fdl.file_watch import FileWatch
from tests.conftest import Caller, Runner
from tests.local.harness import LocalCluster, open_cluster
from tests.support.ports import free_port

UPPER = (
    'echo "upper of $(cat "$INPUT_FILE_PATH")"\n'
    'tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/result.txt"\n'
)
NUMBERS = itertools.count()
PATIENCE = 120.0


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A local cluster on which a script's exit code decides."""
    cluster = open_cluster(tmp_path_factory.mktemp("dev") / "data", strict_exit=True)
    yield cluster
    cluster.close()


class Project:
    """A folder with an FDL, a script and an input.

    Args:
        folder: the home of a world.
        name: of the service.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.write("in.txt", "hello")
        self.write("script.sh", UPPER)
        self.describe()

    def describe(self, *services: dict[str, Any], **members: Any) -> None:
        """Write the FDL, of one service with a bucket when nothing else is said."""
        one = self.service(self.name) | members
        functions = [{"local": service} for service in services or (one,)]
        self.write("fdl.yaml", json.dumps({"functions": {"oscar": functions}}))

    @staticmethod
    def service(name: str, source: str = "in", target: str = "out") -> dict[str, Any]:
        def folders(path: str) -> list[dict[str, str]]:
            return [{"storage_provider": "minio.default", "path": path if "/" in path else f"{name}/{path}"}]

        return {
            "name": name, "image": "none", "script": "script.sh",
            "input": folders(source), "output": folders(target),
        }  # fmt: skip

    def write(self, name: str, text: str) -> None:
        """Put a file in its place as an editor does, by a rename."""
        new = self.folder / f".{name}.swp"
        new.write_text(text)
        new.replace(self.folder / name)

    def result(self, name: str = "result.txt") -> str:
        return (self.folder / "dev-out" / name).read_text()


@pytest.fixture
def project(run: Runner, local: LocalCluster) -> Project:
    local.become_known(run)
    return Project(run.home, f"dev-{next(NUMBERS)}")


class Dev:
    """The command on its way; what it writes is read as it comes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=read)
            for read in ((process.stdout, self.out), (process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.decode().rstrip("\n"))

    def wait_for(self, text: str) -> None:
        """Wait until a line begins so."""
        deadline = time.monotonic() + PATIENCE
        while not any(line.startswith(text) for line in [*self.out, *self.err]):
            assert self._process.poll() is None, f"it has ended: {self.out} {self.err}"
            assert time.monotonic() < deadline, f'"{text}" never came: {self.out} {self.err}'
            time.sleep(0.01)

    def turn(self, *texts: str) -> None:
        """Wait for lines, and for the end of the turn, and forget all of it."""
        for text in (*texts, "done after"):
            self.wait_for(text)
        self.forget()

    def forget(self) -> None:
        self.out.clear()
        self.err.clear()

    def interrupt(self) -> int:
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(PATIENCE)
        self.close()
        return code

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(PATIENCE)
        for reader in self._readers:
            reader.join()
        if self._process.stdin is not None:
            self._process.stdin.close()


@pytest.fixture
def dev(run: Runner, project: Project) -> Iterator[Dev]:
    """The loop, after its first turn has begun."""
    started = Dev(run.start("dev", "fdl.yaml", "in.txt"))
    yield started
    started.close()


# -- once ----------------------------------------------------------------------------------------------


def test_once_shows_words_and_results_and_applies_only_what_changed(run: Runner, project: Project) -> None:
    words = ("dev", "fdl.yaml", "in.txt", "--once", "--on", "local")
    first = run(*words, cwd=run.home)
    assert (first.code, first.out) == (0, "upper of hello\ndev-out/result.txt\n")
    created, done = first.err.splitlines()
    assert created == f'Creating service "{project.name}" in cluster "local"'
    assert done.startswith("done after ")
    assert project.result() == "HELLO"
    project.write("in.txt", "bye")
    again = run(*words, "-o", "there", cwd=run.home)
    assert (again.code, again.out) == (0, "upper of bye\nthere/result.txt\n")
    assert len(again.err.splitlines()) == 1
    assert (run.home / "there" / "result.txt").read_text() == "BYE"


def test_a_job_that_fails_ends_with_9(run: Runner, project: Project) -> None:
    project.write("script.sh", "echo so far\nexit 3\n")
    result = run("dev", "fdl.yaml", "in.txt", "--once", cwd=run.home)
    assert (result.code, result.out) == (9, "so far\n")
    assert "exit code 3" in result.err


def test_a_service_without_an_input_is_run_synchronously(run: Runner, project: Project) -> None:
    project.write("script.sh", 'echo "got $(cat "$INPUT_FILE_PATH")"\n')
    project.describe(input=[], output=[], log_level="CRITICAL")
    result = run("dev", "fdl.yaml", "in.txt", "--once", cwd=run.home)
    assert (result.code, result.out.splitlines()[0]) == (0, "got hello")


def test_of_a_workflow_the_first_service_gets_the_input(run: Runner, project: Project) -> None:
    first, second = f"{project.name}-a", f"{project.name}-b"
    project.describe(
        project.service(second, f"{first}/middle", "out"), project.service(first, "in", "middle")
    )
    result = run("dev", "fdl.yaml", "in.txt", "--once", cwd=run.home)
    assert (result.code, result.out.splitlines()[0]) == (0, "upper of hello")
    assert f'service "{first}"' in result.err
    project.describe(project.service(first), project.service(second))
    unclear = run("dev", "fdl.yaml", "in.txt", "--once", cwd=run.home)
    assert unclear.code == 2
    assert f"name one with --service: {first}, {second}" in unclear.err
    assert run("dev", "fdl.yaml", "in.txt", "--once", "--service", second, cwd=run.home).code == 0
    assert run("dev", "fdl.yaml", "in.txt", "--once", "--service", "x", cwd=run.home).code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere.yaml", "in.txt"), 'there is no file "nowhere.yaml"'),
        (("fdl.yaml", "nowhere.txt"), 'there is no file "nowhere.txt"'),
        (("fdl.yaml", "in.txt", "-o", "fdl.yaml"), '"fdl.yaml" is not a folder'),
        (("fdl.yaml", "in.txt", "-o", "."), 'the input is in "."'),
    ],
)
def test_wrong_words_end_it_at_once(
    call: Caller, project: Project, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(project.folder)
    result = call("dev", *words)
    assert (result.code, message in result.err) == (2, True)


def test_a_wrong_file_and_a_cluster_that_is_away_have_their_codes(
    run: Runner, call: Caller, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    project.write("fdl.yaml", "functions: [")
    assert call("dev", "fdl.yaml", "in.txt", "--once").code == 3
    project.describe()
    run.write_config(f"oscar: {{local: {{endpoint: 'http://127.0.0.1:{free_port()}'}}}}\ndefault: local\n")
    assert call("dev", "fdl.yaml", "in.txt", "--once").code == 6


# -- the loop ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_save_runs_it_again_and_mistakes_do_not_end_it(dev: Dev, project: Project) -> None:
    dev.turn(f'Creating service "{project.name}"', "upper of hello", "dev-out/result.txt")
    project.write("in.txt", "again")
    dev.turn("upper of again")
    assert project.result() == "AGAIN"
    project.write("script.sh", UPPER.replace("upper", "other"))
    dev.turn(f'Editing service "{project.name}"', "other of again")
    project.write("fdl.yaml", "functions: [")
    dev.wait_for("failed after")
    assert [line for line in dev.err if line.startswith("Error: ")], dev.err
    dev.forget()
    project.describe(memory="128Mi")
    dev.turn(f'Editing service "{project.name}"', "other of again")
    (project.folder / "script.sh").unlink()
    dev.wait_for("failed after")
    dev.forget()
    project.write("script.sh", "echo broken; exit 4\n")
    dev.wait_for("broken")
    dev.wait_for("failed after")
    dev.forget()
    project.write("script.sh", UPPER)
    dev.turn("upper of again")
    assert dev.interrupt() == 130
    assert f'service "{project.name}" stays on cluster "local"' in "\n".join(dev.err)


def test_a_save_while_a_job_runs_stops_it_and_begins_anew(
    dev: Dev, project: Project, local: LocalCluster, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    dev.turn("upper of hello")
    project.write("script.sh", "echo it sleeps\nexec sleep 600\n")
    dev.wait_for("it sleeps")
    dev.forget()
    project.write("script.sh", UPPER)
    dev.turn("saved: what runs is stopped, and begins anew", "upper of hello")
    # The job that slept is gone, and with it its sleep.
    wait_until(lambda: [job["status"] for job in local.jobs(project.name).values()] == ["Succeeded"] * 2)
    project.write("script.sh", "echo it sleeps\nexec sleep 600\n")
    dev.wait_for("it sleeps")
    assert dev.interrupt() == 130
    assert " goes on" in "\n".join(dev.err)


# -- watching ------------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["watchfiles", "looking"])
def saves(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[list[int]]:
    """A number for each save that a watch over two files has told of."""
    if request.param:
        pytest.importorskip("watchfiles")
    monkeypatch.setattr(file_watch, "_has_watchfiles", lambda: request.param)
    told: list[int] = []
    (tmp_path / "one").write_text("1")
    watch = FileWatch(lambda: told.append(1))
    watch.watch([tmp_path / "one", tmp_path / "deep" / "two"])
    watch.start()
    yield told
    watch.stop()
    watch.join()


def test_a_rename_a_write_a_new_file_and_a_vanished_one_are_saves(
    saves: list[int], tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    def saved() -> None:
        wait_until(lambda: bool(saves))
        saves.clear()

    (tmp_path / "new").write_text("1")
    (tmp_path / "new").replace(tmp_path / "one")
    saved()
    with (tmp_path / "one").open("a") as file:
        file.write("more")
    saved()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "two").write_text("2")
    saved()
    (tmp_path / "one").unlink()
    saved()
    (tmp_path / "other").write_text("no file of ours")
    assert not saves


def test_an_editor_that_takes_the_file_away_first_saves_once(
    saves: list[int], tmp_path: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    (tmp_path / "one").rename(tmp_path / "one~")
    (tmp_path / "one").write_text("2")
    wait_until(lambda: bool(saves))
    (tmp_path / "one").write_text("33")
    wait_until(lambda: len(saves) > 1)
    assert len(saves) == 2


@pytest.mark.parametrize(
    ("services", "chosen"),
    [
        # What is written into a folder arrives in the one around it; a path without a bucket is in its own.
        ([("second", "b/mid", "b/out"), ("first", "b/in", "b/mid/deep")], "first"),
        ([("second", "/b/mid/", "b/out"), ("first", "in", "b//mid")], None),
        ([("second", "first/mid", "b/out"), ("first", "b/in", "mid")], "first"),
        # Who feeds itself alone begins, too; and of two that nobody feeds neither is meant.
        ([("loop", "b/in", "b/in/more")], "loop"),
        ([("one", "b/in", "b/out"), ("two", "c/in", "c/out")], None),
    ],
)
def test_the_input_is_for_the_service_that_no_other_one_feeds(
    services: list[tuple[str, str, str]], chosen: str | None
) -> None:
    from oscarcli.cli.fdl.dev_run import chosen_service
    from oscarcli.errors import UsageError
    from oscarcli.fdl.plan import Wanted
    from oscarcli.fdl.service import ServiceDefinition

    wanted = [
        Wanted("local", ServiceDefinition(key, Project.service(*words), 1, "f"))
        for key, words in zip(itertools.cycle(["local", "default-cluster"]), services, strict=False)
    ]
    for one in wanted:
        for folder in (*one.service.definition["input"], *one.service.definition["output"]):
            folder["path"] = folder["path"].removeprefix(f"{one.service.name}/")
    if chosen is not None:
        assert chosen_service(wanted, None).service.name == chosen
        return
    with pytest.raises(UsageError, match="several services may take the input"):
        chosen_service(wanted, None)
