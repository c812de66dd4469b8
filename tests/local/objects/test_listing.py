"""Listing: both versions of the call, pages, delimiters, markers and encodings."""

from __future__ import annotations

import io
from typing import Any

import pytest

from oscarcli.local.objects.listing import successor
from tests.local.objects.harness import Server, refusal

# In UTF-8 order, which differs from UTF-16's for the last two.
KEYS = ["a", "a b+c%", "a/", "a/1", "a/2/x", "a/2/y", "b", "b/c/d", "é", "\uffee", "🙂"]


@pytest.fixture
def filled(server: Server, s3: Any) -> Any:
    for key in reversed(KEYS):
        server.store.put("data", key, io.BytesIO(key.encode()))
    return s3


def _names(answer: Any) -> tuple[list[str], list[str]]:
    keys = [item["Key"] for item in answer.get("Contents", [])]
    return keys, [item["Prefix"] for item in answer.get("CommonPrefixes", [])]


def test_keys_come_in_the_order_of_their_bytes(filled: Any) -> None:
    assert _names(filled.list_objects_v2(Bucket="data")) == (KEYS, [])
    assert _names(filled.list_objects(Bucket="data")) == (KEYS, [])
    assert filled.list_objects_v2(Bucket="data")["KeyCount"] == len(KEYS)


def test_a_delimiter_folds_what_lies_below(filled: Any) -> None:
    top = (["a", "a b+c%", "b", "é", "\uffee", "🙂"], ["a/", "b/"])
    assert _names(filled.list_objects_v2(Bucket="data", Delimiter="/")) == top
    assert _names(filled.list_objects(Bucket="data", Delimiter="/")) == top
    below = (["a/", "a/1"], ["a/2/"])
    assert _names(filled.list_objects_v2(Bucket="data", Delimiter="/", Prefix="a/")) == below
    assert _names(filled.list_objects_v2(Bucket="data", Prefix="a/2")) == (["a/2/x", "a/2/y"], [])
    assert _names(filled.list_objects_v2(Bucket="data", Prefix="zz")) == ([], [])
    assert _names(filled.list_objects_v2(Bucket="data", Delimiter=" b+")) == (
        ["a", *KEYS[2:]],
        ["a b+"],
    )


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 12])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_put_together_are_the_whole(filled: Any, size: int, delimiter: str) -> None:
    options = {"Delimiter": delimiter} if delimiter else {}
    whole = _names(filled.list_objects_v2(Bucket="data", **options))
    for operation in ("list_objects", "list_objects_v2"):
        keys: list[str] = []
        prefixes: list[str] = []
        pages = filled.get_paginator(operation).paginate(
            Bucket="data", PaginationConfig={"PageSize": size}, **options
        )
        for page in pages:
            found = _names(page)
            assert len(found[0]) + len(found[1]) <= size
            keys += found[0]
            prefixes += found[1]
        assert (keys, prefixes) == whole


def test_a_listing_can_start_after_any_name(filled: Any) -> None:
    assert _names(filled.list_objects_v2(Bucket="data", StartAfter="b"))[0] == KEYS[7:]
    assert _names(filled.list_objects(Bucket="data", Marker="b"))[0] == KEYS[7:]
    # As MinIO does, a folder that was begun counts as listed.
    assert _names(filled.list_objects(Bucket="data", Marker="a/1", Delimiter="/"))[1] == ["b/"]
    assert _names(filled.list_objects(Bucket="data", Marker="a", Delimiter="/"))[1] == ["a/", "b/"]
    assert _names(filled.list_objects(Bucket="data", Marker="a/2/x", Prefix="a/"))[0] == ["a/2/y"]
    assert _names(filled.list_objects(Bucket="data", Marker="z", Prefix="a/"))[0] == []
    assert _names(filled.list_objects(Bucket="data", Marker="0", Prefix="b/"))[0] == ["b/c/d"]


def test_no_keys_asked_none_given(filled: Any) -> None:
    answer = filled.list_objects_v2(Bucket="data", MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False)


def test_wrong_options_are_refused(filled: Any) -> None:
    def refused(**options: Any) -> tuple[int, str]:
        return refusal(lambda: filled.list_objects_v2(Bucket="data", **options))

    assert refused(MaxKeys=-1) == (400, "InvalidArgument")
    assert refused(ContinuationToken="zzz") == (400, "InvalidArgument")
    assert refused(ContinuationToken="") == (400, "InvalidArgument")
    assert refused(EncodingType="rot13") == (400, "InvalidArgument")
    assert refusal(lambda: filled.list_objects_v2(Bucket="nowhere")) == (404, "NoSuchBucket")


@pytest.mark.thorough
def test_more_than_a_thousand_keys_with_folders(server: Server, s3: Any) -> None:
    with server.state.transaction():
        for folder in range(15):
            for number in range(100):
                server.store.put_marker("data", f"f{folder:02}/{number:03}")
        for number in range(1100):
            server.store.put_marker("data", f"g{number:04}")
    first = s3.list_objects_v2(Bucket="data", Delimiter="/")
    assert (len(first["CommonPrefixes"]), len(first["Contents"]), first["IsTruncated"]) == (15, 985, True)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="data")
    keys = [item["Key"] for page in pages for item in page["Contents"]]
    assert len(keys) == 2600
    assert keys == sorted(keys)


def test_versions_are_one_of_each(filled: Any) -> None:
    pages = filled.get_paginator("list_object_versions").paginate(
        Bucket="data", PaginationConfig={"PageSize": 3}
    )
    versions = [item for page in pages for item in page.get("Versions", [])]
    assert [item["Key"] for item in versions] == KEYS
    assert {(item["VersionId"], item["IsLatest"]) for item in versions} == {("null", True)}


def test_unfinished_uploads_are_listed_by_key(s3: Any) -> None:
    for key in ("b", "a/1", "a/2", "b"):
        s3.create_multipart_upload(Bucket="data", Key=key)
    answer = s3.list_multipart_uploads(Bucket="data")
    assert [item["Key"] for item in answer["Uploads"]] == ["a/1", "a/2", "b", "b"]
    folded = s3.list_multipart_uploads(Bucket="data", Delimiter="/")
    assert [item["Prefix"] for item in folded["CommonPrefixes"]] == ["a/"]
    assert [item["Key"] for item in folded["Uploads"]] == ["b", "b"]
    assert len(s3.list_multipart_uploads(Bucket="data", Prefix="a/")["Uploads"]) == 2
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket="data", PaginationConfig={"PageSize": 1}
    )
    assert [item["Key"] for page in pages for item in page["Uploads"]] == ["a/1", "a/2", "b", "b"]
    after = s3.list_multipart_uploads(Bucket="data", KeyMarker="a/2")
    assert [item["Key"] for item in after["Uploads"]] == ["b", "b"]


def test_a_page_of_the_python_face(server: Server, filled: Any) -> None:
    page = server.store.list_page("data", "a/", "a/1", 1)
    assert ([item.key for item in page.objects], page.truncated, page.last) == (["a/2/x"], True, "a/2/x")
    page = server.store.list_page("data", "a/", delimiter="/")
    assert ([item.key for item in page.objects], page.prefixes) == (["a/", "a/1"], ("a/2/",))
    assert server.store.usage("data") == (sum(len(key.encode()) for key in KEYS), len(KEYS))


def test_the_end_of_a_prefix() -> None:
    assert successor("a/") == "a0"
    assert successor("a\U0010ffff") == "b"
    assert successor("\ud7ff") == "\ue000"
    assert successor("\U0010ffff") is None
    assert successor("") is None
