"""Every row of the reference's two disambiguation tables, and what is safer here."""

from __future__ import annotations

import pytest

from oscarcli.cli.service.file_arguments import (
    DeleteTarget,
    Get,
    Put,
    Remote,
    parse_delete,
    parse_get,
    parse_list,
    parse_put,
)
from oscarcli.errors import UsageError


def nothing(_: str) -> bool:
    return False


GET_ROWS = [
    ("svc", "", Get("svc", None, None, None, True)),
    ("svc minio.x", "", Get("svc", "minio.x", None, None, True)),
    # Without a path the folder of the only output is meant.
    ("svc", None, Get("svc")),
    ("svc minio.x", None, Get("svc", "minio.x")),
    ("svc b/k", None, Get("svc", None, "b/k")),
    ("svc b/out", "", Get("svc", None, "b/out", None, True)),
    ("svc minio b/k", None, Get("svc", "minio", "b/k")),
    ("svc s3.x b/k", None, Get("svc", "s3.x", "b/k")),
    ("svc b/k local.txt", None, Get("svc", None, "b/k", "local.txt")),
    ("svc minio.default b/k local.txt", None, Get("svc", "minio.default", "b/k", "local.txt")),
    # A provider has no slash: these are paths.
    ("svc minio.bucket/k", None, Get("svc", None, "minio.bucket/k")),
]


@pytest.mark.parametrize(("line", "latest", "expected"), GET_ROWS)
def test_get_file_understands(line: str, latest: str | None, expected: Get) -> None:
    assert parse_get(line.split(), latest=latest) == expected


GET_ERRORS = [
    ("", None, "SERVICE_NAME"),
    ("svc nonsense b/k local", None, 'invalid storage provider "nonsense"'),
    ("svc minio b/k local more", None, 'too many words: .*LOCAL_FILE "local", and then "more"'),
    ("svc a b c d", None, "too many words"),
    ("svc minio b/out local", "there", "do not provide LOCAL_FILE"),
]


