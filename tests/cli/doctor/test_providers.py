"""`doctor SERVICE_NAME`: each provider of a service is entered, and asked for its paths, as jobs will."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Caller, Outcome
from tests.local.harness import LocalCluster, open_cluster
from tests.support.webdav_servers import LOGIN, PASSWORD, DavServer, wsgidav_server

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    running = open_cluster(tmp_path_factory.mktemp("doctor") / "data")
    yield running
    running.close()


@pytest.fixture(scope="module")
def dav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DavServer]:
    with wsgidav_server(tmp_path_factory.mktemp("dav")) as server:
        yield server


@dataclass
class Clinic:
    """A service that reads from MinIO and writes to WebDAV, and the doctor."""

    call: Caller
    cluster: LocalCluster
    dav: DavServer

    def service(self, *, password: str = PASSWORD, top: str = "", endpoint: str = "") -> str:
        """Make one; return its name."""
        name = f"sick-{next(NUMBERS)}"
        hostname = endpoint or self.dav.endpoint
        self.cluster.create(
            name,
            "true\n",
            input=[{"storage_provider": "minio.default", "path": f"{name}-bucket/in"}],
            output=[
                {"storage_provider": "minio.default", "path": f"{name}-bucket/out"},
                {"storage_provider": "webdav.door", "path": f"{top or 'top'}/out"},
            ],
            storage_providers={
                "webdav": {"door": {"hostname": hostname, "login": LOGIN, "password": password}}
            },
        )
        return name

    def __call__(self, service: str) -> tuple[Outcome, dict[str, dict[str, Any]]]:
        """Return what the doctor says, and that about the service by the names of its checks."""
        done = self.call("doctor", service, "-o", "json")
        checks = json.loads(done.out)["checks"]
        names = [check["name"] for check in checks]
        return done, {check["name"]: check for check in checks[names.index("service") :]}


@pytest.fixture
def clinic(call: Caller, shared: LocalCluster, dav: DavServer) -> Clinic:
    shared.become_known(call)
    (dav.files / "top" / "out").mkdir(parents=True, exist_ok=True)
    return Clinic(call, shared, dav)


def test_all_is_well_and_nothing_is_left_behind(clinic: Clinic) -> None:
    name = clinic.service()
    before = clinic.cluster.keys(f"{name}-bucket")
    done, found = clinic(name)
    assert done.code == 0
    assert list(found) == ["service", "minio.default", "webdav.door"]
    assert {check["outcome"] for check in found.values()} == {"ok"}
    assert found["minio.default"]["finding"].endswith(f"reads {name}-bucket/in, writes {name}-bucket/out")
    assert found["webdav.door"]["finding"] == f"{clinic.dav.endpoint}: writes top/out"
    assert list((clinic.dav.files / "top" / "out").iterdir()) == []
    assert clinic.cluster.keys(f"{name}-bucket") == before
    assert clinic.cluster.jobs(name) == {}
    uploads = clinic.cluster.s3.list_multipart_uploads(Bucket=f"{name}-bucket")
    assert uploads.get("Uploads", []) == []


def test_a_login_that_is_refused_is_named_with_what_to_do(clinic: Clinic) -> None:
    done, found = clinic(clinic.service(password="expired-password"))
    assert done.code == 4
    assert found["minio.default"]["outcome"] == "ok", "one provider's failure says nothing of another one"
    door = found["webdav.door"]
    assert (door["outcome"], door["code"]) == ("failed", 4)
    assert "has expired; its jobs will fail, too" in door["cause"]
    assert "apply" in door["next"]
    assert "expired-password" not in done.out


def test_a_folder_that_is_not_there_is_named(clinic: Clinic) -> None:
    done, found = clinic(clinic.service(top="nowhere"))
    assert done.code == 5
    assert '"nowhere"' in found["webdav.door"]["finding"]
    assert found["webdav.door"]["next"] == "make it, or name another path in the FDL"


def test_a_folder_that_may_not_be_written_is_told(clinic: Clinic) -> None:
    (clinic.dav.files / "file").mkdir(exist_ok=True)
    (clinic.dav.files / "file" / "out").write_text("a file where a folder has to be")
    done, found = clinic(clinic.service(top="file"))
    assert done.code != 0
    assert found["webdav.door"]["outcome"] == "failed"
    assert (clinic.dav.files / "file" / "out").read_text() == "a file where a folder has to be"


def test_a_server_that_is_down_is_told_apart_from_one_that_refuses(clinic: Clinic) -> None:
    done, found = clinic(clinic.service(endpoint="http://127.0.0.1:9"))
    assert done.code == 6
    assert "jobs may still reach it" in found["webdav.door"]["cause"]


def test_a_service_that_there_is_not(clinic: Clinic) -> None:
    done, found = clinic("nothing")
    assert done.code == 5
    assert list(found) == ["service"]


def test_for_a_person_it_is_a_line_each(clinic: Clinic) -> None:
    name = clinic.service()
    lines = clinic.call("doctor", name).out.splitlines()
    assert lines[-2].startswith("✓ minio.default  http://")
    assert lines[-1] == f"✓ webdav.door    {clinic.dav.endpoint}: writes top/out"
