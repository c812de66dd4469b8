"""The files of a service: the real command against an API and an S3 on loopback."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ExitCode
from tests.conftest import Caller, Outcome, Runner
from tests.support.command import World
from tests.support.daily import daily
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, empty_bucket, local_server, minio_provider
from tests.support.s3_servers import Server as Store
from tests.support.scripted_s3 import MIB, Reply, Seen, Server, error_body, multipart_answer, whole

BUCKET = "svc"
MASKED = {"access_key": "hidden", "secret_key": "hidden"}
# What a page says that is the last one.
WHOLE = "<IsTruncated>false</IsTruncated>"
DENIED = Reply(403, body=error_body("AccessDenied"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with local_server(tmp_path_factory.mktemp("store")) as store:
        yield store


@dataclass
class Cluster:
    """A cluster with one service, "svc", and its storage; `objects` is a client of that."""

    server: Server
    service: dict[str, Any]
    minio: dict[str, Any]
    objects: Any = None
    s3: Callable[[Seen], Reply] | None = None

    def answer(self, seen: Seen) -> Reply:
        answers = {
            "/system/services/svc": self.service,
            "/system/config": {"config": {}, "minio_provider": self.minio},
        }
        if seen.path in answers:
            body = json.dumps(answers[seen.path]).encode()
            return Reply(headers={"Content-Type": "application/json"}, body=body)
        if self.s3 is not None and not seen.path.startswith("/system"):
            return self.s3(seen)
        return Reply(404)

    def keys(self) -> list[str]:
        answer = self.objects.list_objects_v2(Bucket=BUCKET)
        return [entry["Key"] for entry in answer.get("Contents", [])]

    def put(self, key: str, content: bytes = b"content") -> None:
        self.objects.put_object(Bucket=BUCKET, Key=key, Body=content)

    def content(self, key: str) -> bytes:
        body = self.objects.get_object(Bucket=BUCKET, Key=key)["Body"]
        return bytes(body.read())

    @property
    def s3_requests(self) -> list[str]:
        return [seen.method for seen in self.server.seen if not seen.path.startswith("/system")]


@pytest.fixture(autouse=True)
def _at_home(world: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands called in this process work in the same folder as those in one of their own."""
    monkeypatch.chdir(world["HOME"])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def cluster(server: Server, run: Runner) -> Cluster:
    """A cluster on record whose S3 is the scripted server itself."""
    minio = minio_provider(server.endpoint)
    service = {
        "name": "svc",
        "input": [{"storage_provider": "minio.default", "path": f"{BUCKET}/in"}],
        "output": [{"storage_provider": "minio", "path": f"{BUCKET}/out"}],
        "storage_providers": {"minio": {"default": {**minio, **MASKED}}},
    }
    cluster = Cluster(server, service, minio)
    server.script = cluster.answer
    entry = {"endpoint": server.endpoint, "auth_user": "u", "auth_password": "p", "ssl_verify": True}
    run.config.parent.mkdir()
    run.config.write_text(json.dumps({"oscar": {"c": entry}, "default": "c"}))
    run.config.chmod(0o600)
    return cluster


@pytest.fixture
def stored(cluster: Cluster, store: Store) -> Iterator[Cluster]:
    """The same cluster with a real store, emptied before each test."""
    cluster.minio["endpoint"] = store.endpoint
    with empty_bucket(store, BUCKET) as cluster.objects:
        yield cluster


def files_of(world: World, pattern: str = "*") -> list[str]:
    found = (path.relative_to(world.home) for path in world.home.rglob(pattern) if path.is_file())
    return sorted(str(path) for path in found if ".oscar-cli" not in path.parts)


def write_files(world: World, *names: str) -> None:
    for name in names:
        (world.home / name).parent.mkdir(parents=True, exist_ok=True)
        (world.home / name).write_text(f"content of {name}")


def said(done: Outcome) -> tuple[int, str, str]:
    return done.code, done.out, done.err


