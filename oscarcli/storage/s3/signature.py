"""Signature version 4 of Amazon, for requests whose body is protected by a digest of its own.

What is the same for all requests of a second is computed once: botocore, which computes it for each, spends
half a millisecond on a signature.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_BODY = "UNSIGNED-PAYLOAD"


class Signer:
    """Signs requests with static keys; may be used by several threads.

    Args:
        access_key, secret_key: the keys.
        region: of the store.
    """

    def __init__(self, access_key: str, secret_key: str, region: str) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self.region = region
        # Second, timestamp, scope and key belong together, and are replaced together.
        self._current: tuple[int, str, str, bytes] = (-1, "", "", b"")

    def sign(self, method: str, path: str, query: str, headers: dict[str, str]) -> None:
        """Add what makes a request an authorised one to its headers.

        Args:
            method: such as GET.
            path: as it is sent, percent-encoded.
            query: as it is sent, percent-encoded, its parameters in the order of their names.
            headers: by lower-case names; all of them are signed, and "host" must be one of them.
        """
        _, stamp, scope, key = self._now()
        headers["x-amz-content-sha256"] = UNSIGNED_BODY
        headers["x-amz-date"] = stamp
        names = sorted(headers)
        lines = "".join([f"{name}:{headers[name]}\n" for name in names])
        signed = ";".join(names)
        request = f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{UNSIGNED_BODY}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        signature = hmac.digest(key, f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode(), "sha256").hex()
        headers["authorization"] = (
            f"{ALGORITHM} Credential={self._access_key}/{scope}, SignedHeaders={signed}, "
            f"Signature={signature}"
        )

    def change_region(self, region: str) -> None:
        """Sign for another region from now on."""
        self.region = region
        self._current = (-1, "", "", b"")

    def _now(self) -> tuple[int, str, str, bytes]:
        second = int(time.time())
        current = self._current
        if current[0] != second:
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
            key = current[3] if current[2] == scope else self._derive(scope)
            self._current = current = (second, stamp, scope, key)
        return current

    def _derive(self, scope: str) -> bytes:
        key = f"AWS4{self._secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Return parameters in the form that is sent and signed."""
    return "&".join(
        f"{quote(name, safe='-_.~')}={quote(parameters[name], safe='-_.~')}" for name in sorted(parameters)
    )
