"""Forms as a browser sends them, with a policy signed by Version 4."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from oscarcli.local.objects.s3.signatures import Scope
from tests.contract.s3.target import Target
from tests.local.objects.raw import Answer, send
from tests.support.s3_servers import ACCESS_KEY, SECRET_KEY

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
DENIED = (403, "AccessDenied")
MALFORMED = (400, "MalformedPOSTRequest")
DAY = "20200101"
KEY_CONDITION = ["starts-with", "$key", "up/"]
KEY = {"key": "up/a.txt"}

Pairs = Sequence[tuple[str, str]]


def encoded(pairs: Pairs, data: bytes, file_name: str = "page.html", after: bytes = b"") -> bytes:
    fields = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in pairs
    )
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
    return (
        f"{fields}{head}Content-Type: text/html\r\n\r\n".encode()
        + data
        + b"\r\n"
        + after
        + f"--{BOUNDARY}--\r\n".encode()
    )


def send_form(target: Target, body: bytes, path: str = "", content_type: str = "") -> Answer:
    headers = {"Content-Type": content_type or f"multipart/form-data; boundary={BOUNDARY}"}
    return send(target.port, "POST", f"/{target.bucket}{path}", headers, body)


def signed_fields(
    target: Target,
    conditions: Sequence[Any],
    fields: Mapping[str, str],
    *,
    seconds: float = 60,
    document: Any = None,
    secret: str = SECRET_KEY,
) -> list[tuple[str, str]]:
    """Return the fields of a form with a signed policy. Bucket and signing fields are added to it."""
    scope = Scope(DAY, "us-east-1")
    signing = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{ACCESS_KEY}/{scope}",
        "x-amz-date": f"{DAY}T000000Z",
    }
    expiration = (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    named = [{"bucket": target.bucket}, *({name: value} for name, value in signing.items()), *conditions]
    policy = document if document is not None else {"expiration": expiration, "conditions": named}
    text = base64.b64encode(json.dumps(policy).encode()).decode()
    signature = hmac.new(scope.key(secret), text.encode(), hashlib.sha256).hexdigest()
    return [*fields.items(), *signing.items(), ("policy", text), ("x-amz-signature", signature)]


def post_form(target: Target, *conditions: Any, data: bytes = b"hello", **fields: str) -> Answer:
    named = {**KEY, **{name.replace("__", "-"): value for name, value in fields.items()}}
    return send_form(target, encoded(signed_fields(target, [KEY_CONDITION, *conditions], named), data))
