"""`service sync` and `bucket sync`: the real command and a store on loopback; `aws s3 sync` as the judge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscarcli.errors import ExitCode
from oscarcli.storage.local_tree import LocalFile
from tests.conftest import Caller, Runner
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, Server, local_server, minio_server
from tests.support.scripted_s3 import MIB
from tests.support.stored_service import BUCKET, StoredService

# Names whose order is not that of a walk through folders: "-" and "." are before "/", "0" is behind it.
ORDER = ("a-b", "a.txt", "a/b", "a/b-c/d", "a/b0", "a0", "b/ä", "b/\uffee", "b/\U0001f600")
OLD = 1_600_000_000


BOTH_STORES = pytest.mark.parametrize("store", ["local", "minio"], indirect=True)
MINIO = pytest.mark.parametrize("store", ["minio"], indirect=True)


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The local cluster's store, or the one that a test asks for."""
    folder = tmp_path_factory.mktemp("store")
    is_minio = getattr(request, "param", "local") == "minio"
    with minio_server(folder) if is_minio else local_server(folder) as store:
        yield store


def write_old(svc: StoredService, folder: str, *names: str) -> dict[str, str]:
    """Write files that were last changed long ago; the content of each is its name."""
    svc.write({f"{folder}/{name}": name for name in names})
    for name in names:
        os.utime(svc.world.home / folder / name, (OLD, OLD))
    return {name: name for name in names}


def plan(call: Caller, *words: str) -> list[tuple[str, str, str]]:
    """Return what a dry run says, which changes nothing: action, name, reason."""
    done = call(*words, "--dry-run", "-o", "json")
    assert done.code == 0, done.err
    return [(one["action"], one["name"], one["reason"]) for one in json.loads(done.out)]


@BOTH_STORES
def test_up_and_down_and_a_second_time_there_is_nothing_to_do(call: Caller, svc: StoredService) -> None:
    content = write_old(svc, "data", *ORDER)
    assert plan(call, "service", "sync", "data", "svc:") == [("upload", name, "new") for name in ORDER]
    assert svc.stored() == {}
    up = call("service", "sync", "data", "svc:")
    assert (up.code, up.err) == (0, "9 copied, 0 unchanged\n")
    assert 'Uploaded "data/a/b0" to "minio.default:svc/in/a/b0"\n' in up.out
    assert svc.stored() == {f"in/{name}": name for name in ORDER}
    again = call("service", "sync", "data", "svc:")
    assert (again.code, again.out, again.err) == (0, "", "0 copied, 9 unchanged\n")
    down = call("service", "sync", "svc:svc/in", "back")
    assert (down.code, down.err) == (0, "9 copied, 0 unchanged\n")
    assert sorted(down.out.splitlines()) == sorted(f"{call.home}/back/{name}" for name in ORDER)
    assert svc.read("back") == content
    assert plan(call, "service", "sync", "svc:svc/in", "back") == []
    assert plan(call, "service", "sync", "back", "svc:svc/in") == []


def test_what_differs_is_copied_and_what_is_not_in_the_source_goes_when_asked(
    call: Caller, svc: StoredService
) -> None:
    write_old(svc, "data", "same", "size", "time", "new", "deep/new")
    svc.put("in/gone/x", "in/gone/y", "in/", content="surplus")
    for name in ("same", "size", "time"):
        svc.put(f"in/{name}", content=name)
    svc.write({"data/size": "longer", "data/time": "TIME"})
    later = OLD + 10**9
    os.utime(call.home / "data/time", (later, later))
    expected = [
        ("upload", "deep/new", "new"),
        ("delete", "gone/x", "not in source"),
        ("delete", "gone/y", "not in source"),
        ("upload", "new", "new"),
        ("upload", "size", "size"),
        ("upload", "time", "time"),
    ]
    words = ("bucket", "sync", "data", f"{BUCKET}:in")
    assert plan(call, *words, "--delete") == expected
    done = call(*words, "--delete", "--yes", "-o", "json")
    assert (done.code, done.err) == (0, "4 copied, 2 deleted, 1 unchanged\n")
    told = json.loads(done.out)
    assert sorted((one["action"], one["name"], one["reason"]) for one in told) == sorted(expected)
    assert {one["outcome"] for one in told} == {"done"}
    # The marker of the folder is no file.
    assert svc.stored() == {
        "in/": "surplus",
        "in/deep/new": "deep/new",
        "in/new": "new",
        "in/same": "same",
        "in/size": "longer",
        "in/time": "TIME",
    }


