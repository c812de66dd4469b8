"""The files of a service behind WebDAV: the real command against wsgidav, with TLS as OSCAR has it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ExitCode
from tests.conftest import Outcome, Runner
from tests.support.certificate import certified
from tests.support.server import ScriptedServer, document
from tests.support.webdav_servers import LOGIN, PASSWORD, DavServer, wsgidav_server

NUMBERS = itertools.count()


@dataclass
class Service:
    """A service "svc" whose output is behind WebDAV."""

    run: Runner
    files: Path
    definition: dict[str, Any]

    def __call__(self, *words: str, code: int = 0, input: str = "") -> Outcome:
        done = self.run("service", *words, input=input)
        assert done.code == code, done.err
        return done


@pytest.fixture(scope="module")
def dav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DavServer, Path]]:
    folder = tmp_path_factory.mktemp("wsgidav")
    _, voucher = certified(folder)
    with wsgidav_server(folder, folder / "server.pem") as server:
        yield server, voucher


@pytest.fixture
def service(
    dav: tuple[DavServer, Path], run: Runner, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Service:
    storage, voucher = dav
    provider = {
        "hostname": storage.endpoint.removeprefix("https://"),
        "login": LOGIN,
        "password": PASSWORD,
    }
    top = f"top-{next(NUMBERS)}"
    definition = {
        "name": "svc",
        "output": [{"storage_provider": "webdav.dcache", "path": f"{top}/out"}],
        "storage_providers": {"webdav": {"dcache": provider}},
    }
    server.always("GET", "/system/services/svc", lambda _: document(definition))
    entry = {"endpoint": server.url, "auth_user": "u", "auth_password": "p", "ca_file": str(voucher)}
    run.write_config(json.dumps({"oscar": {"c": entry}, "default": "c"}))
    monkeypatch.chdir(run.home)
    (storage.files / top).mkdir()
    return Service(run, storage.files / top, definition)


def path_of(service: Service, name: str = "") -> str:
    return f"{service.files.name}/out/{name}"


def test_files_go_there_and_come_back(service: Service) -> None:
    (service.run.home / "a ü%20.txt").write_text("content")
    service("put-file", "svc", "webdav.dcache", "a ü%20.txt", path_of(service, "sub/a ü%20.txt"))
    assert (service.files / "out" / "sub" / "a ü%20.txt").read_text() == "content"
    listed = service("list-files", "svc", "webdav.dcache", path_of(service), "-o", "json")
    assert [(one["name"], one["size"]) for one in json.loads(listed.out)] == [("sub/a ü%20.txt", 7)]
    service("get-file", "svc", "webdav.dcache", path_of(service, "sub/a ü%20.txt"), "back.txt")
    assert (service.run.home / "back.txt").read_text() == "content"
    service("delete-file", "svc", "webdav.dcache", path_of(service, "sub/a ü%20.txt"), "--yes")
    assert list((service.files / "out" / "sub").iterdir()) == []


def test_certificates_for_amazons_programs_are_not_those_of_webdav(
    service: Service, dav: tuple[DavServer, Path], tmp_path: Path
) -> None:
    (service.files / "out").mkdir()
    (service.files / "out" / "a").touch()
    _, other = certified(tmp_path)
    service.run.write_config(service.run.config.read_text().replace(str(dav[1]), ""))
    # Of an authority that knows nothing of this server.
    trusting = {"AWS_CA_BUNDLE": str(other), "SSL_CERT_FILE": str(dav[1])}
    done = service.run("service", "list-files", "svc", "webdav.dcache", path_of(service), env=trusting)
    assert (done.code, done.out.split()[0]) == (0, "a"), done.err


def test_a_stream_goes_there(service: Service) -> None:
    service("put-file", "svc", "webdav.dcache", "-", path_of(service, "a"), input="typed")
    assert (service.files / "out" / "a").read_text() == "typed"


def test_the_newest_file_of_the_output(service: Service) -> None:
    (service.files / "out").mkdir()
    (service.files / "out" / "only.txt").write_text("result")
    service("get-file", "svc", "--download-latest-into")
    assert (service.run.home / "only.txt").read_text() == "result"


def test_a_folder_is_synchronised(service: Service) -> None:
    local = service.run.home / "tree"
    (local / "sub").mkdir(parents=True)
    (local / "sub" / "a").write_text("a")
    (local / "b").write_text("b")
    service("put-file", "svc", "webdav.dcache", "-r", "tree", path_of(service))
    found = sorted(path.name for path in service.files.rglob("*") if path.is_file())
    assert found == ["a", "b"]
    service("get-file", "svc", "webdav.dcache", path_of(service), "copy/")
    assert sorted(path.name for path in (service.run.home / "copy").rglob("*") if path.is_file()) == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"password": "wrong"}, ExitCode.AUTH, "the login is refused, or the token has expired"),
        ({"login": "BEARER", "password": "old"}, ExitCode.AUTH, "the token has expired"),
        ({"password": "hidden"}, ExitCode.AUTH, 'the server shows "hidden" instead of the password'),
        ({"login": ""}, ExitCode.AUTH, "the login is missing"),
        ({"hostname": ""}, ExitCode.FAILED, "no hostname is given"),
        ({"hostname": "127.0.0.1:1"}, ExitCode.UNREACHABLE, "no connection"),
        ({"hostname": "https://"}, ExitCode.UNREACHABLE, "is not a usable endpoint"),
    ],
)
def test_what_is_wrong_with_a_provider_is_told(
    service: Service, change: dict[str, str], code: int, message: str
) -> None:
    service.definition["storage_providers"]["webdav"]["dcache"].update(change)
    done = service("list-files", "svc", "webdav.dcache", path_of(service), "--timeout", "2", code=code)
    assert message in done.err
    assert done.err.count("Error: ") == 1
    assert PASSWORD not in done.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["get-file", "svc", "webdav.other", "a/b"], ExitCode.USAGE, '"webdav.other" is not defined'),
        (["get-file", "svc", "webdav.dcache", "TOP/../x"], ExitCode.USAGE, 'no "." and no ".."'),
        (["get-file", "svc", "webdav.dcache", "TOP/nothing"], ExitCode.NOT_FOUND, "there is no such object"),
        (["get-file", "svc", "webdav.dcache", "nowhere/x"], ExitCode.NOT_FOUND, "the bucket does not exist"),
        (["put-file", "svc", "webdav.dcache", "f", "nowhere/x"], ExitCode.NOT_FOUND, "the bucket does not"),
        (["put-file", "svc", "webdav.dcache", "f", "TOP/folder"], ExitCode.REFUSED, "it is a folder there"),
    ],
)
def test_bad_paths(service: Service, words: list[str], code: int, message: str) -> None:
    (service.files / "folder").mkdir()
    (service.run.home / "f").write_text("x")
    done = service(*(word.replace("TOP", service.files.name) for word in words), code=code)
    assert message in done.err
    assert done.err.count("Error: ") == 1
    assert list((service.files / "folder").iterdir()) == []
