"""The files of a service in Rucio: the real command against a scripted catalogue and a scripted door."""

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
from tests.support.rucio_servers import REFRESH_TOKEN, SCOPE, Grid, RunningGrid, rucio_grid
from tests.support.server import ScriptedServer, document


@dataclass
class Service:
    """A service "svc" whose results are in Rucio."""

    run: Runner
    grid: Grid
    definition: dict[str, Any]

    def __call__(self, *words: str, code: int = 0) -> Outcome:
        done = self.run("service", *words)
        assert done.code == code, done.err
        return done


@pytest.fixture(scope="module")
def voucher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    _, voucher = certified(tmp_path_factory.mktemp("certificates"))
    return voucher


@pytest.fixture
def running(voucher: Path) -> Iterator[RunningGrid]:
    with rucio_grid(voucher.parent / "server.pem") as running:
        yield running


@pytest.fixture
def service(
    running: RunningGrid,
    voucher: Path,
    run: Runner,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Service:
    definition = {
        "name": "svc",
        "output": [{"storage_provider": "rucio.escape", "path": f"{SCOPE}/out"}],
        "storage_providers": {"rucio": {"escape": running.definition()}},
    }
    server.always("GET", "/system/services/svc", lambda _: document(definition))
    entry = {"endpoint": server.url, "auth_user": "u", "auth_password": "p", "ca_file": str(voucher)}
    run.write_config(json.dumps({"oscar": {"c": entry}, "default": "c"}))
    monkeypatch.chdir(run.home)
    return Service(run, running.grid, definition)


def test_files_go_there_and_come_back(service: Service) -> None:
    (service.run.home / "run.root").write_text("content")
    done = service("put-file", "svc", "rucio.escape", "run.root", f"{SCOPE}/run-7.root", "-v")
    assert "rucio.escape: Rucio at https://127.0.0.1" in done.err
    listed = service("list-files", "svc", "rucio.escape", SCOPE, "-o", "json")
    assert [(one["name"], one["size"]) for one in json.loads(listed.out)] == [("run-7.root", 7)]
    service("get-file", "svc", "rucio.escape", f"{SCOPE}/run-7.root", "back.root")
    assert (service.run.home / "back.root").read_text() == "content"
    done = service("delete-file", "svc", "rucio.escape", f"{SCOPE}/run-7.root", "--yes")
    assert "within 24 hours" in done.err
    assert service.grid.erased == [(SCOPE, "run-7.root")]


def test_a_download_of_several_and_a_folder(service: Service) -> None:
    service.grid.add("out/a", b"a")
    service.grid.add("out/b", b"b")
    service("sync", "svc:", "tree")
    assert {path.name: path.read_text() for path in (service.run.home / "tree").iterdir()} == {
        "a": "a",
        "b": "b",
    }


def test_a_folder_goes_there_and_what_is_there_never_changes(service: Service) -> None:
    tree = service.run.home / "tree"
    tree.mkdir()
    (tree / "a").write_text("a")
    words = ("sync", "tree", f"svc:{SCOPE}/out", "--provider", "rucio.escape")
    assert service(*words).err.endswith("1 copied, 0 unchanged\n")
    assert service(*words).err.endswith("0 copied, 1 unchanged\n")
    (tree / "a").write_text("changed")
    (tree / "b").write_text("b")
    done = service(*words, code=ExitCode.PARTIAL)
    assert "never change" in done.err
    service("sync", f"svc:{SCOPE}/out", "back", "--provider", "rucio.escape")
    assert {path.name: path.read_text() for path in (service.run.home / "back").iterdir()} == {
        "a": "a",
        "b": "b",
    }


def test_a_batch_whose_results_no_log_names_is_refused(service: Service) -> None:
    service.definition["input"] = [{"storage_provider": "minio.default", "path": "svc/in"}]
    (service.run.home / "in").mkdir()
    (service.run.home / "in" / "a").write_text("a")
    done = service("map", "svc", "in", "out", code=ExitCode.FAILED)
    assert "no log names the files that a job stores at rucio.escape" in done.err


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"refresh_token": "expired"}, ExitCode.AUTH, "the refresh_token is refused, or has expired"),
        (
            {"refresh_token": "hidden"},
            ExitCode.AUTH,
            'the server shows "hidden" instead of the refresh_token',
        ),
        ({"refresh_token": ""}, ExitCode.AUTH, "the refresh_token is missing"),
        ({"account": ""}, ExitCode.FAILED, "no account is given"),
        ({"host": ""}, ExitCode.FAILED, "no host is given"),
        ({"host": "127.0.0.1:1"}, ExitCode.UNREACHABLE, "no connection"),
        ({"token_endpoint": "https://127.0.0.1:1/x"}, ExitCode.UNREACHABLE, "no connection"),
    ],
)
def test_what_is_wrong_with_a_provider_is_told(
    service: Service, change: dict[str, str], code: int, message: str
) -> None:
    service.definition["storage_providers"]["rucio"]["escape"].update(change)
    done = service("list-files", "svc", "rucio.escape", f"{SCOPE}/", "--timeout", "2", code=code)
    assert message in done.err
    assert done.err.count("Error: ") == 1
    assert REFRESH_TOKEN not in done.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["get-file", "svc", "rucio.other", "a/b"], ExitCode.USAGE, '"rucio.other" is not defined'),
        (["get-file", "svc", "rucio.escape", f"{SCOPE}/../x"], ExitCode.USAGE, 'no "." and no ".."'),
        (["get-file", "svc", "rucio.escape", f"{SCOPE}/no"], ExitCode.NOT_FOUND, "there is no such object"),
        (["get-file", "svc", "rucio.escape", "nobody/x"], ExitCode.NOT_FOUND, 'there is no scope "nobody"'),
        (["put-file", "svc", "rucio.escape", "f", f"{SCOPE}/there"], ExitCode.REFUSED, "never change"),
        (["put-file", "svc", "rucio.escape", "large", f"{SCOPE}/x"], ExitCode.REFUSED, "quota is used up"),
    ],
)
def test_what_cannot_be(service: Service, words: list[str], code: int, message: str) -> None:
    service.grid.add("there", b"other content")
    service.grid.room = 100
    (service.run.home / "f").write_text("x")
    (service.run.home / "large").write_bytes(bytes(101))
    done = service(*words, code=code)
    assert message in done.err
    assert done.err.count("Error: ") == 1
