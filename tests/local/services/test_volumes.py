"""Volumes: their routes, and services that mount them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oscarcli.local import control
from oscarcli.local.services import mounts
from tests.local.harness import LocalCluster, wait_for

ROUTE = "/system/volumes"
PREFIX = "The service specification is not valid: "


def make(cluster: LocalCluster, name: str, size: str = "1Gi") -> None:
    response = cluster.api.post(ROUTE, json={"name": name, "size": size})
    assert response.status_code == 201, response.text


def link(cluster: LocalCluster, volume: str, place: Path) -> str:
    """Lead a mount path to a volume's folder, as its user has to, and return the path."""
    path = place / f"{volume}-mount"
    path.symlink_to(cluster.folder.volumes / volume)
    return str(path)


def with_volume(service: str, /, **volume: Any) -> dict[str, Any]:
    return {"name": service, "image": "i", "script": "true", "volume": volume}


def test_there_are_none_at_first(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    assert cluster.api.get(ROUTE).text == "[]"
    assert cluster.api.get("/system/config").json()["config"]["volume_enable"] is True


def test_a_volume_comes_shows_itself_and_goes(cluster: LocalCluster) -> None:
    created = cluster.api.post(ROUTE, json={"Name": "plain", "size": "1.5Gi", "unknown": 1})
    volume = {
        "name": "plain",
        "namespace": "oscar-svc",
        "pvc_name": "plain",
        "size": "1.5Gi",
        "owner_user": "cluster_admin",
        "creation_mode": "api",
        "status": {"phase": "ready"},
    }
    assert (created.status_code, created.json()) == (201, volume)
    assert cluster.api.get(f"{ROUTE}/plain").json() == volume
    assert volume in cluster.api.get(ROUTE).json()
    folder = cluster.folder.volumes / "plain"
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "file").write_text("x")
    deleted = cluster.api.delete(f"{ROUTE}/plain")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert not folder.exists()
    missing = cluster.api.get(f"{ROUTE}/plain")
    assert (missing.status_code, missing.content) == (404, b"")
    assert "content-type" not in missing.headers
    assert cluster.api.delete(f"{ROUTE}/plain").status_code == 204, "as on a real cluster"


def test_volumes_are_listed_by_name(cluster: LocalCluster) -> None:
    for name in ("list-b", "list-a"):
        make(cluster, name)
    names = [volume["name"] for volume in cluster.api.get(ROUTE).json()]
    assert names == sorted(names)
    assert {"list-a", "list-b"} <= set(names)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ("", 400, "The volume specification is not valid: EOF"),
        ('{"name": 1}', 400, "The volume specification is not valid: json: cannot unmarshal number"),
        ('{"name": "x"}', 400, "The volume specification is not valid: Key: "),
        ('{"size": "1Gi"}', 400, "The volume specification is not valid: Key: "),
        (
            '{"name": "Upper", "size": "1Gi"}',
            400,
            "volume.name must satisfy Kubernetes DNS-1123 naming rules",
        ),
        ('{"name": "../x", "size": "1Gi"}', 400, "volume.name must satisfy"),
        ('{"name": "x", "size": "big"}', 400, "volume.size must be a valid positive quantity"),
        ('{"name": "x", "size": "0"}', 400, "volume.size must be a valid positive quantity"),
        ('{"name": "there", "size": "1Gi"}', 409, "volume already exists in caller namespace"),
    ],
)
def test_what_is_refused_is_said_in_text(cluster: LocalCluster, body: str, status: int, text: str) -> None:
    cluster.api.post(ROUTE, json={"name": "there", "size": "1Gi"})
    response = cluster.api.post(ROUTE, content=body)
    assert response.status_code == status
    assert response.text.startswith(text)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_files_that_no_volume_has_are_not_given_away(cluster: LocalCluster) -> None:
    orphan = cluster.folder.volumes / "orphan"
    orphan.mkdir()
    (orphan / "somebodys").write_text("x")
    response = cluster.api.post(ROUTE, json={"name": "orphan", "size": "1Gi"})
    assert (response.status_code, "move them away" in response.text) == (500, True)
    assert cluster.api.get(f"{ROUTE}/orphan").status_code == 404
    (orphan / "somebodys").unlink()
    make(cluster, "orphan")


def test_a_lost_folder_is_told_and_made_again_at_the_next_start(
    start_cluster: Callable[..., LocalCluster],
) -> None:
    cluster = start_cluster()
    make(cluster, "lost")
    (cluster.folder.volumes / "lost").rmdir()
    status = cluster.api.get(f"{ROUTE}/lost").json()["status"]
    assert status == {"phase": "error", "message": "the volume's folder is missing"}
    (cluster.folder.volumes / ".removed-half").mkdir()
    cluster.close()
    again = start_cluster()
    assert again.api.get(f"{ROUTE}/lost").json()["status"] == {"phase": "ready"}
    assert not (again.folder.volumes / ".removed-half").exists()


