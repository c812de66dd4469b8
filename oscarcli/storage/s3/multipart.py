"""An upload to S3 in parts: what has arrived is not sent again, by this run or by another one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

from oscarcli.errors import AuthError, NotFoundError, OscarError, RefusedError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.etag import multipart_etag
from oscarcli.storage.location import Location
from oscarcli.storage.resume import can_go_on
from oscarcli.storage.s3.calls import S3Calls, attempts_before, compare_stored, list_parts
from oscarcli.storage.s3.failures import is_refused_request, required
from oscarcli.storage.s3.part_digests import FULL_OBJECT, Crc32Digests, Md5Digests, SentPart, digests_named
from oscarcli.storage.s3.resumed_upload import UploadJournal, UploadRecord
from oscarcli.storage.s3.unfinished import UnfinishedUploads
from oscarcli.storage.source import Source, UploadPart
from oscarcli.storage.system_limits import affordable
from oscarcli.storage.workers import run_parallel
from oscarcli.threads import within

# S3 takes this many parts.
MAX_PARTS = 10_000
PARTS_AT_ONCE = 4
STREAM_PARTS_AT_ONCE = 2
# The longest that is waited for the end of uploads whose names were lost.
MAX_ABORT_SECONDS = 10.0
# With these a store says that it has not begun an upload.
REFUSALS = (AuthError, NotFoundError, RefusedError)


class PartsUpload:
    """One multipart upload."""

    def __init__(
        self, storage: S3Calls, location: Location, content_type: str, journal: UploadJournal
    ) -> None:
        self._storage = storage
        self._location = location
        self._content_type = content_type
        self._journal = journal
        self._doing = f'upload "{location}" to {storage.provider}'
        self._target: dict[str, Any] = {"Bucket": location.bucket, "Key": location.key}
        # What an earlier run has sent: number, what the server calls it, and its size.
        self._listed: dict[int, tuple[str, int]] = {}
        self._is_resumed = False
        earlier = journal.earlier.digests if journal.earlier is not None else Md5Digests.name
        self._digests = digests_named(earlier)

    def resume(self, source: Source, cancellation: Cancellation) -> bool:
        """Take up what an earlier run left, or clear it away.

        Returns:
            Whether nothing remains to be done: all had arrived, and only the answer had not.
        """
        earlier, journals = self._journal.earlier, self._storage.journals
        if earlier is None or journals is None:
            return False
        self._target["UploadId"] = earlier.upload_id
        name = f'the upload of "{earlier.path}"'
        if journals.restart or not self._journal.is_of_this_file:
            self._abandon(cancellation)
            if not journals.restart:
                journals.tell(f"{name} begins anew: the file was changed since it was interrupted")
            return False
        try:
            listed = list_parts(
                self._storage,
                self._doing,
                self._location,
                earlier.upload_id,
                cancellation=cancellation,
            )
            self._listed = {number: (etag, size) for number, etag, size in listed}
        except OscarError as error:
            if can_go_on(error):
                raise
            if isinstance(error, NotFoundError) and self._is_complete(source, earlier, cancellation):
                self._journal.forget()
                journals.tell(f"{name} had arrived as a whole")
                return True
            self._abandon(cancellation)
            journals.tell(f"{name} begins anew: the store does not show what of it has arrived")
            return False
        self._is_resumed = True
        self._journal.go_on({number: size for number, (_, size) in self._listed.items()})
        journals.tell(f"{name} goes on: {self._journal.arrived_text} have arrived")
        return False

    def _is_complete(self, source: Source, earlier: UploadRecord, cancellation: Cancellation) -> bool:
        """Tell whether the object is what an earlier run had asked the server to put together."""
        if not self._journal.was_completing:
            return False
        try:
            found = self._storage.stat(self._location, cancellation=cancellation)
        except NotFoundError:
            return False
        if found.size != source.size:
            return False
        sections = source.sections(earlier.part_size)
        return found.etag == multipart_etag([section.digest("md5") for section in sections])

    def _abandon(self, cancellation: Cancellation) -> None:
        """Clear away what is of no use; where that fails, it is like any other unfinished upload."""
        with suppress(OscarError):
            self._abort(cancellation)
        self._journal.forget()

    def send(self, source: Source, sections: Iterator[UploadPart], cancellation: Cancellation) -> None:
        """Send all parts and complete the upload; abort it on failure, or leave it for another run."""
        if not self._is_resumed:
            self._create(cancellation)
        with cancellation.on_failure(lambda: self._leave(cancellation)):
            try:
                cancellation.check()
                at_once = affordable(PARTS_AT_ONCE if source.size is not None else STREAM_PARTS_AT_ONCE, 1)
                parts = self._send_parts(sections, at_once, cancellation)
                source.check_unchanged()
                cancellation.check()
                self._journal.completing()
                self._complete(parts, cancellation)
            except Exception as error:
                self._journal.is_useless = not can_go_on(error)
                raise
        self._journal.forget()

    def _create(self, cancellation: Cancellation) -> None:
        since = time.time()
        try:
            answer = self._created(cancellation)
            self._target["UploadId"] = required(answer, "UploadId", self._doing)
        except OscarError as error:
            if not isinstance(error, REFUSALS):
                self._abort_lost(since, None)
            raise
        self._journal.begin(str(self._target["UploadId"]), self._digests.name)
        if attempts_before(answer):
            self._abort_lost(since, str(self._target["UploadId"]))

    def _created(self, cancellation: Cancellation) -> dict[str, Any]:
        """Begin the upload with checksums, or where the store knows none of a whole object, with MD5s."""
        if self._storage.keeps_checksums:
            self._digests = Crc32Digests()
            try:
                answer = self._begun(cancellation)
            except OscarError as error:
                if not is_refused_request(error):
                    raise
                answer = {}
            if answer.get("ChecksumType") == FULL_OBJECT:
                return answer
            self._storage.keeps_checksums = False
            self._digests = Md5Digests()
            if answer.get("UploadId") and not answer.get("ChecksumAlgorithm"):
                return answer
            if answer.get("UploadId"):
                # It would keep a checksum of the parts' checksums, as MinIO did before 2025.
                self._target["UploadId"] = answer["UploadId"]
                with suppress(OscarError):
                    self._abort(cancellation)
        self._digests = Md5Digests()
        return self._begun(cancellation)

    def _begun(self, cancellation: Cancellation) -> dict[str, Any]:
        self._target.pop("UploadId", None)
        return self._storage.call(
            self._doing,
            "create_multipart_upload",
            cancellation=cancellation,
            **self._target,
            **self._digests.creation(),
            ContentType=self._content_type,
        )

    def _abort_lost(self, since: float, own: str | None) -> None:
        """Abort what an attempt began whose answer was lost; nobody waits long for it."""
        uploads = UnfinishedUploads(self._storage)
        with suppress(OscarError, TimeoutError):
            within(MAX_ABORT_SECONDS, lambda: uploads.abort_lost(self._location, since, own))

    def _leave(self, cancellation: Cancellation) -> None:
        kept = self._journal.kept
        if kept is None:
            self._journal.forget()
            self._abort(cancellation)
        elif self._storage.journals is not None:
            self._storage.journals.tell(kept)

    def _abort(self, cancellation: Cancellation) -> None:
        # However long the store was away before, this has as much time of its own: what is left of the upload
        # takes up room and is seen by nobody. Only the user who ends the program does not wait for it.
        self._storage.call(
            f'abort the unfinished upload of "{self._location}" to {self._storage.provider}',
            "abort_multipart_upload",
            cancellation=cancellation,
            outage=self._storage.outage.another(),
            **self._target,
        )

    def _send_parts(
        self, sections: Iterator[UploadPart], at_once: int, cancellation: Cancellation
    ) -> list[SentPart]:
        def send(numbered: tuple[int, UploadPart]) -> SentPart:
            number, section = numbered
            section.cancellation = sending
            return self._send_part(number, section, sending)

        parts: list[SentPart] = []
        with (
            cancellation.part() as sending,
            closing(run_parallel(enumerate(sections, 1), send, sending, workers=at_once)) as outcomes,
        ):
            for done in outcomes:
                if done.error is not None:
                    raise done.error
                assert done.answer is not None
                parts.append(done.answer)
        return sorted(parts, key=lambda part: part.number)

    def _send_part(self, number: int, section: UploadPart, cancellation: Cancellation) -> SentPart:
        if number > MAX_PARTS:
            raise RefusedError(
                f"{self._doing}: a stream of more than {MAX_PARTS * self._journal.part_size >> 30} GiB"
            )
        digest = self._digests.of(section)
        etag = self._arrived(number, section, digest) or self._sent(number, section, digest, cancellation)
        self._journal.count(number, len(section))
        section.sent()
        section.discard()
        return SentPart(number, etag, digest, len(section))

    def _arrived(self, number: int, section: UploadPart, digest: bytes) -> str | None:
        """Return what the server calls a part that an earlier run sent, when it is this one."""
        etag, listed_size = self._listed.get(number, ("", -1))
        if listed_size != len(section):
            return None
        # Of a part that the store encrypts, what it says is no digest; then it is what it said at the time.
        is_known = self._journal.digest_of(number, etag) == digest.hex()
        return etag if is_known or section.digest("md5").hex() == etag.strip('"') else None

    def _sent(self, number: int, section: UploadPart, digest: bytes, cancellation: Cancellation) -> str:
        answer = self._storage.call(
            self._doing,
            "upload_part",
            cancellation=cancellation,
            **self._target,
            PartNumber=number,
            Body=section,
            **self._digests.sending(digest),
        )
        etag = str(required(answer, "ETag", self._doing))
        self._journal.add(number, etag, digest.hex())
        return etag

    def _complete(self, parts: list[SentPart], cancellation: Cancellation) -> None:
        listed = [
            {"PartNumber": part.number, "ETag": part.etag, **self._digests.listed(part.digest)}
            for part in parts
        ]
        try:
            answer = self._storage.call(
                self._doing,
                "complete_multipart_upload",
                cancellation=cancellation,
                **self._target,
                MultipartUpload={"Parts": listed},
                **self._digests.completion(parts),
            )
        except NotFoundError:
            # The answer to a first attempt may have been lost: then the object is there, whole.
            found = None
            with suppress(OscarError):
                found = self._storage.stat(self._location, cancellation=cancellation)
            if found is None or not self._digests.is_of(found, parts):
                raise
            return
        if not self._digests.is_told(answer, parts):
            found = self._storage.stat(self._location, cancellation=cancellation)
            size = sum(part.size for part in parts)
            compare_stored(found, size, self._digests.is_of(found, parts), self._doing)
