"""The objects of a mounted folder in another store that speaks S3, with the keys of the definition.

Trust in certificates is that of a real job's sidecar, which knows no `verify: false`.
"""

from __future__ import annotations

import errno
import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from oscarcli.local.jobs.mounts.index import FolderKey
from oscarcli.local.jobs.mounts.objects import COPY_BLOCK, MountedObject, is_same, type_of
from oscarcli.local.jobs.providers.remote import FileRange, xml_root
from oscarcli.local.jobs.providers.s3_client import S3Refusal, S3Unreachable, StoreClient, StoreRequest
from oscarcli.local.jobs.providers.s3_endpoint import endpoint_of
from oscarcli.local.jobs.providers.s3_upload import ObjectUpload

NS_PER_SECOND = 1_000_000_000


class ObjectsElsewhere:
    """Objects by their names below a prefix. Every method raises OSError.

    Args:
        kind: minio or s3.
        settings: the provider's, of the definition.
        key: which objects.
    """

    def __init__(self, kind: str, settings: Mapping[str, Any], key: FolderKey) -> None:
        self._client = StoreClient(replace(endpoint_of(kind, settings), verify=True))
        self._bucket, self._prefix = key.bucket, key.prefix

    def exist(self) -> bool:
        """Tell whether their bucket is there."""
        with _failing():
            return self._headers("") is not None

    def all(self) -> Iterator[tuple[str, MountedObject]]:
        """Yield name and version of every object, in order of the names."""
        query = [("encoding-type", "url"), ("list-type", "2"), ("prefix", self._prefix)]
        more = ""
        while True:
            asked = [*query, ("continuation-token", more)] if more else query
            with _failing():
                _, document = self._client.document(StoreRequest("GET", self._bucket, query=asked))
            root = xml_root(document)
            if root is None:
                raise OSError(errno.EIO, "the store's list of objects is no XML")
            for node in root.iterfind("{*}Contents"):
                with _failing():
                    found = _listed(node)
                yield unquote_plus(_text(node, "Key")).removeprefix(self._prefix), found
            more = _text(root, "NextContinuationToken")
            if not more:
                return

    def find(self, name: str) -> MountedObject | None:
        """Return an object's version, `None` when there is none."""
        with _failing():
            headers = self._headers(self._prefix + name)
            return None if headers is None else _version(headers)

    def _headers(self, key: str) -> Mapping[str, str] | None:
        try:
            return self._client.document(StoreRequest("HEAD", self._bucket, key))[0]
        except S3Refusal as refusal:
            if refusal.status == http.client.NOT_FOUND:
                return None
            raise

    def read(self, name: str, target: BinaryIO) -> MountedObject:
        """Write an object to a file and return which version it was."""
        with _failing(), self._client.answer(self._request("GET", name)) as answer:
            version = _version({name.lower(): value for name, value in answer.headers.items()})
            received = 0
            while block := answer.read(COPY_BLOCK):
                target.write(block)
                received += len(block)
        if received != version.size:
            raise OSError(errno.EIO, f"{received} of {version.size} bytes came")
        return version

    def equals(self, name: str, file: BinaryIO) -> bool:
        """Tell whether a file has the bytes of an object."""
        with _failing(), self._client.answer(self._request("GET", name)) as answer:
            return is_same(answer.read, file)

    def write(self, name: str, file: BinaryIO) -> MountedObject:
        """Store a file."""
        key, headers = self._prefix + name, {"Content-Type": type_of(name)}
        ObjectUpload(self._client, self._bucket, key, lambda _: _failing(), headers).send(
            FileRange.opened(file)
        )
        stored = self.find(name)
        if stored is None:
            raise OSError(errno.EIO, "it is not there after it was stored")
        return stored

    def remove(self, name: str, content: str) -> None:
        """Delete a version of an object; one that came after it stays."""
        there = self.find(name)
        if there is not None and there.content == content:
            with _failing():
                self._client.document(self._request("DELETE", name))

    def _request(self, method: str, name: str) -> StoreRequest:
        return StoreRequest(method, self._bucket, self._prefix + name)


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except S3Refusal as refusal:
        raise OSError(errno.EIO, f"{refusal.message} ({refusal.code})") from refusal
    except S3Unreachable as error:
        raise OSError(errno.EIO, str(error)) from error
    except http.client.HTTPException as error:
        raise OSError(errno.EIO, f"the store broke off: {error!r}") from error
    except ValueError as error:
        raise OSError(errno.EIO, f"the store gives no date or size of an object: {error}") from error


def _version(headers: Mapping[str, str]) -> MountedObject:
    moment = parsedate_to_datetime(headers["last-modified"]) if "last-modified" in headers else None
    size = int(headers.get("content-length") or 0)
    return MountedObject(headers.get("etag", ""), size, nanoseconds(moment))


def _listed(node: ElementTree.Element) -> MountedObject:
    text = _text(node, "LastModified")
    moment = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    return MountedObject(_text(node, "ETag"), int(_text(node, "Size") or 0), nanoseconds(moment))


def nanoseconds(moment: datetime | None) -> int:
    """Return a moment as ns since 1970, 0 for none; without a zone it is one of UTC."""
    if moment is None:
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() * NS_PER_SECOND)


def _text(node: ElementTree.Element, tag: str) -> str:
    return node.findtext(f"{{*}}{tag}") or ""
