"""What a job's log tells: which object started the job, which ones it wrote, what it returned.

The supervisor writes this down in lines of its own, unless the service's log level is above INFO
(`job-runtime` 1.6). Nothing here asks the server.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from oscarcli.coercion import as_mapping

# A local cluster has words of its own between the supervisor's.
TOLD = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (?P<speaker>supervisor|local cluster) - (?P<level>[A-Z]+) - "
    r"(?P<words>.*)"
)
DOWNLOADING = re.compile(r"Downloading item from bucket '(?P<bucket>.*)' with key '(?P<key>.*)'")
# The event's record, as JSON or as Python prints it; its key is encoded as in a form, so it has no quotes.
RECORD = re.compile(
    r"event_records = .*?[\"']bucket[\"']: ?{[\"']name[\"']: ?[\"'](?P<bucket>[^\"']+)[\"']"
    r".*?[\"']object[\"']: ?{[\"']key[\"']: ?[\"'](?P<key>[^\"']+)[\"']"
)
# Said once the event is read.
EVENT_IS_READ = "Reading storage configuration"
SEARCHING = "Searching for files to upload in folder"
CHECKING = re.compile(r"Checking files for uploading to '(?P<provider>.*)' on path: '(?P<path>.*)'")
UPLOADING = re.compile(r"Uploading file '(?P<key>.*)' to bucket '(?P<bucket>.*)'")
# Onedata's, whose space is no part of a path here.
UPLOADING_TO_SPACE = re.compile(r"Uploading file '(?P<path>.*)' to space '.*'")
RESPONSE = "Creating response"
# Log levels at which the supervisor tells nothing of this.
SILENT_LEVELS = ("NOTSET", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL")
# A returned value is taken from a log up to this size: nodes cut longer logs.
MAX_RETURNED_BYTES = 8 << 20
MAX_LAST_LINES = 5


@dataclass(frozen=True)
class ObjectName:
    """An object by bucket and key."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True)
class WrittenObject:
    """An object that a job wrote.

    Args:
        place: where.
        provider: the storage provider as the supervisor calls it: as the definition does, such as
            "minio.default" or "minio"; old ones in capitals.
        path: the output's path in the service's definition.
    """

    place: ObjectName
    provider: str = ""
    path: str = ""

    @property
    def name(self) -> str:
        """The file's name as seen from the script's output folder."""
        _, _, folder = self.path.strip("/").partition("/")
        # On a server of files an output can be the first folder itself.
        prefix = f"{folder}/" if folder else ""
        key = self.place.key
        return key.removeprefix(prefix) if self.path and key.startswith(prefix) else key.rpartition("/")[2]


@dataclass(frozen=True)
class ParsedLog:
    """What a log tells about its job.

    Args:
        trigger: the object that started it, where the log names one.
        is_raw: whether it was given its input directly: its event was read and no object was named.
        is_told: whether the supervisor's lines are there at all.
        written: what it wrote; `None` when the log does not say.
        said: what stands behind or between the supervisor's lines: the script's words, or the returned value.
    """

    trigger: ObjectName | None
    is_raw: bool
    is_told: bool
    written: tuple[WrittenObject, ...] | None
    said: str


def parse_log(log: str) -> ParsedLog:
    """Return what a log tells.

    Args:
        log: all of it, without times.
    """
    told: list[str] = []
    said: list[str] = []
    for line in log.split("\n"):
        found = TOLD.fullmatch(line)
        if found is None:
            said.append(line)
        elif found["level"] == "INFO" and found["speaker"] == "supervisor":
            told.append(found["words"])
    trigger = _trigger(told)
    is_raw = trigger is None and EVENT_IS_READ in told
    return ParsedLog(trigger, is_raw, bool(told), _written(told), "\n".join(said))


def last_lines(log: str) -> list[str]:
    """Return the last lines of a log, which tell why its job failed."""
    return [line for line in log.split("\n") if line.strip()][-MAX_LAST_LINES:]


def _trigger(told: list[str]) -> ObjectName | None:
    for words in told:
        found = RECORD.match(words)
        if found is not None:
            return ObjectName(found["bucket"], unquote_plus(found["key"]))
        found = DOWNLOADING.fullmatch(words)
        if found is not None:
            return ObjectName(found["bucket"], found["key"])
    return None


def _written(told: list[str]) -> tuple[WrittenObject, ...] | None:
    begin = next((i for i, words in enumerate(told) if words.startswith(SEARCHING)), None)
    if begin is None:
        return None
    written: list[WrittenObject] = []
    provider = path = ""
    for words in told[begin:]:
        if words == RESPONSE:
            break
        if found := CHECKING.fullmatch(words):
            provider, path = found["provider"], found["path"]
        elif found := UPLOADING.fullmatch(words):
            written.append(WrittenObject(ObjectName(found["bucket"], found["key"]), provider, path))
        elif found := UPLOADING_TO_SPACE.fullmatch(words):
            bucket, _, key = found["path"].partition("/")
            written.append(WrittenObject(ObjectName(bucket, key), provider, path))
    return tuple(written)


def is_silent(definition: Mapping[str, Any]) -> bool:
    """Tell whether a service's jobs say nothing about what they read and write."""
    variables = as_mapping(as_mapping(definition.get("environment")).get("variables"))
    override = variables.get("LOG_LEVEL")
    return str(override or definition.get("log_level") or "INFO").upper() in SILENT_LEVELS


# -- returned values -------------------------------------------------------------------------------


def returned_content(said: str) -> bytes | dict[str, bytes] | None:
    """Return what a job hands back in its log, where it got its input directly.

    One file comes as base64 of its content, several as base64 of a zip (`job-runtime` 1.6).

    Args:
        said: `ParsedLog.said`.

    Returns:
        One file's content, or several files' by name; `None` when nothing is handed back. The script's own
        words can be base64 by chance.
    """
    content = _decoded(said)
    if content is None:
        return None
    unpacked = dict(_unpacked(content))
    return unpacked if len(unpacked) > 1 else content


def returned_files(said: str, names: Collection[str]) -> dict[str, bytes]:
    """Return what a job hands back in its log of the files that it is known to have written, by name."""
    returned = returned_content(said)
    if isinstance(returned, dict) and names and all(name in returned for name in names):
        return {name: returned[name] for name in names}
    if len(names) != 1 or returned is None:
        return {}
    content = _decoded(said)
    return {next(iter(names)): content} if content is not None else {}


def _decoded(said: str) -> bytes | None:
    text = said.strip()
    if not text or len(text) > MAX_RETURNED_BYTES or not text.isascii():
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is in a zip that the supervisor made: its members are stored, not compressed."""
    if not content.startswith(b"PK\x03\x04"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # Members that overlap would be more than what is there.
            if sum(member.file_size for member in archive.infolist()) > len(content):
                return
            for member in archive.infolist():
                if member.compress_type == zipfile.ZIP_STORED:
                    yield member.filename, archive.read(member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError):
        return
