"""The routes of buckets, and links to single objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.local.harness import LocalCluster


def test_without_buckets_the_list_is_null(start_cluster: Callable[..., LocalCluster]) -> None:
    assert start_cluster().api.get("/system/buckets").text == "null"


def test_a_bucket_comes_listed_and_goes(cluster: LocalCluster) -> None:
    response = cluster.api.post("/system/buckets", json={"Bucket_Name": "/plain/folder/deep/"})
    assert (response.status_code, response.content) == (201, b"")
    assert cluster.keys("plain") == ["folder/deep/"]
    cluster.s3.put_object(Bucket="plain", Key="x", Body=b"1" * 1536)
    (bucket,) = [item for item in cluster.api.get("/system/buckets").json() if item["bucket_name"] == "plain"]
    assert bucket == {
        "bucket_name": "plain",
        "visibility": "",
        "allowed_users": None,
        "owner": "oscar",
        "metadata": {"owner_name": "oscar"},
        "storage_quota": {"source": "unset"},
        "storage_usage": {"used": "1.5Ki", "used_bytes": 1536, "objects": 2},
        "attribution": "complete",
    }
    response = cluster.api.delete("/system/buckets/plain")
    assert (response.status_code, response.content) == (204, b"")
    response = cluster.api.delete("/system/buckets/plain")
    assert (response.status_code, response.text) == (404, "The bucket 'plain' does not exist")


def test_one_bucket_shows_its_objects_by_pages(cluster: LocalCluster) -> None:
    cluster.api.post("/system/buckets", json={"bucket_name": "paged"})
    empty = cluster.api.get("/system/buckets/paged").json()
    assert "objects" not in empty
    assert (empty["is_truncated"], empty["returned_items"], empty["owner"]) == (False, 0, "oscar")
    assert empty["metadata"] == {"owner": "oscar", "owner_name": "oscar"}
    names = sorted(f"k{number}" for number in range(75))
    for name in names:
        cluster.s3.put_object(Bucket="paged", Key=name, Body=b"1")
    first = cluster.api.get("/system/buckets/paged").json()
    second = cluster.api.get("/system/buckets/paged", params={"page": first["next_page"]}).json()
    assert (first["is_truncated"], first["returned_items"]) == (True, 70)
    assert (second["is_truncated"], second["returned_items"], "next_page" in second) == (False, 5, False)
    objects = first["objects"] + second["objects"]
    assert [item["object_name"] for item in objects] == names
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC"
    assert all(re.fullmatch(time, item["last_modified"]) for item in objects)
    assert cluster.api.get("/system/buckets/paged", params={"page": "x"}).status_code == 500


def test_the_bucket_of_a_service_belongs_to_the_administrator(cluster: LocalCluster) -> None:
    cluster.create("bucketed")
    found = cluster.api.get("/system/buckets/bucketed-bucket").json()
    assert found["owner"] == "cluster_admin"
    assert found["metadata"] == {"from_service": "bucketed", "owner": "", "owner_name": "oscar"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "The Bucket specification is not valid: EOF"),
        (b'{"bucket_name": 1}', "The Bucket specification is not valid: json: cannot unmarshal number"),
        (b'{"bucket_name": "Upper"}', "Error creating bucket with name 'Upper': "),
        (b"{}", "Error creating bucket with name '': "),
    ],
)
def test_what_is_no_bucket_is_refused(cluster: LocalCluster, body: bytes, text: str) -> None:
    response = cluster.api.post("/system/buckets", content=body)
    assert response.status_code == 400
    assert response.text.startswith(text)


def test_a_bucket_that_exists_is_refused(cluster: LocalCluster) -> None:
    cluster.api.post("/system/buckets", json={"bucket_name": "twice"})
    response = cluster.api.post("/system/buckets", json={"bucket_name": "twice"})
    text = "Error creating bucket with name 'twice': the bucket \"twice\" already exists\n"
    assert (response.status_code, response.text) == (400, text)


def test_a_missing_bucket_is_no_404_to_its_reader(cluster: LocalCluster) -> None:
    response = cluster.api.get("/system/buckets/missing")
    assert response.status_code == 500
    assert response.text.startswith("Error listing objects in bucket")
    response = cluster.api.put("/system/buckets", json={"bucket_name": "missing"})
    assert (response.status_code, response.text) == (500, "Missing bucket metadata: \n")


def test_a_change_of_visibility_is_accepted(cluster: LocalCluster) -> None:
    cluster.api.post("/system/buckets", json={"bucket_name": "changed"})
    response = cluster.api.put("/system/buckets", json={"bucket_name": "changed", "visibility": "public"})
    assert (response.status_code, response.content) == (204, b"")


def presigned(cluster: LocalCluster, **body: Any) -> dict[str, Any]:
    if cluster.api.get("/system/buckets/linked").status_code != 200:
        cluster.api.post("/system/buckets", json={"bucket_name": "linked"})
    response = cluster.api.post("/system/buckets/linked/presign", json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_links_upload_and_download(cluster: LocalCluster) -> None:
    up = presigned(
        cluster,
        object_key=" /a b/ü.txt/",
        operation="UPLOAD",
        content_type="text/x",
        extra_headers={"x-amz-meta-who": "me"},
    )
    assert (up["object_key"], up["operation"], up["method"]) == ("a b/ü.txt", "upload", "PUT")
    assert up["headers"] == {"Content-Type": "text/x", "X-Amz-Meta-Who": "me"}
    assert (
        httpx.put(
            up["url"], content=b"bytes", headers=up["headers"], trust_env=False, verify=False
        ).status_code
        == 200
    )
    down = presigned(
        cluster, object_key="a b/ü.txt", operation="download", content_type="text/y", expires_in=60
    )
    answer = httpx.get(down["url"], trust_env=False, verify=False)
    assert (answer.content, answer.headers["content-type"]) == (b"bytes", "text/y")
    assert "headers" not in down
    bare = httpx.put(up["url"], content=b"x", trust_env=False, verify=False)
    assert bare.status_code in (400, 403), "its headers belong to the link"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Invalid presign request: Key: 'PresignRequest.ObjectKey'"),
        ({"object_key": "x"}, "Invalid presign request: Key: 'PresignRequest.Operation'"),
        ({"object_key": "/", "operation": "upload"}, "object_key cannot be empty"),
        ({"object_key": "x", "operation": "delete"}, "operation must be"),
        ({"object_key": "x", "operation": "upload", "expires_in": 604801}, "expires_in must be"),
        ({"object_key": "x", "operation": "upload", "expires_in": -1}, "expires_in must be"),
    ],
)
def test_what_is_no_link_is_refused(cluster: LocalCluster, body: dict[str, Any], text: str) -> None:
    response = cluster.api.post("/system/buckets/any/presign", json=body)
    assert response.status_code == 400
    assert response.text.startswith(text)


def test_a_link_into_a_missing_bucket(cluster: LocalCluster) -> None:
    body = {"object_key": "x", "operation": "upload"}
    response = cluster.api.post("/system/buckets/missing/presign", json=body)
    assert (response.status_code, response.text) == (404, "Bucket 'missing' not found")
