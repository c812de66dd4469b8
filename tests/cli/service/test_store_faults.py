"""What stores refuse in the middle of the work, and odd names: the real command, at each kind of store."""

from __future__ import annotations

import filecmp
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ExitCode
from tests.conftest import Caller, Outcome
from tests.support.certificate import certified
from tests.support.onedata_servers import SPACE, TOKEN, oneprovider
from tests.support.peak_memory import measured
from tests.support.rucio_servers import SCOPE, rucio_grid
from tests.support.server import ScriptedServer, document
from tests.support.webdav_servers import LOGIN, PASSWORD, DavServer, apache_server, wsgidav_server

KINDS = ["webdav", "onedata", "rucio"]
# By the same engine as put-file.
SYNC = pytest.param("sync", marks=pytest.mark.thorough)


@dataclass
class Store:
    """A service "svc" whose output is at one store.

    Args:
        call: the command.
        provider: the store's name.
        top: where the files go.
        files: gives the content of all files below the top, by path.
        server: the store, with its `room` and `login_ends_after`.
    """

    call: Caller
    provider: str
    top: str
    files: Callable[[], dict[str, bytes]]
    server: Any

    @property
    def home(self) -> Path:
        return self.call.home

    def __call__(self, *words: str, code: int = 0) -> Outcome:
        done = self.call("service", *words)
        assert done.code == code, done.err
        return done

    def put_tree(self, tree: str, *, by: str, code: int) -> Outcome:
        """Upload a folder by one of the two commands."""
        if by == "sync":
            return self("sync", tree, f"svc:{self.top}", "--provider", self.provider, code=code)
        return self("put-file", "svc", self.provider, f"{tree}/", f"{self.top}/", code=code)

    def place(self, name: str) -> str:
        return f"{self.top}/{name}"


@pytest.fixture(scope="module")
def voucher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    _, voucher = certified(tmp_path_factory.mktemp("certificates"))
    return voucher


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(
    kind: str,
    voucher: Path,
    call: Caller,
    server: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Store]:
    monkeypatch.chdir(call.home)
    monkeypatch.setattr("oscarcli.storage.wire.client.RETRY_SECONDS", 0.001)
    pem = voucher.parent / "server.pem"
    opened = {"webdav": _webdav, "apache": _apache, "onedata": _onedata, "rucio": _rucio}[kind]
    with opened(tmp_path, pem) as (provider, settings, top, files, real):
        name, identifier = provider.split(".")
        definition = {
            "name": "svc",
            "output": [{"storage_provider": provider, "path": top}],
            "storage_providers": {name: {identifier: settings}},
        }
        server.always("GET", "/system/services/svc", lambda _: document(definition))
        entry = {"endpoint": server.url, "auth_user": "u", "auth_password": "p", "ca_file": str(voucher)}
        call.write_config(json.dumps({"oscar": {"c": entry}, "default": "c"}))
        yield Store(call, provider, top, files, real)


Opened = tuple[str, dict[str, str], str, Callable[[], dict[str, bytes]], Any]


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the content of the files below a folder, but of those that were never finished."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".part")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@contextmanager
def _webdav(folder: Path, pem: Path) -> Iterator[Opened]:
    with wsgidav_server(folder, pem) as server:
        yield _dav(server)


@contextmanager
def _apache(folder: Path, pem: Path) -> Iterator[Opened]:
    with apache_server() as server:
        yield _dav(server)


def _dav(server: DavServer) -> Opened:
    server.make_folder("top")
    settings = {
        "hostname": server.endpoint.removeprefix("https://"),
        "login": LOGIN,
        "password": PASSWORD,
    }
    return "webdav.door", settings, "top", lambda: files_in(server.files / "top"), server


@contextmanager
def _onedata(folder: Path, pem: Path) -> Iterator[Opened]:
    with oneprovider(folder / "onedata", pem) as server:
        host = server.endpoint.removeprefix("https://")
        settings = {"oneprovider_host": host, "token": TOKEN, "space": SPACE}
        (server.space / "top").mkdir()
        yield "onedata.plg", settings, "top", lambda: files_in(server.space / "top"), server


@contextmanager
def _rucio(folder: Path, pem: Path) -> Iterator[Opened]:
    with rucio_grid(pem) as running:
        grid = running.grid

        def files() -> dict[str, bytes]:
            return {name: grid.content[grid.path(scope, name)] for scope, name in grid.dids if scope == SCOPE}

        yield "rucio.escape", running.definition(), SCOPE, files, grid


# -- names ---------------------------------------------------------------------------------------------

