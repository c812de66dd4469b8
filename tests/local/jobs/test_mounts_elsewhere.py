"""Services that see a folder of another provider as one of this machine."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.jobs.providers import s3_client
from oscarcli.local.services.mounts import PLACE
from tests.local.harness import LocalCluster
from tests.support import scripted_s3
from tests.support.certificate import certified
from tests.support.s3_servers import (
    ACCESS_KEY,
    SECRET_KEY,
    Server,
    client_of,
    local_server,
    minio_server,
    moto_server,
)
from tests.support.webdav_servers import LOGIN, PASSWORD, DavServer, wsgidav_server

pytestmark = pytest.mark.skipif(
    not os.access(PLACE, os.W_OK), reason=f"links below {PLACE} cannot be made here"
)
KEYS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}


@dataclass
class Elsewhere:
    """A folder at another provider, with a name found nowhere else: its path is this machine's."""

    provider: str
    settings: dict[str, Any]
    name: str
    put: Callable[[str, bytes], None]
    files: Callable[[], dict[str, bytes]]

    @property
    def path(self) -> Path:
        return Path(PLACE) / self.name

    def definition(self, service: str, script: str, **mount: Any) -> dict[str, Any]:
        """Return a service that mounts the folder."""
        kind, _, identifier = self.provider.partition(".")
        entry = {"storage_provider": self.provider, "path": self.name, **mount}
        providers = {kind: {identifier: self.settings}}
        return {
            "name": service,
            "image": "none",
            "script": script,
            "mount": entry,
            "storage_providers": providers,
        }


def in_store(server: Server, provider: str, settings: dict[str, Any], name: str) -> Elsewhere:
    client = client_of(server)
    client.create_bucket(Bucket=name)

    def put(key: str, body: bytes) -> None:
        client.put_object(Bucket=name, Key=key, Body=body)

    def files() -> dict[str, bytes]:
        listed = client.list_objects_v2(Bucket=name).get("Contents", [])
        return {one["Key"]: client.get_object(Bucket=name, Key=one["Key"])["Body"].read() for one in listed}

    return Elsewhere(provider, settings, name, put, files)


def behind_webdav(server: DavServer, name: str) -> Elsewhere:
    root = server.files / name
    root.mkdir()

    def put(key: str, body: bytes) -> None:
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(body)

    def files() -> dict[str, bytes]:
        return {
            path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
        }

    host = server.endpoint.removeprefix("https://")
    settings = {"hostname": host, "login": LOGIN, "password": PASSWORD}
    return Elsewhere("webdav.dcache", settings, name, put, files)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, DavServer, Path]]:
    folder = tmp_path_factory.mktemp("elsewhere")
    _, voucher = certified(folder)
    with local_server(folder) as store, wsgidav_server(folder, folder / "server.pem") as dav:
        yield store, dav, voucher


