from __future__ import annotations

import pytest

from oscarcli.errors import UsageError
from oscarcli.storage.location import Location, parse_location, require_object


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("b", "b", ""),
        ("b/", "b", ""),
        ("/b/", "b", ""),
        ("b/k", "b", "k"),
        ("  /b/in/a.png ", "b", "in/a.png "),
        ("b/in/", "b", "in/"),
        ("b/in//", "b", "in//"),
        ("./b/k", "b", "k"),
        ("././b/k", "b", "k"),
        ("/./b/k", "b", "k"),
        ("b/./k", "b", "./k"),
        ("b/in/.", "b", "in/."),
        ("b//k", "b", "/k"),
        ("b/../c", "b", "../c"),
        ("b/ k", "b", " k"),
        ("b/in//k", "b", "in//k"),
        ("b/a b.txt", "b", "a b.txt"),
        ("b/.hidden", "b", ".hidden"),
        ("b/..name", "b", "..name"),
    ],
)
def test_a_remote_path_is_a_bucket_and_a_key(text: str, bucket: str, key: str) -> None:
    assert parse_location(text) == Location(bucket, key)


@pytest.mark.parametrize("text", ["", "  ", "/", ".", "./", "/./", "//", "..", "../b/k"])
def test_a_path_without_a_bucket_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no bucket"):
        parse_location(text)


def test_a_key_is_text() -> None:
    with pytest.raises(UsageError, match="no UTF-8"):
        parse_location("b/caf\udce9")


def test_with_a_word_for_it_a_slash_belongs_to_a_key() -> None:
    assert require_object(parse_location("b/trail/"), is_key=True) == Location("b", "trail/")


@pytest.mark.parametrize(("text", "reason"), [("b", "bucket"), ("b/", "bucket"), ("b/in/", "folder")])
def test_an_object_is_neither_bucket_nor_folder(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=f"names a {reason}"):
        require_object(parse_location(text), is_key=False)


def test_a_folder_gives_places_inside() -> None:
    assert Location("b").child("x") == Location("b", "x")
    assert Location("b", "in").child("x") == Location("b", "in/x")
    assert Location("b", "in/").child("x") == Location("b", "in/x")


@pytest.mark.parametrize(
    ("location", "name"),
    [(Location("b", "in/a.png"), "a.png"), (Location("b", "in/"), "in"), (Location("b"), "b")],
)
def test_a_place_has_a_name(location: Location, name: str) -> None:
    assert location.name == name
