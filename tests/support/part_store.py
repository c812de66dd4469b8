"""S3's answers for uploads in parts and for ranges, from memory, with requests that stand still when told."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from tests.support.scripted_s3 import Reply, Seen, error_body


@dataclass
class PartUpload:
    """An upload that is not complete."""

    key: str
    parts: dict[int, bytes] = field(default_factory=dict)


class PartStore:
    """One bucket, `script` of a scripted server.

    Attributes:
        max_parts: so many more parts are taken, and then each stands still; `None` for all.
        held: uploads of which no more parts are taken.
        stalls_after: a download stands still after so many bytes of its answer; `None` for none.
        answers_completion: whether the client hears that its upload is complete.
        lists_uploads: whether the store shows uploads that are not complete.
        log: what was asked: "create", "part 2", "list", "complete", "abort", "get bytes=0-9", ...
        conditions: `If-Match` of each download.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.uploads: dict[str, PartUpload] = {}
        self.max_parts: int | None = None
        self.held: set[str] = set()
        self.stalls_after: int | None = None
        self.answers_completion = True
        self.lists_uploads = True
        self.log: list[str] = []
        self.conditions: list[str] = []
        self._lock = threading.Lock()

    def answer(self, seen: Seen) -> Reply:
        path, _, text = seen.path.partition("?")
        key = unquote(path).removeprefix("/").partition("/")[2]
        query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        with self._lock:
            if "uploads" in query:
                return self._create(key) if seen.method == "POST" else self._list_uploads(query)
            if "uploadId" in query:
                return self._of_upload(seen, key, query)
            if seen.method in ("GET", "HEAD"):
                return self._get(seen, key)
        return Reply(501, body=error_body("NotImplemented"))

    def put(self, key: str, content: bytes) -> None:
        self.objects[key] = content
        self.etags[key] = hashlib.md5(content).hexdigest()

    def _create(self, key: str) -> Reply:
        self.log.append("create")
        identifier = f"upload-{self.log.count('create')}"
        self.uploads[identifier] = PartUpload(key)
        return Reply(body=f"<R><UploadId>{identifier}</UploadId></R>".encode())

    def _list_uploads(self, query: dict[str, str]) -> Reply:
        found = "".join(
            f"<Upload><Key>{upload.key}</Key><UploadId>{identifier}</UploadId>"
            "<Initiated>2026-06-12T09:05:29.000Z</Initiated></Upload>"
            for identifier, upload in sorted(self.uploads.items())
            if self.lists_uploads and upload.key.startswith(query.get("prefix", ""))
        )
        return Reply(body=f"<R><IsTruncated>false</IsTruncated>{found}</R>".encode())

    def _of_upload(self, seen: Seen, key: str, query: dict[str, str]) -> Reply:
        name = {"PUT": f"part {query.get('partNumber')}", "GET": "list", "POST": "complete"}
        self.log.append(name.get(seen.method, "abort"))
        upload = self.uploads.get(query["uploadId"])
        if upload is None or upload.key != key:
            return Reply(404, body=error_body("NoSuchUpload"))
        if seen.method == "PUT":
            if query["uploadId"] in self.held:
                return Reply(stall=True)
            return self._put_part(upload, int(query["partNumber"]), seen.body)
        if seen.method == "GET":
            return Reply(body=_list_of_parts(upload))
        del self.uploads[query["uploadId"]]
        return Reply(204) if seen.method == "DELETE" else self._complete(upload)

    def _put_part(self, upload: PartUpload, number: int, body: bytes) -> Reply:
        if self.max_parts is not None:
            if not self.max_parts:
                return Reply(stall=True)
            self.max_parts -= 1
        upload.parts[number] = body
        return Reply(headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def _complete(self, upload: PartUpload) -> Reply:
        numbers = sorted(upload.parts)
        digests = b"".join(hashlib.md5(upload.parts[number]).digest() for number in numbers)
        self.objects[upload.key] = b"".join(upload.parts[number] for number in numbers)
        self.etags[upload.key] = f"{hashlib.md5(digests).hexdigest()}-{len(numbers)}"
        body = f'<R><ETag>"{self.etags[upload.key]}"</ETag></R>'.encode()
        return Reply(body=body, stall=not self.answers_completion)

    def _get(self, seen: Seen, key: str) -> Reply:
        if key not in self.objects:
            return Reply(404, body=error_body("NoSuchKey"))
        content, etag = self.objects[key], f'"{self.etags[key]}"'
        headers = {"ETag": etag, "Last-Modified": "Fri, 12 Jun 2026 09:05:29 GMT"}
        if seen.method == "HEAD":
            return Reply(headers={**headers, "Content-Length": str(len(content))})
        wanted = seen.headers.get("range", "")
        self.log.append(f"get {wanted}".strip())
        self.conditions.append(seen.headers.get("if-match", ""))
        if self.conditions[-1] not in ("", etag):
            return Reply(412, body=error_body("PreconditionFailed"))
        cut, stall = self.stalls_after, self.stalls_after is not None
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        if span is None:
            return Reply(headers=headers, body=content, cut=cut, stall=stall)
        start, end = int(span[1]), int(span[2] or len(content) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        return Reply(206, headers, content[start : end + 1], cut=cut, stall=stall)


def _list_of_parts(upload: PartUpload) -> bytes:
    found = "".join(
        f'<Part><PartNumber>{number}</PartNumber><ETag>"{hashlib.md5(body).hexdigest()}"</ETag>'
        f"<Size>{len(body)}</Size></Part>"
        for number, body in sorted(upload.parts.items())
    )
    return f"<R><IsTruncated>false</IsTruncated>{found}</R>".encode()