# -- streams that nobody reads -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "reason"),
    daily(
        [
            (">&-", "standard output is closed\n"),
            ("> /dev/full", "No space left on device\nhint: make room, or write somewhere else\n"),
        ],
        "> /dev/full",
    ),
)
def test_a_file_for_standard_output_that_cannot_take_it_is_a_failure(
    run: Runner, stored: Cluster, stream: str, reason: str
) -> None:
    stored.put("out/a.txt", b"result")
    for words in ("service get-file svc svc/out/a.txt -", "bucket get-file svc out/a.txt -"):
        command = f"{shlex.quote(sys.executable)} -m oscarcli {words} {stream}"
        done = subprocess.run(
            ["bash", "-c", command],
            env=run.environ,
            cwd=run.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done
        assert done.stderr.startswith("Error: ")
        assert done.stderr.endswith(reason)
        assert done.stderr.count("\n") == reason.count("\n")
    assert files_of(run) == []


# -- put-file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["service", "put-file"], ["services", "pf"], ["s", "put-file"]])
def test_a_file_goes_into_the_services_input(run: Runner, stored: Cluster, words: list[str]) -> None:
    write_files(run, "photos/a.txt")
    done = run(*words, "svc", "photos/a.txt")
    assert said(done) == (0, 'Uploaded "photos/a.txt" to "minio.default:svc/in/a.txt"\n', "")
    assert stored.content("in/a.txt") == b"content of photos/a.txt"


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (["minio.default", "a.txt"], "in/a.txt"),
        (["a.txt", "./svc/x/"], "x/a.txt"),
        (["minio", "a.txt", "svc/x/b.txt"], "x/b.txt"),
        (["s3.txt", "svc/x/"], "x/s3.txt"),
        (["--provider", "minio.default", "a.txt", "--to", "svc/"], "a.txt"),
    ],
)
def test_a_file_goes_where_the_words_say(call: Caller, stored: Cluster, words: list[str], key: str) -> None:
    write_files(call, "a.txt", "s3.txt")
    done = call("service", "put-file", "svc", *words)
    assert (done.code, done.err) == (0, "")
    assert stored.keys() == [key]


@pytest.mark.parametrize("words", [["images/a.jpg", "images/b.jpg"], ["minio", "images/?.jpg"]])
def test_several_files_go_into_a_folder(call: Caller, stored: Cluster, words: list[str]) -> None:
    write_files(call, "images/a.jpg", "images/b.jpg", "images/c.txt")
    done = call("service", "put-file", "svc", *words, "svc/pictures/")
    assert (done.code, done.err) == (0, "")
    assert stored.keys() == ["pictures/a.jpg", "pictures/b.jpg"]
    assert len(done.out.splitlines()) == 2
    assert stored.objects.head_object(Bucket=BUCKET, Key="pictures/a.jpg")["ContentType"] == "image/jpeg"


def test_standard_input_becomes_an_object(run: Runner, stored: Cluster) -> None:
    done = run("service", "put-file", "svc", "-", "svc/in/typed.txt", input=b"typed")
    assert done.code == 0
    assert stored.content("in/typed.txt") == b"typed"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothere.txt"], 'local file "nothere.txt" does not exist or is not accessible'),
        (["folder"], 'local file "folder" is a folder'),
        (["a.txt", "svc"], "names a bucket and no object"),
        (["a.txt", "b.txt", "svc/in"], "neither a local file nor a remote folder"),
        (["nonsense", "nothere.txt", "svc/in"], 'invalid storage provider "nonsense"'),
    ],
)
def test_words_that_make_no_sense_ask_nobody(
    call: Caller, cluster: Cluster, words: list[str], message: str
) -> None:
    write_files(call, "a.txt", "b.txt", "folder/c.txt")
    done = call("service", "put-file", "svc", *words)
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert message in done.err
    assert cluster.s3_requests == []


def test_of_several_files_each_failure_is_named(run: Runner, cluster: Cluster) -> None:
    write_files(run, "a.txt", "b.txt", "c.txt")

    def s3(seen: Seen) -> Reply:
        if seen.path.endswith("b.txt"):
            return DENIED
        return multipart_answer(seen)

    cluster.s3 = s3
    done = run("service", "put-file", "svc", "a.txt", "b.txt", "c.txt")
    assert done.code == ExitCode.PARTIAL
    assert len(done.out.splitlines()) == 2
    assert 'upload "svc/in/b.txt" to minio.default: access denied' in done.err
    assert "1 of 3 files were not uploaded" in done.err


