"""What the supervisor makes of a payload: the table of `job-runtime` 1.3, first match wins.

The supervisor looks into a payload without checking what kind of value it has before it; where that ends it,
it ends a run here, with the same last words. So the same looks are made here, in the same order.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO
from urllib.parse import unquote_plus

from oscarcli.local.jobs.payloads import RunPayload

# Above this size only a body that begins like a JSON container or string is parsed whole.
MAX_SNIFFED_BYTES = 1 << 20
# A larger JSON document would cost several times its size in memory.
MAX_JSON_BYTES = 32 << 20
BLOCK_BYTES = 1 << 18
QUERY = "queryStringParameters"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NO_BASE64 = bytes(sorted(set(range(256)) - set(_BASE64) - {ord("=")}))

MINIO, S3, ONEDATA = "MINIO", "S3", "ONEDATA"
# Events of dCache go with this one provider, however many there are.
DCACHE_PROVIDER = "webdav.dcache"
_SOURCES = {"minio:s3": MINIO, "aws:s3": S3, "OneTrigger": ONEDATA}

Tell = Callable[[str, str], None]
"""Takes a line of the supervisor's log: its level and its words."""


class SupervisorCrash(Exception):  # noqa: N818 -- it is the supervisor that crashes, we report it
    """The real supervisor ends with exit code 1 here; the text says why.

    Args:
        reason: why, in a sentence's words.
        last_line: the last line of the traceback that the real one leaves; the first is always the same.
    """

    def __init__(self, reason: str, last_line: str) -> None:
        super().__init__(reason)
        self.last_line = last_line


@contextmanager
def crashing(what: str) -> Iterator[None]:
    """Turn what Python raises, here and in the real supervisor, into a SupervisorCrash.

    Args:
        what: what fails, as the beginning of the reason.
    """
    try:
        yield
    except (TypeError, LookupError, AttributeError, ValueError, RecursionError) as error:
        last_line = "".join(traceback.format_exception_only(error)).strip()
        raise SupervisorCrash(f"{what}: {last_line}", last_line) from error


@dataclass(frozen=True)
class EventObject:
    """An event about an object in a storage: where it is and what the script is told about it.

    Args:
        kind: MINIO, S3 or ONEDATA.
        provider: the id of the storage provider.
        bucket: the bucket; empty for Onedata, which has none.
        key: the object's key, decoded.
        time: when it happened, as text.
        event: the event as parsed.
        variables: come from the query of an API gateway.
    """

    kind: str
    provider: str
    bucket: str
    key: str
    time: str
    event: Mapping[str, Any]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """A payload that becomes the input file itself.

    Args:
        body: a text or a document; `None` when it is too large for memory: `decode_base64` writes it then.
        variables: come from the query of an API gateway.
    """

    body: Any
    variables: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the file's content. Raises SupervisorCrash."""
        if isinstance(self.body, dict):
            return json.dumps(self.body).encode()
        if not isinstance(self.body, str):
            kind = type(self.body).__name__
            line = f"TypeError: write() argument must be str, not {kind}"
            raise SupervisorCrash(f"the payload is a JSON {kind}, which the supervisor cannot write", line)
        with crashing("the payload is neither JSON nor base64"):
            return self.body.encode() if _is_json(self.body) else base64.b64decode(self.body)


@dataclass(frozen=True)
class DCacheFile:
    """An event of dCache about a file behind WebDAV, whose results are not handed back.

    Args:
        path: of the file: the path of the input at `webdav.dcache`, and the name.
        name: of the file, as the event has it.
        event: becomes the input file when there is no such provider.
        variables: come from the query of an API gateway.
    """

    path: str
    name: str
    event: Mapping[str, Any]
    variables: Mapping[str, str] = field(default_factory=dict)


Payload = EventObject | DCacheFile | Raw


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def classify_run(source: RunPayload, tell: Tell, inputs: Sequence[Mapping[str, Any]] = ()) -> Payload:
    """Classify the payload of a run; see `classify`. Raises SupervisorCrash, OSError."""
    with source.open() as file:
        head = file.read(MAX_SNIFFED_BYTES + 1)
        if len(head) <= MAX_SNIFFED_BYTES:
            return classify(head, tell, inputs)
        # A text this long that is JSON but no container and no string would be a number of a million digits.
        if head.lstrip()[:1] not in (b"{", b"[", b'"'):
            return Raw(None)
        rest = file.read(MAX_JSON_BYTES)
        if len(head) + len(rest) > MAX_JSON_BYTES:
            raise SupervisorCrash(
                f"the payload is a JSON text of more than {MAX_JSON_BYTES >> 20} MiB", "MemoryError"
            )
        return classify(head + rest, tell, inputs)


