"""`service map` on the local cluster: a folder of inputs becomes a folder of results."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Caller, Runner
from tests.local.harness import Job, LocalCluster, open_cluster, wait_for
from tests.support.trees import results

# As many inputs as an issue of a real archive; the suite makes do with fewer.
INPUTS = int(os.environ.get("TEST_INPUTS", "40"))
UPPER = 'tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH")"\n'
# The supervisor cannot store a file whose name is no text. Folders of jobs have random letters in theirs.
FRAGILE = """
echo "trying $INPUT_FILE_PATH"
case "${INPUT_FILE_PATH##*/}" in *bad*) [ -e "$MENDED" ] || touch "$TMP_OUTPUT_DIR/$(printf '\\377')";; esac
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A local cluster whose services run eight jobs at a time."""
    cluster = open_cluster(tmp_path_factory.mktemp("map") / "data", parallel=8)
    cluster.create("upper", UPPER)
    cluster.create("silent", UPPER, log_level="CRITICAL")
    cluster.create("nothing", "echo done\n")
    cluster.create("slow", "sleep 600\n")
    cluster.create("constant", 'cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/result.json"\n')
    cluster.create(
        "several", 'cd "$TMP_OUTPUT_DIR"; mkdir deep; cp "$INPUT_FILE_PATH" a; cp "$INPUT_FILE_PATH" deep/b\n'
    )
    yield cluster
    cluster.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty folder for inputs."""
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")


def all_jobs(cluster: LocalCluster, service: str) -> dict[str, Job]:
    jobs: dict[str, Job] = {}
    params: dict[str, str] = {}
    while True:
        page = cluster.api.get(f"/system/logs/{service}", params=params).json()
        jobs |= page["jobs"]
        if not page.get("next_page"):
            return jobs
        params = {"page": page["next_page"]}


# -- results ---------------------------------------------------------------------------------------