def test_when_every_file_fails_for_one_reason_the_code_is_that_of_the_reason(
    call: Caller, cluster: Cluster
) -> None:
    write_files(call, "a.txt", "b.txt")
    cluster.s3 = lambda _: Reply(404, body=error_body("NoSuchBucket"))
    done = call("service", "put-file", "svc", "a.txt", "b.txt")
    assert (done.code, done.out) == (ExitCode.NOT_FOUND, "")
    assert done.err.count("the bucket does not exist") == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [("NoSuchBucket", ExitCode.NOT_FOUND), ("InvalidAccessKeyId", ExitCode.AUTH), ("Odd", ExitCode.REFUSED)],
)
def test_a_refused_upload_has_a_code(call: Caller, cluster: Cluster, code: str, expected: ExitCode) -> None:
    write_files(call, "a.txt")
    cluster.s3 = lambda _: Reply(400, body=error_body(code))
    done = call("service", "put-file", "svc", "a.txt")
    assert (done.code, done.out) == (expected, "")
    assert done.err.startswith('Error: upload "svc/in/a.txt" to minio.default: ')


# -- get-file ----------------------------------------------------------------------------------------


def test_a_file_comes_back_and_its_absolute_path_is_all_that_is_said(run: Runner, stored: Cluster) -> None:
    stored.put("out/a.txt", b"result")
    done = run("service", "get-file", "svc", f"{BUCKET}/out/a.txt")
    assert said(done) == (0, f"{run.home}/a.txt\n", "")
    assert (run.home / "a.txt").read_bytes() == b"result"


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (["minio", "./svc/out/a.txt", "new/b.txt"], "new/b.txt"),
        (["svc/out/a.txt", "folder"], "folder/a.txt"),
        (["--download-latest-into"], "a.txt"),
        (["--download-latest-into=new"], "new/a.txt"),
        (["--download-latest-into", "minio.default", "svc/out"], "a.txt"),
        (["svc/out", "--download-latest-into"], "a.txt"),
        (["--download-latest-into", "svc/out", "folder"], "folder/a.txt"),
        (["minio.default", "svc/out/", "--download-latest-into=new"], "new/a.txt"),
    ],
)
def test_a_file_comes_where_the_words_say(
    call: Caller, stored: Cluster, words: list[str], target: str
) -> None:
    stored.put("out/a.txt", b"result")
    stored.put("output/z.txt", b"another folder")
    (call.home / "folder").mkdir()
    done = call("service", "get-file", "svc", *words)
    assert said(done) == (0, f"{call.home}/{target}\n", "")
    assert files_of(call) == [target]
    assert (call.home / target).read_bytes() == b"result"


@pytest.mark.parametrize(
    "words",
    [
        ("get-file", "svc", "--download-latest-into", "svc/output"),
        ("get-file", "--download-latest-into", "svc", "svc/output"),
        ("--download-latest-into", "get-file", "svc", "svc/output"),
        ("get-file", "svc", "minio.default", "--download-latest-into", "svc/output"),
        ("get-file", "svc", "--download-latest-into", "minio.default", "svc/output"),
        ("get-file", "svc", "svc/output", "--download-latest-into"),
    ],
)
def test_a_word_behind_latest_is_where_to_look(call: Caller, stored: Cluster, words: tuple[str, ...]) -> None:
    stored.put("out/a.txt", b"result")
    stored.put("output/z.txt", b"another folder")
    done = call("service", *words)
    assert said(done) == (0, f"{call.home}/z.txt\n", "")
    assert (call.home / "z.txt").read_bytes() == b"another folder"


def test_a_destination_behind_a_blank_is_told_how_to_be_one(call: Caller, stored: Cluster) -> None:
    stored.put("out/a.txt", b"result")
    done = call("service", "get-file", "svc", "--download-latest-into", "svc/results")
    assert (done.code, done.out) == (ExitCode.NOT_FOUND, "")
    assert 'no files found under "svc/results"' in done.err
    assert "--download-latest-into=svc/results" in done.err


