"""What a log tells about its job: its input, its results, what it hands back."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import pytest

from oscarcli.jobs.supervisor_log import (
    ObjectName,
    ParsedLog,
    WrittenObject,
    is_silent,
    parse_log,
    returned_content,
    returned_files,
)

RECORD = {
    "eventVersion": "2.0",
    "eventSource": "minio:s3",
    "s3": {
        "s3SchemaVersion": "1.0",
        "bucket": {"name": "svc", "ownerIdentity": {"principalId": "ada"}},
        "object": {"key": "in%2Fit%27s+a+%C3%A9.txt", "size": 6},
    },
}
KEY = "in/it's a é.txt"


def told(*words: str, level: str = "INFO") -> str:
    return "".join(f"2026-06-12 09:05:29,123 - supervisor - {level} - {line}\n" for line in words)


def archive(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return target.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode() + "\n"


@pytest.mark.parametrize(
    "line",
    [
        f"event_records = {json.dumps([RECORD])}",
        f"event_records = {[RECORD]}",
        f"event_records = {RECORD} ",
        f"event_records = {json.dumps(RECORD, separators=(',', ':'))}",
        f"Downloading item from bucket 'svc' with key '{KEY}'",
    ],
)
def test_the_object_that_started_a_job_is_read_from_every_form_of_its_event(line: str) -> None:
    account = parse_log(told("Storage event found.", line))
    assert (account.trigger, account.is_raw, account.is_told) == (ObjectName("svc", KEY), False, True)


def test_a_job_without_an_object_is_told_from_one_whose_log_says_nothing() -> None:
    read = "Reading storage configuration"
    assert parse_log(told(read)) == ParsedLog(None, True, True, None, "")
    assert parse_log(told("Storage event found.")).is_raw is False
    of_an_object = told(f"event_records = {RECORD} ", "", "MINIO event created", read)
    assert parse_log(of_an_object).is_raw is False
    silent = parse_log(told("the image is not used", level="WARNING") + "words\n")
    assert (silent.is_told, silent.is_raw, silent.written, silent.said) == (False, False, None, "words\n")
    local = "2026-06-12 09:05:29,123 - local cluster - INFO - the image is not used\n"
    assert parse_log(local + "words\n") == silent
    assert parse_log("") == ParsedLog(None, False, False, None, "")


def test_results_are_read_from_the_supervisors_lines_between_search_and_response() -> None:
    account = parse_log(
        told("Uploading file 'out/of order' to bucket 'svc'")
        + told(
            "Searching for files to upload in folder '/tmp/x'",
            "Checking files for uploading to 'minio.default' on path: 'svc/out/deep'",
            "Uploading file 'out/deep/a/b.txt' to bucket 'svc'",
            "Uploading file 'out/deep/it's.txt' to bucket 'svc'",
            "Checking files for uploading to 'S3' on path: '/other/out/'",
            "Uploading file 'out/b.txt' to bucket 'svc-0123456789'",
            "Creating response",
        )
        + "Uploading file 'said/by script' to bucket 'svc'\n"
        + told("Uploading file 'said/too' to bucket 'svc'")
    )
    assert account.written == (
        WrittenObject(ObjectName("svc", "out/deep/a/b.txt"), "minio.default", "svc/out/deep"),
        WrittenObject(ObjectName("svc", "out/deep/it's.txt"), "minio.default", "svc/out/deep"),
        WrittenObject(ObjectName("svc-0123456789", "out/b.txt"), "S3", "/other/out/"),
    )
    assert [one.name for one in account.written] == ["a/b.txt", "it's.txt", "b.txt"]
    assert account.said == "Uploading file 'said/by script' to bucket 'svc'\n"


def test_a_job_that_wrote_nothing_says_so_and_one_that_was_cut_off_does_not() -> None:
    nothing = told("Searching for files to upload in folder '/tmp/x'", "Creating response")
    assert parse_log(nothing).written == ()
    assert parse_log(told("Script file found in 'x'")).written is None


def test_a_place_outside_of_its_output_keeps_its_last_name() -> None:
    assert WrittenObject(ObjectName("b", "elsewhere/x.txt"), "MINIO", "svc/out").name == "x.txt"


@pytest.mark.parametrize(
    ("definition", "silent"),
    [
        ({}, False),
        ({"log_level": "INFO"}, False),
        ({"log_level": "debug"}, False),
        ({"log_level": ""}, False),
        ({"log_level": "NOTSET"}, True),
        ({"log_level": "CRITICAL"}, True),
        ({"log_level": "warning"}, True),
        ({"log_level": "CRITICAL", "environment": {"variables": {"LOG_LEVEL": "INFO"}}}, False),
        ({"log_level": "INFO", "environment": {"variables": {"LOG_LEVEL": "ERROR"}}}, True),
        ({"log_level": "INFO", "environment": None}, False),
    ],
)
def test_services_whose_logs_tell_nothing_are_known_by_their_level(
    definition: dict[str, object], silent: bool
) -> None:
    assert is_silent(definition) is silent


def test_what_is_handed_back_is_one_file_or_several() -> None:
    assert returned_content(encoded(b"one")) == b"one"
    assert returned_content(encoded(archive(a=b"1", b=b"2"))) == {"a": b"1", "b": b"2"}
    for said in ("", "\n", "plain words\n", "größe", "abc"):
        assert returned_content(said) is None


def test_a_file_that_is_a_zip_is_not_unpacked() -> None:
    one, two = archive(a=b"1"), archive(a=b"1", b=b"2")
    assert returned_content(encoded(one)) == one
    assert returned_files(encoded(two), ["result.zip"]) == {"result.zip": two}
    assert returned_files(encoded(two), ["a"]) == {"a": b"1"}
    assert returned_files(encoded(two), ["a", "c"]) == {}
    assert returned_files(encoded(b"PK\x03\x04 no zip"), ["a"]) == {"a": b"PK\x03\x04 no zip"}


def test_nothing_is_taken_from_a_log_for_files_that_are_not_known() -> None:
    assert returned_files(encoded(b"one"), []) == {}
    assert returned_files("plain words", ["a"]) == {}


def test_a_zip_whose_members_overlap_is_not_unpacked() -> None:
    """Thousands of entries for the same megabyte would be gigabytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", b"x" * 1_000_000)
        archive.writestr("b", b"y")
        archive.filelist += archive.infolist()[:1] * 20
    said = base64.b64encode(packed.getvalue()).decode()
    assert returned_content(said) == packed.getvalue()
