"""What the supervisor makes of a payload: the table of `job-runtime` 1.3, first match wins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote_plus

# Above this size only a body that begins like a JSON container or string is parsed whole.
SNIFF_LIMIT = 1 << 20
# A larger JSON document would cost several times its size in memory.
JSON_LIMIT = 32 << 20
BLOCK = 1 << 18
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NO_BASE64 = bytes(sorted(set(range(256)) - set(_BASE64) - {ord("=")}))


class Crash(Exception):  # noqa: N818 -- it is the supervisor that crashes, we report it
    """The real supervisor ends with exit code 1 at this payload; the text says why."""


@dataclass(frozen=True)
class StoredObject:
    """An event about an object in a storage: where it is and what the script is told about it.

    `provider` is type and id; `event` is the event as parsed.
    """

    provider: tuple[str, str]
    bucket: str
    key: str
    time: str
    event: Mapping[str, Any]


@dataclass(frozen=True)
class Raw:
    """A payload that becomes the input file itself.

    `content` is the file's content; `None` when it is too large for memory: `decode_base64` writes it then.
    `variables` come from the query of an API gateway.
    """

    content: bytes | None
    variables: Mapping[str, str] = field(default_factory=dict)


Payload = StoredObject | Raw


def classify_file(path: Path, provider: str = "default") -> Payload:
    """Classify the payload in a file. Raises Crash."""
    with path.open("rb") as file:
        head = file.read(SNIFF_LIMIT + 1)
        if len(head) <= SNIFF_LIMIT:
            return classify(head, provider)
        # A text this long that is JSON but no container and no string would be a number of a million digits.
        if head.lstrip()[:1] not in (b"{", b"[", b'"'):
            return Raw(None)
        rest = file.read(JSON_LIMIT)
        if len(head) + len(rest) > JSON_LIMIT:
            raise Crash(f"the payload is a JSON text of more than {JSON_LIMIT >> 20} MiB")
        return classify(head + rest, provider)


def classify(body: bytes | str, provider: str = "default") -> Payload:
    """Classify a payload.

    Args:
        body: as it arrived, or a text found inside another payload.
        provider: id of the storage provider that storage events belong to.

    Raises:
        Crash: the real supervisor ends here.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", errors="surrogateescape")
    try:
        document = json.loads(text)
    except ValueError:
        return Raw(_lenient_base64(text))
    except RecursionError as error:
        raise Crash("the payload is nested too deeply") from error
    if isinstance(document, str):
        return Raw(_lenient_base64(document))
    if not isinstance(document, dict):
        raise Crash(f"the payload is a JSON {_word(document)}, which the supervisor cannot read")
    return _classify_object(document, provider)


def _word(document: Any) -> str:
    if isinstance(document, bool) or document is None:
        return str(document).lower().replace("none", "null")
    return "list" if isinstance(document, list) else "number"


def _classify_object(document: dict[str, Any], provider: str) -> Payload:
    if "httpMethod" in document:
        return _api_gateway(document, provider)
    if "event" in document and "subscription" in document:
        # dCache without credentials for it: the inner event becomes the file.
        return Raw(_serialised(document["event"]))
    if "event_type" in document:
        return _rucio(document)
    if "event" in document:
        return _delegated(document, provider)
    records = document.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        return _storage(document, records[0], provider)
    return Raw(_serialised(document))


def _api_gateway(document: dict[str, Any], provider: str) -> Payload:
    body = document.get("body")
    if not isinstance(body, (str, dict)):
        raise Crash("the payload has a member httpMethod and no body")
    inner = classify(body if isinstance(body, str) else json.dumps(body), provider)
    query = document.get("queryStringParameters")
    if not isinstance(inner, Raw) or not isinstance(query, dict):
        return inner
    return Raw(inner.content, {f"CONT_VAR_{name}": str(value) for name, value in query.items()})


def _rucio(document: dict[str, Any]) -> Payload:
    if "payload" not in document:
        raise Crash("the payload has a member event_type and no payload")
    # Rucio's credentials cannot be given here, so its event is all the script gets.
    return Raw(_serialised(document))


def _delegated(document: dict[str, Any], provider: str) -> Payload:
    named = document.get("storage_provider")
    if isinstance(named, str) and named:
        provider = named.partition(".")[2] or "default"
    event = document["event"]
    if not isinstance(event, (str, dict)):
        raise Crash("the payload's member event is neither text nor an object")
    return classify(event if isinstance(event, str) else json.dumps(event), provider)


def _storage(document: dict[str, Any], record: dict[str, Any], provider: str) -> Payload:
    source = record.get("eventSource")
    if source == "OneTrigger":
        raise Crash("the payload is a Onedata event and the service has no Onedata input")
    if source not in ("minio:s3", "aws:s3"):
        return Raw(_serialised(document))
    kind = "minio" if source == "minio:s3" else "s3"
    try:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        if not isinstance(bucket, str):
            raise TypeError("the bucket's name is no text")
    except (KeyError, TypeError, AttributeError) as error:
        raise Crash(f"the payload is a storage event without a bucket and a key: {error!r}") from error
    return StoredObject((kind, provider), bucket, key, str(record.get("eventTime", "")), document)


def _serialised(document: Any) -> bytes:
    return (document if isinstance(document, str) else json.dumps(document)).encode("utf-8", "surrogatepass")


def _lenient_base64(text: str) -> bytes:
    """Decode as Python's decoder does by default: what is not in the alphabet is passed over."""
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise Crash(f"the payload is neither JSON nor base64: {error}") from error
    except ValueError as error:
        raise Crash("the payload is neither JSON nor base64: it has characters beyond ASCII") from error


def decode_base64(source: BinaryIO, target: BinaryIO) -> None:
    """Decode a large body block by block, as leniently as a small one. Raises Crash."""
    kept = b""
    while block := source.read(BLOCK):
        if not block.isascii():
            raise Crash("the payload is neither JSON nor base64: it has characters beyond ASCII")
        kept += block.translate(None, _NO_BASE64)
        if b"=" in kept:
            kept += source.read(BLOCK).translate(None, _NO_BASE64)
            break
        whole = len(kept) - len(kept) % 4
        target.write(binascii.a2b_base64(kept[:whole]))
        kept = kept[whole:]
    target.write(_lenient_base64(kept.decode("ascii", "replace")))
