"""Rucio over a scripted server of its catalogue and a scripted door of storage."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from oscarcli.config.model import TlsSettings
from oscarcli.errors import (
    AuthError,
    ConfigError,
    ForbiddenError,
    NotFoundError,
    OscarError,
    RefusedError,
    StorageFullError,
    UnreachableError,
    UsageError,
)
from oscarcli.storage.base import Reader
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.download import Download
from oscarcli.storage.location import Location
from oscarcli.storage.rucio.opening import open_rucio
from oscarcli.storage.rucio.storage import RucioStorage
from oscarcli.storage.source import FileSource, StreamSource
from tests.support.certificate import certified
from tests.support.rucio_servers import (
    ACCOUNT,
    PASSWORD,
    REFRESH_TOKEN,
    RSE,
    SCOPE,
    USERNAME,
    Grid,
    RunningGrid,
    rucio_grid,
)

PLACE = Location(SCOPE, "run-7.root")


@pytest.fixture(scope="module")
def voucher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    _, voucher = certified(folder)
    return voucher


@pytest.fixture
def running(voucher: Path) -> Iterator[RunningGrid]:
    with rucio_grid(voucher.parent / "server.pem") as running:
        yield running


@pytest.fixture
def grid(running: RunningGrid) -> Grid:
    return running.grid


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def opened(
    running: RunningGrid, voucher: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., RucioStorage]]:
    """Return a function that opens the storage of a definition with changes."""
    monkeypatch.setattr("oscarcli.storage.wire.client.RETRY_SECONDS", 0.001)
    storages = []

    def opening(**changes: str) -> RucioStorage:
        tls = TlsSettings(ca_file=str(voucher))
        definition = ProviderDefinition(
            "rucio.escape", running.definition(**changes), 5, 0, tls, told.append, told.append, None
        )
        storages.append(open_rucio(definition))
        return storages[-1]

    yield opening
    for storage in storages:
        storage.close()


@pytest.fixture
def storage(opened: Callable[..., RucioStorage]) -> RucioStorage:
    return opened()


def write(storage: RucioStorage, content: bytes, location: Location = PLACE) -> list[int]:
    steps: list[int] = []
    cancellation = Cancellation()
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with FileSource(Path(file.name), steps.append, cancellation) as source:
            storage.write(location, source, content_type="text/plain", cancellation=cancellation)
    return steps


def content_of(reader: Reader) -> bytes:
    with closing(reader):
        return b"".join(iter(lambda: reader.read(1000), b""))


# -- reading -----------------------------------------------------------------------------------------


def test_a_file_is_looked_up_and_read(storage: RucioStorage, grid: Grid) -> None:
    grid.add("run-7.root", b"0123456789")
    found = storage.stat(PLACE)
    assert (found.location, found.size) == (PLACE, 10)
    assert found.md5 == "781e5e245d69b566979b86e28d23f2c7"
    assert found.modified is not None
    assert abs(time.time() - found.modified.timestamp()) < 60
    assert content_of(storage.read(PLACE, etag=found.etag)) == b"0123456789"
    assert content_of(storage.read(PLACE, start=3, length=4)) == b"3456"
    assert content_of(storage.read(PLACE, start=8)) == b"89"
    with pytest.raises(RefusedError, match="beyond the end"):
        storage.read(PLACE, start=10)
    with pytest.raises(RefusedError, match="changed"):
        storage.read(PLACE, etag="other")


def test_names_are_listed_in_order(storage: RucioStorage, grid: Grid) -> None:
    for name in ("run-2", "run-10", "other", "run-1"):
        grid.add(name, name.encode())
    grid.register(SCOPE, "run-set", b"", "DATASET")
    grid.add("run-3", b"x", scope="cms")
    found = [(one.location.key, one.size) for one in storage.list(SCOPE, "run-")]
    assert found == [("run-1", 5), ("run-10", 6), ("run-2", 5)]
    assert [one.location.key for one in storage.list(SCOPE, "", limit=2)] == ["other", "run-1"]
    assert next(storage.list(SCOPE, "other")) == storage.stat(Location(SCOPE, "other"))


def test_many_names_are_asked_about_in_portions(
    storage: RucioStorage, grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscarcli.storage.rucio.client.MAX_BULK_NAMES", 2)
    for number in range(5):
        grid.add(f"n{number}", b"x")
    assert [one.location.key for one in storage.list(SCOPE, "")] == [f"n{number}" for number in range(5)]
    assert sum(call.startswith("POST /dids/bulkmeta") for call in grid.calls) == 3


def test_a_name_may_have_a_slash(storage: RucioStorage, grid: Grid) -> None:
    grid.add("store/mc 1/a%20ü.root", b"x")
    place = Location(SCOPE, "store/mc 1/a%20ü.root")
    assert content_of(storage.read(place)) == b"x"
    assert [one.location for one in storage.list(SCOPE, "store/")] == [place]
    other = Location(SCOPE, "store/mc 1/b%20ü.root")
    write(storage, b"other", other)
    assert grid.content[grid.path(SCOPE, other.key)] == b"other"


def test_the_next_replica_is_read_when_one_is_away(storage: RucioStorage, grid: Grid) -> None:
    grid.add("run-7.root", b"content")
    away = f"davs://127.0.0.1:1{grid.path(SCOPE, 'run-7.root')}"
    lost = f"davs://{grid.door}/pnfs/rucio/lost"
    grid.replicas[SCOPE, "run-7.root"] = [away, lost, "root://x/y", grid.pfn(SCOPE, "run-7.root")]
    assert content_of(storage.read(PLACE)) == b"content"
    grid.replicas[SCOPE, "run-7.root"] = [lost, away]
    with pytest.raises(UnreachableError, match="run-7"):
        storage.read(PLACE)
    grid.replicas[SCOPE, "run-7.root"] = ["root://x/y"]
    with pytest.raises(RefusedError, match="no replica of it can be read by WebDAV"):
        storage.read(PLACE)


def replicas_of(grid: Grid, content: bytes, *breaks: int | None) -> list[str]:
    """Have one replica for each number of bytes after which it breaks off; return their paths."""
    grid.add("run-7.root", content)
    paths = [f"/pnfs/rucio/copy-{number}" for number in range(len(breaks))]
    for path, limit in zip(paths, breaks, strict=True):
        grid.content[path] = content
        if limit is not None:
            grid.breaks[path] = limit
    grid.replicas[SCOPE, "run-7.root"] = [f"davs://{grid.door}{path}" for path in paths]
    return paths


CONTENT = os.urandom(3_000_000)


@pytest.mark.parametrize("has_ranges", [True, False])
def test_the_next_replica_goes_on_where_one_breaks_off(
    storage: RucioStorage, grid: Grid, told: list[str], tmp_path: Path, has_ranges: bool
) -> None:
    # More of them break than a download is begun anew.
    paths = replicas_of(grid, CONTENT, 0, 10, 1_000_000, 1_000_001, None)
    if not has_ranges:
        grid.without_ranges.update(paths)
    steps: list[int] = []
    one = Download(storage, storage.stat(PLACE), steps.append, Cancellation())
    one.to_file(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert (one.is_verified, sum(steps)) == (True, len(CONTENT))
    assert [call for call in grid.calls if call.startswith("GET /pnfs")] == [f"GET {path}" for path in paths]
    assert [line.rpartition("byte ")[2] for line in told] == ["0", "10", "1000000", "1000001"]
    assert told[1].startswith(f'download "{PLACE}" from rucio.escape, at 127.0.0.1: the connection broke; ')


def test_a_range_goes_on_at_the_next_replica(storage: RucioStorage, grid: Grid) -> None:
    replicas_of(grid, CONTENT, 500, None)
    assert content_of(storage.read(PLACE, start=400, length=300)) == CONTENT[400:700]
    assert content_of(storage.read(PLACE, start=499)) == CONTENT[499:]


def test_a_replica_that_goes_on_with_something_else_is_noticed(
    storage: RucioStorage, grid: Grid, tmp_path: Path
) -> None:
    paths = replicas_of(grid, CONTENT, 1_000_000, None)
    grid.content[paths[1]] = bytes(len(CONTENT))
    grid.dids[SCOPE, "run-7.root"]["md5"] = None
    with pytest.raises(OscarError, match="what arrived is damaged"):
        Download(storage, storage.stat(PLACE), lambda _: None, Cancellation()).to_file(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_when_every_replica_breaks_it_is_begun_anew_and_given_up_in_the_end(
    storage: RucioStorage, grid: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oscarcli.storage.download.RETRY_SECONDS", 0.001)
    replicas_of(grid, CONTENT, 1_000_000, 1_500_000)
    with pytest.raises(UnreachableError, match="the connection broke after 1500000 of 3000000 bytes"):
        Download(storage, storage.stat(PLACE), lambda _: None, Cancellation()).to_file(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_is_called_off_goes_on_at_no_replica(
    storage: RucioStorage, grid: Grid, tmp_path: Path
) -> None:
    replicas_of(grid, CONTENT, None, None)
    cancellation = Cancellation()
    with pytest.raises(Cancelled):
        Download(storage, storage.stat(PLACE), lambda _: cancellation.cancel(), cancellation).to_file(
            tmp_path / "f"
        )
    assert sum(call.startswith("GET /pnfs") for call in grid.calls) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("has_md5", [True, False])
def test_what_arrived_is_compared_by_the_catalogues_digests(
    storage: RucioStorage, grid: Grid, tmp_path: Path, has_md5: bool
) -> None:
    grid.add("run-7.root", b"content")
    if not has_md5:
        grid.dids[SCOPE, "run-7.root"]["md5"] = None
    one = Download(storage, storage.stat(PLACE), lambda _: None, Cancellation())
    one.to_file(tmp_path / "f")
    assert (one.is_verified, (tmp_path / "f").read_bytes()) == (True, b"content")
    grid.content[grid.path(SCOPE, "run-7.root")] = b"c0ntent"
    with pytest.raises(OscarError, match="what arrived is damaged"):
        Download(storage, storage.stat(PLACE), lambda _: None, Cancellation()).to_file(tmp_path / "g")
    assert not (tmp_path / "g").exists()


def test_what_is_missing(storage: RucioStorage, grid: Grid) -> None:
    grid.register(SCOPE, "set", b"", "DATASET")
    for attempt in (storage.stat, storage.read):
        with pytest.raises(NotFoundError, match="there is no such object"):
            attempt(PLACE)
        with pytest.raises(NotFoundError, match="it is a dataset there, not a file"):
            attempt(Location(SCOPE, "set"))
    others: list[Callable[[Location], object]] = [
        storage.stat,
        storage.remove,
        lambda place: list(storage.list(place.bucket, "")),
    ]
    for other in others:
        with pytest.raises(NotFoundError, match='there is no scope "nobody"'):
            other(Location("nobody", "x"))
    assert list(storage.list(SCOPE, "")) == []


@pytest.mark.parametrize("key", ["../x", "in//x", "./x", "", "x/"])
def test_names_that_cannot_be(storage: RucioStorage, grid: Grid, key: str) -> None:
    attempts: list[Callable[[Location], object]] = [
        storage.stat,
        storage.read,
        storage.remove,
        lambda place: write(storage, b"x", place),
    ]
    for attempt in attempts:
        with pytest.raises(UsageError, match="a name in Rucio has no empty parts"):
            attempt(Location(SCOPE, key))
    assert grid.calls == []


# -- writing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 5000])
def test_a_file_goes_to_its_rse_and_into_the_catalogue(storage: RucioStorage, grid: Grid, size: int) -> None:
    content = os.urandom(size)
    assert sum(write(storage, content)) == size
    assert grid.content == {grid.path(SCOPE, "run-7.root"): content}
    assert grid.rules == [
        {
            "dids": [{"scope": SCOPE, "name": "run-7.root"}],
            "copies": 1,
            "rse_expression": RSE,
            "account": ACCOUNT,
            "grouping": "DATASET",
            "lifetime": None,
            "locked": False,
        }
    ]
    assert content_of(storage.read(PLACE)) == content
    # It had another name while it was on its way.
    (sent,) = [call for call in grid.calls if call.startswith("PUT")]
    assert sent.endswith(".part")


def test_a_stream_is_measured_on_its_way(storage: RucioStorage, grid: Grid) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"typed")
    os.close(writing)
    cancellation = Cancellation()
    source = StreamSource(reading, lambda _: None, cancellation)
    storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
    os.close(reading)
    assert storage.stat(PLACE).size == 5
    assert content_of(storage.read(PLACE)) == b"typed"


def test_the_same_content_again_is_no_failure_and_another_one_is(storage: RucioStorage, grid: Grid) -> None:
    write(storage, b"content")
    grid.calls.clear()
    assert sum(write(storage, b"content")) == 7
    assert [call for call in grid.calls if call.startswith(("PUT", "POST"))] == []
    with pytest.raises(RefusedError, match="files in Rucio never change") as caught:
        write(storage, b"another")
    assert caught.value.hint == "choose another name"
    grid.register(SCOPE, "set", b"", "DATASET")
    with pytest.raises(RefusedError, match="it is a dataset there"):
        write(storage, b"x", Location(SCOPE, "set"))
    assert content_of(storage.read(PLACE)) == b"content"


@pytest.mark.parametrize("kind", ["DATASET", "FILE"])
def test_a_name_that_somebody_else_takes_meanwhile_is_refused(
    storage: RucioStorage, grid: Grid, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    grid.register(SCOPE, PLACE.key, b"content", kind)
    # Nobody knows what is in it: it has no digests.
    grid.dids[SCOPE, PLACE.key].update(adler32=None, md5=None)
    monkeypatch.setattr(RucioStorage, "_stored_alike", lambda *_: None)
    with pytest.raises(RefusedError, match="already exists"):
        write(storage, b"content")
    assert grid.rules == []


def test_storage_that_is_full(storage: RucioStorage, grid: Grid) -> None:
    grid.room = 10
    with pytest.raises(RefusedError, match="the quota is used up, or the storage is full"):
        write(storage, b"x" * 11)
    assert (grid.content, grid.dids) == ({}, {})


@pytest.mark.parametrize(
    ("call", "answer", "kind", "message"),
    [
        (
            "POST /replicas",
            (404, "ScopeNotFound", "Scope 'x' not found"),
            NotFoundError,
            "Scope 'x' not found",
        ),
        (
            "POST /replicas",
            (401, "AccessDenied", "Account ada can not"),
            ForbiddenError,
            "Account ada can not",
        ),
        ("POST /replicas", (400, "InvalidObject", "name is odd"), RefusedError, "name is odd"),
        ("GET /rses", (404, "RSENotFound", "RSE 'P' cannot be found"), NotFoundError, "cannot be found"),
        ("GET /rses", (503, "ServiceUnavailable", "later"), UnreachableError, "503"),
    ],
)
def test_what_the_catalogue_refuses_leaves_no_content(
    storage: RucioStorage,
    grid: Grid,
    call: str,
    answer: tuple[int, str, str],
    kind: type[OscarError],
    message: str,
) -> None:
    grid.script[call] = answer
    with pytest.raises(kind) as caught:
        write(storage, b"content")
    assert caught.type is kind
    assert message in caught.value.message
    assert caught.value.message.startswith(f'upload "{SCOPE}/run-7.root" to rucio.escape: ')
    assert grid.content == {}


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (
            (409, "InsufficientAccountLimit", "There is not enough quota left"),
            StorageFullError,
            "the quota is used up, or the storage is full (There is not enough quota left)",
        ),
        ((401, "AccessDenied", "No rules for ada"), ForbiddenError, "access denied (No rules for ada)"),
        ((503, "ServiceUnavailable", "later"), UnreachableError, "the server answered 503 (later)"),
    ],
)
def test_a_file_whose_rule_is_refused_gets_one_later(
    storage: RucioStorage, grid: Grid, answer: tuple[int, str, str], kind: type[OscarError], said: str
) -> None:
    grid.script["POST /rules"] = answer
    for _ in range(2):
        # Also the second time, when all of it is there already.
        with pytest.raises(kind) as caught:
            write(storage, b"content")
        assert caught.type is kind
        doing = f'upload "{PLACE}" to rucio.escape'
        assert caught.value.message == f"{doing}: {said}; the file is in the catalogue, but no rule keeps it"
        assert "'delete-file' lets the file go" in str(caught.value.hint)
    assert content_of(storage.read(PLACE)) == b"content"
    assert sum(call.startswith("PUT") for call in grid.calls) == 1
    grid.script.clear()
    write(storage, b"content")
    assert [rule["rse_expression"] for rule in grid.rules] == [RSE]


def test_a_file_that_is_to_go_stays_when_it_is_put_again(storage: RucioStorage, grid: Grid) -> None:
    write(storage, b"content")
    storage.remove(PLACE)
    assert grid.dids[SCOPE, PLACE.key]["expired_at"] is not None
    write(storage, b"content")
    assert grid.dids[SCOPE, PLACE.key]["expired_at"] is None
    assert len(grid.rules) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"availability_write": False}, "takes no files at present"),
        ({"deterministic": False}, "does not say itself where its files are"),
        ({"protocols": []}, "takes no files by WebDAV"),
        ({"protocols": [{"scheme": "davs", "domains": {"wan": {"write": 0}}}]}, "takes no files by WebDAV"),
    ],
)
def test_an_rse_that_takes_nothing(
    storage: RucioStorage, grid: Grid, change: dict[str, object], message: str
) -> None:
    grid.rse.update(change)
    with pytest.raises(RefusedError, match=message):
        write(storage, b"x")


def test_an_upload_that_is_called_off_leaves_nothing(
    storage: RucioStorage, grid: Grid, tmp_path: Path
) -> None:
    (tmp_path / "f").write_bytes(bytes(3 << 20))
    cancellation = Cancellation()
    with (
        FileSource(tmp_path / "f", lambda _: cancellation.cancel(), cancellation) as source,
        pytest.raises(Cancelled),
    ):
        storage.write(PLACE, source, content_type="text/plain", cancellation=cancellation)
    assert (grid.content, grid.dids) == ({}, {})


def test_a_file_goes_within_a_day(storage: RucioStorage, grid: Grid, told: list[str]) -> None:
    write(storage, b"x")
    storage.remove(PLACE)
    assert grid.erased == [(SCOPE, "run-7.root")]
    assert told[-1] == f'rucio.escape removes "{SCOPE}/run-7.root" within 24 hours'
    storage.remove(Location(SCOPE, "nothing"))
    grid.register(SCOPE, "set", b"", "DATASET")
    with pytest.raises(RefusedError, match="it is a dataset there"):
        storage.remove(Location(SCOPE, "set"))
    assert grid.erased == [(SCOPE, "run-7.root")]


# -- logins ------------------------------------------------------------------------------------------


def test_a_token_is_used_until_its_end(storage: RucioStorage, grid: Grid) -> None:
    grid.add("run-7.root", b"x")
    grid.seconds = 50
    storage.stat(PLACE)
    storage.stat(PLACE)
    # Each was good for less than a minute, which is no time at all.
    assert grid.given == 2
    grid.seconds = 3600
    storage.stat(PLACE)
    storage.stat(PLACE)
    assert grid.given == 3


def test_a_token_that_is_refused_is_renewed_once(storage: RucioStorage, grid: Grid) -> None:
    grid.add("run-7.root", b"x")
    storage.stat(PLACE)
    grid.tokens.clear()
    storage.stat(PLACE)
    assert grid.given == 2
    grid.script["GET /dids"] = (401, "CannotAuthenticate", "Cannot authenticate")
    with pytest.raises(AuthError, match="Cannot authenticate"):
        storage.stat(PLACE)
    assert grid.given == 3


def test_a_refresh_token_that_has_expired(opened: Callable[..., RucioStorage]) -> None:
    with pytest.raises(AuthError, match="the refresh_token is refused, or has expired") as caught:
        opened(refresh_token="expired-secret").stat(PLACE)
    assert "expired-secret" not in caught.value.message


def test_a_users_own_password(
    opened: Callable[..., RucioStorage], grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid.add("run-7.root", b"x")
    monkeypatch.setenv("RUCIO_AUTH_TYPE", "userpass")
    monkeypatch.setenv("RUCIO_CFG_CLIENT_USERNAME", USERNAME)
    with pytest.raises(AuthError, match="RUCIO_CFG_CLIENT_PASSWORD is not set"):
        opened()
    monkeypatch.setenv("RUCIO_CFG_CLIENT_PASSWORD", PASSWORD)
    storage = opened(refresh_token="")
    assert storage.stat(PLACE).size == 1
    # Storage is shown no token of Rucio's own.
    with pytest.raises(AuthError, match="at 127"):
        storage.read(PLACE)
    assert grid.shown == [""]
    monkeypatch.setenv("RUCIO_CFG_CLIENT_PASSWORD", "wrong")
    with pytest.raises(AuthError, match="Cannot authenticate to account ada"):
        opened().stat(PLACE)


@pytest.mark.parametrize("kind", ["x509", "x509_proxy"])
def test_a_users_own_certificate(
    opened: Callable[..., RucioStorage],
    grid: Grid,
    voucher: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    grid.add("run-7.root", b"x")
    monkeypatch.setenv("RUCIO_AUTH_TYPE", kind)
    missing = {"x509": "RUCIO_CLIENT_CERT", "x509_proxy": "X509_USER_PROXY"}[kind]
    with pytest.raises(AuthError, match=f"{missing} is not set"):
        opened()
    monkeypatch.setenv(missing, str(voucher.parent / "server.pem"))
    assert opened().stat(PLACE).size == 1
    assert f"GET /auth/{kind}" in grid.calls


def test_a_way_to_log_in_that_there_is_not(
    opened: Callable[..., RucioStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUCIO_AUTH_TYPE", "kerberos")
    with pytest.raises(ConfigError, match='RUCIO_AUTH_TYPE is "kerberos"') as caught:
        opened()
    assert "oidc, x509, x509_proxy, userpass" in str(caught.value.hint)


@pytest.mark.parametrize("field", ["host", "account"])
def test_a_definition_that_is_not_complete(opened: Callable[..., RucioStorage], field: str) -> None:
    with pytest.raises(OscarError, match=f"no {field} is given"):
        opened(**{field: ""})


def test_nothing_to_write_to(opened: Callable[..., RucioStorage]) -> None:
    with pytest.raises(UsageError, match="names no rse"):
        write(opened(rse=""), b"x")


def test_secrets_are_in_no_message(opened: Callable[..., RucioStorage]) -> None:
    with pytest.raises(OscarError) as caught:
        opened(host="127.0.0.1:1").stat(PLACE)
    assert REFRESH_TOKEN not in str(caught.value)