def test_of_files_of_the_same_second_the_last_by_name_is_the_latest(call: Caller, cluster: Cluster) -> None:
    def entry(key: str, time: str) -> str:
        return f"<Contents><Key>{key}</Key><LastModified>{time}</LastModified><Size>7</Size></Contents>"

    noon, later = "2026-06-12T12:00:00.000Z", "2026-06-12T12:00:01.000Z"
    listing = "".join(
        [entry("out/a", later), entry("out/b", later), entry("out/sub/", later), entry("out/z", noon)]
    )

    def s3(seen: Seen) -> Reply:
        if "list-type" in seen.path:
            contents = listing if "prefix=out%2F" in seen.path else ""
            return Reply(body=f"<ListBucketResult>{WHOLE}{contents}</ListBucketResult>".encode())
        return whole(seen.path.encode()[-7:])

    cluster.s3 = s3
    done = call("service", "get-file", "svc", "--download-latest-into", "-v")
    assert (done.code, done.out) == (0, f"{call.home}/b\n")
    assert 'the latest file is "svc/out/b"' in done.err
    assert "of 2 files with the same time, the last by name" in done.err


def test_a_folder_comes_with_everything_in_it(call: Caller, stored: Cluster) -> None:
    for key in ("out/", "out/a.txt", "out/sub/b.txt", "output/c.txt"):
        stored.put(key, key.encode())
    done = call("service", "get-file", "svc", "svc/out/", "back")
    assert done.code == 0
    assert sorted(done.out.splitlines()) == [f"{call.home}/back/a.txt", f"{call.home}/back/sub/b.txt"]
    assert files_of(call) == ["back/a.txt", "back/sub/b.txt"]
    done = call("service", "get-file", "svc", "svc/out/")
    assert files_of(call) == ["back/a.txt", "back/sub/b.txt", "out/a.txt", "out/sub/b.txt"]


@pytest.mark.parametrize(
    "words",
    [
        ["svc", "minio.default", "svc/out/file", "got"],
        ["svc", "minio.default", "svc/out/file", "got/"],
        ["svc", "minio.default", "svc/out/", "--download-latest-into=got"],
    ],
)
def test_a_file_does_not_follow_a_link_of_its_name_in_a_folder(
    call: Caller, stored: Cluster, words: list[str]
) -> None:
    stored.put("out/file", b"evil")
    (call.home / "victim").write_bytes(b"precious")
    (call.home / "got").mkdir()
    (call.home / "got" / "file").symlink_to("../victim")
    done = call("service", "get-file", *words)
    assert (done.code, done.out) == (7, "")
    assert '"got/file" cannot be written: "file" is a symbolic link' in done.err
    assert (call.home / "victim").read_bytes() == b"precious"
    # A link that the user names is meant.
    done = call("service", "get-file", "svc", "minio.default", "svc/out/file", "got/file")
    assert done.code == 0
    assert (call.home / "victim").read_bytes() == b"evil"


def test_a_file_goes_to_standard_output(run: Runner, stored: Cluster) -> None:
    stored.put("out/a.txt", b"result")
    assert said(run("service", "get-file", "svc", "svc/out/a.txt", "-")) == (0, "result", "")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["svc/out/nothing"], ExitCode.NOT_FOUND, "there is no such object"),
        (["nobucket/out/a.txt"], ExitCode.NOT_FOUND, "the bucket does not exist"),
        (["svc/nothing/"], ExitCode.NOT_FOUND, "no files found under"),
        (["svc/nothing", "--download-latest-into"], ExitCode.NOT_FOUND, 'no files found under "svc/nothing"'),
        (["rucio.x", "svc/out/a.txt"], ExitCode.USAGE, '"rucio.x" is not defined in the service "svc"'),
        (["s3.x", "svc/out/a.txt"], ExitCode.USAGE, '"s3.x" is not defined in the service "svc"'),
        (["svc/out/a.txt", "a.txt", "b.txt", "c.txt"], ExitCode.USAGE, "too many words"),
        ([], ExitCode.NOT_FOUND, 'download "svc/out/" from minio.default: no files found'),
        (["svc"], ExitCode.NOT_FOUND, 'download "svc/" from minio.default: no files found'),
        (
            ["minio", "svc/out", "a", "--download-latest-into=b"],
            ExitCode.USAGE,
            "already defines",
        ),
    ],
)
def test_what_is_not_there_is_said(
    call: Caller, stored: Cluster, words: list[str], code: ExitCode, message: str
) -> None:
    write_files(call, "a.txt")
    done = call("service", "get-file", "svc", *words)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert (call.home / "a.txt").read_text() == "content of a.txt"