def test_each_input_gets_its_result_under_its_name_and_once(
    known: Caller, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    names = ["a.txt", "deep/a.txt", "deep/er/it's a 100% «n»+&=?.txt"]
    write(source, *names)
    result = known("service", "map", "upper", source, tmp_path / "new" / "out")
    assert result.code == 0, result.err
    assert result.out == f"3 of 3 done, 0 failed; results in {tmp_path / 'new' / 'out'}\n"
    # Two inputs have one name, and their jobs write one object.
    assert results(tmp_path / "new" / "out") == {name: f"CONTENT OF {name.upper()}" for name in names}
    assert "1 input has the name of another one" in result.err
    before = all_jobs(local, "upper")
    again = known("service", "map", "upper", source, tmp_path / "new" / "out")
    assert (again.code, again.out) == (0, result.out)
    assert all_jobs(local, "upper").keys() == before.keys()


def test_only_what_is_new_or_changed_or_has_lost_its_result_is_done(
    known: Caller, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    write(source, "kept.txt", "changed.txt", "lost.txt")
    known("service", "map", "upper", source, tmp_path / "out")
    count = len(all_jobs(local, "upper"))
    (source / "changed.txt").write_text("another")
    (tmp_path / "out" / "lost.txt").unlink()
    write(source, "new.txt")
    result = known("service", "map", "upper", source, tmp_path / "out")
    assert result.code == 0, result.err
    assert results(tmp_path / "out") == {
        "kept.txt": "CONTENT OF KEPT.TXT",
        "changed.txt": "ANOTHER",
        "lost.txt": "CONTENT OF LOST.TXT",
        "new.txt": "CONTENT OF NEW.TXT",
    }
    # The lost one is still in the store.
    assert len(all_jobs(local, "upper")) == count + 2


def test_results_of_another_name_and_several_results(known: Caller, source: Path, tmp_path: Path) -> None:
    write(source, "x.png", "d/y.png")
    assert known("service", "map", "constant", source, tmp_path / "one", "--limit", "1").code == 0
    assert results(tmp_path / "one") == {"x.json": "content of x.png", "d/y.json": "content of d/y.png"}
    assert known("service", "map", "several", source, tmp_path / "more", "--limit", "1").code == 0
    assert results(tmp_path / "more") == {
        "x.png/a": "content of x.png",
        "x.png/deep/b": "content of x.png",
        "d/y.png/a": "content of d/y.png",
        "d/y.png/deep/b": "content of d/y.png",
    }


def test_the_results_of_one_batch_are_the_inputs_of_another_one(
    known: Caller, source: Path, tmp_path: Path
) -> None:
    write(source, "a.txt")
    assert known("service", "map", "upper", source, tmp_path / "one").code == 0
    result = known("service", "map", "constant", tmp_path / "one", tmp_path / "two")
    assert (result.code, result.out.split(",")[0]) == (0, "1 of 1 done"), result.err
    assert results(tmp_path / "two") == {"a.json": "CONTENT OF A.TXT"}


def test_a_job_without_files_is_done(known: Caller, source: Path, tmp_path: Path) -> None:
    write(source, "a.txt")
    result = known("service", "map", "nothing", source, tmp_path / "out")
    assert (result.code, results(tmp_path / "out")) == (0, {}), result.err
    assert result.out.startswith("1 of 1 done")


def test_two_inputs_that_would_become_one_result_are_told_and_nothing_is_lost(
    known: Caller, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    write(source, "x.png", "x.jpg", "y.png")
    result = known("service", "map", "constant", source, tmp_path / "out", "--limit", "1")
    assert result.code == 8
    assert 'Error: "x.png": "x.jpg" and "x.png" would become one result, "x.json"' in result.err
    assert results(tmp_path / "out") == {"x.json": "content of x.jpg", "y.json": "content of y.png"}
    count = len(all_jobs(local, "constant"))
    # Its result was overwritten by then.
    apart = known("service", "map", "constant", source, tmp_path / "out", "--own-folders", "--retry-failed")
    assert apart.code == 8
    assert 'Error: "x.png": the result of "x.png", ' in apart.err
    assert "was written by another job since" in apart.err
    third = known("service", "map", "constant", source, tmp_path / "out", "--own-folders", "--retry-failed")
    assert third.code == 0, third.err
    assert results(tmp_path / "out")["x.png/result.json"] == "content of x.png"
    assert len(all_jobs(local, "constant")) == count + 1


def test_a_program_reads_a_document(known: Caller, source: Path, tmp_path: Path) -> None:
    write(source, "a.txt")
    shown = json.loads(known("service", "map", "upper", source, tmp_path / "out", "-o", "json").out)
    (entry,) = shown.pop("inputs")
    folder = tmp_path / "out"
    assert shown == {
        "service": "upper",
        "folder": str(folder),
        "total": 1,
        "done": 1,
        "failed": 0,
        "refused": [],
    }
    job, place = entry.pop("job"), entry.pop("object")
    assert job.startswith("upper-")
    assert place.startswith("minio.default:upper-bucket/in/map-")
    assert place.endswith("/a.txt")
    assert entry == {
        "input": "a.txt",
        "state": "done",
        "status": "Succeeded",
        "exit_code": 0,
        "outputs": ["minio.default:upper-bucket/out/a.txt"],
        "files": [str(folder / "a.txt")],
        "error": None,
        "log": [],
    }


# -- failures --------------------------------------------------------------------------------------


def test_failed_jobs_are_told_and_done_again_when_asked(
    known: Caller, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    local.create("fragile", FRAGILE, environment={"variables": {"MENDED": str(mended)}})
    write(source, "good.txt", "bad.txt")
    result = known("service", "map", "fragile", source, tmp_path / "out")
    assert result.code == 9
    assert result.out.startswith("1 of 2 done, 1 failed")
    lines = result.err.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith('Error: "bad.txt": job "fragile-'))
    assert any("surrogates not allowed" in line for line in lines[begin : begin + 6])
    assert lines[-2:] == ["Error: 1 of 2 jobs failed", "hint: with --retry-failed they are done again"]
    mended.touch()
    assert known("service", "map", "fragile", source, tmp_path / "out").code == 9
    assert known("service", "map", "fragile", source, tmp_path / "out", "--retry-failed").code == 0
    assert len(all_jobs(local, "fragile")) == 3


def test_the_first_failure_ends_a_batch_when_asked(
    known: Caller, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    local.create("brittle", FRAGILE, environment={"variables": {"MENDED": "/nowhere"}})
    write(source, "1 bad.txt", "2.txt", "3.txt")
    words = ("service", "map", "brittle", source, tmp_path / "out", "--limit", "1")
    result = known(*words, "--fail-fast")
    assert result.code == 9
    assert result.out.startswith("0 of 3 done, 1 failed, 2 not done yet")
    assert len(all_jobs(local, "brittle")) == 1
    assert known(*words).out.startswith("2 of 3 done, 1 failed;")


def test_inputs_that_cannot_be_had_are_told_and_the_others_are_done(
    known: Caller, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    local.create("hungry", f'rm -f "{source}/2.txt"\n{UPPER}')
    write(source, "1.txt", "2.txt", "3.txt")
    (source / "loop").symlink_to(".")
    result = known("service", "map", "hungry", source, tmp_path / "out", "--limit", "1")
    assert result.code == 8
    assert results(tmp_path / "out") == {"1.txt": "CONTENT OF 1.TXT", "3.txt": "CONTENT OF 3.TXT"}
    assert f'Error: "2.txt": upload "{source}/2.txt": it cannot be read: No such file' in result.err
    assert f'Error: "{source}/loop" is a symbolic link: it is not followed' in result.err
    assert "Error: 2 of 4 inputs have no result" in result.err


def test_results_that_cannot_be_written_are_told_and_come_later(
    known: Caller, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    write(source, "a.txt", "b.txt")
    (tmp_path / "out" / "a.txt").mkdir(parents=True)
    result = known("service", "map", "upper", source, tmp_path / "out")
    assert result.code == 8
    assert 'Error: "a.txt": ' in result.err
    assert results(tmp_path / "out") == {"b.txt": "CONTENT OF B.TXT"}
    count = len(all_jobs(local, "upper"))
    (tmp_path / "out" / "a.txt").rmdir()
    assert known("service", "map", "upper", source, tmp_path / "out").code == 0
    assert results(tmp_path / "out")["a.txt"] == "CONTENT OF A.TXT"
    assert len(all_jobs(local, "upper")) == count


def test_results_inside_the_folder_of_the_inputs_are_no_inputs(known: Caller, source: Path) -> None:
    write(source, "a.txt", "b.txt", "c.log")
    for _ in range(2):
        result = known("service", "map", "upper", source, source / "out", "--exclude", "*.log")
        assert (result.code, result.out.split(",")[0]) == (0, "2 of 2 done"), result.err


def test_a_link_is_followed_when_asked_and_a_loop_never(known: Caller, source: Path, tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/a.txt")
    (source / "link").symlink_to(tmp_path / "elsewhere")
    (source / "loop").symlink_to(".")
    result = known("service", "map", "upper", source, tmp_path / "out", "--follow-symlinks")
    assert result.code == 8
    assert results(tmp_path / "out") == {"link/a.txt": "CONTENT OF ELSEWHERE/A.TXT"}
    assert f'Error: "{source}/loop" is a link to a folder that it is in' in result.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("upper in file", 2, '"file" is not a folder: results cannot go there'),
        ("upper file out", 2, 'local folder "file" cannot be read: Not a directory'),
        ("upper missing out", 2, 'local folder "missing" cannot be read: No such file'),
        ("upper in in", 2, '"in" is in "in": results there could replace inputs'),
        ("upper in .", 2, '"in" is in ".": results there could replace inputs'),
        ("upper in out --limit 0", 2, "0 is not in the range x>=1"),
        ("silent in out", 1, 'the jobs of service "silent" cannot be told apart'),
        ("missing in out", 5, 'service "missing"'),
        ("nothing in results", 2, '"results" has results of service "upper"'),
        ("upper other results", 2, '"results" has results of the inputs in "'),
    ],
)
def test_wrong_words_start_nothing(
    known: Caller, local: LocalCluster, monkeypatch: pytest.MonkeyPatch, words: str, code: int, message: str
) -> None:
    monkeypatch.chdir(known.home)
    write(known.home, "file", "in/a.txt", "other/a.txt")
    if "results" in words:
        assert known("service", "map", "upper", "in", "results").code == 0
    before = {service: all_jobs(local, service) for service in ("upper", "silent", "nothing")}
    result = known("service", "map", *words.split())
    assert (result.code, result.out) == (code, ""), result.err
    assert message in result.err
    assert {service: all_jobs(local, service) for service in before} == before
    assert not (known.home / "out").exists()


# -- ended early -----------------------------------------------------------------------------------


def test_a_limit_ends_the_batch_and_not_the_jobs(
    known: Caller, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    write(source, "a.txt")
    result = known("service", "map", "slow", source, tmp_path / "out", "--timeout", "1.5")
    assert result.code == 6
    assert "Error: 1 of 1 inputs have no result after 1.5 s" in result.err
    assert "the same command again goes on where this one ended" in result.err
    assert [job["status"] for job in all_jobs(local, "slow").values()] == ["Running"]
    local.api.delete("/system/logs/slow", params={"all": "true"})


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_batch_says_how_to_go_on(
    real: Runner, local: LocalCluster, source: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    write(source, "a.txt")
    process = real.start("service", "map", "slow", source, tmp_path / "out")
    wait_for(lambda: [j for j in all_jobs(local, "slow").values() if j["status"] == "Running"], "a job")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out.decode().startswith("0 of 1 done, 0 failed, 1 not done yet")
    assert "the same command again goes on where this one ended" in err.decode()
    local.api.delete("/system/logs/slow", params={"all": "true"})


def test_a_person_sees_one_line_of_progress(real: Runner, source: Path, tmp_path: Path) -> None:
    write(source, *(f"{n}.txt" for n in range(6)))
    shown = real.terminal("service", "map", "upper", source, tmp_path / "out", "--limit", "2")
    assert shown.code == 0, shown.out
    assert "\r\x1b[K6 of 6 done, 0 failed, 0 running\r\x1b[K" in shown.out
    assert shown.out.endswith(f"\r\x1b[K6 of 6 done, 0 failed; results in {tmp_path / 'out'}\n")
    # Nothing but the summary stays.
    assert shown.out.count("\n") == 1
    silent = real.terminal("service", "map", "upper", source, tmp_path / "out", "--no-progress")
    assert silent.out == f"6 of 6 done, 0 failed; results in {tmp_path / 'out'}\n"


def test_a_batch_that_is_killed_twice_does_every_job_once(
    real: Runner, local: LocalCluster, source: Path, tmp_path: Path
) -> None:
    # The last one waits, so that no run is over before it is killed.
    go = tmp_path / "go"
    last = f"case $INPUT_FILE_PATH in */{INPUTS - 1}.txt) until [ -e '{go}' ]; do sleep 0.1; done;; esac\n"
    local.create("many", last + UPPER)
    folder = tmp_path / "out"
    write(source, *(f"{n}.txt" for n in range(INPUTS)))

    def here() -> int:
        return len(list(folder.glob("[0-9]*.txt")))

    def killed(reached: int) -> None:
        process = real.start("service", "map", "many", source, folder)
        wait_for(lambda: here() >= reached or process.poll() is not None, "results")
        process.kill()
        assert process.wait(timeout=60) == -signal.SIGKILL
        process.communicate()

    def uploaded(reached: int) -> None:
        process = real.start("service", "map", "many", source, folder)
        wait_for(lambda: len(local.keys("many-bucket")) >= reached, "uploads")
        process.kill()
        process.communicate(timeout=60)

    uploaded(INPUTS // 2)
    assert here() < INPUTS
    killed(INPUTS // 4)
    assert here() < INPUTS
    go.touch()
    result = real("service", "map", "many", source, folder)
    assert result.code == 0, result.err
    assert result.out.startswith(f"{INPUTS} of {INPUTS} done, 0 failed;")
    assert results(folder) == {f"{n}.txt": f"CONTENT OF {n}.TXT" for n in range(INPUTS)}
    jobs = all_jobs(local, "many")
    assert len(jobs) == INPUTS
    assert {job["status"] for job in jobs.values()} == {"Succeeded"}
