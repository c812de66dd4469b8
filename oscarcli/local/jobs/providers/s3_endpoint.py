"""Where a provider that speaks S3 is reached, as the SDKs of the manager and of the supervisor find it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from oscarcli.local.objects.s3.signatures import Credentials

MINIO = "minio"
DEFAULT_REGION = "us-east-1"
# Of a MinIO whose definition has no endpoint, for the supervisor.
DEFAULT_MINIO = "http://minio-service.minio:9000"
# What Amazon's SDKs ask in place of Amazon, the more special one first.
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


@dataclass(frozen=True)
class S3Endpoint:
    """One provider.

    Args:
        url: with a scheme, without a path; buckets are its first segment.
        account: whose requests are sent.
        region: that requests are signed for.
        verify: whether the server's certificate has to be good.
        has_host_per_bucket: whether a bucket is a host of its own, as at Amazon.
    """

    url: str
    account: Credentials = field(repr=False)
    region: str = DEFAULT_REGION
    verify: bool = True
    has_host_per_bucket: bool = False

    @property
    def is_valid(self) -> bool:
        """Tell whether the address is one."""
        parts = urlsplit(self.url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)

    def base_of(self, bucket: str) -> tuple[str, str]:
        """Return the address of a bucket's server, and the path of the bucket on it."""
        if self.has_host_per_bucket and "." not in bucket:
            scheme, _, host = self.url.partition("://")
            return f"{scheme}://{bucket}.{host}", ""
        return self.url, f"/{bucket}"


def endpoint_of(kind: str, settings: Mapping[str, Any]) -> S3Endpoint:
    """Return how to reach a storage provider.

    Args:
        kind: minio or s3.
        settings: of the definition.
    """
    account = Credentials(str(settings["access_key"]), str(settings["secret_key"]))
    region = str(settings.get("region") or DEFAULT_REGION)
    if kind == MINIO:
        url = str(settings.get("endpoint") or DEFAULT_MINIO).rstrip("/")
        return S3Endpoint(url, account, region, bool(settings.get("verify")))
    for variable in ENDPOINT_VARIABLES:
        if os.environ.get(variable):
            return S3Endpoint(os.environ[variable].rstrip("/"), account, region)
    return S3Endpoint(_amazon(region), account, region, has_host_per_bucket=True)


def _amazon(region: str) -> str:
    if region == DEFAULT_REGION:
        return "https://s3.amazonaws.com"
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"https://s3.{region}.amazonaws.com{suffix}"
