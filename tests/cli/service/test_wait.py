"""`--wait`: jobs that return their results, on the local cluster and on servers that tell less."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller, Runner
from tests.local.harness import LocalCluster, open_cluster, wait_for
from tests.support.command import World
from tests.support.server import Answer, Request, ScriptedServer, document, text
from tests.support.trees import contents

# The supervisor takes a payload that is a JSON number for one, and breaks over it.
FATAL = base64.b64decode("1234")
UPPER = """
echo working
tr a-z A-Z < "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/$(basename "$INPUT_FILE_PATH").up"
"""
CONSTANT = 'sleep 0.2\ncat "$INPUT_FILE_PATH" > "$TMP_OUTPUT_DIR/result.txt"\n'


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A local cluster with services of several kinds."""
    cluster = open_cluster(tmp_path_factory.mktemp("wait") / "data", parallel=8)
    cluster.create("upper", UPPER)
    cluster.create("mute", UPPER, log_level="CRITICAL")
    # Of one test alone: its files are told by the time, and nobody else is to have written a moment before.
    cluster.create("silent", UPPER, log_level="CRITICAL")
    cluster.create("same", CONSTANT)
    cluster.create("same-mute", CONSTANT, log_level="CRITICAL")
    cluster.create("nothing", "echo done\n")
    cluster.create("nothing-mute", "echo done\n", log_level="CRITICAL")
    cluster.create("slow", "sleep 600\n")
    cluster.create(
        "several",
        'cd "$TMP_OUTPUT_DIR"; mkdir deep; echo one > a.txt; echo two > deep/b.txt; echo three > c.png\n',
        output=[
            {"storage_provider": "minio", "path": "several-bucket/out", "suffix": [".txt"]},
            {"storage_provider": "minio.default", "path": "several-bucket/pictures", "suffix": [".png"]},
            {"storage_provider": "minio", "path": "several-bucket/again", "prefix": ["a"]},
        ],
    )
    yield cluster
    cluster.close()


# -- job -----------------------------------------------------------------------------------------