def test_a_volume_on_another_disk_leaves_its_files_there(cluster: LocalCluster, tmp_path: Path) -> None:
    make(cluster, "elsewhere")
    (tmp_path / "kept").write_text("x")
    folder = cluster.folder.volumes / "elsewhere"
    folder.rmdir()
    folder.symlink_to(tmp_path)
    assert cluster.api.get(f"{ROUTE}/elsewhere").json()["status"] == {"phase": "ready"}
    assert cluster.api.delete(f"{ROUTE}/elsewhere").status_code == 204
    assert not folder.is_symlink()
    assert (tmp_path / "kept").exists()


# -- services ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        ({}, "volume.mount_path is required"),
        ({"size": "1Gi"}, "volume.mount_path is required"),
        ({"mount_path": "/d"}, "volume.name is required when volume.size is not set"),
        ({"mount_path": "/d", "name": "A"}, "volume.name must satisfy Kubernetes DNS-1123 naming rules"),
        ({"mount_path": "/d", "size": "-1Gi"}, "volume.size must be a valid positive quantity"),
        ({"mount_path": "/d", "size": "much"}, "volume.size must be a valid positive quantity"),
        (
            {"mount_path": "/d", "size": "1Gi", "lifecycle_policy": "keep"},
            'volume.lifecycle_policy must be either "delete" or "retain"',
        ),
        (
            {"mount_path": "/d", "name": "x", "lifecycle_policy": "retain"},
            "volume.lifecycle_policy is only valid when volume.size is set",
        ),
        ({"mount_path": "d", "size": "1Gi"}, "volume.mount_path must be an absolute path"),
        (
            {"mount_path": "/oscar/bin", "size": "1Gi"},
            "volume.mount_path cannot overlap OSCAR reserved paths",
        ),
        ({"mount_path": "//oscar/config/x/", "size": "1Gi"}, "volume.mount_path cannot overlap"),
        ({"mount_path": "/x/../oscar", "size": "1Gi"}, "volume.mount_path cannot overlap"),
        ({"mount_path": "/", "size": "1Gi"}, "volume.mount_path cannot overlap"),
    ],
)
def test_the_rules_of_a_services_volume(cluster: LocalCluster, volume: dict[str, Any], text: str) -> None:
    response = cluster.api.post("/system/services", json=with_volume("ruled", **volume))
    assert response.status_code == 400
    assert response.text.startswith(PREFIX + text)


def test_a_volume_of_the_wrong_type_is_a_mistake_of_the_body(cluster: LocalCluster) -> None:
    body = {"name": "typed", "image": "i", "script": "true", "volume": "data"}
    response = cluster.api.post("/system/services", json=body)
    assert response.text.startswith(f"{PREFIX}json: cannot unmarshal string into Go struct field Service")
    assert cluster.api.post("/system/services", json={**body, "volume": None}).status_code == 201
    assert "volume" not in cluster.api.get("/system/services/typed").json()


def test_a_mount_path_becomes_a_link_and_goes_with_the_service(cluster: LocalCluster, tmp_path: Path) -> None:
    path = tmp_path / "made" / "for it"
    body = with_volume("linked", size="1Gi", mount_path=f"{path}/../for it")
    assert cluster.api.post("/system/services", json=body).status_code == 201
    assert path.readlink() == cluster.folder.volumes / "linked"
    guest = with_volume("linkguest", name="linked", mount_path=str(path))
    assert cluster.api.post("/system/services", json=guest).status_code == 201
    cluster.api.delete("/system/services/linkguest")
    assert path.exists(), "another service mounts it there"
    cluster.api.delete("/system/services/linked")
    assert list(tmp_path.iterdir()) == [], "the folder that was made for the link is gone, too"


def test_a_refused_service_leaves_no_link(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "PLACE", "/dev/null")
    body = with_volume("half", size="1Gi", mount_path=str(tmp_path / "made" / "half"))
    refused = {**body, "mount": {"storage_provider": "minio.default", "path": "half-bucket"}}
    answer = cluster.api.post("/system/services", json=refused)
    assert (answer.status_code, "mount.path: " in answer.text) == (400, True)
    assert list(tmp_path.iterdir()) == []


def test_a_link_of_somebody_else_stays(cluster: LocalCluster, tmp_path: Path) -> None:
    path = link(cluster, "byhand", tmp_path)
    cluster.api.post("/system/services", json=with_volume("byhand", size="1Gi", mount_path=path))
    cluster.api.delete("/system/services/byhand")
    assert Path(path).is_symlink()


