"""Buckets: names and objects under any server's keys, pages that end, and what a failure means."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from oscarcli.api import buckets
from oscarcli.api.buckets import ObjectSelection
from oscarcli.api.client import Client
from oscarcli.errors import ForbiddenError, NotFoundError, OscarError, UsageError

Script = Callable[[httpx.Request], httpx.Response]


def client(script: Script) -> tuple[Client, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        return script(request)

    transport = httpx.MockTransport(handler)
    return Client("http://h", httpx.BasicAuth("a", "b"), transport=transport, retries=False), seen


def always(value: Any, status: int = 200) -> Script:
    return lambda _request: httpx.Response(status, json=value)


def paged(contents: list[list[str]]) -> Script:
    """Return a bucket whose pages hold these objects; tokens are the pages' numbers."""

    def script(request: httpx.Request) -> httpx.Response:
        index = int(request.url.params.get("page", "0"))
        document: dict[str, Any] = {"objects": [{"object_name": name} for name in contents[index]]}
        if index + 1 < len(contents):
            document |= {"is_truncated": True, "next_page": str(index + 1)}
        return httpx.Response(200, json=document)

    return script


def found(bucket: dict[str, Any]) -> list[str]:
    return [one["object_name"] for one in bucket["objects"]]


@pytest.mark.parametrize(
    ("bucket", "name"),
    [
        ({"bucket_name": "a", "bucket_path": "b"}, "a"),
        ({"bucket_path": "b"}, "b"),
        ({"Name": "c"}, "c"),
        ({"bucket_name": ""}, ""),
        ({}, ""),
    ],
)
def test_a_buckets_name(bucket: dict[str, Any], name: str) -> None:
    assert buckets.bucket_name(bucket) == name


@pytest.mark.parametrize(
    ("one", "size"), [({"size_bytes": 3}, 3), ({"size": 4}, 4), ({"size_bytes": 0, "size": 4}, 0), ({}, 0)]
)
def test_an_objects_size(one: dict[str, Any], size: int) -> None:
    assert buckets.object_size(one) == size


PAGES = [["a", "b"], ["c", "in/1"], ["in/2", "z"]]


@pytest.mark.parametrize(
    ("selection", "names", "truncated", "token", "calls"),
    [
        (ObjectSelection(), ["a", "b"], True, "1", 1),
        (ObjectSelection(page="2"), ["in/2", "z"], False, None, 1),
        (ObjectSelection(everything=True), ["a", "b", "c", "in/1", "in/2", "z"], False, None, 3),
        (ObjectSelection(page="1", everything=True), ["c", "in/1", "in/2", "z"], False, None, 2),
        (ObjectSelection(prefix="in/"), ["in/1", "in/2"], False, None, 3),
        (ObjectSelection(limit=1), ["a"], True, None, 1),
        (ObjectSelection(limit=2), ["a", "b"], True, "1", 1),
        (ObjectSelection(limit=3), ["a", "b", "c"], True, None, 2),
        (ObjectSelection(limit=6), ["a", "b", "c", "in/1", "in/2", "z"], False, None, 3),
        (ObjectSelection(limit=99), ["a", "b", "c", "in/1", "in/2", "z"], False, None, 3),
        (ObjectSelection(prefix="in/", limit=1), ["in/1"], True, "2", 2),
        (ObjectSelection(prefix="nothing"), [], False, None, 3),
    ],
)
def test_what_is_selected(
    selection: ObjectSelection, names: list[str], truncated: bool, token: str | None, calls: int
) -> None:
    api, seen = client(paged(PAGES))
    bucket = buckets.get_bucket(api, "b", selection)
    assert (found(bucket), bucket["is_truncated"], bucket.get("next_page")) == (names, truncated, token)
    assert bucket["returned_items"] == len(names)
    assert len(seen) == calls


def test_going_on_with_the_token_misses_nothing_and_repeats_nothing() -> None:
    api, _ = client(paged(PAGES))
    names: list[str] = []
    page: str | None = None
    while True:
        bucket = buckets.get_bucket(api, "b", ObjectSelection(page=page))
        names += found(bucket)
        page = bucket.get("next_page")
        if page is None:
            break
    assert names == [name for content in PAGES for name in content]


def test_truncated_false_ends_it_whatever_the_token() -> None:
    api, seen = client(always({"objects": [], "is_truncated": False, "next_page": "again"}))
    assert "next_page" not in buckets.get_bucket(api, "b", ObjectSelection(everything=True))
    assert len(seen) == 1


@pytest.mark.parametrize("objects", [None, []])
def test_no_objects_are_an_empty_list(objects: Any) -> None:
    api, _ = client(always({"bucket_name": "b", "objects": objects}))
    assert buckets.get_bucket(api, "b", ObjectSelection())["objects"] == []


def test_an_expired_token_is_no_missing_bucket() -> None:
    api, seen = client(lambda _request: httpx.Response(500, text="token expired"))
    with pytest.raises(OscarError, match="token expired"):
        buckets.get_bucket(api, "b", ObjectSelection(page="old"))
    assert len(seen) == 1


def test_a_list_that_fails_too_leaves_the_first_failure() -> None:
    api, _ = client(lambda _request: httpx.Response(500, text="minio is away"))
    with pytest.raises(OscarError, match=r'list the objects of bucket "b".*minio is away'):
        buckets.get_bucket(api, "b", ObjectSelection())


def test_forbidden_stays_forbidden_without_a_second_question() -> None:
    api, seen = client(lambda _request: httpx.Response(403))
    with pytest.raises(ForbiddenError):
        buckets.get_bucket(api, "b", ObjectSelection())
    assert len(seen) == 1


def test_find_says_where_to_look() -> None:
    api, _ = client(always([{"bucket_name": "a"}]))
    assert buckets.find_bucket(api, "a") == {"bucket_name": "a"}
    with pytest.raises(NotFoundError) as raised:
        buckets.find_bucket(api, "b")
    assert "bucket list" in str(raised.value.hint)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_is_no_name_asks_no_other_route(name: str) -> None:
    api, seen = client(always({}))
    with pytest.raises(UsageError):
        buckets.get_bucket(api, name, ObjectSelection())
    with pytest.raises(UsageError):
        buckets.delete_bucket(api, name)
    assert seen == []


def test_a_slash_in_a_name_is_encoded() -> None:
    api, seen = client(lambda _request: httpx.Response(204))
    buckets.delete_bucket(api, "a/b")
    assert seen[0].url.raw_path == b"/system/buckets/a%2Fb"


def test_users_go_only_to_a_restricted_bucket() -> None:
    def script(request: httpx.Request) -> httpx.Response:
        return (
            httpx.Response(204)
            if request.method == "PUT"
            else httpx.Response(200, json=[{"bucket_name": "b"}])
        )

    api, seen = client(script)
    buckets.update_bucket(api, "b", visibility="public", allowed_users=["ada"])
    buckets.update_bucket(api, "b", visibility="restricted", allowed_users=["ada"])
    bodies = [json.loads(request.content) for request in seen if request.method == "PUT"]
    assert bodies == [
        {"bucket_name": "b", "visibility": "public"},
        {"bucket_name": "b", "visibility": "restricted", "allowed_users": ["ada"]},
    ]
