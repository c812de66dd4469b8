"""Which of the files that jobs wrote can stand beside each other in one folder."""

from __future__ import annotations

import pytest

from oscarcli.jobs.finished import ResultFile
from oscarcli.jobs.result_files import one_of_each_name
from oscarcli.storage.location import Location


def stored(job: str, bucket: str, provider: str = "minio.default") -> ResultFile:
    return ResultFile(job, "a.txt", None, provider, Location(bucket, "out/a.txt"))


@pytest.mark.parametrize(
    "pair",
    [
        (stored("j1", "b"), stored("j1", "c", "s3.x")),
        (stored("j1", "b"), stored("j2", "b")),
        (ResultFile("j1", "a.txt", b"same"), ResultFile("j2", "a.txt", b"same")),
    ],
    ids=["two outputs of a job", "one object of two jobs", "the same content"],
)
def test_one_copy_of_the_same_file_is_enough(pair: tuple[ResultFile, ResultFile]) -> None:
    assert one_of_each_name(pair) == ([pair[0]], [])


@pytest.mark.parametrize(
    "pair",
    [
        (stored("j1", "b"), stored("j2", "c")),
        (ResultFile("j1", "a.txt", b"one"), ResultFile("j2", "a.txt", b"other")),
    ],
    ids=["objects", "contents"],
)
def test_different_files_of_one_name_are_a_mistake_that_names_both(
    pair: tuple[ResultFile, ResultFile],
) -> None:
    wanted, clashes = one_of_each_name(pair)
    assert wanted == [pair[0]]
    assert [(file, error.message) for file, error in clashes] == [
        (pair[1], '"a.txt" of job "j2" would replace "a.txt" of job "j1"')
    ]
