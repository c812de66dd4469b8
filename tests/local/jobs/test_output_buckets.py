"""Services with outputs in other stores: what is made there, what is refused, and with which words.

The words in front of an error are the manager's, the error that of Amazon's SDK for Go, which was asked.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.harness import LocalCluster
from tests.support.certificate import certified
from tests.support.onedata_servers import EXPIRED, SPACE, TOKEN, OneproviderServer, oneprovider
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY, Server, client_of, local_server

NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with local_server(tmp_path_factory.mktemp("other")) as server:
        yield server


def minio(store: Server, **change: Any) -> dict[str, Any]:
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "us-east-1"}
    return {"endpoint": store.endpoint, "verify": False, **keys, **change}


def definition(name: str, store: Server, *paths: str, **change: Any) -> dict[str, Any]:
    """Return a service with outputs in the other store."""
    return {
        "name": name,
        "image": "none",
        "script": 'cp "$INPUT_FILE_PATH" "$TMP_OUTPUT_DIR/result.txt"\n',
        "input": [{"storage_provider": "minio", "path": f"{name}-own/in"}],
        "output": [{"storage_provider": "minio.other", "path": path} for path in paths],
        "storage_providers": {"minio": {"other": minio(store, **change)}},
    }


def keys(store: Server, bucket: str) -> list[str]:
    return [one["Key"] for one in client_of(store).list_objects_v2(Bucket=bucket).get("Contents", [])]


def buckets(client: Any) -> list[str]:
    return [one["Name"] for one in client.list_buckets()["Buckets"]]


def test_buckets_and_folders_are_made_and_stay(cluster: LocalCluster, store: Server) -> None:
    body = definition("made", store, "made/out/deep", "made/more", "made-two/out")
    answer = cluster.api.post("/system/services", json=body)
    assert (answer.status_code, answer.text) == (201, "")
    assert (keys(store, "made"), keys(store, "made-two")) == (["more/", "out/deep/"], ["out/"])
    assert cluster.keys("made-own") == ["in/"]
    assert "made" not in buckets(cluster.s3)
    cluster.s3.put_object(Bucket="made-own", Key="in/x", Body=b"content")
    (state,) = cluster.ended("made").values()
    assert state["status"] == "Succeeded"
    assert keys(store, "made") == ["more/", "more/result.txt", "out/deep/", "out/deep/result.txt"]
    assert client_of(store).get_object(Bucket="made-two", Key="out/result.txt")["Body"].read() == b"content"
    assert cluster.api.delete("/system/services/made").status_code == 204
    assert "made-own" not in buckets(cluster.s3)
    assert keys(store, "made-two") == ["out/", "out/result.txt"]


@pytest.mark.parametrize(
    ("change", "path", "text"),
    [
        (
            {"secret_key": "wrong"},
            "bad/out",
            "error creating bucket bad: SignatureDoesNotMatch: The request signature we calculated does not "
            "match the signature you provided. Check your key and signing method.\n\tstatus code: 403, "
            "request id: ",
        ),
        (
            {"access_key": "nobody"},
            "bad/out",
            "error creating bucket bad: InvalidAccessKeyId: The Access Key Id you provided does not exist in "
            "our records.\n\tstatus code: 403, request id: ",
        ),
        (
            {"endpoint": NOBODY},
            "bad/out",
            f'error creating bucket bad: RequestError: send request failed\ncaused by: Put "{NOBODY}/bad": '
            "Connection refused",
        ),
        (
            {"region": ""},
            "bad/out",
            "error creating bucket bad: MissingRegion: could not find region configuration",
        ),
        (
            {},
            "Bad_Name/out",
            "error creating bucket Bad_Name: InvalidBucketName: The specified bucket is not valid.\n\t"
            "status code: 400, request id: ",
        ),
        # The input's bucket has that name, so the manager makes none, wherever the output is.
        (
            {},
            "bad-own/out",
            'error creating folder "out/" in bucket "bad-own": NoSuchBucket: The specified bucket does not '
            "exist\n\tstatus code: 404, request id: ",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    cluster: LocalCluster, store: Server, change: dict[str, str], path: str, text: str
) -> None:
    answer = cluster.api.post("/system/services", json=definition("bad", store, path, **change))
    assert answer.status_code == 500
    assert answer.text.startswith(text)
    assert cluster.api.get("/system/services/bad").status_code == 404
    assert "bad-own" not in buckets(cluster.s3)


def test_an_older_bucket_of_the_input_outlives_the_refusal(cluster: LocalCluster, store: Server) -> None:
    cluster.s3.create_bucket(Bucket="older-own")
    body = definition("older", store, "older/out", secret_key="wrong")
    assert cluster.api.post("/system/services", json=body).status_code == 500
    assert "older-own" in buckets(cluster.s3)


def test_an_update_makes_what_it_can(cluster: LocalCluster, store: Server) -> None:
    body = definition("later", store, "later/out")
    assert cluster.api.post("/system/services", json=body).status_code == 201
    body = definition("later", store, "later/more", "later-two/out")
    assert cluster.api.put("/system/services", json=body).status_code == 204
    assert keys(store, "later-two") == ["out/"]
    body = definition("later", store, "later-three/out", secret_key="wrong")
    assert cluster.api.put("/system/services", json=body).status_code == 204
    assert "later-three" not in buckets(client_of(store))


def test_a_bucket_that_is_there_is_shared(cluster: LocalCluster, store: Server) -> None:
    client_of(store).create_bucket(Bucket="there")
    body = definition("sharing", store, "there/out")
    assert cluster.api.post("/system/services", json=body).status_code == 201
    assert keys(store, "there") == ["out/"]


def test_strict_answers_as_the_manager_does(
    start_cluster: Callable[..., LocalCluster], store: Server
) -> None:
    cluster = start_cluster(strict=True)
    client_of(store).create_bucket(Bucket="taken")
    answer = cluster.api.post("/system/services", json=definition("strict", store, "taken/out"))
    assert (answer.status_code, answer.text) == (500, 'the bucket "taken" already exists\n')
    assert cluster.api.get("/system/services/strict").status_code == 404
    answer = cluster.api.post("/system/services", json=definition("strict", store, "new/out"))
    words = "Error tagging bucket: error setting tag on bucket new: The specified bucket does not exist"
    assert (answer.status_code, answer.text) == (400, words)
    assert cluster.api.get("/system/services/strict").status_code == 200
    assert keys(store, "new") == ["out/"]


def test_amazon_is_asked_by_region(
    cluster: LocalCluster, store: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.endpoint)
    account = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": "eu-west-1"}
    body = definition("amazon", store) | {
        "output": [{"storage_provider": "s3.archive", "path": "amazon/out"}],
        "storage_providers": {"s3": {"archive": account}},
    }
    assert cluster.api.post("/system/services", json=body).status_code == 201
    assert keys(store, "amazon") == ["out/"]


@pytest.fixture(scope="module")
def onedata(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OneproviderServer, Path]]:
    folder = tmp_path_factory.mktemp("onedata")
    _, voucher = certified(folder)
    with oneprovider(folder, folder / "server.pem") as server:
        yield server, voucher


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"token": EXPIRED}, "The authentication credentials are missing or invalid"),
        # Onedata answers 400, which for the manager is a folder that is there.
        ({"space": "Other"}, ""),
        ({"oneprovider_host": "127.0.0.1:1"}, "no answer from https://127.0.0.1:1: "),
    ],
)
def test_folders_in_onedata_are_made_with_the_service(
    cluster: LocalCluster,
    onedata: tuple[OneproviderServer, Path],
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    words: str,
) -> None:
    server, voucher = onedata
    monkeypatch.setenv("SSL_CERT_FILE", str(voucher))
    host = server.endpoint.removeprefix("https://")
    settings = {"oneprovider_host": host, "token": TOKEN, "space": SPACE, **change}
    shutil.rmtree(server.space / "a ü", ignore_errors=True)
    (server.space / "a ü").mkdir()
    body = {
        "name": "onedata",
        "image": "none",
        "script": "true\n",
        "output": [{"storage_provider": "onedata.plg", "path": "a ü/b/c"}],
        "storage_providers": {"onedata": {"plg": settings}},
    }
    answer = cluster.api.post("/system/services", json=body)
    if not words:
        assert (answer.status_code, answer.text) == (201, "")
        assert cluster.api.delete("/system/services/onedata").status_code == 204
        assert (server.space / "a ü" / "b" / "c").is_dir() is (not change)
        return
    host = settings["oneprovider_host"]
    assert answer.status_code == 500
    assert answer.text.startswith(f'error connecting to Onedata\'s Oneprovider "{host}". Error: {words}')
    assert cluster.api.get("/system/services/onedata").status_code == 404


# -- input ---------------------------------------------------------------------------------------------


def input_at(cluster: LocalCluster, provider: str, settings: dict[str, Any]) -> Any:
    body = {
        "name": "given",
        "image": "none",
        "script": "true\n",
        "input": [{"storage_provider": provider, "path": "given/in"}],
        "storage_providers": {provider.partition(".")[0]: {"other": settings}},
    }
    return cluster.api.post("/system/services", json=body)


def test_input_of_another_minio_is_refused(cluster: LocalCluster, store: Server) -> None:
    answer = input_at(cluster, "minio.other", minio(store))
    words = f'the provided MinIO server "{store.endpoint}" is not the configured in OSCAR'
    assert (answer.status_code, answer.text) == (500, words)
    answer = input_at(cluster, "s3.other", minio(store))
    assert (answer.status_code, answer.text) == (
        400,
        "unrecognized input (valid inputs are MinIO and dCache)",
    )
    assert cluster.api.get("/system/services/given").status_code == 404


def test_the_own_store_may_have_another_name(cluster: LocalCluster) -> None:
    own = cluster.api.get("/system/config").json()["minio_provider"]
    assert input_at(cluster, "minio.other", {**own, "secret_key": "wrong"}).status_code == 500
    assert input_at(cluster, "minio.other", own).status_code == 201
    cluster.s3.put_object(Bucket="given", Key="in/x", Body=b"x")
    (state,) = cluster.ended("given").values()
    assert state["status"] == "Succeeded"
