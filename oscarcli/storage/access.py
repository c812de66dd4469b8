"""Whether a cluster's own object store lets this login in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oscarcli.config.model import TlsSettings
from oscarcli.errors import OscarError
from oscarcli.storage.provider import DEFAULT_PROVIDER, open_storage


def count_buckets(minio: Mapping[str, Any], seconds: float, tls: TlsSettings) -> int:
    """Return how many buckets the keys of `minio_provider` show.

    Args:
        minio: from the cluster's configuration.
        seconds: how long the store may keep silent.
        tls: the cluster's settings.

    Raises:
        AuthError: the keys are missing, masked or refused; ForbiddenError when they may not list buckets.
        UnreachableError: nothing usable answers.
        OscarError: something else than an object store answers.
    """
    from oscarcli.storage.s3.storage import S3Storage

    storage = open_storage(DEFAULT_PROVIDER, {}, lambda: minio, read_timeout=seconds, outage_limit=0, tls=tls)
    assert isinstance(storage, S3Storage)
    doing = f"list the buckets of {DEFAULT_PROVIDER}"
    buckets = storage.call(doing, "list_buckets").get("Buckets")
    if buckets is None:
        # Any page that a web server sends passes for an answer without a list.
        raise OscarError(f"{doing}: the answer is no list of buckets")
    return len(buckets)