@pytest.fixture(scope="module")
def real_minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with minio_server(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture(scope="module")
def moto() -> Iterator[Server]:
    with moto_server() as server:
        yield server


def opened(request: pytest.FixtureRequest, kind: str) -> Elsewhere:
    """Return a folder of a kind of provider."""
    store, dav, voucher = request.getfixturevalue("servers")
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.setenv("SSL_CERT_FILE", str(voucher))
    monkeypatch.setattr(s3_client, "ATTEMPTS", 1)
    name = f"m{uuid.uuid4().hex[:12]}"
    if kind == "webdav":
        return behind_webdav(dav, name)
    server = store if kind in ("store", "amazon") else request.getfixturevalue(kind)
    if kind in ("amazon", "moto"):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
        return in_store(server, "s3.archive", KEYS, name)
    return in_store(server, "minio.other", {**KEYS, "endpoint": server.endpoint, "verify": True}, name)


KINDS = [
    "store",
    "amazon",
    "webdav",
    pytest.param("real_minio", marks=pytest.mark.thorough),
    pytest.param("moto", marks=pytest.mark.thorough),
]


@pytest.fixture(params=KINDS)
def elsewhere(request: pytest.FixtureRequest) -> Elsewhere:
    return opened(request, request.param)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Elsewhere:
    return opened(request, "store")


def run(cluster: LocalCluster, elsewhere: Elsewhere, script: str, **mount: Any) -> tuple[str, str]:
    """Run one job of a service that mounts the folder, delete the service, and return status and log."""
    service = f"{elsewhere.name}s"
    answer = cluster.api.post("/system/services", json=elsewhere.definition(service, script, **mount))
    assert (answer.status_code, answer.text) == (201, "")
    cluster.submit(service)
    ((job, state),) = cluster.ended(service).items()
    log = cluster.log(service, job)
    assert cluster.api.delete(f"/system/services/{service}").status_code == 204
    assert not os.path.lexists(elsewhere.path), "no link is left behind"
    return str(state["status"]), log


def test_a_job_reads_changes_makes_and_deletes(cluster: LocalCluster, elsewhere: Elsewhere) -> None:
    for key, body in (("deep/a ü+%20.txt", b"one"), ("gone", b"x"), ("moved.txt", b"m"), ("same", b"s")):
        elsewhere.put(key, body)
    status, log = run(
        cluster,
        elsewhere,
        f"cd {elsewhere.path} && cat 'deep/a ü+%20.txt' && printf more >> 'deep/a ü+%20.txt' && rm gone\n"
        "mkdir -p new/er && printf made > 'new/er/b #1.json' && mv moved.txt 'moved on.txt' && ls\n"
        "head -c 9000000 /dev/zero > big\n",
    )
    assert status == "Succeeded", log
    assert "onedeep\nmoved on.txt\nnew\nsame\n" in log
    files = elsewhere.files()
    assert len(files.pop("big")) == 9_000_000
    assert files == {
        "deep/a ü+%20.txt": b"onemore",
        "moved on.txt": b"m",
        "new/er/b #1.json": b"made",
        "same": b"s",
    }


def test_a_folder_in_it_is_mounted_alone_and_only_read(cluster: LocalCluster, elsewhere: Elsewhere) -> None:
    elsewhere.put("in/deep/seen", b"1")
    elsewhere.put("other", b"2")
    path = f"{elsewhere.name}/in"
    script = f"cd {PLACE}/{path} && find . -type f && printf x > deep/seen && touch new\n"
    status, log = run(cluster, elsewhere, script, path=f"/{path}/", options="--read-only")
    assert status == "Succeeded", log
    assert "./deep/seen\n" in log
    assert "other" not in log
    assert elsewhere.files() == {"in/deep/seen": b"1", "other": b"2"}


def test_the_next_job_fetches_what_has_changed_alone(cluster: LocalCluster, elsewhere: Elsewhere) -> None:
    service = f"{elsewhere.name}s"
    script = f'cd {elsewhere.path} && for f in *; do echo "$f=$(cat $f) $(ls -i $f | cut -d" " -f1)"; done\n'
    assert cluster.api.post("/system/services", json=elsewhere.definition(service, script)).status_code == 201
    elsewhere.put("changed", b"1")
    elsewhere.put("same", b"2")
    lines = []
    for count in (1, 2):
        before = cluster.jobs(service).keys() if count > 1 else set()
        cluster.submit(service)
        (job,) = cluster.ended(service, count).keys() - before
        said = cluster.log(service, job).splitlines()
        lines.append([line for line in said if line.startswith(("changed=", "same="))])
        elsewhere.put("changed", b"other")
    assert lines[0][1] == lines[1][1], "the file is the one that was fetched for the first job"
    assert (lines[0][0][:9], lines[1][0][:13]) == ("changed=1", "changed=other")
    assert cluster.api.delete(f"/system/services/{service}").status_code == 204


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("store", {"secret_key": "wrong"}, "(SignatureDoesNotMatch)"),
        ("store", {"endpoint": "http://127.0.0.1:1"}, "cannot be reached: Connection refused"),
        ("webdav", {"password": "wrong"}, "answers 401 Unauthorized"),
        ("webdav", {"hostname": "127.0.0.1:1"}, "https://127.0.0.1:1 cannot be reached: Connection refused"),
    ],
)
def test_files_that_cannot_be_had_fail_the_job(
    cluster: LocalCluster, request: pytest.FixtureRequest, kind: str, change: dict[str, str], words: str
) -> None:
    elsewhere = opened(request, kind)
    elsewhere.settings = {**elsewhere.settings, **change}
    status, log = run(cluster, elsewhere, "echo never\n")
    assert status == "Failed"
    (line,) = [one for one in log.splitlines() if "ERROR" in one]
    assert "local cluster - ERROR - the mounted files cannot be fetched: " in line
    assert words in line
    assert "never" not in log


@pytest.mark.parametrize("kind", ["store", "webdav"])
def test_a_place_that_is_not_there_fails_the_job(
    cluster: LocalCluster, request: pytest.FixtureRequest, kind: str
) -> None:
    elsewhere = opened(request, kind)
    elsewhere.name = f"m{uuid.uuid4().hex[:12]}"
    status, log = run(cluster, elsewhere, "echo never\n")
    assert status == "Failed"
    words = "The specified bucket does not exist (NoSuchBucket)" if kind == "store" else "there is no folder"
    assert f"the mounted files cannot be fetched: {words}" in log


