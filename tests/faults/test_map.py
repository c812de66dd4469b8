"""`service map` on managers that tell little, forget, and go away."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscarcli.jobs import outage
from oscarcli.jobs.batch import batch
from oscarcli.jobs.batch import jobs as batch_jobs
from oscarcli.jobs.batch.journal import JOURNAL_NAME
from tests.conftest import Caller
from tests.support.job_server import Job, JobServer, job_server
from tests.support.server import Answer, text
from tests.support.trees import results


@pytest.fixture
def cluster(call: Caller, tmp_path: Path) -> Iterator[JobServer]:
    """A manager with the service "svc", whose jobs turn letters into capitals."""
    (tmp_path / "store").mkdir()
    with job_server(tmp_path / "store") as server:
        call.know(server.url)
        yield server


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # Looks come when a test expects them, however busy the machine is.
    monkeypatch.setattr(batch, "LOOK_SECONDS", 1e9)
    monkeypatch.setattr(batch, "MIN_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(batch, "MAX_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(batch_jobs, "SETTLE_SECONDS", 0.2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with three inputs."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(f"content of {name}")
    return folder


ALL = {f"{name}.txt": f"CONTENT OF {name.upper()}" for name in ("a", "b", "c")}


def test_many_pages_of_jobs_and_states_without_logs(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    cluster.others = {f"svc-0{n:03}-old": {"status": "Succeeded"} for n in range(200)}

    def slowly(job: Job) -> None:
        job.states = ["Suspended", "Pending", "Running", "Running", "Running", "Succeeded"]

    cluster.arrange = slowly
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert result.code == 0, result.err
    assert results(tmp_path / "out") == ALL
    assert result.out == f"3 of 3 done, 0 failed; results in {tmp_path / 'out'}\n"
    # The logs of jobs that were there before are nobody's business.
    asked = [one.path for one in cluster.requests if one.path.startswith("/system/logs/svc/")]
    assert not any(path.endswith("-old") for path in asked)
    # While it runs, and when it has ended.
    assert max(asked.count(path) for path in asked) == 2


def test_another_users_jobs_are_left_alone(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    def arrange(job: Job) -> None:
        job.states = ["Running", "Running", "Succeeded"]
        if job.key.endswith("a.txt"):
            cluster.s3.put_object(Bucket="svc", Key="in/theirs.txt", Body=b"theirs")

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert (result.code, results(tmp_path / "out")) == (0, ALL), result.err
    assert "in/theirs.txt" in cluster.jobs


def test_a_job_may_be_over_before_its_upload_is_known_to_be_done(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "LOOK_SECONDS", 0.0)
    seen: list[int] = []
    cluster.arrange = lambda _job: seen.append(cluster.calls().count("GET /system/logs/svc"))
    for number in range(6):
        (source / f"{number}.txt").write_text("x")
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert (result.code, len(results(tmp_path / "out"))) == (0, 9), result.err
    # More jobs were there than uploads were known of.
    assert any(seen.count(look) > look - 1 for look in seen)


def test_a_job_that_is_gone_is_told_and_done_again_only_when_asked(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a cluster's limit on the age of jobs has it, while nobody looked."""
    monkeypatch.setattr(batch_jobs, "OLD_UPLOAD_SECONDS", 0.0)

    def arrange(job: Job) -> None:
        job.states = ["Gone"] if job.key.endswith("b.txt") else ["Succeeded"]

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out", "-o", "json")
    assert result.code == 9, result.err
    shown = json.loads(result.out)
    assert [(one["input"], one["state"]) for one in shown["inputs"]] == [
        ("a.txt", "done"),
        ("b.txt", "failed"),
        ("c.txt", "done"),
    ]
    assert shown["inputs"][1]["error"] == "its job is not on the cluster any more, if it had one"
    again = call("service", "map", "svc", source, tmp_path / "out")
    assert (again.code, len(cluster.jobs)) == (9, 3)
    cluster.arrange = lambda _job: None
    third = call("service", "map", "svc", source, tmp_path / "out", "--retry-failed")
    assert (third.code, results(tmp_path / "out")) == (0, ALL), third.err
    assert [key.partition("/")[2].partition("/")[0][-2:] for key in cluster.jobs if "b.txt" in key][1] == ".2"
    assert len(cluster.jobs) == 4