@pytest.mark.parametrize(("line", "latest", "message"), GET_ERRORS)
def test_get_file_refuses(line: str, latest: str | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_get(line.split(), latest=latest)


def test_get_file_with_an_explicit_provider_guesses_nothing() -> None:
    assert parse_get(["svc", "minio.x", "s3.y"], provider="s3.z") == Get("svc", "s3.z", "minio.x", "s3.y")


LATEST_ROWS = [
    ("svc", "there", Get("svc", None, None, None, True, "there")),
    ("svc minio b/out", "there", Get("svc", "minio", "b/out", None, True, "there")),
    ("svc b/out", "there.txt", Get("svc", None, "b/out", None, True, "there.txt")),
    ("svc", "minio.default", Get("svc", None, None, None, True, "minio.default")),
    # Alone, it may stand beside an explicit file.
    ("svc minio b/out local", "", Get("svc", "minio", "b/out", "local", True)),
]


@pytest.mark.parametrize(("line", "latest", "expected"), LATEST_ROWS)
def test_latest_may_have_a_destination(line: str, latest: str, expected: Get) -> None:
    assert parse_get(line.split(), latest=latest) == expected


PUT_ROWS = [
    ("svc a.jpg", [], Put("svc", "minio.default", ("a.jpg",))),
    ("svc s3.txt", [], Put("svc", "minio.default", ("s3.txt",))),
    ("svc minio.x a.jpg", ["a.jpg"], Put("svc", "minio.x", ("a.jpg",))),
    ("svc a.jpg b/k", ["a.jpg"], Put("svc", "minio.default", ("a.jpg",), "b/k")),
    ("svc s3.x a.jpg b/k", ["a.jpg"], Put("svc", "s3.x", ("a.jpg",), "b/k")),
    # An existing local file is preferred.
    ("svc s3.txt b/k", ["s3.txt"], Put("svc", "minio.default", ("s3.txt",), "b/k")),
    ("svc minio.log s3.txt", ["minio.log", "s3.txt"], Put("svc", "minio.default", ("minio.log", "s3.txt"))),
    ("svc minio.d/a.jpg b/k", [], Put("svc", "minio.default", ("minio.d/a.jpg",), "b/k")),
    # Several local files.
    ("svc a.jpg b.jpg", ["a.jpg", "b.jpg"], Put("svc", "minio.default", ("a.jpg", "b.jpg"))),
    ("svc minio a b c", ["a", "b", "c"], Put("svc", "minio", ("a", "b", "c"))),
    ("svc minio a b c x/in/", ["a", "b", "c"], Put("svc", "minio", ("a", "b", "c"), "x/in/")),
    ("svc a b x/in/", ["a", "b"], Put("svc", "minio.default", ("a", "b"), "x/in/")),
    ("svc *.jpg x/in/", [], Put("svc", "minio.default", ("*.jpg",), "x/in/")),
    # The same name on both sides is not two files.
    ("svc in/a.jpg in/a.jpg", ["in/a.jpg"], Put("svc", "minio.default", ("in/a.jpg",), "in/a.jpg")),
    ("svc minio in/a in/a", ["in/a"], Put("svc", "minio", ("in/a",), "in/a")),
]


@pytest.mark.parametrize(("line", "existing", "expected"), PUT_ROWS)
def test_put_file_understands(line: str, existing: list[str], expected: Put) -> None:
    assert parse_put(line.split(), is_file=lambda word: word in existing) == expected


PUT_ERRORS = [
    ("", "SERVICE_NAME"),
    ("svc", "LOCAL_FILE argument is required"),
    ("svc nonsense a.jpg b/k", 'invalid storage provider "nonsense"'),
    ("svc minio a.jpg b.jpg b/k", '"b/k", after 2 local files, is neither a local file nor a remote folder'),
    ("svc a.jpg b.jpg c.jpg b/k", "neither a local file nor a remote folder"),
]


@pytest.mark.parametrize(("line", "message"), PUT_ERRORS)
def test_put_file_refuses(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_put(line.split(), is_file=lambda word: word in ("a.jpg", "b.jpg", "c.jpg"))


def test_put_file_with_explicit_options_guesses_nothing() -> None:
    words = ["svc", "minio.log", "x/"]
    assert parse_put(words, provider="s3.z", to="b/in/", is_file=nothing) == Put(
        "svc", "s3.z", ("minio.log", "x/"), "b/in/"
    )


@pytest.mark.parametrize(
    ("line", "provider", "expected"),
    [
        ("svc minio.default b/out", None, Remote("svc", "minio.default", "b/out")),
        ("svc s3.x b", None, Remote("svc", "s3.x", "b")),
        ("svc b/out", None, Remote("svc", "minio.default", "b/out")),
        ("svc s3.x", "minio.y", Remote("svc", "minio.y", "s3.x")),
        ("svc", None, Remote("svc", None, None)),
        ("svc minio", None, Remote("svc", "minio", None)),
    ],
)
def test_list_files_understands(line: str, provider: str | None, expected: Remote) -> None:
    assert parse_list(line.split(), provider=provider) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "SERVICE_NAME"),
        ("svc nonsense b/out", "invalid storage provider"),
        ("svc minio b/out more", 'REMOTE_PATH "b/out", and then "more"'),
    ],
)
def test_list_files_refuses(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_list(line.split())


def test_delete_file_understands() -> None:
    assert parse_delete(["svc", "minio", "b/k"]) == DeleteTarget("svc", "minio", "b/k")
    assert parse_delete(["svc", "s3.x"], provider="minio.y") == DeleteTarget("svc", "minio.y", "s3.x")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("svc", "STORAGE_PROVIDER and REMOTE_FILE"),
        ("svc minio", "REMOTE_FILE argument is required"),
        ("svc b/k", "invalid storage provider"),
        ("svc minio b/my file", 'REMOTE_FILE "b/my", and then "file"'),
    ],
)
def test_delete_file_refuses(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_delete(line.split())
