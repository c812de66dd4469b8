"""Jobs that take but a moment: what they must not wait for, and whose log is whose."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from oscarcli.local.folder import remove_tree
from oscarcli.local.jobs.engine import selection
from oscarcli.local.jobs.engine.base import RunCancellation
from oscarcli.local.jobs.engine.execution import Program, execute
from oscarcli.local.jobs.engine.launcher import Script
from oscarcli.local.jobs.line_file import LineFile
from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.log_table import StoredLog, find_log
from oscarcli.local.jobs.placement import Placements
from oscarcli.local.jobs.runner import JobRunner
from oscarcli.local.jobs.staging import FEW_FILES, Destinations, RunStorage, Workspace, upload_results
from oscarcli.local.jobs.table import JobOutcome
from oscarcli.local.state import State
from oscarcli.local.work_turn import WorkTurn
from tests.local.harness import LocalCluster, wait_for
from tests.local.test_work_turn import is_free


def fail_to_make(_file: LineFile) -> None:
    raise OSError(28, "No space left on device")


def test_no_log_is_closed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of a file that was closed may be another one's by the second time."""
    monkeypatch.setattr("oscarcli.local.jobs.log.QUICK_SECONDS", 0.0)
    runner = object.__new__(JobRunner)
    monkeypatch.setattr(runner, "_folder", tmp_path, raising=False)
    monkeypatch.setattr(runner, "_is_all_here", lambda _definition: True, raising=False)
    closed: list[int] = []
    really_close = os.close

    def close(number: int) -> None:
        closed.append(number)
        really_close(number)

    def logged(_job: Any, _home: Path, log: JobLog, _cancellation: RunCancellation) -> JobOutcome:
        log.script(b"said\n")
        log.hold()
        log.note("ERROR", "held")
        monkeypatch.setattr(LineFile, "_put", lambda self, _data, _times: fail_to_make(self))
        monkeypatch.setattr(os, "close", close)
        return JobOutcome(True)

    monkeypatch.setattr(runner, "_logged", logged, raising=False)
    job = type("Job", (), {"name": "full", "definition": LEVEL})
    with pytest.raises(OSError, match="No space left"):
        runner.run(job, RunCancellation())  # type: ignore[arg-type]
    monkeypatch.undo()
    assert len(closed) == len(set(closed)) == 4


LEVEL = {"log_level": "INFO", "environment": {"variables": {}, "secrets": {}}}


def test_the_log_of_a_removed_job_is_not_that_of_its_successor(cluster: LocalCluster) -> None:
    cluster.create("again", "true\n")
    inner = cluster.server.cluster
    definition = inner.services.get("again")
    assert definition is not None
    with inner.state.transaction() as connection:
        inner.jobs.add("again-1", definition, b"")
        inner.jobs.finish("again-1", JobOutcome(True, log=StoredLog(b"of the other\n", b"")))
        assert find_log(connection, "again-1") is None
        inner.jobs.remove(["again-1"])


def test_a_name_is_free_when_nothing_of_a_removed_job_is_left(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scheduler = cluster.server.cluster.scheduler
    busy: dict[str, list[str]] = {}

    def remove(folder: Path) -> None:
        busy.setdefault(folder.name, scheduler._busy())
        remove_tree(folder)

    cluster.create("gone", f'touch "{tmp_path}/runs"; sleep 60\n')
    cluster.submit("gone", job="gone-1")
    wait_for((tmp_path / "runs").exists, "it to run")
    monkeypatch.setattr("oscarcli.local.jobs.scheduler.remove_tree", remove)
    assert cluster.api.delete("/system/logs/gone/gone-1").status_code == 204
    wait_for(lambda: "gone-1" in busy, "its folder to be removed")
    assert busy["gone-1"] == ["gone-1"]
    wait_for(lambda: "gone-1" not in scheduler._busy(), "it to leave")


def test_no_engine_is_tried_while_others_wait_for_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines = selection.Engines(selection.HOST, tmp_path)
    monkeypatch.setattr(selection, "probe", pytest.fail)
    placements = Placements(engines, pytest.fail)
    # A trial of another engine may be under way, too.
    with engines._lock:
        for name, is_at_once in ((None, True), ("host", True), ("podman", False), ("no-such", False)):
            definition = {"annotations": {selection.ANNOTATION: name} if name else None}
            assert placements.is_at_once(definition) == is_at_once
        assert engines.of({"annotations": {selection.ANNOTATION: "host"}}) is engines.default


def test_the_turn_is_not_had_while_what_a_script_has_left_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, free = WorkTurn(), []
    finish = Script.finish

    def slowly(script: Script) -> int:
        free.append(is_free(turn))
        return finish(script)

    monkeypatch.setattr(Script, "finish", slowly)
    marker = ("TMP_OUTPUT_DIR", os.fsencode(tmp_path))
    words = ["/bin/sh", "-c", "sleep 60 >/dev/null 2>&1 & exit 3"]
    program = Program(words, tmp_path, {marker[0]: marker[1]}, marker)
    with turn.held():
        assert execute(program, lambda _data: None, RunCancellation(turn)) == 3
        assert not is_free(turn)
    assert free == [True]


@pytest.mark.parametrize(("count", "leaves"), [(FEW_FILES - 1, False), (FEW_FILES + 1, True)])
def test_who_has_many_files_to_look_at_leaves_the_turn(tmp_path: Path, count: int, leaves: bool) -> None:
    turn = WorkTurn()
    workspace = Workspace.create(tmp_path / "work")
    for number in range(count):
        (workspace.output / f"{number:03}").touch()
    outputs = [{"storage_provider": "minio", "path": "bucket/out"}]
    sent: list[str] = []
    storage = cast("RunStorage", SimpleNamespace(upload=lambda _path, _bucket, key: sent.append(key)))
    log = JobLog(tmp_path / "home", "INFO")
    with turn.held():
        upload_results(outputs, workspace, Destinations(storage, {}), log, RunCancellation(turn))
        assert is_free(turn) == leaves
    assert sent == [f"out/{number:03}" for number in range(count)]
    log.close()


def test_a_change_that_cannot_be_ended_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(tmp_path / "state.db", ["CREATE TABLE IF NOT EXISTS t (n INTEGER)"])

    def broken(_group: Any, _late: Any) -> bool:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(state, "_leave", broken)
        with pytest.raises(MemoryError), state.transaction():
            pass
    assert not state._turn.locked()
    state.close()


def test_what_is_noted_before_a_long_wait_is_seen_meanwhile(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until a mount is there, say."""
    gate = threading.Event()

    @contextmanager
    def attached(
        _definition: Any, placement: Any, note: Callable[[str, str], None], _check: Any
    ) -> Iterator[Any]:
        note("WARNING", "it takes its time")
        assert gate.wait(60)
        yield placement

    runner = cluster.server.cluster._runner
    monkeypatch.setattr(runner, "_is_all_here", lambda _definition: False)
    monkeypatch.setattr(runner._attachments, "attached", attached)
    cluster.create("far", "true\n")
    cluster.submit("far", job="far-1")
    try:
        wait_for(lambda: "it takes its time" in cluster.log("far", "far-1"), "the note")
        assert cluster.jobs("far")["far-1"]["status"] == "Running"
    finally:
        gate.set()
        cluster.ended("far")
    assert cluster.log("far", "far-1").count("it takes its time") == 1
