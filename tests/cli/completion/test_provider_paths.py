"""Remote paths at Tab where the provider of a service tells them: one level, by one listing of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Runner
from tests.support.certificate import certified
from tests.support.daily import daily
from tests.support.onedata_servers import SPACE, TOKEN, oneprovider
from tests.support.rucio_servers import rucio_grid
from tests.support.server import ScriptedServer, document
from tests.support.webdav_servers import LOGIN, PASSWORD, wsgidav_server

PATIENT = {"OSCAR_CLI_COMPLETION_SECONDS": "60"}
FILES = ("a b.txt", "deep/er/1.txt", "deep/er/2.txt", "deep/est.txt", "photo.png", "$(id)")


@dataclass
class Place:
    """A provider with files below `top/out`, its definition, and what counts how often it was listed."""

    name: str
    definition: dict[str, Any]
    listings: Callable[[], int]
    voucher: Path = Path()


@contextmanager
def webdav(folder: Path, certificate: Path) -> Iterator[Place]:
    with wsgidav_server(folder, certificate) as server:
        write(server.files)
        (server.files / "no folder").write_text("x")
        host = server.endpoint.removeprefix("https://")
        settings = {"hostname": host, "login": LOGIN, "password": PASSWORD}
        yield Place("webdav.dcache", settings, lambda: sum("PROPFIND" in one for one in server.calls))


@contextmanager
def onedata(folder: Path, certificate: Path) -> Iterator[Place]:
    with oneprovider(folder, certificate) as server:
        write(server.space)
        host = server.endpoint.removeprefix("https://")
        settings = {"oneprovider_host": host, "token": TOKEN, "space": SPACE}
        yield Place("onedata.plg", settings, lambda: sum("/children" in one for one in server.calls))


@contextmanager
def rucio(_folder: Path, certificate: Path) -> Iterator[Place]:
    with rucio_grid(certificate) as running:
        running.grid.scopes = ["top", "topmost", "user.ada"]
        for name in FILES:
            running.grid.add(f"out/{name}", b"x", "top")
        calls = running.grid.calls
        yield Place(
            "rucio.escape",
            running.definition(),
            lambda: sum("/dids/" in one or "/scopes" in one for one in calls),
        )


def write(files: Path) -> None:
    for name in FILES:
        (files / "top" / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (files / "top" / "out" / name).write_text("x")
    (files / "topmost").mkdir()


@pytest.fixture(scope="module", params=daily([webdav, onedata, rucio], webdav))
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    _, voucher = certified(folder)
    with request.param(folder, folder / "server.pem") as place:
        yield replace(place, voucher=voucher)


@pytest.fixture
def known(place: Place, run: Runner, server: ScriptedServer) -> Runner:
    """A cluster with a service "svc" that has this provider."""
    kind, _, identifier = place.name.partition(".")
    folders = [{"storage_provider": place.name, "path": "top/out"}]
    definition = {
        "name": "svc",
        "input": [{"storage_provider": "minio", "path": "svc/in"}],
        "output": folders,
        "storage_providers": {kind: {identifier: place.definition}},
    }
    server.always("GET", "/system/services/svc", lambda _: document(definition))
    entry = {"endpoint": server.url, "auth_user": "u", "auth_password": "p", "ca_file": str(place.voucher)}
    run.write_config(json.dumps({"oscar": {"c": entry}, "default": "c"}))
    return run


def test_the_providers_of_a_service_are_offered(known: Runner, place: Place) -> None:
    kind = place.name.partition(".")[0]
    words = ("__completeNoDesc", "service", "put-file", "svc", kind[:2])
    assert known(*words, env=PATIENT).out.splitlines()[0] == place.name


@pytest.mark.parametrize(
    "line",
    [
        "service get-file svc --provider ",
        "service get-file svc --provider=",
        "service sync svc: . --provider ",
        "service sync . svc:top --provider ",
    ],
)
def test_the_option_offers_the_providers_of_the_service(known: Runner, place: Place, line: str) -> None:
    *before, current = line.split(" ")
    found = known("__completeNoDesc", *before, current, env=PATIENT).out.splitlines()
    prefix = current if current.startswith("--") else ""
    assert found == [f"{prefix}minio.default", f"{prefix}{place.name}", ":"]


LEVELS = [
    ("service get-file svc PROVIDER t", ["top/", "topmost/", ":nospace"]),
    ("service list-files svc PROVIDER top/", ["top/out/", ":nospace"]),
    (
        "service get-file svc PROVIDER top/out/",
        ["top/out/a b.txt", "top/out/deep/", "top/out/photo.png", ":nospace"],
    ),
    ("service delete-file svc PROVIDER top/out/deep/es", ["top/out/deep/est.txt", ":"]),
    (
        "service get-file svc PROVIDER top/out/deep/e",
        ["top/out/deep/er/", "top/out/deep/est.txt", ":nospace"],
    ),
    ("service sync --provider PROVIDER . svc:top/out/d", ["svc:top/out/deep/", ":nospace"]),
    # The only output is there, so that is where a sync from the service looks.
    ("service sync svc:t", ["svc:top/", "svc:topmost/", ":nospace"]),
    ("service sync svc:top/out/d", ["svc:top/out/deep/", ":nospace"]),
    ("service get-file svc PROVIDER top/nowhere/", [":"]),
    ("service get-file svc PROVIDER nowhere/", [":"]),
]


@pytest.mark.parametrize(("line", "words"), LEVELS)
def test_a_path_goes_on_level_by_level(known: Runner, place: Place, line: str, words: list[str]) -> None:
    *before, current = line.replace("PROVIDER", place.name).split(" ")
    former = place.listings()
    result = known("__completeNoDesc", *before, current, env=PATIENT)
    assert (result.code, result.err, result.out.splitlines()) == (0, "", words)
    if "nowhere" not in line:
        assert place.listings() == former + 1


def test_a_provider_that_is_not_there_is_nothing(known: Runner, place: Place) -> None:
    kind = place.name.partition(".")[0]
    for path in ("", "top/"):
        words = ("__completeNoDesc", "service", "get-file", "svc", f"{kind}.other", path)
        assert known(*words, env=PATIENT).out == ":\n"