def test_a_download_deletes_in_the_folder_alone(call: Caller, svc: StoredService) -> None:
    svc.put("out/a", "out/deep/b")
    svc.write({"got/deep/old": "x", "got/older/x": "y", "beside": "z", "got/kept.log": "log"})
    (call.home / "got/link").symlink_to("../beside")
    done = call("bucket", "sync", f"{BUCKET}:out", "got", "--delete", "--yes", "--exclude", "*.log")
    assert (done.code, done.err) == (0, "2 copied, 2 deleted, 0 unchanged\n")
    assert f'Deleted "{call.home}/got/deep/old"\n' in done.out
    assert svc.read("got") == {"a": "out/a", "deep/b": "out/deep/b", "kept.log": "log", "link": "z"}
    # A folder that is empty now is gone.
    assert not (call.home / "got/older").exists()


def test_a_changed_object_comes_again_and_so_does_a_changed_file(call: Caller, svc: StoredService) -> None:
    svc.put("out/a", content="one")
    svc.put("out/b", content="two")
    words = ("service", "sync", "svc:", "got")
    assert call(*words).code == 0
    # Of the same size and within a second: the content tells.
    svc.put("out/a", content="ONE")
    (call.home / "got/b").write_text("TWO")
    assert {(name, reason) for _, name, reason in plan(call, *words)} == {("a", "time"), ("b", "time")}
    assert call(*words).code == 0
    assert svc.read("got") == {"a": "ONE", "b": "two"}


def test_a_file_that_is_changed_at_once_goes_up_again(call: Caller, svc: StoredService) -> None:
    words = ("service", "sync", "data", "svc:")
    svc.write({"data/a": "one"})
    assert call(*words).err == "1 copied, 0 unchanged\n"
    assert call(*words).err == "0 copied, 1 unchanged\n"
    svc.write({"data/a": "two"})
    assert call(*words).err == "1 copied, 0 unchanged\n"
    assert svc.stored() == {"in/a": "two"}


