"""Files of a bucket: the real command, an API that gives the keys, and an object store on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Caller, Runner
from tests.support.s3_servers import Server, empty_bucket, local_server, minio_provider
from tests.support.server import ScriptedServer, document, text

BUCKET = "photos"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with local_server(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def objects(store: Server) -> Iterator[Any]:
    """A client of the store, with an empty bucket in it."""
    with empty_bucket(store, BUCKET) as client:
        yield client


@pytest.fixture
def cluster(call: Caller, server: ScriptedServer, store: Server) -> Caller:
    """The command, with a cluster that gives the store's keys."""
    call.know(server.url)
    minio = minio_provider(store.endpoint)
    server.always("GET", "/system/config", document({"config": {}, "minio_provider": minio}))
    return call


def keys(objects: Any) -> list[str]:
    return [found["Key"] for found in objects.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.mark.parametrize("verb", ["put-file", "pf"])
def test_a_file_is_uploaded_under_a_name(cluster: Caller, objects: Any, tmp_path: Path, verb: str) -> None:
    (tmp_path / "a.txt").write_text("hello")
    result = cluster("bucket", verb, BUCKET, tmp_path / "a.txt", "in/b.txt", "--no-progress")
    assert (result.code, result.err) == (0, "")
    assert result.out == f'Uploaded "{tmp_path}/a.txt" to "minio.default:photos/in/b.txt"\n'
    assert objects.get_object(Bucket=BUCKET, Key="in/b.txt")["Body"].read() == b"hello"


def test_one_word_keeps_the_files_own_name(cluster: Caller, objects: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    assert cluster("bucket", "put-file", BUCKET, tmp_path / "a.txt").code == 0
    assert keys(objects) == ["a.txt"]


def test_several_files_go_into_a_folder(cluster: Caller, objects: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    assert cluster("bucket", "put-file", BUCKET, tmp_path / "*", "in/").code == 0
    assert keys(objects) == ["in/a", "in/b"]


def test_standard_input_can_be_uploaded(cluster: Caller, objects: Any, run: Runner) -> None:
    assert run("bucket", "pf", BUCKET, "-", "piped", input="from a pipe").code == 0
    assert objects.get_object(Bucket=BUCKET, Key="piped")["Body"].read() == b"from a pipe"


@pytest.mark.parametrize("verb", ["get-file", "gf"])
def test_a_file_is_downloaded_and_its_path_printed(
    cluster: Caller, objects: Any, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(cluster.home)
    objects.put_object(Bucket=BUCKET, Key="out/result.bin", Body=b"\x00\xff")
    result = cluster("bucket", verb, BUCKET, "out/result.bin")
    assert (result.code, result.out) == (0, f"{cluster.home}/result.bin\n")
    assert (cluster.home / "result.bin").read_bytes() == b"\x00\xff"


def test_a_file_is_downloaded_to_stdout(cluster: Caller, objects: Any, run: Runner) -> None:
    objects.put_object(Bucket=BUCKET, Key="x", Body=b"bytes")
    assert run("bucket", "get-file", BUCKET, "x", "-").out == "bytes"


def test_a_folder_is_downloaded(cluster: Caller, objects: Any, tmp_path: Path) -> None:
    for key in ("out/", "out/a", "out/deep/b", "other"):
        objects.put_object(Bucket=BUCKET, Key=key, Body=b"")
    result = cluster("bucket", "get-file", BUCKET, "out/", tmp_path / "here")
    assert sorted(result.out.splitlines()) == [f"{tmp_path}/here/a", f"{tmp_path}/here/deep/b"]


def test_a_whole_bucket_is_downloaded(cluster: Caller, objects: Any, tmp_path: Path) -> None:
    objects.put_object(Bucket=BUCKET, Key="in/a", Body=b"")
    result = cluster("bucket", "get-file", BUCKET, "/", tmp_path / "here")
    assert result.out == f"{tmp_path}/here/in/a\n"


@pytest.mark.parametrize("verb", ["delete-file", "df", "remove-file", "rmf"])
def test_a_file_is_deleted(cluster: Caller, objects: Any, verb: str) -> None:
    objects.put_object(Bucket=BUCKET, Key="in/a", Body=b"")
    result = cluster("bucket", verb, BUCKET, "in/a")
    assert (result.code, result.out) == (0, 'Deleted "photos/in/a"\n')
    assert keys(objects) == []


@pytest.mark.parametrize("verb", ["get-file", "delete-file"])
@pytest.mark.parametrize("bucket", [BUCKET, "no-such-bucket"])
def test_what_is_not_there_is_not_found(
    cluster: Caller, server: ScriptedServer, objects: Any, verb: str, bucket: str
) -> None:
    if (verb, bucket) == ("get-file", "no-such-bucket"):
        # Asked for a name that may be meant; never for a command that destroys.
        server.expect("GET", "/system/buckets", document([]))
    result = cluster("bucket", verb, bucket, "nope")
    assert (result.code, result.out) == (5, "")
    assert "hint: 'oscar-cli bucket get" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ("put-file", BUCKET),
        ("put-file", BUCKET, "no-such-file", "x"),
        ("put-file", "a/b", "pyproject.toml", "x"),
        ("get-file", BUCKET),
        ("get-file", "a/b", "x"),
        ("delete-file", BUCKET, "folder/"),
        ("delete-file", BUCKET, "/"),
        ("delete-file", BUCKET, ""),
        ("get-file", BUCKET, ""),
        ("put-file", BUCKET, "pyproject.toml", ""),
    ],
)
def test_words_that_name_no_file_ask_nobody(call: Caller, words: tuple[str, ...]) -> None:
    call.know("http://127.0.0.1:9")
    result = call("bucket", *words)
    assert (result.code, result.out) == (2, "")


def test_a_login_that_sees_no_keys_is_told(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/config", document({"minio_provider": {"endpoint": server.url}}))
    result = call("bucket", "get-file", BUCKET, "x")
    assert (result.code, "access_key is missing" in result.err) == (4, True)


def test_a_cluster_without_a_store_is_told(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/config", document({"config": {}}))
    result = call("bucket", "get-file", BUCKET, "x")
    assert (result.code, "no minio_provider" in result.err) == (1, True)


def test_a_cluster_that_refuses_the_login(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.expect("GET", "/system/config", text("", 401))
    assert call("bucket", "delete-file", BUCKET, "x").code == 4