NAMES = [
    "50%.txt",
    "a%20b",
    "%2e%2e",
    " a b .txt",
    "grün/ä ß.txt",
    "u\u0308 decomposed",
    "x#y",
    "a+b&c=d@e:f",
    "-n",
    "--help",
    "100%/-r#.txt",
    "'q' \"d\"",
    "$HOME~!",
    "日本語",
]
# wsgidav takes these in the path of a request, and takes them for something else where a file is moved to.
MISREAD = ["x?y=z", "a;b,c", "line\nbreak", "tab\there"]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("webdav", marks=pytest.mark.thorough),
        pytest.param("onedata", marks=pytest.mark.thorough),
        "rucio",
        "apache",
    ],
    indirect=True,
)
def test_odd_names_go_there_and_come_back(store: Store, kind: str) -> None:
    names = NAMES if kind == "webdav" else [*NAMES, *MISREAD]
    wanted = {name: f"content of {name}".encode() for name in names}
    for name, content in wanted.items():
        (store.home / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (store.home / "tree" / name).write_bytes(content)
        # Older than what is stored by more than a second, which is all that some tell of time.
        os.utime(store.home / "tree" / name, (0, 0))
    store.put_tree("tree", by="put-file", code=0)
    assert store.files() == wanted
    listed = json.loads(store("list-files", "svc", store.provider, f"{store.top}/", "-o", "json").out)
    assert {one["name"]: one["size"] for one in listed} == {name: len(wanted[name]) for name in names}
    store("get-file", "svc", store.provider, f"{store.top}/", "back/")
    assert files_in(store.home / "back") == wanted
    assert store.put_tree("tree", by="sync", code=0).err.endswith(f"0 copied, {len(names)} unchanged\n")
    for name in names:
        store("get-file", "svc", store.provider, store.place(name), "one")
        assert (store.home / "one").read_bytes() == wanted[name]
        (store.home / "one").unlink()
        # The local name may look like an option, behind two dashes.
        (store.home / "-local").write_bytes(wanted[name])
        if kind != "rucio":
            store("put-file", "svc", store.provider, "--", "-local", store.place(name))
        store("delete-file", "svc", store.provider, store.place(name), "--yes")
    if kind == "rucio":
        # There they go within a day.
        assert sorted(name for _, name in store.server.erased) == sorted(names)
    else:
        assert store.files() == {}


@pytest.mark.parametrize("kind", ["webdav"], indirect=True)
def test_a_name_that_a_server_misreads_replaces_nothing(store: Store) -> None:
    others = {"x": b"kept", "a": b"kept", "linebreak": b"kept", "tabhere": b"kept"}
    for name, content in others.items():
        (store.server.files / "top" / name).write_bytes(content)
    (store.home / "f").write_bytes(b"new")
    for name in MISREAD:
        done = store("put-file", "svc", store.provider, "f", store.place(name), code=ExitCode.REFUSED)
        assert "the server does not give a file a name like this one" in done.err
        assert done.err.count("Error: ") == 1
    # Nor is anything left of it, under any name.
    everything = {path.name: path.read_bytes() for path in (store.server.files / "top").iterdir()}
    assert everything == others


# -- room ----------------------------------------------------------------------------------------------

FULL = "the quota is used up, or the storage is full"


@pytest.mark.parametrize("by", ["put-file", SYNC])
@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_what_has_no_room_is_a_line_and_the_rest_goes_on(store: Store, kind: str, by: str) -> None:
    tree = store.home / "tree"
    tree.mkdir()
    for name, size in {"a": 10, "large-1": 5000, "large-2": 5000, "z": 20}.items():
        (tree / name).write_bytes(b"x" * size)
    _faults(store, kind).room = 1000
    done = store.put_tree("tree", by=by, code=ExitCode.PARTIAL)
    *refused, last = [line for line in done.err.splitlines() if line.startswith("Error: ")]
    for number, line in enumerate(sorted(refused), 1):
        assert line.startswith(f'Error: upload "{store.top}/large-{number}" to {store.provider}')
        assert FULL in line
    assert len(refused) == 2
    assert "2 of 4 files" in last
    assert store.files() == {"a": b"x" * 10, "z": b"x" * 20}


@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_one_file_that_has_no_room(store: Store, kind: str) -> None:
    (store.home / "f").write_bytes(bytes(2 << 20))
    _faults(store, kind).room = 1000
    for words in (("f", store.place("new")), ("f", f"{store.top}/")):
        done = store("put-file", "svc", store.provider, *words, code=ExitCode.REFUSED)
        assert f'" to {store.provider}' in done.err
        assert FULL in done.err
        assert done.err.count("Error: ") == 1
    assert store.files() == {}


@pytest.mark.parametrize("by", ["put-file", SYNC])
@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_where_nothing_has_room_the_rest_is_not_tried(store: Store, kind: str, by: str) -> None:
    tree = store.home / "tree"
    tree.mkdir()
    for number in range(60):
        (tree / f"f{number}").write_bytes(b"x" * 2000)
    _faults(store, kind).room = 1000
    done = store.put_tree("tree", by=by, code=ExitCode.REFUSED)
    assert f'Error: 4 files in a row failed, the rest was not tried: upload "{store.top}/f' in done.err
    assert done.err.count("Error: ") == 5
    assert store.files() == {}


def _faults(store: Store, kind: str) -> Any:
    return store.server.faults if kind == "webdav" else store.server


# -- logins that end -----------------------------------------------------------------------------------

AT_THE_DOOR = "the login is refused, or the token has expired"
EXPIRED = {
    "webdav": (AT_THE_DOOR,),
    "onedata": ("the token has expired",),
    # Two are asked for each file, who gives tokens and the replica's door: either may refuse first.
    "rucio": ("the refresh_token is refused, or has expired", AT_THE_DOOR),
}


@pytest.mark.parametrize("by", ["put-file", SYNC, "get-file"])
@pytest.mark.parametrize("kind", KINDS, indirect=True)
def test_a_login_that_ends_in_the_middle_ends_the_transfer(store: Store, kind: str, by: str) -> None:
    tree = store.home / "tree"
    tree.mkdir()
    wanted = {f"f{number:02}": b"content %d" % number for number in range(60)}
    for name, content in wanted.items():
        (tree / name).write_bytes(content)
    if by == "get-file":
        store.put_tree("tree", by="sync", code=0)
    # Requests, of which a file takes from one to ten.
    after = {"webdav": 130, "onedata": 130, "rucio": 400}
    if by == "get-file":
        after = {"webdav": 30, "onedata": 70, "rucio": 70}
    _faults(store, kind).login_ends_after = after[kind]
    if by == "get-file":
        words = ("svc", store.provider, f"{store.top}/", "back/")
        done = store("get-file", *words, code=ExitCode.PARTIAL)
    else:
        done = store.put_tree("tree", by=by, code=ExitCode.PARTIAL)
    assert "Error: 4 files in a row failed, the rest was not tried: " in done.err
    assert any(sentence in done.err for sentence in EXPIRED[kind])
    # Those that others were waiting for at that moment are named, too.
    assert 5 <= done.err.count("Error: ") <= 5 + 16
    # What is there is whole.
    _faults(store, kind).login_ends_after = None
    stored = files_in(store.home / "back") if by == "get-file" else store.files()
    assert 0 < len(stored) < len(wanted)
    assert stored.items() <= wanted.items()


# -- folders and files in each other's place -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["webdav", "apache", "onedata"], indirect=True)
def test_a_folder_in_the_place_of_a_file_and_the_other_way(store: Store) -> None:
    (store.home / "f").write_bytes(b"new")
    store("put-file", "svc", store.provider, "f", store.place("folder/inner"))
    store("put-file", "svc", store.provider, "f", store.place("file"))
    before = store.files()
    cases = [
        (("put-file", "svc", store.provider, "f", store.place("folder")), ExitCode.REFUSED, "it is a folder"),
        (("put-file", "svc", store.provider, "f", store.place("file/x")), ExitCode.REFUSED, "is a file, not"),
        (("get-file", "svc", store.provider, store.place("file/x"), "g"), ExitCode.NOT_FOUND, "no such obj"),
        (
            ("delete-file", "svc", store.provider, store.place("file/x"), "--yes"),
            ExitCode.NOT_FOUND,
            "no such",
        ),
    ]
    for words, code, said in cases:
        done = store(*words, code=code)
        assert said in done.err, words
        assert done.err.count("Error: ") == 1
    assert store.files() == before
    assert not (store.home / "g").exists()
    # A folder goes when it is empty, and named as one.
    folder = ("delete-file", "svc", store.provider, store.place("folder/"), "--key", "--yes")
    assert "the folder is not empty" in store(*folder, code=ExitCode.REFUSED).err
    store("delete-file", "svc", store.provider, store.place("folder/inner"), "--yes")
    store(*folder)
    assert store.files() == {"file": b"new"}
    assert "no such object" in store(*folder, code=ExitCode.NOT_FOUND).err


# -- memory --------------------------------------------------------------------------------------------

LARGE_BYTES = 96 << 20
MAX_GROWTH_MIB = 40


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["webdav", "apache", "onedata"], indirect=True)
def test_a_large_file_takes_no_more_memory_than_a_small_one(store: Store) -> None:
    def peak(*words: str) -> int:
        code, said, mebibytes = measured(store.call, "service", *words, "--no-progress")
        assert code == 0, said
        return mebibytes

    peaks = []
    for name, size in (("small", 1000), ("large", LARGE_BYTES)):
        with (store.home / name).open("wb") as file:
            file.seek(size - 7)
            file.write(b"the end")
        words = ("svc", store.provider)
        put = peak("put-file", *words, name, store.place(name))
        # Several ranges at a time, and one stream.
        get = peak("get-file", *words, store.place(name), "back")
        streamed = peak("get-file", *words, store.place(name), "/dev/null")
        assert filecmp.cmp(store.home / name, store.home / "back", shallow=False)
        peaks.append((put, get, streamed))
    for small, large in zip(*peaks, strict=True):
        assert large - small < MAX_GROWTH_MIB, peaks
