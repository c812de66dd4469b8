"""Requests made by hand, signed by botocore or by nobody: for what no well-behaved client sends."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from oscarcli.local.objects.s3.signatures import Credentials


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """S3's error code, "" for an answer that is none."""
        match = re.search(rb"<Error><Code>(\w+)</Code>", self.body)
        return match[1].decode() if match else self.headers.get("x-minio-error-code", "")

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.code


def signed(
    credentials: Credentials,
    port: int,
    method: str,
    target: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    region: str = "us-east-1",
) -> dict[str, str]:
    """Return the headers of a request signed with the Authorization header."""
    request = _aws_request(port, method, target, body, headers)
    S3SigV4Auth(_boto(credentials), "s3", region).add_auth(request)
    return dict(request.headers.items())


def link(
    credentials: Credentials,
    port: int,
    method: str,
    target: str,
    *,
    expires: Any = 60,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Return the target of a presigned request."""
    request = _aws_request(port, method, target, b"", headers)
    S3SigV4QueryAuth(_boto(credentials), "s3", "us-east-1", expires=expires).add_auth(request)
    return str(request.url).split(f":{port}", 1)[1]


def send(
    port: int,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send exactly this, with a Content-Length unless there is one or the body is chunked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        names = {name.lower() for name in headers or {}}
        connection.putrequest(method, target, skip_accept_encoding=True, skip_host="host" in names)
        if not names & {"content-length", "transfer-encoding"} and (body or method in ("PUT", "POST")):
            connection.putheader("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


class Streamed:
    """Builds a body of signed chunks, by the text of the S3 API reference and without our own code."""

    def __init__(self, credentials: Credentials, headers: Mapping[str, str]) -> None:
        authorization = headers["Authorization"]
        self._timestamp = headers["X-Amz-Date"]
        self._scope = "/".join(re.findall(r"Credential=([^,]+)", authorization)[0].split("/")[-4:])
        self._previous: str = re.findall(r"Signature=(\w+)", authorization)[0]
        key = b"AWS4" + credentials.secret_key.encode()
        for word in self._scope.split("/"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        self._key = key

    def chunk(self, data: bytes, *, spoil: bool = False) -> bytes:
        empty = hashlib.sha256(b"").hexdigest()
        signature = self._sign("PAYLOAD", empty, hashlib.sha256(data).hexdigest())
        if spoil:
            signature = signature[::-1]
        return f"{len(data):x};chunk-signature={signature}\r\n".encode() + data + b"\r\n"

    def last(self, trailers: Mapping[str, str] | None = None, *, spoil: bool = False) -> bytes:
        end = self.chunk(b"")
        if trailers is None:
            return end
        text = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        signature = self._sign("TRAILER", hashlib.sha256(text.encode()).hexdigest())
        if spoil:
            signature = signature[::-1]
        lines = [f"{name}:{value}\r\n" for name, value in trailers.items()]
        lines.append(f"x-amz-trailer-signature:{signature}\r\n\r\n")
        return end[:-2] + "".join(lines).encode()

    def _sign(self, what: str, *digests: str) -> str:
        text = [f"AWS4-HMAC-SHA256-{what}", self._timestamp, self._scope, self._previous, *digests]
        signature = hmac.new(self._key, "\n".join(text).encode(), hashlib.sha256).hexdigest()
        self._previous = signature
        return signature


def streaming_headers(
    credentials: Credentials, port: int, target: str, form: str, length: int | str, **more: str
) -> dict[str, str]:
    """Return signed headers of a PUT whose body comes in aws-chunked form."""
    headers = {
        "X-Amz-Content-SHA256": form,
        "X-Amz-Decoded-Content-Length": str(length),
        "Content-Encoding": "aws-chunked",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    request = _aws_request(port, "PUT", target, b"", headers)
    request.headers["X-Amz-Content-SHA256"] = form

    class Auth(S3SigV4Auth):  # type: ignore[misc]  # botocore has no type information
        def payload(self, request: AWSRequest) -> str:
            return form

    Auth(_boto(credentials), "s3", "us-east-1").add_auth(request)
    found = dict(request.headers.items())
    assert found["X-Amz-Content-SHA256"] == form
    return found


def _aws_request(
    port: int, method: str, target: str, body: bytes, headers: Mapping[str, str] | None
) -> AWSRequest:
    url = f"http://127.0.0.1:{port}{target}"
    return AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))


def _boto(credentials: Credentials) -> BotoCredentials:
    return BotoCredentials(credentials.access_key, credentials.secret_key)