def test_a_failure_speaks_json_where_json_was_asked_for(call: Caller, stored: Cluster) -> None:
    done = call("service", "list-files", "svc", "minio.default", "nobucket/in", "-o", "json")
    assert (done.code, done.out) == (ExitCode.NOT_FOUND, "")
    assert "bucket does not exist" in json.loads(done.err)["error"]


@pytest.mark.parametrize("reply", [whole(bytes(1000), cut=400), whole(bytes(1000), cut=400, stall=True)])
def test_a_body_that_never_ends_leaves_the_older_file(run: Runner, cluster: Cluster, reply: Reply) -> None:
    write_files(run, "a.bin")
    cluster.s3 = lambda seen: whole(bytes(1000)) if seen.method == "HEAD" else reply
    done = run("service", "get-file", "svc", "svc/out/a.bin", "--timeout", "0.3")
    assert (done.code, done.out) == (ExitCode.UNREACHABLE, "")
    assert files_of(run) == ["a.bin"]
    assert (run.home / "a.bin").read_text() == "content of a.bin"


def test_wrong_keys_are_refused(call: Caller, stored: Cluster) -> None:
    stored.put("out/a")
    stored.minio["secret_key"] = "not-the-key"
    done = call("service", "get-file", "svc", "svc/out/a")
    assert (done.code, done.out) == (ExitCode.AUTH, "")
    assert "not-the-key" not in done.err


def test_masked_keys_are_said_to_be_masked(call: Caller, cluster: Cluster) -> None:
    cluster.minio["secret_key"] = "hidden"
    done = call("service", "get-file", "svc", "svc/out/a")
    assert done.code == ExitCode.AUTH
    assert "instead of the secret_key" in done.err
    assert "hint: " in done.err


def test_a_service_without_storage_is_no_crash(call: Caller, cluster: Cluster) -> None:
    cluster.service = {"name": "svc", "input": None, "output": None, "storage_providers": None}
    write_files(call, "a.txt")
    for words in (["get-file", "svc", "--download-latest-into"], ["put-file", "svc", "a.txt"]):
        done = call("service", *words)
        assert (done.code, done.out) == (ExitCode.USAGE, "")
        assert "does not define" in done.err


# -- list-files and delete-file ------------------------------------------------------------------------


def test_a_listing_starts_each_line_with_the_name(call: Caller, stored: Cluster) -> None:
    for key in ("in/", "in/a.txt", "in/sub/much-longer-name.txt", "input/other"):
        stored.put(key, key.encode())
    done = call("service", "list-files", "svc", "minio.default", "svc/in")
    assert (done.code, done.err) == (0, "")
    rows = [line.split() for line in done.out.splitlines()]
    assert [row[:2] for row in rows] == [["a.txt", "8"], ["sub/much-longer-name.txt", "27"]]
    assert all(len(row) == 4 for row in rows)
    assert len({line.index(" 20") for line in done.out.splitlines()}) == 1
    assert call("service", "lsf", "svc", "svc/in/").out == done.out


def test_a_prefix_is_searched_when_asked_for(call: Caller, stored: Cluster) -> None:
    for key in ("in/a", "input/b", "other"):
        stored.put(key)
    done = call("service", "list-file", "svc", "svc/in", "--prefix")
    assert [line.split()[0] for line in done.out.splitlines()] == ["a", "input/b"]


def test_a_listing_in_other_forms(call: Caller, stored: Cluster) -> None:
    import yaml

    stored.put("in/a.txt", b"12345")
    as_json = json.loads(call("service", "list-files", "svc", "minio", "svc/in", "-o", "json").out)
    (entry,) = as_json
    assert list(entry) == ["name", "bucket", "key", "size", "last_modified", "etag"]
    assert (entry["name"], entry["bucket"], entry["key"], entry["size"]) == ("a.txt", "svc", "in/a.txt", 5)
    assert entry["last_modified"].endswith("Z")
    assert yaml.safe_load(call("service", "list-files", "svc", "svc/in", "-o", "yaml").out) == as_json