def test_a_job_returns_its_log_and_its_result(real: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    result = real("service", "job", "upper", "-i", "hello", "--wait", "--output", folder)
    assert result.code == 0, result.err
    name, path = result.out.splitlines()
    assert name.startswith("upper-")
    assert Path(path).parent == folder
    assert list(contents(folder).values()) == ["HELLO"]
    lines = result.err.splitlines()
    assert lines[-1] == f'job "{name}": Succeeded'
    assert any(line.endswith("Creating response") for line in lines)


def test_results_do_not_follow_links_that_were_planted_in_their_folder(known: Caller, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (tmp_path / "victim").write_text("precious")
    (folder / "a.txt").symlink_to("../victim")
    (folder / "deep").symlink_to("..")
    result = known("service", "job", "several", "-i", "hello", "--wait", "--output", folder)
    assert result.code == 8
    assert "is a symbolic link" in result.err
    assert (tmp_path / "victim").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "results", "victim"]


def test_a_job_without_a_folder_is_only_waited_for(known: Caller) -> None:
    result = known("service", "job", "upper", "-i", "hello", "--wait")
    assert (result.code, len(result.out.splitlines())) == (0, 1)
    assert not list(known.home.glob("*"))[1:]


def test_a_job_that_waited_for_is_one_document(known: Caller, tmp_path: Path) -> None:
    result = known(
        "service", "job", "upper", "-i", "hello", "--wait", "-o", "json", "--output", tmp_path / "results"
    )
    shown = json.loads(result.out)
    assert list(shown) == ["service", "job", "status", "exit_code", "outputs", "log", "files"]
    assert shown["exit_code"] == 0
    assert [place.partition("/")[0] for place in shown["outputs"]] == ["minio.default:upper-bucket"]
    assert (shown["service"], shown["status"]) == ("upper", "Succeeded")
    assert "Creating response" in shown["log"]
    assert "Creating response" not in result.err
    assert [Path(path).read_text() for path in shown["files"]] == ["HELLO"]
    bare = known("service", "job", "upper", "-i", "hello", "--wait", "-o", "yaml")
    assert "files: []" in bare.out


def test_a_failed_job_is_exit_code_9(known: Caller, tmp_path: Path) -> None:
    source = tmp_path / "fatal"
    source.write_bytes(FATAL)
    result = known("service", "job", "upper", "-f", source, "--wait", "--output", tmp_path / "results")
    name = result.out.strip()
    assert result.code == 9
    assert f'Error: job "{name}" failed' in result.err
    assert not (tmp_path / "results").exists()
    as_json = known("service", "job", "upper", "-f", source, "--wait", "-o", "json")
    assert (as_json.code, json.loads(as_json.out)["status"]) == (9, "Failed")
    assert json.loads(as_json.err.splitlines()[-1])["code"] == 9


@pytest.mark.parametrize("service", ["nothing", "nothing-mute"])
def test_a_job_that_wrote_nothing_says_so(known: Caller, tmp_path: Path, service: str) -> None:
    result = known("service", "job", service, "-i", "x", "--wait", "--output", tmp_path / "results")
    assert (result.code, len(result.out.splitlines())) == (0, 1)
    assert "the job wrote no files" in result.err
    assert not (tmp_path / "results").exists()


def test_all_files_come_with_their_folders_and_each_one_once(known: Caller, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    result = known("service", "job", "several", "-i", "x", "--wait", "--output", folder)
    assert result.code == 0, result.err
    assert contents(folder) == {"a.txt": "one\n", "deep/b.txt": "two\n", "c.png": "three\n"}
    assert sorted(result.out.splitlines()[1:]) == sorted(str(folder / name) for name in contents(folder))


def test_a_job_whose_log_names_nothing_is_known_by_what_it_hands_back(known: Caller, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    result = known("service", "job", "mute", "-i", "hello", "--wait", "--output", folder)
    assert result.code == 0, result.err
    assert list(contents(folder).values()) == ["HELLO"]
    assert "certain" not in result.err


@pytest.mark.parametrize("service", ["same", "same-mute"])
def test_jobs_that_overwrite_each_others_files_still_return_their_own(
    real: Runner, tmp_path: Path, service: str
) -> None:
    processes = {
        n: real.start("service", "job", service, "-i", f"input {n}", "--wait", "--output", tmp_path / str(n))
        for n in range(5)
    }
    for n, process in processes.items():
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert contents(tmp_path / str(n)) == {"result.txt": f"input {n}"}
        assert len(out.splitlines()) == 2


def test_a_limit_ends_the_wait_and_not_the_job(known: Caller, local: LocalCluster) -> None:
    result = known("service", "job", "slow", "-i", "x", "--wait", "--timeout", "1.5")
    name = result.out.strip()
    assert result.code == 6
    assert f'job "{name}" has not ended after 1.5 s: Running' in result.err
    assert f"oscar-cli service logs get slow {name} --follow" in result.err
    assert local.jobs("slow")[name]["status"] == "Running"
    known("service", "logs", "delete", "slow", name)


def test_an_interrupted_wait_leaves_the_job_alone(
    real: Runner, local: LocalCluster, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    process = real.start("service", "job", "slow", "-i", "x", "--wait")
    assert process.stdout is not None
    name = process.stdout.readline().decode().strip()
    wait_until(lambda: local.jobs("slow")[name]["status"] == "Running")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the job goes on" in err.decode()
    assert local.jobs("slow")[name]["status"] == "Running"
    real("service", "logs", "delete", "slow", name)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--output results", '"results" is not one of table, json, yaml'),
        ("-o jsn", '"jsn" is not one of table, json, yaml'),
        ("--wait --output a --output b", '"a" and "b" cannot both be the folder'),
        ("--wait --output .oscar-cli/config.yaml", "is not a folder"),
        ("--wait --output=", '"" is not a folder'),
        ("--wait -e http://127.0.0.1:1 -t tok", "--wait needs a cluster on record"),
    ],
)
def test_wrong_words_start_nothing(
    known: Caller, local: LocalCluster, monkeypatch: pytest.MonkeyPatch, words: str, message: str
) -> None:
    monkeypatch.chdir(known.home)
    before = local.jobs("nothing")
    result = known("service", "job", "nothing", "-i", "x", *words.split())
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert local.jobs("nothing") == before


# -- put-file ------------------------------------------------------------------------------------


def files_in(world: World, *names: str) -> list[Path]:
    for name in names:
        (world.home / name).write_text(f"content of {name}")
    return [world.home / name for name in names]


@pytest.mark.parametrize("service", ["upper", "silent"])
def test_an_upload_returns_what_its_job_made_of_it(real: Runner, tmp_path: Path, service: str) -> None:
    (source,) = files_in(real, f"one-{service}.txt")
    folder = tmp_path / "results"
    result = real("service", "put-file", service, source, "--wait", "--output", folder)
    assert result.code == 0, result.err
    uploaded, name, path = result.out.splitlines()
    assert uploaded.endswith(f'"minio.default:{service}-bucket/in/one-{service}.txt"')
    assert name.startswith(f"{service}-")
    assert path == str(folder / f"one-{service}.txt.up")
    assert contents(folder) == {f"one-{service}.txt.up": f"CONTENT OF ONE-{service.upper()}.TXT"}
    assert f'job "{name}": Succeeded' in result.err
    assert ("it is the only new one" in result.err) == (service == "silent")


def test_several_uploads_return_what_all_of_their_jobs_made(known: Caller, tmp_path: Path) -> None:
    sources = files_in(known, *(f"several {n}.txt" for n in range(8)))
    folder = tmp_path / "results"
    result = known("service", "put-file", "upper", *sources, "--wait", "--output", folder, "-o", "json")
    assert result.code == 0, result.err
    shown = json.loads(result.out)
    assert list(shown) == ["service", "uploaded", "jobs", "files"]
    assert sorted(shown["jobs"][0]) == ["exit_code", "job", "log", "object", "outputs", "status"]
    for entry in shown["jobs"]:
        key = entry["object"].partition("/")[2]
        assert f"with key '{key}'" in entry["log"]
        written = key.replace("in/", "out/", 1)
        assert (entry["exit_code"], entry["outputs"]) == (0, [f"minio.default:upper-bucket/{written}.up"])
    assert contents(folder) == {f"several {n}.txt.up": f"CONTENT OF SEVERAL {n}.TXT" for n in range(8)}


def test_several_uploads_are_told_in_one_line(known: Caller, real: Runner, tmp_path: Path) -> None:
    sources = files_in(known, *(f"told-{n}.txt" for n in range(4)))
    folder = tmp_path / "results"
    result = known("service", "put-file", "upper", *sources, "--wait", "--output", folder)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"4 of 4 files uploaded, 4 jobs succeeded, 0 failed; 4 files in {folder}\n"
    shown = real.terminal("service", "put-file", "upper", *sources, "--wait")
    assert shown.code == 0, shown.out
    assert "\r\x1b[K4 of 4 done, 0 failed, 0 running\r\x1b[K" in shown.out
    assert shown.out.endswith("4 of 4 files uploaded, 4 jobs succeeded, 0 failed\n")
    # With the bars of the uploads, which are gone.
    assert "upper-" not in shown.out
    verbose = known("service", "put-file", "upper", *sources, "--wait", "-v")
    assert verbose.err.count("Succeeded") == 4


def test_a_key_with_any_characters_finds_its_job(known: Caller, tmp_path: Path) -> None:
    name = "it's a 100% «é»+&=?.txt"
    (source,) = files_in(known, name)
    result = known("service", "put-file", "upper", source, "--wait", "--output", tmp_path / "results")
    assert result.code == 0, result.err
    assert list(contents(tmp_path / "results")) == [f"{name}.up"]


def test_what_starts_no_job_is_refused_before_the_upload(known: Caller, local: LocalCluster) -> None:
    (source,) = files_in(known, "stray.txt")
    result = known("service", "put-file", "upper", source, "upper-bucket/elsewhere/", "--wait")
    assert (result.code, result.out) == (2, "")
    assert "watches upper-bucket/in/" in result.err
    assert "elsewhere/stray.txt" not in local.keys("upper-bucket")


def test_uploads_without_a_wait_are_a_document_too(known: Caller) -> None:
    (source,) = files_in(known, "plain.txt")
    shown = json.loads(known("service", "put-file", "nothing", source, "-o", "json").out)
    assert shown == {"service": "nothing", "uploaded": ["minio.default:nothing-bucket/in/plain.txt"]}
    assert known("service", "put-file", "nothing", source, "-o", "results").code == 2


def test_one_failed_job_of_several_is_named_and_the_others_results_are_there(
    known: Caller, local: LocalCluster, tmp_path: Path
) -> None:
    # The supervisor cannot store a file whose name is no text.
    local.create(
        "fragile",
        'cd "$TMP_OUTPUT_DIR"; mkdir x; cp "$INPUT_FILE_PATH" x/\n'
        'case "${INPUT_FILE_PATH##*/}" in *bad*) touch "$(printf "\\377")";; esac\n',
    )
    sources = files_in(known, "good.txt", "bad.txt", "fine.txt")
    folder = tmp_path / "results"
    result = known("service", "put-file", "fragile", *sources, "--wait", "--output", folder)
    assert result.code == 9, result.err
    lines = result.err.splitlines()
    begin = next(
        n for n, line in enumerate(lines) if line.startswith('Error: "fragile-bucket/in/bad.txt": job')
    )
    assert any("surrogates not allowed" in line for line in lines[begin + 1 : begin + 6])
    assert lines[-1] == "Error: 1 of 3 jobs failed"
    assert result.out.endswith(
        f"3 of 3 files uploaded, 2 jobs succeeded, 1 failed; {len(contents(folder))} files in {folder}\n"
    )
    assert {"x/good.txt", "x/fine.txt"} <= contents(folder).keys()


def test_uploads_whose_jobs_write_the_same_object_are_told(known: Caller, tmp_path: Path) -> None:
    sources = files_in(known, "first.txt", "second.txt")
    result = known("service", "put-file", "same", *sources, "--wait", "--output", tmp_path / "results")
    assert result.code == 0
    assert '2 of these jobs wrote "same-bucket/out/result.txt"' in result.err


def test_an_object_that_another_job_wrote_too_is_told(
    real: Runner, local: LocalCluster, tmp_path: Path
) -> None:
    both = tmp_path / "both"
    both.mkdir()
    # Neither ends before the other one has begun.
    there = f"[ -e {both}/mine.txt ] && [ -e {both}/yours.txt ]"
    local.create(
        "at-once",
        f'touch {both}/"$(basename "$INPUT_FILE_PATH")"; until {there}; do sleep 0.02; done\n{CONSTANT}',
    )
    sources = files_in(real, "mine.txt", "yours.txt")
    processes = [
        real.start("service", "put-file", "at-once", source, "--wait", "--output", tmp_path / source.stem)
        for source in sources
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert any("another job that ran at the same time wrote" in err for err in said)


def test_jobs_that_cannot_be_told_apart_are_not_guessed(
    known: Caller, local: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source,) = files_in(known, "mute.txt")

    page = local.server.cluster.jobs.page
    others: list[str] = []

    def meddling(*arguments: Any) -> Any:
        """List the jobs, and upload one more file once the command has uploaded its own."""
        found = page(*arguments)
        if not others and "in/mute.txt" in local.keys("mute-bucket"):
            others.append("in/other.txt")
            local.upload("mute", others[0])
        return found

    monkeypatch.setattr(local.server.cluster.jobs, "page", meddling)
    result = known("service", "put-file", "mute", source, "--wait", "--output", tmp_path / "results")
    assert result.code == 1
    assert "cannot be told for certain: 2 jobs are new" in result.err
    assert len([line for line in result.err.splitlines() if line.startswith("mute-")]) == 2


def test_files_that_cannot_be_told_apart_are_said_to_be_uncertain(
    known: Caller, local: LocalCluster, tmp_path: Path
) -> None:
    sources = files_in(known, "left.txt", "right.txt")
    result = known("service", "put-file", "mute", *sources, "--wait", "--output", tmp_path / "results")
    assert result.code == 0
    assert "which is which is a guess" in result.err
    assert "the logs of 2 jobs do not name the files that they wrote" in result.err
    assert {"left.txt.up", "right.txt.up"} <= contents(tmp_path / "results").keys()


# -- many at once --------------------------------------------------------------------------------

# TEST_COMMANDS=100 takes ten seconds.
CROWD = int(os.environ.get("TEST_COMMANDS", "30"))


def test_many_uploads_at_once_each_get_their_own_result(known: Caller, tmp_path: Path) -> None:
    sources = files_in(known, *(f"many-{n}.txt" for n in range(CROWD)))
    folder = tmp_path / "results"
    result = known("service", "put-file", "upper", *sources, "--wait", "--output", folder)
    assert result.code == 0, result.err
    assert contents(folder) == {f"many-{n}.txt.up": f"CONTENT OF MANY-{n}.TXT" for n in range(CROWD)}


@pytest.mark.thorough
def test_many_commands_at_once_each_get_their_own_result(real: Runner, tmp_path: Path) -> None:
    """Half of them give the input directly, half of them upload it; a dozen run at the same time."""
    files_in(real, *(f"crowd-{n}.txt" for n in range(CROWD)))

    def start(n: int) -> subprocess.Popen[bytes]:
        common = ("--wait", "--output", tmp_path / str(n))
        if n % 2:
            return real.start("service", "put-file", "upper", f"crowd-{n}.txt", *common)
        return real.start("service", "job", "same", "-f", f"crowd-{n}.txt", *common)

    running: dict[int, subprocess.Popen[bytes]] = {}
    waiting = list(range(CROWD))
    while waiting or running:
        while waiting and len(running) < 12:
            number = waiting.pop(0)
            running[number] = start(number)
        number = next(iter(running))
        process = running.pop(number)
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
    for n in range(CROWD):
        expected = (
            {f"crowd-{n}.txt.up": f"CONTENT OF CROWD-{n}.TXT"}
            if n % 2
            else {"result.txt": f"content of crowd-{n}.txt"}
        )
        assert contents(tmp_path / str(n)) == expected


# -- jobs that are taken away --------------------------------------------------------------------


@pytest.fixture
def busy(tmp_path: Path, run: Runner) -> Iterator[LocalCluster]:
    """A local cluster whose only place is taken, so that every other job waits."""
    cluster = open_cluster(tmp_path / "busy", parallel=1)
    cluster.create("slow", "sleep 600\n")
    cluster.create("upper", UPPER)
    cluster.submit("slow")
    wait_for(lambda: [job for job in cluster.jobs("slow").values() if job["status"] == "Running"], "a job")
    cluster.become_known(run)
    yield cluster
    cluster.close()


def looks_at(cluster: LocalCluster, service: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list that gets every list of the service's jobs that the cluster shows from now on."""
    shown: list[dict[str, Any]] = []
    jobs = cluster.server.cluster.jobs
    page = jobs.page

    def noted(name: str, *arguments: Any) -> dict[str, Any]:
        found = page(name, *arguments)
        if name == service:
            shown.append(found)
        return found

    monkeypatch.setattr(jobs, "page", noted)
    return shown


@pytest.mark.parametrize("count", [0, 1, 2], ids=["job", "put-file", "put-file of two"])
def test_a_waiting_job_that_is_deleted_ends_the_wait_at_once(
    run: Runner, busy: LocalCluster, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    shown = looks_at(busy, "upper", monkeypatch)
    files = files_in(run, *(f"{n}.txt" for n in range(count)))
    words: tuple[str | Path, ...] = ("put-file", "upper", *files) if files else ("job", "upper", "-i", "x")
    process = run.start("service", *words, "--wait")
    # The second look: the program knows of them.
    full = wait_for(lambda: [one for one in shown if len(one) == max(count, 1)][1:], "two looks")[0]
    assert {job["status"] for job in full.values()} == {"Pending"}
    assert busy.api.delete("/system/logs/upper", params={"all": "true"}).status_code == 204
    _, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    # A job that is waited for in vain has another ending.
    last = err.decode().splitlines()[-2 if files else -1]
    assert last in {
        f'Error: job "{name}" of service "upper" was removed while it was {how}; '
        'its last status was "Pending"'
        for name in full
        for how in ("followed", "waited for")
    }


# -- older servers -------------------------------------------------------------------------------


def test_an_older_server_that_names_jobs_itself_is_waited_for(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    posted: list[Request] = []
    looks: list[str] = []

    def post(request: Request) -> Answer:
        posted.append(request)
        return Answer(201)

    def listed(_: Request) -> Answer:
        looks.extend(["look"] if posted else [])
        status = "Running" if len(looks) < 3 else "Succeeded"
        mine = {"svc-new": {"status": status, "start_time": "2026-06-12T09:00:00Z"}} if posted else {}
        return document({"svc-old": {"status": "Succeeded"}, **mine})

    server.always("GET", "/system/services/svc", document({"name": "svc", "token": "f" * 64}))
    server.expect("GET", "/system/info", document({"version": "v3.5.0"}))
    server.always("GET", "/system/logs/svc", listed)
    server.expect("POST", "/job/svc", post)
    server.always("GET", "/system/logs/svc/svc-new", text("said\n"))
    result = call("service", "job", "svc", "-i", "x", "--wait")
    assert (result.code, result.out) == (0, "svc-new\n")
    assert result.err.splitlines() == ['job "svc-new": Running', "said", 'job "svc-new": Succeeded']


def test_a_job_without_a_name_cannot_be_waited_for(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    posted: list[Request] = []

    def post(request: Request) -> Answer:
        posted.append(request)
        return Answer(201)

    server.always("GET", "/system/services/svc", document({"name": "svc", "token": "f" * 64}))
    server.expect("GET", "/system/info", document({"version": "v4.0.1"}))
    server.always(
        "GET",
        "/system/logs/svc",
        lambda _: document({name: {"status": "Pending"} for name in ("a", "b") if posted}),
    )
    server.expect("POST", "/job/svc", post)
    result = call("service", "job", "svc", "-i", "x", "--wait")
    assert (result.code, result.out) == (1, "")
    assert "2 jobs began at the same time" in result.err
    assert "cannot be waited for" in result.err
