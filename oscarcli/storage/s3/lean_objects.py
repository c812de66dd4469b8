"""Small objects in S3 as requests of the lean client, and what their answers say. See `SmallObjects`."""

from __future__ import annotations

import hashlib

from oscarcli.storage.base import MD5_ETAG, StoredObject
from oscarcli.storage.location import Location
from oscarcli.storage.s3.calls import S3Calls
from oscarcli.storage.s3.lean import LeanClient
from oscarcli.storage.s3.operations import stored
from oscarcli.storage.s3.reader import digest_told
from oscarcli.storage.wire.client import WireClient
from oscarcli.storage.wire.polled import PolledAnswer

OK = 200


class LeanObjects:
    """Those of one provider.

    Args:
        client: makes the requests.
        storage: asked what an answer does not tell.

    Attributes:
        asks_more: whether answers do not tell all, so that another question follows each of them.
    """

    def __init__(self, client: LeanClient, storage: S3Calls) -> None:
        self._client = client
        self._storage = storage
        self.asks_more = False

    @property
    def wire(self) -> WireClient:
        """Over which they are sent."""
        return self._client.wire

    def put(self, location: Location, content: bytes, content_type: str) -> tuple[bytes, str]:
        """Return the request that stores an object, and its MD5."""
        from oscarcli.storage.s3.upload import put_parameters

        digest = hashlib.md5(content, usedforsecurity=False)
        parameters = put_parameters(location, content, digest.digest(), content_type)
        return self._client.request("put_object", parameters, content), digest.hexdigest()

    def is_stored(self, answer: PolledAnswer, location: Location, size: int, digest: str) -> bool:
        """Tell whether an answer says that an object is stored.

        Raises:
            RefusedError: what is stored is not what was sent.
        """
        if answer.status != OK:
            return False
        if answer.headers.get("etag", "").strip('"') != digest:
            from oscarcli.storage.s3.upload import compare_put

            # As of one that the store encrypts. It is not sent again: for a service each upload is an event.
            self.asks_more = True
            compare_put(self._storage, location, size, digest)
        return True

    def get(self, wanted: StoredObject) -> bytes:
        """Return the request for an object of this version."""
        parameters = {"Bucket": wanted.location.bucket, "Key": wanted.location.key}
        if wanted.etag:
            parameters["IfMatch"] = f'"{wanted.etag}"'
        return self._client.request("get_object", parameters)

    def is_intact(self, wanted: StoredObject, answer: PolledAnswer) -> bool | None:
        """Tell whether an answer brings an object as it was stored; `None` where there is no digest."""
        if answer.status != OK or len(answer.document) != wanted.size:
            return False
        told = digest_told(stored(answer.headers))
        if not MD5_ETAG.fullmatch(told):
            return None
        return hashlib.md5(answer.document, usedforsecurity=False).hexdigest() == told