@pytest.mark.parametrize(("form", "out"), [("table", ""), ("json", "[]\n"), ("yaml", "[]\n")])
def test_an_empty_listing_is_no_failure(call: Caller, stored: Cluster, form: str, out: str) -> None:
    done = call("service", "list-files", "svc", "minio", "svc/nothing", "-o", form)
    assert (done.code, done.out) == (0, out)
    assert 'no files under "svc/nothing"' in done.err


def test_thousands_are_listed_as_they_come(run: Runner, cluster: Cluster) -> None:
    """Three pages of a thousand at most; the second one comes only after the first was shown."""
    shown = threading.Event()

    def s3(seen: Seen) -> Reply:
        query = seen.path.partition("?")[2]
        if "max-keys=1&" in query + "&":
            return Reply(body=f"<ListBucketResult>{WHOLE}</ListBucketResult>".encode())
        page = next((n for n in (1, 2) if f"continuation-token=page{n}" in query), 0)
        if page == 1:
            assert shown.wait(60)
        contents = "".join(
            f"<Contents><Key>in/k{number:04}</Key><Size>{number}</Size>"
            "<LastModified>2026-06-12T12:00:00.000Z</LastModified></Contents>"
            for number in range(page * 1000, min(page * 1000 + 1000, 2500))
        )
        more = f"<NextContinuationToken>page{page + 1}</NextContinuationToken>" if page < 2 else ""
        return Reply(
            body=f"<ListBucketResult><IsTruncated>{str(page < 2).lower()}</IsTruncated>{more}{contents}"
            "</ListBucketResult>".encode()
        )

    cluster.s3 = s3
    names = [f"k{number:04}" for number in range(2500)]
    process = run.start("service", "list-files", "svc", "minio.default", "svc/in")
    assert process.stdout is not None
    first = process.stdout.readline()
    shown.set()
    lines = (first + process.stdout.read()).decode().splitlines()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert [line.split()[0] for line in lines] == names
    in_json = run("service", "list-files", "svc", "minio.default", "svc/in", "-o", "json")
    assert [entry["name"] for entry in json.loads(in_json.out)] == names


FIRST_PAGE = (
    "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>"
    "<Contents><Key>in/a</Key><Size>7</Size></Contents></ListBucketResult>"
)
NO_PAGES = {
    "nothing": "",
    "a web page": "<html><body>Sign in</body></html>",
    "JSON": "{}",
    "half of it": FIRST_PAGE[:-30],
    "no end": "<ListBucketResult><Contents><Key>in/b</Key><Size>7</Size></Contents></ListBucketResult>",
    "more without a way": f"<ListBucketResult>{WHOLE.replace('false', 'true')}</ListBucketResult>",
    "the same again": FIRST_PAGE,
    "no key": f"<ListBucketResult>{WHOLE}<Contents><Size>7</Size></Contents></ListBucketResult>",
    "no size": f"<ListBucketResult>{WHOLE}<Contents><Key>in/b</Key></Contents></ListBucketResult>",
    "an odd size": FIRST_PAGE.replace("7", "x"),
}


@pytest.mark.parametrize("kind", NO_PAGES)
def test_what_is_no_page_of_a_list_does_not_end_it(call: Caller, cluster: Cluster, kind: str) -> None:
    def s3(seen: Seen) -> Reply:
        if "list-type" not in seen.path:
            return whole(b"content")
        return Reply(body=(NO_PAGES[kind] if "continuation-token" in seen.path else FIRST_PAGE).encode())

    cluster.s3 = s3
    for words in (
        ("list-files", "svc", "minio", "svc/in/"),
        ("list-files", "svc", "minio", "svc/in/", "-o", "json"),
        ("get-file", "svc", "minio", "svc/in/", "fetched"),
        ("get-file", "svc", "minio", "svc/in/", "--download-latest-into=fetched"),
    ):
        done = call("service", *words)
        assert done.code in (ExitCode.FAILED, ExitCode.UNREACHABLE, ExitCode.PARTIAL), (words, done)
        assert "unexpected" not in done.err
        assert len(done.err.splitlines()) == 1, done.err


