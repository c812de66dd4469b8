"""The server that is asked, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.local.objects.s3.signatures import Credentials
from tests.local.objects.raw import Answer, send, signed
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY

CREDENTIALS = Credentials(ACCESS_KEY, SECRET_KEY)


@dataclass(frozen=True)
class Target:
    """A server, a boto3 client of it, and an empty bucket in it."""

    name: str
    endpoint: str
    port: int
    client: Any
    bucket: str

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request signed in its header; `path` stands below the bucket, `""` is the bucket itself."""
        target = f"/{self.bucket}{path}"
        named = signed(CREDENTIALS, self.port, method, target, body=body, headers=headers)
        return send(self.port, method, target, named, body)

    def content(self, key: str) -> bytes:
        """The bytes of an object."""
        return bytes(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def keys(self) -> list[str]:
        """The names of all objects."""
        listed = self.client.list_objects_v2(Bucket=self.bucket)
        return [item["Key"] for item in listed.get("Contents", [])]
