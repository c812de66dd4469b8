"""The store's buckets, by themselves; `store` adds what is in them."""

from __future__ import annotations

import time
from collections.abc import Mapping

from oscarcli.local.objects import index, names
from oscarcli.local.objects.errors import S3Error, full_disk_named
from oscarcli.local.objects.model import Bucket
from oscarcli.local.objects.writing import Writer, require_bucket
from oscarcli.local.state import State


class BucketStore:
    """Buckets, safe to use from many threads; transactions and errors are those of `ObjectStore`."""

    def __init__(self, state: State, writer: Writer) -> None:
        self._state = state
        self._writer = writer

    def create_bucket(self, name: str, tags: Mapping[str, str] | None = None) -> Bucket:
        """Create a bucket. Raises S3Error: InvalidBucketName, BucketAlreadyOwnedByYou."""
        names.check_bucket_name(name)
        with full_disk_named(), self._state.transaction() as connection:
            if index.get_bucket(connection, name) is not None:
                raise S3Error("BucketAlreadyOwnedByYou")
            bucket = Bucket(name, time.time_ns(), dict(tags or {}))
            index.add_bucket(connection, bucket)
        return bucket

    def delete_bucket(self, name: str, *, with_objects: bool = False) -> None:
        """Delete a bucket and its unfinished uploads. Raises S3Error: NoSuchBucket, BucketNotEmpty.

        Args:
            name: of the bucket.
            with_objects: also delete what is in it.
        """
        with full_disk_named(), self._state.transaction(is_large=True) as connection:
            require_bucket(connection, name)
            if not with_objects and index.has_objects(connection, name):
                raise S3Error("BucketNotEmpty")
            for content in index.remove_bucket(connection, name):
                self._writer.forget(connection, content)

    def bucket(self, name: str) -> Bucket | None:
        """Return a bucket, or None."""
        return index.get_bucket(self._state.read(), name)

    def buckets(self) -> list[Bucket]:
        """Return all buckets by name."""
        return index.get_buckets(self._state.read())

    def bucket_tags(self, name: str) -> Mapping[str, str]:
        """Return the tags of a bucket. Raises S3Error: NoSuchBucket."""
        bucket = self.bucket(name)
        if bucket is None:
            raise S3Error("NoSuchBucket")
        return bucket.tags

    def set_bucket_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a bucket. Raises S3Error: NoSuchBucket, InvalidTag."""
        checked = names.check_tags(tags.items(), names.BUCKET_TAGS)
        with full_disk_named(), self._state.transaction() as connection:
            require_bucket(connection, name)
            index.set_bucket_tags(connection, name, checked)

    def usage(self, name: str) -> tuple[int, int]:
        """Return (bytes, objects) of a bucket, zeros for one that does not exist."""
        return index.get_usage(self._state.read(), name)