@pytest.mark.parametrize("body", [b"", b"<html><body>Sign in</body></html>"])
def test_a_large_upload_that_is_not_begun_is_told(call: Caller, cluster: Cluster, body: bytes) -> None:
    with (call.home / "large").open("wb") as file:
        file.truncate(17 * MIB)
    cluster.s3 = lambda _: Reply(body=body)
    done = call("service", "put-file", "svc", "large")
    assert (done.code, done.out) == (1, "")
    assert "the answer is none of an object store: it has no UploadId" in done.err


def test_control_characters_in_names_are_shown_not_obeyed(call: Caller, cluster: Cluster) -> None:
    contents = "<Contents><Key>in/a%1B%5B2J%0Ab</Key><Size>1</Size></Contents>"

    def s3(seen: Seen) -> Reply:
        listed = contents if "prefix=in%2F" in seen.path else ""
        body = f"<ListBucketResult><EncodingType>url</EncodingType>{WHOLE}{listed}</ListBucketResult>"
        return Reply(body=body.encode())

    cluster.s3 = s3
    done = call("service", "list-files", "svc", "minio", "svc/in")
    assert done.out == "a\\x1b[2J\\nb  1  -\n"


@pytest.mark.parametrize("verb", ["delete-file", "df", "del-fil", "remove-file", "rmf"])
def test_a_file_is_deleted(call: Caller, stored: Cluster, verb: str) -> None:
    stored.put("in/a.txt")
    stored.put("in/b.txt")
    done = call("service", verb, "svc", "minio.default", "svc/in/a.txt")
    assert said(done) == (0, 'Deleted "minio.default:svc/in/a.txt"\n', "")
    assert stored.keys() == ["in/b.txt"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["minio", "svc/in/nothing"], ExitCode.NOT_FOUND, "there is no such object"),
        (["minio", "nobucket/in/a"], ExitCode.NOT_FOUND, "the bucket does not exist"),
        (["minio", "svc/in/"], ExitCode.USAGE, "names a folder"),
        (["minio", "svc/in/my", "file.txt"], ExitCode.USAGE, 'REMOTE_FILE "svc/in/my", and then "file.txt"'),
        (["svc/in/a.txt"], ExitCode.USAGE, "invalid storage provider"),
        (["minio"], ExitCode.USAGE, "REMOTE_FILE argument is required"),
    ],
)
def test_nothing_else_is_deleted(
    call: Caller, stored: Cluster, words: list[str], code: ExitCode, message: str
) -> None:
    stored.put("in/a.txt")
    done = call("service", "delete-file", "svc", *words)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert stored.keys() == ["in/a.txt"]


def test_a_refused_deletion_is_a_failure(call: Caller, cluster: Cluster) -> None:
    cluster.s3 = lambda seen: whole(b"x") if seen.method == "HEAD" else DENIED
    done = call("service", "delete-file", "svc", "minio", "svc/in/a")
    assert (done.code, done.out) == (ExitCode.AUTH, "")
    assert "access denied" in done.err


def test_every_verb_works_with_amazons_protocol_too(call: Caller, stored: Cluster, store: Store) -> None:
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}
    stored.service["storage_providers"]["s3"] = {"mine": keys}
    stored.service["input"].append({"storage_provider": "s3.mine", "path": f"{BUCKET}/amazon/in"})
    write_files(call, "a.txt")
    env = {"AWS_ENDPOINT_URL_S3": store.endpoint}
    key = f"{BUCKET}/amazon/in/a.txt"
    assert call("service", "put-file", "svc", "s3.mine", "a.txt", env=env).out.endswith(f'"s3.mine:{key}"\n')
    assert call("service", "list-files", "svc", "s3.mine", f"{BUCKET}/amazon", env=env).out.startswith(
        "in/a.txt "
    )
    latest = ("svc", "s3.mine", f"{BUCKET}/amazon", "--download-latest-into=b.txt")
    assert call("service", "get-file", *latest, env=env).out == f"{call.home}/b.txt\n"
    assert (call.home / "b.txt").read_text() == "content of a.txt"
    assert call("service", "delete-file", "svc", "s3.mine", key, env=env).code == 0
    assert stored.keys() == []


# -- progress ------------------------------------------------------------------------------------------


