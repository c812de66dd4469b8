"""What the store is for: an object, its event and its blob are all there or all not, whatever happens."""

from __future__ import annotations

import hashlib
import io
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from oscarcli.local.objects import blobs
from oscarcli.local.objects.blobs import MAX_SMALL_BYTES
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Attributes, EventSource
from tests.local.objects.harness import CREDENTIALS, Server, boto_client, refusal, running
from tests.local.objects.raw import send, signed
from tests.support.daily import number_of

ROOT = Path(__file__).parents[3]
MIB = 1 << 20
SOURCE = EventSource("localadmin", user_agent="test", request_id="18A9F3C2D4E5F601")


# -- events ----------------------------------------------------------------------------------------------


def _send_form(s3: Any, key: str) -> int:
    fields = {"Content-Type": "text/x", "x-amz-meta-m": "1"}
    conditions = [{name: value} for name, value in fields.items()]
    form = s3.generate_presigned_post("data", key, Fields=fields, Conditions=conditions)
    file = {"file": ("name", b"12345")}
    headers = {"User-Agent": "a browser"}
    return httpx.post(
        form["url"], data=form["fields"], files=file, headers=headers, trust_env=False, verify=False
    ).status_code


def _send_link(s3: Any, key: str) -> int:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "data", "Key": key})
    assert "AWSAccessKeyId" in url
    return httpx.put(url, content=b"12345", trust_env=False, verify=False).status_code


def test_every_way_to_create_an_object_is_announced(server: Server, s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a b", Body=b"12345", ContentType="text/x", Metadata={"m": "1"})
    s3.copy_object(Bucket="data", Key="copy", CopySource={"Bucket": "data", "Key": "a b"})
    where = {"Bucket": "data", "Key": "parts"}
    where["UploadId"] = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, PartNumber=1, Body=b"part")
    assert len(server.created) == 2
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert _send_form(s3, "form") == 204
    assert _send_link(s3, "link") == 200
    s3.put_object_tagging(Bucket="data", Key="a b", Tagging={"TagSet": []})
    s3.delete_object(Bucket="data", Key="copy")
    names = [(event.stored.key, event.event_name) for event in server.created]
    assert names == [
        ("a b", "s3:ObjectCreated:Put"),
        ("copy", "s3:ObjectCreated:Copy"),
        ("parts", "s3:ObjectCreated:CompleteMultipartUpload"),
        ("form", "s3:ObjectCreated:Post"),
        ("link", "s3:ObjectCreated:Put"),
    ]
    sources = [event.source for event in server.created]
    first, _, last, form, _ = (event.stored for event in server.created)
    assert (form.size, form.content_type, form.metadata) == (5, "text/x", {"m": "1"})
    assert sources[3][:3] == ("localadmin", "127.0.0.1", "a browser")
    assert (first.bucket, first.size, first.content_type, first.metadata) == ("data", 5, "text/x", {"m": "1"})
    assert sources[0][:2] == ("localadmin", "127.0.0.1")
    assert "Boto3" in sources[0].user_agent
    assert len(sources[0].request_id) == 16
    assert f'"{last.etag}"' == done["ETag"]
    times = [event.stored.modified_ns for event in server.created]
    assert times == sorted(set(times))
    assert server.commits == [1, 2, 3, 4, 5]


def test_only_announced_writes_of_the_python_face_are_announced(server: Server) -> None:
    server.store.create_bucket("data", {"owner": "oscar"})
    server.store.put_marker("data", "in/")
    server.store.put("data", "silent", io.BytesIO(b"1"))
    assert server.created == []
    assert server.commits == []
    stored = server.store.put("data", "loud", io.BytesIO(b"1"), "text/x", {"m": "1"}, SOURCE)
    assert [event.stored.key for event in server.created] == ["loud"]
    assert server.created[0].stored == stored
    assert server.store.stat("data", "loud").metadata == {"m": "1"}
    assert server.store.stat("data", "in/").size == 0
    assert server.store.bucket_tags("data") == {"owner": "oscar"}


