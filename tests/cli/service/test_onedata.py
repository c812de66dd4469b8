"""The files of a service in Onedata: the real command against a scripted Oneprovider, with TLS as it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oscarcli.errors import ExitCode
from tests.conftest import Outcome, Runner
from tests.support.certificate import certified
from tests.support.onedata_servers import EXPIRED, SPACE, TOKEN, OneproviderServer, oneprovider
from tests.support.server import ScriptedServer, document


@dataclass
class Service:
    """A service "svc" whose output is in Onedata."""

    run: Runner
    onedata: OneproviderServer
    definition: dict[str, Any]

    def __call__(self, *words: str, code: int = 0, input: str = "") -> Outcome:
        done = self.run("service", *words, input=input)
        assert done.code == code, done.err
        return done

    @property
    def files(self) -> dict[str, str]:
        """The files of the space by path."""
        found = sorted(path for path in self.onedata.space.rglob("*") if path.is_file())
        return {str(path.relative_to(self.onedata.space)): path.read_text() for path in found}


@pytest.fixture(scope="module")
def voucher(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificates")
    _, voucher = certified(folder)
    return folder / "server.pem", voucher


@pytest.fixture
def onedata(tmp_path: Path, voucher: tuple[Path, Path]) -> Iterator[OneproviderServer]:
    with oneprovider(tmp_path / "onedata", voucher[0]) as server:
        yield server


@pytest.fixture
def service(
    onedata: OneproviderServer,
    voucher: tuple[Path, Path],
    run: Runner,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Service:
    host = onedata.endpoint.removeprefix("https://")
    definition = {
        "name": "svc",
        "output": [{"storage_provider": "onedata.plg", "path": "out"}],
        "storage_providers": {"onedata": {"plg": {"oneprovider_host": host, "token": TOKEN, "space": SPACE}}},
    }
    server.always("GET", "/system/services/svc", lambda _: document(definition))
    entry = {"endpoint": server.url, "auth_user": "u", "auth_password": "p", "ca_file": str(voucher[1])}
    run.write_config(json.dumps({"oscar": {"c": entry}, "default": "c"}))
    monkeypatch.chdir(run.home)
    return Service(run, onedata, definition)


def test_files_go_there_and_come_back(service: Service) -> None:
    (service.run.home / "a ü%20.txt").write_text("content")
    done = service("put-file", "svc", "onedata.plg", "a ü%20.txt", "out/sub/a ü%20.txt", "-v")
    assert f"onedata.plg: Onedata at {service.onedata.endpoint}/{SPACE}" in done.err
    assert service.files == {"out/sub/a ü%20.txt": "content"}
    listed = service("list-files", "svc", "onedata.plg", "out/", "-o", "json")
    assert [(one["name"], one["size"]) for one in json.loads(listed.out)] == [("sub/a ü%20.txt", 7)]
    service("get-file", "svc", "onedata.plg", "out/sub/a ü%20.txt", "back.txt")
    assert (service.run.home / "back.txt").read_text() == "content"
    service("delete-file", "svc", "onedata.plg", "out/sub/a ü%20.txt", "--yes")
    assert service.files == {}


def test_a_stream_goes_there(service: Service) -> None:
    service("put-file", "svc", "onedata.plg", "-", "out/a", input="typed")
    assert service.files == {"out/a": "typed"}


def test_the_newest_file_of_the_output(service: Service) -> None:
    (service.onedata.space / "out").mkdir()
    (service.onedata.space / "out" / "only.txt").write_text("result")
    service("get-file", "svc", "--download-latest-into")
    assert (service.run.home / "only.txt").read_text() == "result"


def test_folders_are_synchronised(service: Service) -> None:
    (service.onedata.space / "out" / "sub").mkdir(parents=True)
    (service.onedata.space / "out" / "sub" / "a").write_text("a")
    (service.onedata.space / "out" / "b").write_text("b")
    service("sync", "svc:", "tree")
    tree = service.run.home / "tree"
    assert {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()} == {"sub/a", "b"}
    service("sync", "tree", "svc:out/again", "--provider", "onedata.plg")
    assert {path: text for path, text in service.files.items() if path.startswith("out/again")} == {
        "out/again/b": "b",
        "out/again/sub/a": "a",
    }


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"token": EXPIRED}, ExitCode.AUTH, "the token has expired"),
        ({"token": "wrong"}, ExitCode.AUTH, "Provided token could not be understood."),
        ({"token": "hidden"}, ExitCode.AUTH, 'the server shows "hidden" instead of the token'),
        ({"token": ""}, ExitCode.AUTH, "the token is missing"),
        ({"space": ""}, ExitCode.FAILED, "no space is given"),
        ({"space": "a/b"}, ExitCode.USAGE, '"a/b" is not the name of a space'),
        ({"space": ".."}, ExitCode.USAGE, '".." is not the name of a space'),
        ({"space": "Other"}, ExitCode.NOT_FOUND, 'there is no space "Other"'),
        ({"oneprovider_host": ""}, ExitCode.FAILED, "no oneprovider_host is given"),
        ({"oneprovider_host": "127.0.0.1:1"}, ExitCode.UNREACHABLE, "no connection"),
        ({"oneprovider_host": "https://"}, ExitCode.UNREACHABLE, "is not a usable endpoint"),
    ],
)
def test_what_is_wrong_with_a_provider_is_told(
    service: Service, change: dict[str, str], code: int, message: str
) -> None:
    service.definition["storage_providers"]["onedata"]["plg"].update(change)
    done = service("list-files", "svc", "onedata.plg", "out", "--timeout", "2", code=code)
    assert message in done.err
    assert done.err.count("Error: ") == 1
    assert TOKEN not in done.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["get-file", "svc", "onedata.other", "a/b"], ExitCode.USAGE, '"onedata.other" is not defined'),
        (["get-file", "svc", "onedata.plg", "out/../x"], ExitCode.USAGE, 'no "." and no ".."'),
        (["put-file", "svc", "onedata.plg", "f", "out/../../x"], ExitCode.USAGE, 'no "." and no ".."'),
        (["get-file", "svc", "onedata.plg", "out/nothing"], ExitCode.NOT_FOUND, "there is no such object"),
        (["get-file", "svc", "onedata.plg", "nowhere/x"], ExitCode.NOT_FOUND, "the bucket does not exist"),
        (["put-file", "svc", "onedata.plg", "f", "out/folder"], ExitCode.REFUSED, "it is a folder there"),
        (["put-file", "svc", "onedata.plg", "large", "out/x"], ExitCode.REFUSED, "the quota is used up"),
    ],
)
def test_what_cannot_be(service: Service, words: list[str], code: int, message: str) -> None:
    (service.onedata.space / "out" / "folder").mkdir(parents=True)
    (service.run.home / "f").write_text("x")
    (service.run.home / "large").write_bytes(bytes(5000))
    service.onedata.room = 2000
    done = service(*words, code=code)
    assert message in done.err
    assert done.err.count("Error: ") == 1
    assert service.files == {}