def classify(body: bytes | str, tell: Tell, inputs: Sequence[Mapping[str, Any]] = ()) -> Payload:
    """Classify a payload.

    Args:
        body: as it arrived.
        tell: gets the lines that the supervisor logs over it, also before a crash.
        inputs: the definition's inputs.

    Raises:
        SupervisorCrash: the real supervisor ends here.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", errors="surrogateescape")
    with crashing("the supervisor cannot read the payload"):
        return _Classification(tell, inputs).of(text, "default")


class _Classification:
    def __init__(self, tell: Tell, inputs: Sequence[Mapping[str, Any]]) -> None:
        self._tell, self._inputs = tell, inputs

    def _info(self, words: str) -> None:
        self._tell("INFO", words)

    def of(self, event: Any, provider: str) -> Payload:
        """Classify a text, or a document found inside another one."""
        if not isinstance(event, dict):
            try:
                event = json.loads(event)
            except ValueError:
                return Raw(event)
        # Also asked of lists and texts: a text that only holds one of these words is taken for such an event.
        if "httpMethod" in event:
            return self._api_gateway(event)
        if "event" in event and "subscription" in event:
            return self._dcache(event)
        if "event" in event:
            self._info("Delegated event found.")
            return self.of(event["event"], event.get("storage_provider", "default"))
        if _is_storage_event(event):
            self._info("Storage event found.")
            return self._stored(event, provider)
        self._tell_record(event)
        return Raw(event)

    def _tell_record(self, event: Any) -> Any:
        records = event.get("Records") if isinstance(event, dict) else None
        if not records:
            return None
        self._info(f"event_records = {records[0]} \n")
        return records[0]

    def _api_gateway(self, event: Any) -> Payload:
        self._info("API Gateway event found.")
        self._tell_record(event)
        variables = {f"CONT_VAR_{name}": value for name, value in (event.get(QUERY) or {}).items() if value}
        for value in variables.values():
            _require_text(value)
        payload = self.of(event.get("body") or "", "default")
        return replace(payload, variables={**variables, **payload.variables})

    def _dcache(self, event: Any) -> Payload:
        self._info("Dcache event found.")
        folders = [one["path"] for one in self._inputs if one["storage_provider"] == DCACHE_PROVIDER]
        if not folders:
            self._tell("WARNING", "There is no dcache input defined for this function.")
        inner = event.get("event") or event
        self._tell_record(inner)
        name = inner["name"]
        _require_path(name)
        self._info("DCACHE event created")
        # A name that begins with a slash takes the place of the folder.
        path = os.path.join(folders[0] if folders else "", name)  # noqa: PTH118
        return DCacheFile(path, name, inner)

    def _stored(self, event: Any, provider: str) -> Payload:
        record = self._tell_record(event)
        kind = _SOURCES[record["eventSource"]]
        bucket = ""
        if kind == ONEDATA:
            key, _, time = event["Key"], record["objectKey"], record["eventTime"]
        else:
            described = record["s3"]
            _, bucket = described["bucket"]["arn"], described["bucket"]["name"]
            key, time = unquote_plus(described["object"]["key"]), record["eventTime"]
        self._info(f"{kind} event created")
        for value in (key, time):
            _require_text(value or "")
        return EventObject(kind, provider, bucket, key, time or "", event)


def _is_storage_event(event: Any) -> bool:
    if "Records" in event and event["Records"] and "eventSource" in event["Records"][0]:
        return event["Records"][0]["eventSource"] in tuple(_SOURCES)
    return False


def _require_text(value: Any) -> None:
    """Raise what putting a value into the environment raises."""
    if not isinstance(value, str):
        raise TypeError(f"str expected, not {type(value).__name__}")


def _require_path(value: Any) -> None:
    """Raise what joining a value to a path raises."""
    if not isinstance(value, str):
        name = type(value).__name__
        raise TypeError(f"join() argument must be str, bytes, or os.PathLike object, not {name!r}")


def decode_base64(source: BinaryIO, target: BinaryIO) -> None:
    """Decode a large body block by block, as leniently as a small one. Raises SupervisorCrash."""
    with crashing("the payload is neither JSON nor base64"):
        kept = b""
        while block := source.read(BLOCK_BYTES):
            if not block.isascii():
                raise ValueError("string argument should contain only ASCII characters")
            kept += block.translate(None, _NO_BASE64)
            if b"=" in kept:
                kept += source.read(BLOCK_BYTES).translate(None, _NO_BASE64)
                break
            whole = len(kept) - len(kept) % 4
            target.write(binascii.a2b_base64(kept[:whole]))
            kept = kept[whole:]
        target.write(base64.b64decode(kept))