def test_nobody_is_told_of_what_nobody_waits_for(server: Server) -> None:
    server.store.create_bucket("data")
    server.store.put("data", "unheard", io.BytesIO(b"1"), event=SOURCE)
    assert [event.stored.key for event in server.created] == ["unheard"]
    assert server.commits == []


def test_a_failing_hook_undoes_the_object(server: Server, s3: Any) -> None:
    s3.put_object(Bucket="data", Key="a", Body=b"old")
    server.state.read().execute("ALTER TABLE test_events RENAME TO gone")
    assert refusal(lambda: s3.put_object(Bucket="data", Key="a", Body=b"new"))[0] == 500
    assert _send_form(s3, "a") == 500
    assert _send_link(s3, "a") == 500
    assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b"old"
    assert server.has_no_orphans()


# -- transactions of the caller --------------------------------------------------------------------------


class _Stop(Exception):  # noqa: N818 -- it stops a transaction, nothing else
    pass


def test_buckets_join_the_callers_transaction(server: Server) -> None:
    def create() -> None:
        with server.state.transaction():
            server.store.create_bucket("data")
            server.store.put_marker("data", "in/")
            raise _Stop

    def delete() -> None:
        with server.state.transaction():
            server.store.delete_bucket("data", with_objects=True)
            raise _Stop

    with pytest.raises(_Stop):
        create()
    assert server.store.buckets() == []
    server.store.create_bucket("data")
    server.store.put("data", "a", io.BytesIO(b"kept" * MAX_SMALL_BYTES), event=SOURCE)
    with pytest.raises(_Stop):
        delete()
    assert server.content("a") == b"kept" * MAX_SMALL_BYTES
    assert server.commits == [1]
    with server.state.transaction():
        server.store.delete_bucket("data", with_objects=True)
        assert list((server.folder / "blobs").rglob("*/*")) != []
    assert server.blobs == []


# -- readers and writers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("small", [True, False])
def test_a_reader_keeps_the_version_it_opened(
    server: Server, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    if not small:
        monkeypatch.setattr(blobs, "MAX_SMALL_BYTES", 0)
    server.store.create_bucket("data")
    server.store.put("data", "a", io.BytesIO(b"first version"))
    _, one = server.store.open("data", "a")
    _, two = server.store.open("data", "a")
    server.store.put("data", "a", io.BytesIO(b"second"))
    server.store.delete("data", "a")
    assert server.store.sweep() == 0
    with one, two:
        assert one.read(5) + one.read() == b"first version"
        two.narrow(6, 7)
        assert two.read() == b"version"
        one.close()
        # The bytes of a small one are with the reader.
        assert len(server.blobs) == (0 if small else 1)
    assert server.blobs == []


def test_many_writers_of_one_key_leave_one_version(server: Server) -> None:
    server.store.create_bucket("data")
    bodies = [bytes([number]) * 300_000 for number in range(16)]
    stop = threading.Event()
    seen: list[bytes] = []

    def read() -> None:
        while not stop.is_set():
            try:
                _, reader = server.store.open("data", "a")
            except S3Error:
                continue
            with reader:
                seen.append(reader.read())

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda body: server.store.put("data", "a", io.BytesIO(body), event=SOURCE), bodies * 3))
    stop.set()
    reader.join()
    assert set(seen) <= set(bodies)
    assert len(server.created) == 48
    times = [event.stored.modified_ns for event in server.created]
    assert times == sorted(set(times))
    assert server.has_no_orphans()
    assert len(server.blobs) == 1


def test_only_one_of_many_creates_what_must_not_exist(server: Server, s3: Any) -> None:
    def create(number: int) -> bool:
        try:
            s3.put_object(Bucket="data", Key="a", Body=str(number).encode(), IfNoneMatch="*")
        except s3.exceptions.ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1
    assert len(server.created) == 1
    assert server.has_no_orphans()


# -- what a crash leaves ---------------------------------------------------------------------------------