def test_checksums_find_what_times_hide(call: Caller, svc: StoredService) -> None:
    large = bytes(range(256)) * (17 * MIB // 256)
    (call.home / "data").mkdir()
    for name, content in (("small", b"one"), ("large", large), ("empty", b"")):
        (call.home / "data" / name).write_bytes(content)
        os.utime(call.home / "data" / name, (OLD, OLD))
    words = ("bucket", "sync", "data", f"{BUCKET}:in")
    assert call(*words).code == 0
    assert svc.objects.head_object(Bucket=BUCKET, Key="in/large")["ETag"].endswith('-2"')
    assert plan(call, *words, "--checksum") == []
    for name, content in (("small", b"two"), ("large", b"!" + large[1:])):
        (call.home / "data" / name).write_bytes(content)
        os.utime(call.home / "data" / name, (OLD, OLD))
    assert plan(call, *words) == []
    assert plan(call, *words, "--checksum") == [
        ("upload", "large", "checksum"),
        ("upload", "small", "checksum"),
    ]
    # A newer time alone is no reason.
    now = OLD + 10**9
    (call.home / "data/empty").touch()
    os.utime(call.home / "data/empty", (now, now))
    assert plan(call, *words, "--include", "empty") == [("upload", "empty", "time")]
    assert plan(call, *words, "--checksum", "--include", "empty") == []


def test_on_a_terminal_a_deletion_is_asked_about_first(run: Runner, svc: StoredService) -> None:
    write_old(svc, "data", "a", "b")
    svc.put("in/b", "in/x", "in/y")
    words = ("service", "sync", "data", "svc:", "--delete")
    refused = run(*words)
    assert (refused.code, refused.out) == (ExitCode.USAGE, "")
    assert refused.err.startswith("Error: --delete asks, and without a terminal nobody answers\n")
    no = run.terminal(*words, answers=[("[y/N]", "n\n")])
    assert (no.code, "nothing was copied or deleted" in no.out) == (1, True)
    assert set(svc.stored()) == {"in/b", "in/x", "in/y"}
    yes = run.terminal(*words, answers=[("[y/N]", "y\n")])
    assert yes.code == 0
    assert 'Delete 2 files in "svc/in/" ("x", "y")?' in yes.out
    assert set(svc.stored()) == {"in/a", "in/b"}
    # With nothing to delete there is nothing to ask.
    assert run.terminal(*words).code == 0


def test_after_a_failure_nothing_is_deleted(call: Caller, svc: StoredService) -> None:
    write_old(svc, "data", "a", "b")
    (call.home / "data/link").symlink_to("a")
    svc.put("in/x")
    words = ("service", "sync", "data", "svc:", "--delete", "--yes")
    done = call(*words)
    assert done.code == ExitCode.PARTIAL
    assert "nothing was deleted, because not everything could be copied\n" in done.err
    assert 'Error: "data/link" is a symbolic link: it is not followed\n' in done.err
    assert set(svc.stored()) == {"in/a", "in/b", "in/x"}
    done = call(*words, "--follow-symlinks")
    assert (done.code, set(svc.stored())) == (0, {"in/a", "in/b", "in/link"})


@pytest.mark.parametrize("delete", [(), ("--delete", "--yes")])
def test_a_source_that_is_not_there_changes_nothing(
    call: Caller, svc: StoredService, delete: tuple[str, ...]
) -> None:
    svc.write({"data/a": "a", "file": "f"})
    svc.put("in/b")
    for words, code, message in (
        (["svc:svc/ouput", "data"], ExitCode.NOT_FOUND, 'no files found under "svc/ouput/"'),
        (["svc:nobucket", "data"], ExitCode.NOT_FOUND, "the bucket does not exist"),
        (["./nothere", "svc:"], ExitCode.USAGE, 'local folder "./nothere" does not exist'),
        (["file", "svc:"], ExitCode.USAGE, '"file" is a file, and a folder is needed'),
        (["svc:", "file"], ExitCode.USAGE, '"file" is a file, and a folder is needed'),
        (["data", "svc:", "--provider", "s3.x"], ExitCode.USAGE, "has no input folder at storage provider"),
    ):
        done = call("service", "sync", *words, *delete)
        assert (done.code, done.out, message in done.err) == (code, "", True), (words, done)
    assert svc.read("data") == {"a": "a"}
    assert svc.stored() == {"in/b": "in/b"}


def test_a_dry_run_is_a_table_for_people(call: Caller, svc: StoredService) -> None:
    write_old(svc, "data", "a", "deep/b")
    done = call("service", "sync", "data", "svc", "--dry-run", "--delete")
    assert (done.code, done.err) == (0, "2 to do, 0 unchanged\n")
    assert [line.split() for line in done.out.splitlines()] == [
        ["ACTION", "SIZE", "REASON", "NAME"],
        ["upload", "1", "new", "a"],
        ["upload", "6", "new", "deep/b"],
    ]
    assert svc.stored() == {}


def aws(svc: StoredService, *words: str) -> str:
    pytest.importorskip("awscli")
    done = subprocess.run(
        [Path(sys.executable).with_name("aws"), "--endpoint-url", svc.endpoint, "s3", "sync", *words],
        env={
            **svc.world.environ,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONWARNINGS": "ignore",
        },
        capture_output=True,
        text=True,
        cwd=svc.world.home,
        check=True,
    )
    return done.stdout


@pytest.mark.thorough
@MINIO
def test_aws_finds_nothing_left_to_do(call: Caller, svc: StoredService) -> None:
    write_old(svc, "data", *ORDER)
    svc.put("in/surplus", "in/a.txt")
    shown = aws(svc, "data", f"s3://{BUCKET}/in", "--delete", "--dryrun")
    assert len(shown.splitlines()) == 10
    planned = plan(call, "bucket", "sync", "data", f"{BUCKET}:in", "--delete")
    assert {name for _, name, _ in planned} == {
        line.split(f"s3://{BUCKET}/in/")[1].strip() for line in shown.splitlines()
    }
    assert call("bucket", "sync", "data", f"{BUCKET}:in", "--delete", "--yes").code == 0
    assert aws(svc, "data", f"s3://{BUCKET}/in", "--delete", "--dryrun") == ""
    assert call("bucket", "sync", f"{BUCKET}:in", "back", "--delete", "--yes").code == 0
    assert aws(svc, f"s3://{BUCKET}/in", "back", "--delete", "--exact-timestamps", "--dryrun") == ""


def test_what_a_file_system_cannot_hold_is_told_and_the_rest_comes(call: Caller, svc: StoredService) -> None:
    svc.put("out/a", "out/a/b", "out/c")
    svc.write({"got/a": "old"})
    done = call("service", "sync", "svc:", "got", "--delete", "--yes")
    assert done.code == ExitCode.PARTIAL
    # A file is in the place of the folder, as in the bucket.
    assert (
        'download "svc/out/a/b" from minio.default: "got/a/b" cannot be written: Not a directory' in done.err
    )
    assert done.err.endswith("Error: 1 of 3 files were not synchronised\n")
    assert svc.read("got") == {"a": "out/a", "c": "out/c"}


def test_a_file_that_vanishes_while_others_go_up_is_one_failure(
    call: Caller, svc: StoredService, monkeypatch: pytest.MonkeyPatch
) -> None:
    from oscarcli.storage.local_tree import LocalTree

    write_old(svc, "data", "a", "b", "c")
    walk = LocalTree.files

    def files(tree: LocalTree) -> Iterator[LocalFile]:
        for found in walk(tree):
            if found.name == "b":
                found.path.unlink()
            yield found

    monkeypatch.setattr(LocalTree, "files", files)
    svc.put("in/x")
    done = call("service", "sync", "data", "svc:", "--delete", "--yes")
    assert done.code == ExitCode.PARTIAL
    assert 'Error: upload "data/b": it cannot be read: No such file or directory\n' in done.err
    assert svc.stored() == {"in/a": "a", "in/c": "c", "in/x": "in/x"}
