"""A key is what the user typed, to the letter: the real command against a store that keeps keys apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscarcli.errors import ExitCode
from tests.cli.service.test_files import files_of
from tests.conftest import Caller
from tests.support.s3_servers import minio_provider
from tests.support.scripted_s3 import KeyStore, Reply, Seen, Server

BUCKET = "svc"
# Each beside the name that it must not be taken for.
TWINS = {
    "d//e": "d/e",
    "./z": "z",
    "f/.": "f",
    "g/./h": "g/h",
    "/lead.txt": "lead.txt",
    "x/../y": "y",
    " blank ": "blank",
}


@pytest.fixture
def objects() -> dict[str, bytes]:
    """What is in the bucket; the content of each object is its key."""
    return {key: key.encode() for pair in TWINS.items() for key in pair}


@pytest.fixture
def cluster(call: Caller, objects: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    """The command, with a cluster that has the service `svc` and gives the keys of its store."""
    monkeypatch.chdir(call.home)
    store = KeyStore()
    store.objects = objects
    server = Server()
    documents = {
        "/system/services/svc": {"name": "svc"},
        "/system/config": {"config": {}, "minio_provider": minio_provider(server.endpoint)},
    }

    def answer(seen: Seen) -> Reply:
        if seen.path not in documents:
            return store.answer(seen)
        body = json.dumps(documents[seen.path]).encode()
        return Reply(headers={"Content-Type": "application/json"}, body=body)

    server.script = answer
    call.know(server.endpoint)
    yield call
    server.stop()


def by_service(verb: str, key: str, *more: str) -> tuple[str, ...]:
    return ("service", verb, "svc", "minio.default", f"{BUCKET}/{key}", *more)


def by_bucket(verb: str, key: str, *more: str) -> tuple[str, ...]:
    return ("bucket", verb, BUCKET, key, *more)


WAYS = pytest.mark.parametrize("way", [by_service, by_bucket])
Way = Callable[..., tuple[str, ...]]


@WAYS
@pytest.mark.parametrize("key", TWINS)
def test_the_object_that_was_typed_is_fetched(cluster: Caller, way: Way, key: str) -> None:
    done = cluster(*way("get-file", key, "here.bin"))
    assert (done.code, done.err) == (0, "")
    assert (cluster.home / "here.bin").read_bytes() == key.encode()


@WAYS
@pytest.mark.parametrize("key", TWINS)
def test_the_object_that_was_typed_is_deleted(
    cluster: Caller, objects: dict[str, bytes], way: Way, key: str
) -> None:
    before = set(objects)
    assert cluster(*way("delete-file", key)).code == 0
    assert before - set(objects) == {key}


@pytest.mark.parametrize("key", TWINS)
def test_the_object_that_was_typed_is_written(cluster: Caller, objects: dict[str, bytes], key: str) -> None:
    (cluster.home / "new").write_bytes(b"new content")
    for words in (
        ("service", "put-file", "svc", "new", f"{BUCKET}/{key}"),
        by_bucket("put-file", "new", key),
    ):
        objects.clear()
        assert cluster(*words).code == 0
        assert objects == {key: b"new content"}


@WAYS
def test_an_object_whose_name_ends_in_a_slash_is_reached_by_its_key(
    cluster: Caller, objects: dict[str, bytes], way: Way
) -> None:
    objects.update({"trail/": b"marker", "trail/inside": b"inside"})
    refused = cluster(*way("delete-file", "trail/"))
    assert (refused.code, "--key" in refused.err) == (2, True)
    assert cluster(*way("get-file", "trail/", "marker.bin", "--key")).code == 0
    assert (cluster.home / "marker.bin").read_bytes() == b"marker"
    assert cluster(*way("delete-file", "trail/", "--key")).code == 0
    assert "trail/" not in objects
    assert "trail/inside" in objects


@WAYS
def test_two_objects_never_become_one_file(cluster: Caller, objects: dict[str, bytes], way: Way) -> None:
    objects.clear()
    objects.update({"g/./h": b"dotted", "g//h": b"doubled", "g/h": b"plain", "g//only": b"alone"})
    done = cluster(*way("get-file", "g/", "out"))
    assert done.code == 8
    assert '"svc/g/h" and "svc/g/./h" would both become "out/h"' in done.err
    assert '"svc/g/h" and "svc/g//h" would both become "out/h"' in done.err
    found = {
        str(p.relative_to(cluster.home / "out")): p.read_bytes() for p in (cluster.home / "out").iterdir()
    }
    assert found == {"h": b"plain", "only": b"alone"}


def test_two_odd_names_of_one_file_are_told_apart_without_the_plain_one(
    cluster: Caller, objects: dict[str, bytes]
) -> None:
    objects.clear()
    objects.update({"g/./h": b"dotted", "g//h": b"doubled"})
    done = cluster("bucket", "get-file", BUCKET, "g/", "out")
    assert done.code == 8
    assert '"svc/g/./h" and "svc/g//h" would both become "out/h"' in done.err
    assert (cluster.home / "out/h").read_bytes() == b"dotted"


def test_a_name_that_leads_out_of_a_folder_is_fetched_to_where_the_user_says(
    cluster: Caller, objects: dict[str, bytes]
) -> None:
    objects.clear()
    objects.update({"x/../y": b"up", "x/a": b"a"})
    done = cluster("bucket", "get-file", BUCKET, "x/", "out")
    assert (done.code, "../y" in done.err) == (8, True)
    assert not Path(cluster.home / "y").exists()


def test_an_empty_name_is_told(cluster: Caller) -> None:
    (cluster.home / "a").touch()
    for words in (("put-file", BUCKET, "", "x/"), ("put-file", BUCKET, "a", ""), ("get-file", BUCKET, "")):
        done = cluster("bucket", *words)
        assert (done.code, "file is empty" in done.err) == (2, True)
    done = cluster("service", "put-file", "svc", "", "svc/x/")
    assert (done.code, "the name of a local file is empty" in done.err) == (2, True)


def test_a_local_name_that_is_no_text_is_told(cluster: Caller, objects: dict[str, bytes]) -> None:
    name = b"caf\xe9.txt".decode(errors="surrogateescape")
    (cluster.home / name).write_bytes(b"latin")
    done = cluster("bucket", "put-file", BUCKET, name)
    assert done.code == 2
    assert done.err.startswith('Error: "caf\\udce9.txt" cannot be the name of an object: it is no UTF-8\n')
    objects.clear()
    done = cluster("bucket", "put-file", BUCKET, name, "cafe.txt")
    assert (done.code, objects) == (0, {"cafe.txt": b"latin"})
    assert done.out == 'Uploaded "caf\\udce9.txt" to "minio.default:svc/cafe.txt"\n'


# -- folders that nothing leaves -------------------------------------------------------------------------


def test_names_from_the_server_stay_in_the_folder(cluster: Caller, objects: dict[str, bytes]) -> None:
    for key in ("out/../../evil.txt", "out/a\\b", "out/good.txt"):
        objects[key] = b"x"
    done = cluster("service", "get-file", "svc", "minio.default", "svc/out/", "back")
    assert done.code == ExitCode.PARTIAL
    assert done.out == f"{cluster.home}/back/good.txt\n"
    assert "cannot be used as a file name here" in done.err
    assert "2 of 3 files were not downloaded" in done.err
    assert files_of(cluster) == ["back/good.txt"]


DANGEROUS_KEYS = (
    "out/../../evil",
    "out/sub/../../../evil",
    "out/a\\..\\..\\evil",
    "out/C:\\evil",
    "out/\\\\server\\share\\evil",
    "out/" + "x" * 256,
    "out/..",
    "out/link/evil",
    "out/deep/link/evil",
    "out/file",
)
# What means something on other systems only, or nothing at all, is a name like any other.
HARMLESS_KEYS = (
    "out/CON",
    "out/C:good",
    "out/dot.",
    "out/..good",
    "out/ blank ",
    "out/-rf",
    "out/~",
    "out/a:b",
)


def test_no_name_leads_out_of_a_folder_by_itself_or_by_a_link(
    cluster: Caller, objects: dict[str, bytes]
) -> None:
    """Links were planted in the folder: to a folder, deeper down, and in the place of a file."""
    for key in (*DANGEROUS_KEYS, *HARMLESS_KEYS):
        objects[key] = b"evil"
    elsewhere = cluster.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "victim").write_bytes(b"precious")
    (cluster.home / "got" / "deep").mkdir(parents=True)
    (cluster.home / "got" / "link").symlink_to("../elsewhere")
    (cluster.home / "got" / "deep" / "link").symlink_to(elsewhere)
    (cluster.home / "got" / "file").symlink_to("../elsewhere/victim")
    done = cluster("service", "get-file", "svc", "minio.default", "svc/out/", "got")
    assert done.code == ExitCode.PARTIAL
    assert sorted(done.out.splitlines()) == sorted(
        str(cluster.home / "got" / key.removeprefix("out/")) for key in HARMLESS_KEYS
    )
    assert f"{len(DANGEROUS_KEYS)} of {len(DANGEROUS_KEYS) + len(HARMLESS_KEYS)} files" in done.err
    assert [path.name for path in elsewhere.iterdir()] == ["victim"]
    assert (elsewhere / "victim").read_bytes() == b"precious"
    assert not [name for name in files_of(cluster) if "evil" in name]


def test_a_folder_of_a_bucket_is_not_left_by_a_planted_link(
    cluster: Caller, objects: dict[str, bytes]
) -> None:
    for key in ("out/link/evil", "out/../evil", "out/file", "out/good"):
        objects[key] = b"x"
    (cluster.home / "elsewhere").mkdir()
    (cluster.home / "got").mkdir()
    (cluster.home / "got" / "link").symlink_to("../elsewhere")
    (cluster.home / "got" / "file").symlink_to("../elsewhere/file")
    result = cluster("bucket", "get-file", BUCKET, "out/", "got")
    assert (result.code, result.out) == (8, f"{cluster.home}/got/good\n")
    assert not list((cluster.home / "elsewhere").iterdir())
    result = cluster("bucket", "get-file", BUCKET, "out/file", "got")
    assert (result.code, result.out) == (7, "")