def test_a_mount_path_that_leads_elsewhere_is_refused_with_the_way_out(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a path"
    body = with_volume("unmapped", size="1Gi", mount_path=str(path))
    path.mkdir()
    refused = cluster.api.post("/system/services", json=body)
    assert refused.status_code == 400
    assert refused.text.startswith(f"{PREFIX}volume.mount_path: something else is at {path} now")
    path.rmdir()
    path.symlink_to(path)
    assert cluster.api.post("/system/services", json=body).status_code == 400, "a link to itself"
    path.unlink()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", refuse)
        refused = cluster.api.post("/system/services", json=body)
    folder = cluster.folder.volumes / "unmapped"
    assert (refused.status_code, f"ln -s {folder} '{path}'" in refused.text) == (400, True)
    assert "Permission denied" in refused.text
    assert cluster.api.get(f"{ROUTE}/unmapped").status_code == 404
    inside = with_volume("unmapped", size="1Gi", mount_path=str(cluster.folder.volumes / "nested"))
    assert "another service mounts" in cluster.api.post("/system/services", json=inside).text
    assert cluster.api.post("/system/services", json=body).status_code == 201


def test_a_service_brings_its_volume_writes_to_it_and_takes_it_along(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    path = link(cluster, "brought", tmp_path)
    volume = {"size": "1Gi", "mount_path": path}
    cluster.create("brought", f'cp "$INPUT_FILE_PATH" {path}/got\n', volume=volume)
    service = cluster.api.get("/system/services/brought").json()
    assert service["volume"] == {"name": "brought", **volume, "lifecycle_policy": "delete"}
    assert list(service["volume"]) == ["name", "size", "mount_path", "lifecycle_policy"]
    assert service["volume_status"] == {"enabled": True, "name": "brought", "phase": "in_use"}
    shown = cluster.api.get(f"{ROUTE}/brought").json()
    assert (shown["creation_mode"], shown["created_by_service"]) == ("service", "brought")
    assert shown["lifecycle_policy"] == "delete"
    assert shown["attachments"] == [{"service_name": "brought", "mount_path": path}]
    assert shown["status"] == {"phase": "in_use", "attachment_count": 1}
    cluster.upload("brought", "in/x", b"content")
    (job,) = cluster.ended("brought").values()
    assert job["status"] == "Succeeded"
    assert (cluster.folder.volumes / "brought" / "got").read_bytes() == b"content"
    refused = cluster.api.delete(f"{ROUTE}/brought")
    words = "managed volume is still attached to one or more services"
    assert (refused.status_code, refused.text) == (400, words)
    assert cluster.api.delete("/system/services/brought").status_code == 204
    assert cluster.api.get(f"{ROUTE}/brought").status_code == 404
    assert not (cluster.folder.volumes / "brought").exists()


def test_a_retained_volume_stays_and_can_be_attached(cluster: LocalCluster, tmp_path: Path) -> None:
    path = link(cluster, "retained", tmp_path)
    body = with_volume("first", name="retained", size="1Gi", mount_path=path, lifecycle_policy="retain")
    assert cluster.api.post("/system/services", json=body).status_code == 201
    (cluster.folder.volumes / "retained" / "kept").write_text("x")
    again = cluster.api.post("/system/services", json={**body, "name": "second"})
    assert (again.status_code, again.text) == (
        409,
        "A managed volume with the provided name already exists",
    )
    cluster.api.delete("/system/services/first")
    shown = cluster.api.get(f"{ROUTE}/retained").json()
    assert (shown["status"], shown["lifecycle_policy"]) == ({"phase": "ready"}, "retain")
    attach = with_volume("second", name="retained", mount_path=path)
    assert cluster.api.post("/system/services", json=attach).status_code == 201
    cluster.api.delete("/system/services/second")
    assert (cluster.folder.volumes / "retained" / "kept").exists()
    assert cluster.api.delete(f"{ROUTE}/retained").status_code == 204


def test_a_volume_that_another_service_mounts_survives_its_own(
    cluster: LocalCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = link(cluster, "shared", tmp_path)
    owner = with_volume("shared", size="1Gi", mount_path=path)
    guest = with_volume("guest", name="shared", mount_path=path)
    for body in (owner, guest):
        assert cluster.api.post("/system/services", json=body).status_code == 201
    assert cluster.api.get(f"{ROUTE}/shared").json()["status"]["attachment_count"] == 2
    with caplog.at_level("WARNING", "oscarcli.local"):
        cluster.api.delete("/system/services/shared")
    assert 'volume "shared" stays after service "shared": guest uses it too' in caplog.text
    assert cluster.api.get(f"{ROUTE}/shared").status_code == 200
    cluster.api.delete("/system/services/guest")
    assert cluster.api.get(f"{ROUTE}/shared").status_code == 200


def test_a_volume_that_is_not_there_cannot_be_attached(cluster: LocalCluster) -> None:
    body = with_volume("hopeful", name="nowhere", mount_path="/d")
    response = cluster.api.post("/system/services", json={**body, "input": []})
    assert (response.status_code, response.text) == (
        400,
        "Referenced volume does not exist in the caller namespace",
    )
    assert cluster.api.get("/system/services/hopeful").status_code == 404


def test_an_update_leaves_the_volume_alone(cluster: LocalCluster, tmp_path: Path) -> None:
    path = link(cluster, "steady", tmp_path)
    body = with_volume("steady", size="1Gi", mount_path=path)
    cluster.api.post("/system/services", json=body)
    same = {**body, "memory": "1Gi"}
    assert cluster.api.put("/system/services", json=same).status_code == 204
    returned = cluster.api.get("/system/services/steady").json()
    assert cluster.api.put("/system/services", json=returned).status_code == 204
    for change in ({"size": "2Gi", "mount_path": path}, None):
        refused = cluster.api.put("/system/services", json={**body, "volume": change})
        assert (refused.status_code, refused.text) == (
            400,
            "volume updates are not supported after service creation",
        )
    assert cluster.api.get("/system/services/steady").json() == returned


def test_a_run_whose_volume_is_out_of_reach_fails_and_says_so(cluster: LocalCluster, tmp_path: Path) -> None:
    path = tmp_path / "torn-mount"
    cluster.create("torn", "true\n", volume={"size": "1Gi", "mount_path": str(path)})
    path.unlink()
    path.mkdir()
    cluster.submit("torn")
    ((name, job),) = cluster.ended("torn").items()
    assert (job["status"], "something else is at" in job["reason"]) == ("Failed", True)
    assert "something else is at" in cluster.log("torn", name)
    response = cluster.call("POST", "/run/torn", headers=cluster.bearer("torn"))
    assert (response.status_code, "something else is at" in response.text) == (502, True)
    path.rmdir()
    response = cluster.call("POST", "/run/torn", headers=cluster.bearer("torn"))
    assert response.status_code == 200, "the link is made again"
    (cluster.folder.volumes / "torn").rmdir()
    response = cluster.call("POST", "/run/torn", headers=cluster.bearer("torn"))
    assert (response.status_code, "folder is missing" in response.text) == (502, True)
    status = cluster.api.get("/system/services/torn").json()["volume_status"]
    assert status == {
        "enabled": True,
        "name": "torn",
        "phase": "error",
        "error": "the volume's folder is missing",
    }


def test_what_a_deleted_service_still_writes_does_not_reach_the_next_volume(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    path = link(cluster, "late", tmp_path)
    begun = tmp_path / "begun"
    script = f"cd {path}; trap 'touch late; exit' TERM; touch {begun}; while :; do sleep 0.01; done\n"
    volume = {"size": "1Gi", "mount_path": path}
    cluster.create("late", script, volume=volume, output=[])
    cluster.submit("late")
    wait_for(begun.exists, "the script")
    assert cluster.api.delete("/system/services/late").status_code == 204
    cluster.create("late", "true\n", volume=volume, output=[])
    wait_for(lambda: not list(cluster.folder.jobs.glob("late-*")), "the end of the script")
    assert list((cluster.folder.volumes / "late").iterdir()) == []


def test_volumes_outlive_a_restart_and_end_with_a_reset(start_cluster: Callable[..., LocalCluster]) -> None:
    cluster = start_cluster()
    make(cluster, "lasting")
    (cluster.folder.volumes / "lasting" / "file").write_text("x")
    cluster.close()
    again = start_cluster()
    assert [volume["name"] for volume in again.api.get(ROUTE).json()] == ["lasting"]
    assert (again.folder.volumes / "lasting" / "file").read_text() == "x"
    again.close()
    again.folder.clear()
    assert not again.folder.path.exists()


def test_a_reset_removes_the_links(start_cluster: Callable[..., LocalCluster], tmp_path: Path) -> None:
    cluster = start_cluster()
    path = tmp_path / "made" / "link"
    body = with_volume("linked", size="1Gi", mount_path=str(path))
    assert cluster.api.post("/system/services", json=body).status_code == 201
    assert path.is_symlink()
    cluster.close()
    control.reset(cluster.folder)
    assert not (tmp_path / "made").exists()
    assert not cluster.folder.path.exists()