def test_a_job_that_is_removed_while_it_runs_is_told(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    def arrange(job: Job) -> None:
        if job.key.endswith("c.txt"):
            job.states = ["Running", "Running", "Running", "Gone"]

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert result.code == 9
    assert 'Error: "c.txt": job "svc-0002" was removed before it had ended' in result.err
    assert result.out.startswith("2 of 3 done, 1 failed")


def test_a_server_that_is_away_for_a_while_is_waited_for(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    def arrange(job: Job) -> None:
        cluster.faults = cluster.faults or [Answer(status=500, body=b"etcd is away")] * 3
        cluster.arrange = lambda _job: None

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert (result.code, results(tmp_path / "out")) == (0, ALL), result.err
    assert len(cluster.jobs) == 3


def test_a_server_that_dies_leaves_a_batch_that_goes_on(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "MAX_OUTAGE_SECONDS", 0.0)

    def arrange(job: Job) -> None:
        job.states = ["Running", "Succeeded"]
        cluster.faults = [text("bad gateway", 502)] * 9

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert result.code == 6
    assert "the same command again goes on where this one ended" in result.err
    assert result.out.startswith("0 of 3 done, 0 failed, 3 not done yet")
    cluster.faults.clear()
    again = call("service", "map", "svc", source, tmp_path / "out")
    assert (again.code, results(tmp_path / "out")) == (0, ALL), again.err
    assert len(cluster.jobs) == 3


def test_a_log_that_comes_late_is_waited_for(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    logs: dict[str, list[str]] = {}

    class Late(Job):
        @property
        def words(self) -> str:
            whole = super().words
            parts = logs.setdefault(self.name, ["", whole[: whole.index("Searching")], whole])
            return parts.pop(0) if len(parts) > 1 else parts[0]

    def arrange(job: Job) -> None:
        cluster.jobs[job.key] = Late(job.key, job.name, job.output)

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert (result.code, results(tmp_path / "out")) == (0, ALL), result.err


def test_jobs_that_fail_without_a_word_are_their_inputs_failures(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    """As when an image cannot be pulled: there is no log that could name an input."""

    def arrange(job: Job) -> None:
        job.states, job.log = ["Failed"], ""

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert result.code == 9
    assert result.out.startswith("0 of 3 done, 3 failed")
    assert result.err.splitlines()[-2:] == [
        "Error: 3 of 3 jobs failed",
        "hint: with --retry-failed they are done again",
    ]


def test_a_failed_job_is_told_with_the_end_of_its_log(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    def arrange(job: Job) -> None:
        if job.key.endswith("b.txt"):
            job.states = ["Failed"]
            job.log = job.words.partition("Searching")[0] + "\n" + "\n".join(f"line {n}" for n in range(9))

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert result.code == 9
    lines = result.err.splitlines()
    begin = lines.index('Error: "b.txt": job "svc-0001" failed')
    assert lines[begin + 1 : begin + 6] == [f"    line {n}" for n in range(4, 9)]
    # Another run tells it again, and does nothing.
    again = call("service", "map", "svc", source, tmp_path / "out")
    assert (again.code, again.err.splitlines()[begin:]) == (9, lines[begin:])
    assert len(cluster.jobs) == 3


def test_what_one_job_wrote_is_never_taken_for_anothers(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    def constant(job: Job) -> None:
        job.output = "out/result.txt"

    cluster.arrange = constant
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert (result.code, results(tmp_path / "out")) == (8, {}), result.err
    assert 'wrote the same object, "minio.default:svc/out/result.txt"' in result.err
    one_by_one = call("service", "map", "svc", source, tmp_path / "out", "--limit", "1", "--retry-failed")
    assert (one_by_one.code, results(tmp_path / "out")) == (0, ALL), one_by_one.err


def test_a_result_is_taken_back_when_it_turns_out_to_be_anothers(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    """The first job's end is seen when the second one has just overwritten its object, and not ended yet."""
    (source / "c.txt").unlink()

    def arrange(job: Job) -> None:
        job.output = "out/result.txt"
        if job.key.endswith("b.txt"):
            job.is_stored = True
            job.states = ["Running", "Running", "Running", "Succeeded"]

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert (result.code, results(tmp_path / "out")) == (8, {}), result.err
    assert 'the jobs of "a.txt", "b.txt" wrote the same object' in result.err


def test_only_so_many_inputs_are_on_the_way(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    for number in range(5):
        (source / f"{number}.txt").write_text(f"{number}")
    unfinished: list[int] = []

    def arrange(job: Job) -> None:
        job.states = ["Running", "Succeeded"]
        unfinished.append(sum(one.states[0] == "Running" for one in cluster.jobs.values()))

    cluster.arrange = arrange
    result = call("service", "map", "svc", source, tmp_path / "out", "--limit", "3")
    assert (result.code, max(unfinished), len(cluster.jobs)) == (0, 3, 8), result.err


def test_one_process_works_on_a_batch(call: Caller, cluster: JobServer, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with (folder / JOURNAL_NAME).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        result = call("service", "map", "svc", source, folder)
    assert (result.code, result.out) == (1, "")
    assert f'Error: another program works on the batch in "{folder}"' in result.err
    assert not cluster.keys()
    assert call("service", "map", "svc", source, folder).code == 0


def test_wherever_the_program_was_killed_no_job_is_done_twice(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path
) -> None:
    """The cluster has done everything, and the journal knows as much as it did at each of its steps."""
    folder = tmp_path / "out"
    (source / "c.txt").unlink()
    wanted = {name: text for name, text in ALL.items() if name != "c.txt"}
    assert call("service", "map", "svc", source, folder).code == 0
    journal = folder / JOURNAL_NAME
    whole = journal.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    assert len(ends) == 1 + 4 * 2
    for end in ends:
        # The next line is half written.
        journal.write_bytes(whole[: end + 7])
        for name in wanted:
            (folder / name).unlink(missing_ok=True)
            (folder / f".{name}.0123abcd.part").write_text("half of it")
        result = call("service", "map", "svc", source, folder)
        assert result.code == 0, (end, result.err)
        assert {name: text for name, text in results(folder).items() if not name.startswith(".")} == wanted
        assert len(cluster.jobs) == 2
    # What was left of downloads is gone.
    assert results(folder) == wanted


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nonsense\n", "line 1 is none of a batch's journal"),
        (b'{"format": 99}\n', "line 1 is none of a batch's journal"),
        (b'{"format": 1}\n', "line 1 is none of a batch's journal"),
        (b"[1]\n", "line 1 is none of a batch's journal"),
    ],
)
def test_a_journal_that_is_none_is_told(
    call: Caller, cluster: JobServer, source: Path, tmp_path: Path, line: bytes, message: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / JOURNAL_NAME).write_bytes(line)
    result = call("service", "map", "svc", source, tmp_path / "out")
    assert (result.code, result.out) == (1, "")
    assert message in result.err
    assert not cluster.keys()
