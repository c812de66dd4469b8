"""S3 over a server that misbehaves as told, and what botocore must not do behind our back."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.errors import (
    AuthError,
    ExitCode,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    StorageFullError,
    UnreachableError,
)
from oscarcli.storage import download as download_module
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.download import Download
from oscarcli.storage.location import Location
from oscarcli.storage.s3 import settings as s3_settings
from oscarcli.storage.s3 import upload as s3_upload
from oscarcli.storage.s3.boto import BotoClient
from oscarcli.storage.s3.settings import ENGINE_VARIABLE, ENGINES, S3Settings
from oscarcli.storage.s3.storage import S3Storage
from oscarcli.storage.source import FileSource
from oscarcli.storage.wire.failures import NoConnectionError
from tests.support.ports import free_port
from tests.support.scripted_s3 import MIB, Reply, Seen, Server, error_body, multipart_answer, whole

PLACE = Location("bucket", "in/a.bin")
SECRET = "very-secret-key"


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    shared_server.seen.clear()
    shared_server.script = lambda _: Reply()
    shared_server.over = threading.Event()
    yield shared_server
    shared_server.over.set()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_settings, "MAX_ATTEMPTS", 1)
    monkeypatch.setattr(download_module, "RETRY_SECONDS", 0.0)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def opened() -> Iterator[Callable[..., S3Storage]]:
    storages: list[S3Storage] = []

    def open_storage(endpoint: str | None, **changes: Any) -> S3Storage:
        settings = S3Settings(
            "minio.default", "access", SECRET, endpoint=endpoint, read_timeout=5, outage_limit=0
        )
        storages.append(S3Storage(replace(settings, **changes)))
        return storages[-1]

    yield open_storage
    for storage in storages:
        storage.close()


@pytest.fixture(scope="module")
def shared_storage(shared_server: Server) -> Iterator[S3Storage]:
    endpoint = shared_server.endpoint
    storage = S3Storage(S3Settings("minio.default", "access", SECRET, endpoint=endpoint, outage_limit=0))
    yield storage
    storage.close()


@pytest.fixture
def storage(server: Server, shared_storage: S3Storage) -> S3Storage:
    return shared_storage


@pytest.fixture
def source(tmp_path: Path) -> Iterator[FileSource]:
    (tmp_path / "source").write_bytes(b"some content")
    with FileSource(tmp_path / "source", lambda _: None, Cancellation()) as opened:
        yield opened


def write(storage: S3Storage, source: FileSource) -> None:
    storage.write(PLACE, source, content_type="text/plain", cancellation=Cancellation())


# -- answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (404, "NoSuchKey", NotFoundError, "there is no such object"),
        (404, "NoSuchBucket", NotFoundError, "the bucket does not exist"),
        (403, "AccessDenied", ForbiddenError, "access denied"),
        (403, "InvalidAccessKeyId", AuthError, "access key is unknown"),
        (403, "SignatureDoesNotMatch", AuthError, "secret key is wrong"),
        (403, "RequestTimeTooSkewed", AuthError, "clock"),
        (400, "ExpiredToken", AuthError, "expired"),
        (400, "AuthorizationHeaderMalformed", AuthError, "region"),
        (401, "Odd", AuthError, "401 (Odd: words of the server)"),
        (409, "OperationAborted", RefusedError, "409 (OperationAborted: words of the server)"),
        (400, "InvalidRequest", RefusedError, "words of the server"),
        (507, "XMinioStorageFull", StorageFullError, "storage is full"),
        (403, "QuotaExceeded", StorageFullError, "quota is exceeded"),
        (500, "InternalError", OscarError, "500 (InternalError"),
        (503, "SlowDown", UnreachableError, "overloaded"),
        (502, "BadGateway", UnreachableError, "502"),
    ],
)
def test_answers_become_errors(
    server: Server, storage: S3Storage, status: int, code: str, kind: type[OscarError], words: str
) -> None:
    server.script = lambda _: Reply(status, body=error_body(code))
    with pytest.raises(OscarError) as caught:
        storage.read(PLACE)
    assert type(caught.value) is kind
    assert caught.value.message.startswith('download "bucket/in/a.bin" from minio.default: ')
    assert words in caught.value.message


@pytest.mark.parametrize("body", [b"", b"<html>proxy</html>", b"\xff\xfe", b"<Error></Error>"])
@pytest.mark.parametrize("status", [403, 404, 418, 500, 503])
def test_odd_bodies_give_a_sentence(server: Server, storage: S3Storage, status: int, body: bytes) -> None:
    server.script = lambda _: Reply(status, body=body)
    with pytest.raises(OscarError) as caught:
        storage.read(PLACE)
    assert len(caught.value.message) > len('download "bucket/in/a.bin" from minio.default: ') + 5
    assert (
        caught.value.exit_code
        == {
            403: ExitCode.AUTH,
            404: ExitCode.NOT_FOUND,
            418: ExitCode.REFUSED,
            500: ExitCode.FAILED,
            503: ExitCode.UNREACHABLE,
        }[status]
    )


def test_a_long_answer_is_cut(server: Server, storage: S3Storage) -> None:
    server.script = lambda _: Reply(400, body=error_body("Odd", "x" * 5000))
    with pytest.raises(RefusedError) as caught:
        storage.read(PLACE)
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("engine", ENGINES)
def test_a_head_without_a_body_asks_for_the_bucket(
    server: Server, opened: Callable[..., S3Storage], monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, engine)
    storage = opened(server.endpoint)
    server.script = lambda _: Reply(404)
    with pytest.raises(NotFoundError, match="bucket does not exist"):
        storage.stat(PLACE)
    server.script = lambda seen: Reply(404 if "a.bin" in seen.path else 403)
    with pytest.raises(NotFoundError, match="no such object"):
        storage.stat(PLACE)


def test_what_botocore_raises_is_not_what_was_raised_before_it_was_asked() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    client = BotoClient(S3Settings("minio.default", "access", SECRET, endpoint=endpoint))
    try:
        raise NotFoundError("an earlier failure")
    except NotFoundError:
        with pytest.raises(NoConnectionError) as caught:
            client.call("head_bucket", {"Bucket": "bucket"}, None)
    assert "Connection refused" in caught.value.reason_told


@pytest.mark.parametrize("bucket", ["a bucket", "x" * 300, "a:b"])
def test_a_name_that_can_be_no_bucket_is_refused(storage: S3Storage, bucket: str) -> None:
    with pytest.raises(OscarError) as caught:
        storage.stat(Location(bucket, "k"))
    assert caught.value.exit_code == ExitCode.REFUSED
    assert "\n" not in caught.value.message


# -- connections -------------------------------------------------------------------------------------


def test_a_refused_connection_is_unreachable(opened: Callable[..., S3Storage]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(UnreachableError, match="Connection refused") as caught:
            opened(endpoint).stat(PLACE)
    assert caught.value.hint


def test_tls_to_a_plain_server_is_unreachable(server: Server, opened: Callable[..., S3Storage]) -> None:
    with pytest.raises(UnreachableError, match=r"no TLS connection to 127\.0\.0\.1:"):
        opened(server.endpoint.replace("http:", "https:")).stat(PLACE)


def test_a_silent_server_is_unreachable(server: Server, opened: Callable[..., S3Storage]) -> None:
    def silence(_: Seen) -> Reply:
        server.over.wait(30)
        return Reply()

    server.script = silence
    with pytest.raises(UnreachableError, match="no answer in time"):
        opened(server.endpoint, read_timeout=0.2).stat(PLACE)
    server.over.set()


@pytest.mark.parametrize("endpoint", ["minio.example:9000", "nonsense", "http://", "ftp://x/"])
def test_an_endpoint_that_is_none_is_said(opened: Callable[..., S3Storage], endpoint: str) -> None:
    storage = S3Storage(S3Settings("minio.x", "access", SECRET, endpoint=endpoint))
    with pytest.raises(UnreachableError, match="not a usable endpoint"):
        storage.stat(PLACE)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fetch(storage: S3Storage, target: Path) -> None:
    Download(storage, storage.stat(PLACE), lambda _: None, Cancellation()).to_file(target)


def test_a_short_body_is_no_file(server: Server, storage: S3Storage, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"older")
    server.script = lambda _: whole(b"x" * 1000, cut=400)
    with pytest.raises(UnreachableError, match="does not give the range"):
        fetch(storage, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"older"
    assert names_in(tmp_path) == ["a.bin"]


def test_an_answer_without_a_length_keeps_no_connection(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = io.BytesIO(b"content")
    monkeypatch.setattr(storage, "call", lambda *_, **_more: {"Body": body})
    with pytest.raises(OscarError, match="it has no ContentLength"):
        storage.read(PLACE)
    assert body.closed


def test_a_body_that_is_always_short_is_no_file(server: Server, storage: S3Storage, tmp_path: Path) -> None:
    server.script = lambda _: whole(b"x" * 1000, cut=0)
    with pytest.raises(UnreachableError, match="the connection broke after 0 of 1000 bytes"):
        fetch(storage, tmp_path / "a.bin")
    assert names_in(tmp_path) == []


def test_a_short_body_is_continued(server: Server, storage: S3Storage, tmp_path: Path) -> None:
    content = os.urandom(1000)

    def script(seen: Seen) -> Reply:
        if seen.method == "HEAD":
            return whole(content)
        asked = seen.headers.get("range")
        if asked is None:
            return whole(content, cut=400)
        start = int(asked.removeprefix("bytes=").split("-")[0])
        rest = whole(content, status=206, body=content[start:])
        rest.headers["Content-Range"] = f"bytes {start}-999/1000"
        return rest

    server.script = script
    fetch(storage, tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == content
    gets = [seen.headers for seen in server.seen if seen.method == "GET"]
    assert [headers.get("range") for headers in gets] == [None, "bytes=400-999"]
    # A version that changed in between must not be mixed with the first half.
    assert {headers["if-match"] for headers in gets} == {f'"{hashlib.md5(content).hexdigest()}"'}


def test_a_stalled_body_is_no_file(
    server: Server,
    storage: S3Storage,
    opened: Callable[..., S3Storage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def script(seen: Seen) -> Reply:
        ranged = {"Content-Range": "bytes 400-999/1000"} if "range" in seen.headers else {}
        body = b"x" * (600 if ranged else 1000)
        reply = whole(b"x" * 1000, body=body, cut=0 if ranged else 400, stall=True)
        reply.headers |= ranged
        return reply

    server.script = script
    monkeypatch.setattr(download_module, "MAX_ATTEMPTS", 2)
    # Long enough for all that is answered, on a busy machine too; the look-up need not be quick.
    wanted = storage.stat(PLACE)
    download = Download(opened(server.endpoint, read_timeout=0.5), wanted, lambda _: None, Cancellation())
    with pytest.raises(UnreachableError, match="no answer in time after 400 of 1000 bytes"):
        download.to_file(tmp_path / "a.bin")
    assert names_in(tmp_path) == []


def test_a_wait_for_a_stalled_body_can_be_interrupted(
    server: Server, opened: Callable[..., S3Storage], tmp_path: Path
) -> None:
    server.script = lambda _: whole(bytes(2 * MIB), cut=MIB, stall=True)
    storage = opened(server.endpoint, read_timeout=60)
    cancellation = Cancellation()
    arrived = threading.Event()

    def advance(_: int) -> None:
        arrived.set()

    failures: list[BaseException] = []

    def run() -> None:
        try:
            Download(storage, storage.stat(PLACE), advance, cancellation).to_file(tmp_path / "a.bin")
        except BaseException as error:  # noqa: BLE001 -- looked at below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert arrived.wait(60)
    cancellation.cancel()
    thread.join(20)
    assert [type(error).__name__ for error in failures] == ["Cancelled"]
    assert names_in(tmp_path) == []


# -- requests ----------------------------------------------------------------------------------------


def test_an_upload_carries_digest_type_and_no_trailer(
    server: Server, storage: S3Storage, source: FileSource
) -> None:
    md5 = hashlib.md5(b"some content")
    server.script = lambda _: Reply(headers={"ETag": f'"{md5.hexdigest()}"'})
    write(storage, source)
    (request,) = server.seen
    assert (request.method, request.path, request.body) == ("PUT", "/bucket/in/a.bin", b"some content")
    assert request.headers["content-md5"] == base64.b64encode(md5.digest()).decode()
    assert request.headers["content-type"] == "text/plain"
    # Servers of before 2025 do not know these.
    assert "aws-chunked" not in str(request.headers)
    assert not [name for name in request.headers if name.startswith("x-amz-checksum")]


@pytest.mark.parametrize("size", [12, 11])
def test_without_a_digest_the_size_is_compared(
    server: Server, storage: S3Storage, source: FileSource, size: int
) -> None:
    encrypted = {"ETag": '"0123-1"', "Content-Length": str(size)}
    server.script = lambda seen: Reply(headers=encrypted if seen.method == "HEAD" else {"ETag": '"0123-1"'})
    if size == 12:
        write(storage, source)
    else:
        with pytest.raises(RefusedError, match="12 bytes were sent, the stored object has 11"):
            write(storage, source)


def test_another_digest_is_refused(server: Server, storage: S3Storage, source: FileSource) -> None:
    other = {"ETag": f'"{"0" * 32}"'}
    server.script = lambda seen: Reply(
        headers={**other, "Content-Length": "12"} if seen.method == "HEAD" else other
    )
    with pytest.raises(RefusedError, match="digest"):
        write(storage, source)


@pytest.mark.parametrize(
    "header",
    [
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ],
)
def test_an_encrypted_objects_etag_is_no_digest(
    server: Server, storage: S3Storage, source: FileSource, header: dict[str, str]
) -> None:
    answer = {"ETag": f'"{"0" * 32}"', **header}
    server.script = lambda seen: Reply(
        headers={**answer, "Content-Length": "12"} if seen.method == "HEAD" else answer
    )
    write(storage, source)
    assert storage.stat(PLACE).md5 is None


def methods(server: Server) -> list[str]:
    return sorted(seen.method for seen in server.seen)


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileSource]:
    monkeypatch.setattr(s3_upload, "PART_BYTES", 5 * MIB)
    (tmp_path / "large").write_bytes(bytes(10 * MIB))
    with FileSource(tmp_path / "large", lambda _: None, Cancellation()) as opened:
        yield opened


def test_an_upload_in_parts_is_compared_by_size(
    server: Server, storage: S3Storage, large: FileSource
) -> None:
    server.script = multipart_answer
    write(storage, large)
    assert methods(server) == ["HEAD", "POST", "POST", "PUT", "PUT"]
    assert all("content-md5" in seen.headers for seen in server.seen if seen.method == "PUT")


DENIED = Reply(403, body=error_body("AccessDenied"))


@pytest.mark.parametrize(
    "script", [partial(multipart_answer, part=DENIED), partial(multipart_answer, complete=DENIED)]
)
def test_a_failed_upload_in_parts_is_aborted(
    server: Server, storage: S3Storage, large: FileSource, script: Callable[[Seen], Reply]
) -> None:
    server.script = script
    with pytest.raises(ForbiddenError):
        write(storage, large)
    assert methods(server).count("DELETE") == 1


def test_a_failed_abort_does_not_hide_the_failure(
    server: Server, storage: S3Storage, large: FileSource
) -> None:
    server.script = partial(
        multipart_answer,
        part=Reply(400, body=error_body("BadDigest")),
        abort=Reply(500, body=error_body("Odd")),
    )
    with pytest.raises(RefusedError, match="damaged on the way"):
        write(storage, large)


def test_a_completion_whose_answer_was_lost_is_recognised(
    server: Server, storage: S3Storage, large: FileSource
) -> None:
    part = hashlib.md5(bytes(5 * MIB)).digest()
    etag = hashlib.md5(part + part).hexdigest() + "-2"
    gone = Reply(404, body=error_body("NoSuchUpload"))
    there = Reply(headers={"Content-Length": str(10 * MIB), "ETag": f'"{etag}"'})
    server.script = partial(multipart_answer, complete=gone, head=there)
    write(storage, large)
    server.script = partial(multipart_answer, complete=gone)
    with pytest.raises(NotFoundError, match="unfinished upload is gone"):
        write(storage, large)


def test_a_file_that_changes_while_it_is_sent_is_not_completed(
    server: Server, storage: S3Storage, large: FileSource, tmp_path: Path
) -> None:
    server.script = multipart_answer
    os.utime(tmp_path / "large", ns=(1, 1))
    with pytest.raises(RefusedError, match="was changed while it was read"):
        write(storage, large)
    assert methods(server) == ["DELETE", "POST", "PUT", "PUT"]


# -- the user's own AWS settings and proxies -----------------------------------------------------------


def test_nothing_of_the_users_aws_account_has_a_say(
    server: Server,
    opened: Callable[..., S3Storage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        "[default]\nregion = xx-west-9\nendpoint_url = http://127.0.0.1:1\n"
    )
    (tmp_path / ".aws" / "credentials").write_text("[default]\naws_access_key_id = theirs\n")
    for name, value in {
        "HOME": str(tmp_path),
        "AWS_PROFILE": "no-such-profile",
        "AWS_ACCESS_KEY_ID": "theirs",
        "AWS_SECRET_ACCESS_KEY": "theirs",
        "AWS_SESSION_TOKEN": "theirs",
        "AWS_DEFAULT_REGION": "xx-west-9",
        "AWS_DEFAULTS_MODE": "auto",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
    }.items():
        monkeypatch.setenv(name, value)
    server.script = lambda _: whole(b"x")
    opened(server.endpoint).stat(PLACE)
    (request,) = server.seen
    assert "Credential=access/" in request.headers["authorization"]
    assert "/us-east-1/s3/" in request.headers["authorization"]
    assert "x-amz-security-token" not in request.headers


def test_amazons_endpoint_can_be_replaced_by_its_own_variable(
    server: Server, opened: Callable[..., S3Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
    server.script = lambda _: whole(b"x")
    opened(None, provider="s3.mine", region="eu-west-1").stat(PLACE)
    (request,) = server.seen
    assert "/eu-west-1/s3/" in request.headers["authorization"]


def test_this_machine_is_reached_without_a_proxy(
    server: Server, opened: Callable[..., S3Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.script = lambda _: whole(b"x")
    assert opened(server.endpoint).stat(PLACE).size == 1


def test_other_machines_are_reached_through_the_proxy(
    server: Server, opened: Callable[..., S3Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.endpoint)
    server.script = lambda _: whole(b"x")
    opened("http://minio.example:9000").stat(PLACE)
    (request,) = server.seen
    assert request.path == "http://minio.example:9000/bucket/in/a.bin"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(timezone.utc)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption()) + bytes(signed.public_bytes(pem))
    )
    return path


@pytest.fixture
def secure_server(certificate: Path) -> Iterator[Server]:
    server = Server(certificate)
    server.script = lambda _: whole(b"x")
    yield server
    server.stop()


def test_a_certificate_nobody_vouches_for_is_refused(
    secure_server: Server, opened: Callable[..., S3Storage]
) -> None:
    with pytest.raises(UnreachableError, match=r"is not trusted: it is self-signed .*for 127\.0\.0\.1"):
        opened(secure_server.endpoint).stat(PLACE)


def test_a_certificate_is_not_looked_at_where_the_definition_says_so(
    secure_server: Server, opened: Callable[..., S3Storage]
) -> None:
    assert opened(secure_server.endpoint, tls=TlsSettings(verify=False)).stat(PLACE).size == 1


def test_a_certificate_is_verified_with_the_users_bundle(
    secure_server: Server,
    opened: Callable[..., S3Storage],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    assert opened(secure_server.endpoint).stat(PLACE).size == 1


def test_secrets_are_in_no_message(server: Server, storage: S3Storage, source: FileSource) -> None:
    server.script = lambda _: Reply(403, body=error_body("SignatureDoesNotMatch", "your key"))
    with pytest.raises(AuthError) as caught:
        write(storage, source)
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__}"