def test_a_terminal_shows_a_bar_and_then_the_answer(run: Runner, stored: Cluster) -> None:
    (run.home / "a.bin").write_bytes(bytes(3 * MIB))
    shown = run.terminal("service", "put-file", "svc", "a.bin")
    assert shown.code == 0
    assert "Uploading a.bin" in shown.out
    assert shown.out.rstrip().endswith('Uploaded "a.bin" to "minio.default:svc/in/a.bin"')
    quiet = run.terminal("service", "put-file", "svc", "a.bin", "--no-progress")
    assert quiet.out == 'Uploaded "a.bin" to "minio.default:svc/in/a.bin"\n'


# -- interruption ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interrupted_download_leaves_the_older_file_and_nothing_else(
    run: Runner, cluster: Cluster, wait_until: Any, number: signal.Signals, code: int
) -> None:
    process = start_stalled_download(run, cluster, wait_until)
    process.send_signal(number)
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (code, b"")
    assert files_of(run) == ["a.bin"]
    assert (run.home / "a.bin").read_text() == "content of a.bin"


def test_a_killed_download_leaves_the_older_file(run: Runner, cluster: Cluster, wait_until: Any) -> None:
    process = start_stalled_download(run, cluster, wait_until)
    process.kill()
    process.communicate(timeout=120)
    assert (run.home / "a.bin").read_text() == "content of a.bin"
    (left,) = set(files_of(run)) - {"a.bin"}
    assert left.startswith(".a.bin.")
    assert left.endswith(".part")


def start_stalled_download(run: Runner, cluster: Cluster, wait_until: Any) -> Any:
    """Start a download of which half has arrived."""
    write_files(run, "a.bin")
    cluster.s3 = lambda _: whole(bytes(2 * MIB), cut=MIB, stall=True)
    process = run.start("service", "get-file", "svc", "svc/out/a.bin")
    wait_until(lambda: any(path.stat().st_size >= MIB // 2 for path in run.home.glob(".a.bin.*.part")))
    return process


def test_an_interrupted_download_of_a_folder_leaves_whole_files_only(
    run: Runner, cluster: Cluster, wait_until: Any
) -> None:
    listing = "".join(
        f"<Contents><Key>out/{name}</Key><Size>{2 * MIB}</Size></Contents>" for name in ("a", "b", "c")
    )

    def s3(seen: Seen) -> Reply:
        if "list-type" in seen.path:
            return Reply(body=f"<ListBucketResult>{WHOLE}{listing}</ListBucketResult>".encode())
        stalled = seen.path.endswith(("b", "c"))
        return whole(bytes(2 * MIB), cut=MIB, stall=True) if stalled else whole(bytes(2 * MIB))

    cluster.s3 = s3
    process = run.start("service", "get-file", "svc", "svc/out/", "back")
    assert process.stdout is not None
    assert process.stdout.readline().decode() == f"{run.home}/back/a\n"
    wait_until(lambda: len(files_of(run, ".*.part")) == 2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (ExitCode.INTERRUPTED, b"")
    assert files_of(run) == ["back/a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_upload_is_aborted(
    run: Runner, cluster: Cluster, wait_until: Any, number: signal.Signals
) -> None:
    os.truncate(_touched(run.home / "large.bin"), 100 * MIB)
    # The server takes the parts and never answers.
    cluster.s3 = partial(multipart_answer, part=Reply(stall=True))
    process = run.start("service", "put-file", "svc", "large.bin")
    wait_until(lambda: "PUT" in cluster.s3_requests)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, b"")
    assert cluster.s3_requests.count("DELETE") == 1
    # Created, never completed.
    assert cluster.s3_requests.count("POST") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_half_an_upload_is_no_object(
    run: Runner, stored: Cluster, wait_until: Any, number: signal.Signals
) -> None:
    def unfinished() -> bool:
        return bool(stored.objects.list_multipart_uploads(Bucket=BUCKET).get("Uploads"))

    process = run.start("service", "put-file", "svc", "-", "svc/in/half.bin")
    assert process.stdin is not None
    process.stdin.write(bytes(20 * MIB))
    process.stdin.flush()
    wait_until(unfinished)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert stored.keys() == []
    if number == signal.SIGINT:
        assert process.returncode == ExitCode.INTERRUPTED
        assert not unfinished()


def _touched(path: Path) -> Path:
    path.touch()
    return path
