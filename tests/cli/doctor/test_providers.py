"""`doctor SERVICE_NAME`: each provider of a service is entered, and asked for its paths, as jobs will."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local.jobs.providers import output_buckets
from tests.conftest import Caller, Outcome
from tests.local.harness import LocalCluster, open_cluster
from tests.support.certificate import certified
from tests.support.onedata_servers import EXPIRED, SPACE, TOKEN, OneproviderServer, oneprovider, posix
from tests.support.webdav_servers import LOGIN, PASSWORD, DavServer, apache_server, wsgidav_server

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


@pytest.fixture(scope="module")
def apache() -> Iterator[DavServer]:
    with apache_server() as server:
        yield server


@pytest.fixture
def onedata(tmp_path: Path) -> Iterator[OneproviderServer]:
    with oneprovider(tmp_path / "onedata") as server:
        yield server


@dataclass
class Clinic:
    """A service that reads from MinIO and writes to WebDAV, and the doctor."""

    call: Caller
    cluster: LocalCluster
    dav: DavServer

    def service(
        self, *, password: str = PASSWORD, top: str = "top", endpoint: str = "", path: str = ""
    ) -> str:
        """Make one; return its name."""
        name = f"sick-{next(NUMBERS)}"
        hostname = endpoint or self.dav.endpoint
        self.cluster.create(
            name,
            "true\n",
            input=[{"storage_provider": "minio.default", "path": f"{name}-bucket/in"}],
            output=[
                {"storage_provider": "minio.default", "path": f"{name}-bucket/out"},
                {"storage_provider": "webdav.door", "path": path or f"{top}/out"},
            ],
            storage_providers={
                "webdav": {"door": {"hostname": hostname, "login": LOGIN, "password": password}}
            },
        )
        return name

    def onedata_service(self, server: OneproviderServer, path: str, **changes: str) -> str:
        """Make one that writes to Onedata; return its name."""
        name = f"sick-{next(NUMBERS)}"
        provider = {"oneprovider_host": server.endpoint, "token": TOKEN, "space": SPACE, **changes}
        self.cluster.create(
            name,
            "true\n",
            output=[{"storage_provider": "onedata.plg", "path": path}],
            storage_providers={"onedata": {"plg": provider}},
        )
        return name

    def __call__(self, service: str) -> tuple[Outcome, dict[str, dict[str, Any]]]:
        """Return what the doctor says, and that about the service by the names of its checks."""
        done = self.call("doctor", service, "-o", "json")
        checks = json.loads(done.out)["checks"]
        names = [check["name"] for check in checks]
        return done, {check["name"]: check for check in checks[names.index("service") :]}


@pytest.fixture
def clinic(call: Caller, shared: LocalCluster, dav: DavServer, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    shared.become_known(call)
    # As if the folders that a service gets in Onedata had been deleted since.
    monkeypatch.setattr(f"{output_buckets.__name__}.make_onedata_folders", lambda *_: None)
    monkeypatch.setattr("oscarcli.storage.wire.client.RETRY_SECONDS", 0.01)
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


def test_a_service_that_is_not_there_is_told_with_what_is_like_it(clinic: Clinic) -> None:
    name = clinic.service()
    done, found = clinic(f"{name}x")
    assert (done.code, found["service"]["outcome"]) == (5, "failed")
    assert "mistyped" in found["service"]["cause"]
    assert found["service"]["next"] == f"oscar-cli doctor {name}, if that is meant"
    assert clinic("zzzzzzzzz")[1]["service"]["next"] == "oscar-cli service list"


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
    assert 'there is no folder "nowhere/"' in found["webdav.door"]["finding"]
    assert found["webdav.door"]["next"] == "make it, or name another path in the FDL"


def all_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("kind", ["dav", "apache"])
def test_a_folder_that_the_first_result_makes_is_not_made_before(
    clinic: Clinic, request: pytest.FixtureRequest, kind: str
) -> None:
    server: DavServer = request.getfixturevalue(kind)
    top = f"top-{next(NUMBERS)}"
    server.make_folder(top)
    before = all_in(server.files)
    # OSCAR's supervisor makes the last folder, be it the first one, and nothing above it.
    for path in (f"{top}/new", f"new-{top}"):
        done, found = clinic(clinic.service(endpoint=server.endpoint, path=path))
        assert done.code == 0
        remark = "(not there yet: the first result makes it)"
        assert found["webdav.door"]["finding"] == f"{server.endpoint}: writes {path} {remark}"
    done, found = clinic(clinic.service(endpoint=server.endpoint, path=f"{top}/new/below"))
    assert done.code == 5
    assert f'there is no folder "{top}/new/"' in found["webdav.door"]["finding"]
    assert all_in(server.files) == before


def test_apache_is_tried_and_nothing_is_left_behind(clinic: Clinic, apache: DavServer) -> None:
    top = f"top-{next(NUMBERS)}"
    apache.make_folder(top)
    done, found = clinic(clinic.service(endpoint=apache.endpoint, path=top))
    assert done.code == 0
    assert found["webdav.door"]["finding"] == f"{apache.endpoint}: writes {top}"
    assert list((apache.files / top).iterdir()) == []
    # Nobody may write there, which only a try can tell.
    (apache.files / top).chmod(0o555)
    done, found = clinic(clinic.service(endpoint=apache.endpoint, path=top))
    assert done.code == 1
    assert f'write to "{top}/" in webdav.door: the server answered 500' in found["webdav.door"]["finding"]
    # A missing folder would be made there, too.
    done, found = clinic(clinic.service(endpoint=apache.endpoint, path=f"{top}/new"))
    assert done.code == 1
    assert f'write to "{top}/" in webdav.door: the server answered 500' in found["webdav.door"]["finding"]
    assert list((apache.files / top).iterdir()) == []


def test_what_comes_into_a_folder_while_it_is_tried_stays(clinic: Clinic, onedata: OneproviderServer) -> None:
    (onedata.space / "top").mkdir()

    def come(answer: str) -> bool:
        if answer.startswith("PUT"):
            (onedata.space / "top" / "result").write_text("of a job")
            (onedata.space / "top" / "new").mkdir()
        return False

    onedata.loses = come
    done, _ = clinic(clinic.onedata_service(onedata, "top/new"))
    assert done.code == 0
    assert all_in(onedata.space) == {"top", "top/new", "top/result"}


def test_a_file_whose_answer_is_lost_is_removed(clinic: Clinic, onedata: OneproviderServer) -> None:
    (onedata.space / "top").mkdir()
    onedata.loses = lambda answer: answer.startswith("PUT")
    done, found = clinic(clinic.onedata_service(onedata, "top"))
    assert done.code == 6
    assert "the connection broke" in found["onedata.plg"]["finding"]
    assert all_in(onedata.space) == {"top"}


def test_onedata_is_tried_and_no_folder_is_made(clinic: Clinic, onedata: OneproviderServer) -> None:
    (onedata.space / "top").mkdir()
    place = f"{onedata.endpoint}/{SPACE}"
    remark = " (not there yet: the first result makes it)"
    for path, said in (("top", ""), ("top/a/b", remark), ("new", remark)):
        done, found = clinic(clinic.onedata_service(onedata, path))
        assert done.code == 0
        assert found["onedata.plg"]["finding"] == f"{place}: writes {path}{said}"
    puts = [call for call in onedata.calls if call.startswith("PUT")]
    # Nothing is ever written straight into the space.
    assert [call.rpartition("/.oscar-cli-")[0] for call in puts] == ["PUT /cdmi/CMS%201/top"] * 2
    assert all_in(onedata.space) == {"top"}


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"space": "Other"}, 5, 'there is no space "Other"'),
        ({"token": EXPIRED}, 4, "the token has expired"),
    ],
)
def test_onedata_that_takes_nothing_is_told(
    clinic: Clinic, onedata: OneproviderServer, changes: dict[str, str], code: int, said: str
) -> None:
    for path in ("top", "new/deep"):
        done, found = clinic(clinic.onedata_service(onedata, path, **changes))
        assert done.code == code
        assert said in found["onedata.plg"]["finding"]


def test_a_certificate_that_is_not_trusted_is_told_with_the_way_out(clinic: Clinic, tmp_path: Path) -> None:
    certified(tmp_path)
    with oneprovider(tmp_path / "onedata", tmp_path / "server.pem") as server:
        done, found = clinic(clinic.onedata_service(server, "top"))
    assert done.code == 6
    assert "is not trusted: it is self-signed" in found["onedata.plg"]["finding"]
    assert "--ca-file" in found["onedata.plg"]["next"]


def test_a_full_space_is_told(clinic: Clinic, onedata: OneproviderServer) -> None:
    (onedata.space / "top").mkdir()
    onedata.script["PUT"] = (400, json.dumps(posix("enospc").document).encode())
    done, found = clinic(clinic.onedata_service(onedata, "top"))
    assert done.code == 7
    assert "the quota is used up, or the storage is full" in found["onedata.plg"]["finding"]


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