def test_a_sweep_removes_orphans_and_stale_uploads_only(server: Server) -> None:
    server.store.create_bucket("data")
    server.store.put("data", "a", io.BytesIO(b"kept"))
    orphan = server.folder / "blobs" / "ab" / ("ab" + "0" * 30)
    orphan.write_bytes(b"lost")
    upload = server.store.uploads.start("data", "b", attributes=Attributes())
    assert server.store.sweep() == 1
    assert not orphan.exists()
    assert server.store.uploads.get("data", "b", upload.identifier) == upload
    server.store.sweep(stale_after=-1)
    with pytest.raises(S3Error, match="NoSuchUpload"):
        server.store.uploads.get("data", "b", upload.identifier)
    assert server.content("a") == b"kept"


def test_a_sweep_spares_what_is_being_written(server: Server) -> None:
    server.store.create_bucket("data")

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(10)
            assert server.store.sweep() == 0
            return data

    server.store.put("data", "a", Slow(b"x" * 35))
    assert server.content("a") == b"x" * 35


def _start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.local.objects.crash_server", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    return process, f"http://127.0.0.1:{process.stdout.readline().strip()}"


class Uploader:
    """Uploads from several threads until the server is gone; remembers what was acknowledged."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.acknowledged: dict[str, str] = {}
        self._client = boto_client(endpoint, read_timeout=20)
        self._port = int(endpoint.rpartition(":")[2])
        self._name = name
        self._threads = [threading.Thread(target=self._upload, args=(number,)) for number in range(6)]

    def run_until(self, count: int, process: subprocess.Popen[str]) -> None:
        """Kill the server once `count` uploads were acknowledged."""
        for thread in self._threads:
            thread.start()
        deadline = time.monotonic() + 60
        while len(self.acknowledged) < count and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for thread in self._threads:
            thread.join()
        self._client.close()
        assert len(self.acknowledged) >= count

    def _upload(self, number: int) -> None:
        choice = random.Random(f"{self._name}{number}")
        for serial in range(10_000):
            key = f"{self._name}/{number}/{serial}"
            body = choice.randbytes(choice.choice([0, 10, 5_000, 300_000]))
            try:
                if serial % 5 == 4:
                    self._multipart(key, body)
                elif serial % 5 in (1, 3):
                    self._put_unasked(key, body)
                else:
                    self._client.put_object(Bucket="data", Key=key, Body=body)
            except Exception:  # noqa: BLE001 -- however the client words it: the server is gone
                return
            self.acknowledged[key] = hashlib.md5(body).hexdigest()

    def _put_unasked(self, key: str, body: bytes) -> None:
        """Send head and body together; boto3 asks whether it may send the body."""
        target = f"/data/{key}"
        headers = signed(CREDENTIALS, self._port, "PUT", target, body=body)
        assert send(self._port, "PUT", target, headers, body).status == 200

    def _multipart(self, key: str, body: bytes) -> None:
        where = {"Bucket": "data", "Key": key}
        where["UploadId"] = self._client.create_multipart_upload(**where)["UploadId"]
        etag = self._client.upload_part(**where, PartNumber=1, Body=body)["ETag"]
        parts = [{"PartNumber": 1, "ETag": etag}]
        self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    acknowledged: dict[str, str] = {}
    for turn in range(number_of(4)):
        process, endpoint = _start(tmp_path)
        with process:
            if turn == 0:
                client = boto_client(endpoint)
                client.create_bucket(Bucket="data")
                client.close()
            uploader = Uploader(endpoint, str(turn))
            uploader.run_until(30 + 15 * turn, process)
        acknowledged.update(uploader.acknowledged)
    with running(tmp_path) as server:
        page = server.store.list_page("data", limit=100_000)
        stored = {item.key for item in page.objects}
        events = {row["key"] for row in server.state.read().execute("SELECT key FROM test_events")}
        assert acknowledged.keys() <= stored
        assert stored == events
        for key in stored:
            digest = hashlib.md5(server.content(key)).hexdigest()
            assert digest == acknowledged.get(key, digest)
        assert server.has_no_orphans()