@pytest.mark.parametrize("odd", ["<Size>many</Size>", "<Size>1</Size><LastModified>lately</LastModified>"])
def test_a_store_that_describes_its_objects_oddly_fails_the_job(
    cluster: LocalCluster, store: Elsewhere, odd: str
) -> None:
    server = scripted_s3.Server()
    listing = f"<ListBucketResult><Contents><Key>a</Key>{odd}</Contents></ListBucketResult>".encode()
    server.script = lambda _: scripted_s3.Reply(body=listing)
    try:
        store.settings = {**KEYS, "endpoint": server.endpoint}
        status, log = run(cluster, store, "echo never\n")
    finally:
        server.stop()
    assert status == "Failed"
    assert "the mounted files cannot be fetched: the store gives no date or size of an object: " in log


def test_no_name_leads_out_of_the_folder(cluster: LocalCluster, store: Elsewhere, tmp_path: Path) -> None:
    evil = [f"../../{tmp_path.name}", "a/../../b", "a//b", "./c", "d/" + "x" * 300, "../folder/"]
    content = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><ETag>1</ETag></Contents>" for key in [*evil, "good"]
    )
    server = scripted_s3.Server()

    def answer(seen: scripted_s3.Seen) -> scripted_s3.Reply:
        if "list-type" in seen.path:
            return scripted_s3.Reply(body=f"<ListBucketResult>{content}</ListBucketResult>".encode())
        return scripted_s3.whole(b"1")

    server.script = answer
    store.settings = {**store.settings, "endpoint": server.endpoint}
    status, log = run(cluster, store, f"cd {store.path} && find . -mindepth 1\n", options="--read-only")
    server.stop()
    assert status == "Succeeded", log
    assert [line for line in log.splitlines() if line.startswith("./")] == ["./good"]
    for name in evil:
        assert f"the object {name!r} cannot be a file and is not in the mounted folder" in log


def test_nothing_that_a_job_wrote_is_lost_with_the_server(
    start_cluster: Callable[..., LocalCluster], elsewhere: Elsewhere
) -> None:
    cluster = start_cluster()
    service = f"{elsewhere.name}s"
    body = elsewhere.definition(service, "true\n")
    assert cluster.api.post("/system/services", json=body).status_code == 201
    elsewhere.put("kept", b"1")
    elsewhere.put("dropped", b"2")
    cluster.submit(service)
    cluster.ended(service)
    root = elsewhere.path.resolve()
    cluster.close()
    # As a server leaves it that is killed between the end of a script and what comes then.
    (root / "late").write_bytes(b"written")
    (root / "dropped").unlink()
    again = start_cluster()
    assert elsewhere.files() == {"kept": b"1", "late": b"written"}
    assert again.api.delete(f"/system/services/{service}").status_code == 204
    assert list(again.folder.mounts.iterdir()) == []


@pytest.mark.parametrize(
    ("provider", "path", "status", "text"),
    [
        (
            "onedata.mine",
            "a",
            400,
            'the local cluster does not use "onedata.mine" here',
        ),
        ("rucio.mine", "a", 400, 'the local cluster does not use "rucio.mine" here'),
        ("minio.absent", "bucket", 500, 'the StorageProvider "minio.absent" is not defined'),
        ("s3.absent", "bucket", 500, 'the StorageProvider "s3.absent" is not defined'),
        ("minio.mine", "UP", 500, 'error creating bucket "UP"'),
        ("s3.mine", "bucket/../x", 500, 'error creating bucket "bucket"'),
        ("webdav.mine", "../etc", 400, "mount.path: it has a part that is no folder's name"),
        ("webdav.mine", "a/b:c", 400, "mount.path: it has a part that is no folder's name"),
        ("webdav.mine", " / ", 400, "mount.path: it names no bucket"),
    ],
)
def test_what_cannot_be_mounted_is_refused(
    cluster: LocalCluster, provider: str, path: str, status: int, text: str
) -> None:
    kinds: dict[str, dict[str, str]] = {
        "minio": {**KEYS, "endpoint": "http://127.0.0.1:1"},
        "s3": KEYS,
        "webdav": {"hostname": "h", "login": "l", "password": "p"},
        "onedata": {"oneprovider_host": "h", "token": "t", "space": "s"},
        "rucio": {"host": "h"},
    }
    body = {
        "name": "refused",
        "image": "i",
        "script": "true",
        "mount": {"storage_provider": provider, "path": path},
        "storage_providers": {kind: {"mine": settings} for kind, settings in kinds.items()},
    }
    answer = cluster.api.post("/system/services", json=body)
    assert (answer.status_code, text in answer.text) == (status, True), answer.text
