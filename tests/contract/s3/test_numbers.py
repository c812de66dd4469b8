"""Numbers of clients that are odd, or longer than any number has to be."""

from __future__ import annotations

import pytest

from tests.contract.s3.target import Target

DIGITS = "9" * 5000
LARGEST = str((1 << 63) - 1)
TOO_LARGE = str(1 << 63)
CONTENT = b"0123456789"
# Neither Go nor we take these for numbers.
NO_NUMBERS = ["-1", "1_0", "%201", "1.0", "0x1", "1e3", "a", "%D9%A1", TOO_LARGE, DIGITS]
WHOLE = (200, CONTENT)
NO_RANGE = (416, "InvalidRange")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=3-", (206, b"3456789")),
        ("bytes=00-03", (206, b"0123")),
        (f"bytes=3-{LARGEST}", (206, b"3456789")),
        (f"bytes=-{LARGEST}", (206, CONTENT)),
        (f"bytes={LARGEST}-", NO_RANGE),
        ("bytes=10-", NO_RANGE),
        ("bytes=-0", NO_RANGE),
        ("bytes=5-3", NO_RANGE),
        # What is no range counts as none.
        (f"bytes={TOO_LARGE}-", WHOLE),
        (f"bytes=-{TOO_LARGE}", WHOLE),
        (f"bytes={DIGITS}-", WHOLE),
        (f"bytes=0-{DIGITS}", WHOLE),
        ("bytes=+1-3", WHOLE),
        ("bytes=1_0-", WHOLE),
        ("bytes=0x1-3", WHOLE),
        ("bytes=1-3-4", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=0-1,3-4", WHOLE),
    ],
)
def test_ranges(target: Target, wanted: str, expected: tuple[int, object]) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a", Body=CONTENT)
    answer = target.send("GET", "/a", headers={"Range": wanted})
    assert (answer.status, answer.code or answer.body) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-3", (200, "")),
        ("bytes=00-03", (200, "")),
        ("bytes=10-11", NO_RANGE),
        *(
            (wanted, (400, "InvalidArgument"))
            for wanted in (
                "bytes=3-",
                "bytes=-3",
                "bytes=5-3",
                "bytes=0-10",
                "bytes=+1-3",
                "bytes=0-1_0",
                "bytes=0-1,3-4",
                f"bytes=0-{'9' * 1000}",
                f"bytes={TOO_LARGE}-{TOO_LARGE}",
            )
        ),
    ],
)
def test_ranges_of_a_copy(target: Target, wanted: str, expected: tuple[int, str]) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a", Body=CONTENT)
    upload = target.client.create_multipart_upload(Bucket=target.bucket, Key="b")["UploadId"]
    source = {"x-amz-copy-source": f"/{target.bucket}/a", "x-amz-copy-source-range": wanted}
    answer = target.send("PUT", f"/b?partNumber=1&uploadId={upload}", headers=source)
    assert answer.refusal == expected


COUNTS = [
    ("max-parts", "/b?uploadId={upload}&"),
    ("part-number-marker", "/b?uploadId={upload}&"),
    ("max-keys", "?"),
    ("max-keys", "?list-type=2&"),
    ("max-keys", "?versions=&"),
    ("max-uploads", "?uploads=&"),
]


@pytest.mark.parametrize(("name", "path"), COUNTS)
def test_counts(target: Target, name: str, path: str) -> None:
    upload = target.client.create_multipart_upload(Bucket=target.bucket, Key="b")["UploadId"]
    path = path.format(upload=upload) + name + "="
    for good in ("", "0", "01", "%2B1", str(1 << 31), LARGEST):
        assert target.send("GET", path + good).refusal == (200, ""), good
    for bad in NO_NUMBERS:
        assert target.send("GET", path + bad).refusal == (400, "InvalidArgument"), bad


def test_numbers_of_parts_that_are_sent(target: Target) -> None:
    upload = target.client.create_multipart_upload(Bucket=target.bucket, Key="b")["UploadId"]
    for good in ("1", "01", "%2B1", "10000"):
        assert target.send("PUT", f"/b?partNumber={good}&uploadId={upload}", b"x").status == 200, good
    for bad in ("0", "", *NO_NUMBERS):
        answer = target.send("PUT", f"/b?partNumber={bad}&uploadId={upload}", b"x")
        assert answer.refusal == (400, "InvalidPart"), bad
    for large in ("10001", str(1 << 31), LARGEST):
        answer = target.send("PUT", f"/b?partNumber={large}&uploadId={upload}", b"x")
        assert answer.refusal == (400, "InvalidArgument"), large


def test_numbers_of_parts_that_are_read(target: Target) -> None:
    target.client.put_object(Bucket=target.bucket, Key="a", Body=CONTENT)
    for good in ("1", "01", "%2B1"):
        assert target.send("GET", f"/a?partNumber={good}").status == 206, good
    for large in ("10001", str(1 << 31), LARGEST):
        assert target.send("GET", f"/a?partNumber={large}").refusal == (400, "InvalidArgument"), large
    for bad in ("0", *NO_NUMBERS):
        # MinIO answers 400 to some and 500 to others.
        status = target.send("GET", f"/a?partNumber={bad}").status
        assert status == 400 or (target.name == "minio" and status == 500), bad


@pytest.mark.parametrize("number", ["1_0", "\u0661\u0660", "a", "1.0", "+10", "010", DIGITS, ""])
def test_numbers_of_parts_that_are_put_together(target: Target, number: str) -> None:
    upload = target.client.create_multipart_upload(Bucket=target.bucket, Key="b")["UploadId"]
    part = target.send("PUT", f"/b?partNumber=10&uploadId={upload}", b"x")
    named = f"<Part><PartNumber>{number}</PartNumber><ETag>{part.headers['etag']}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()
    answer = target.send("POST", f"/b?uploadId={upload}", document)
    if number in ("+10", "010"):
        assert answer.status == 200
    else:
        assert answer.status == 400 or (target.name == "minio" and answer.status == 500)
    assert target.keys() == (["b"] if answer.status == 200 else [])
