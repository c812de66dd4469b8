"""Signed requests to a store that speaks S3: what the manager's and the supervisor's clients send it."""

from __future__ import annotations

import hashlib
import http.client
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import urlsplit

from oscarcli.local.jobs.providers.remote import Body, FileRange, answering, xml_root
from oscarcli.local.jobs.providers.s3_endpoint import S3Endpoint
from oscarcli.local.objects.s3.signatures import (
    ALGORITHM,
    TIME_FORMAT,
    Scope,
    canonical_query,
    canonical_text,
    encode_path,
    sign,
)

# Those of the supervisor's client: seconds that a server may keep silent, and how often it is asked.
TIMEOUT_SECONDS = 60
ATTEMPTS = 5
RETRIED = (500, 502, 503, 504)
RETRIED_CODES = ("RequestTimeout", "SlowDown", "Throttling", "BandwidthLimitExceeded")
MAX_DOCUMENT_BYTES = 8 << 20
_NAMESPACE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class StoreRequest:
    """What is asked of a store.

    Args:
        method: of HTTP.
        bucket: the one that it is about.
        key: of an object; empty for the bucket itself.
        query: decoded.
        body: what is sent; other methods than PUT and POST have none.
        headers: to send, besides those of the signature.
    """

    method: str
    bucket: str
    key: str = ""
    query: Sequence[tuple[str, str]] = ()
    body: Body = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class S3Refusal(Exception):  # noqa: N818 -- a store's answer
    """A store has answered with an error.

    Args:
        code, message: what it says; the status and its phrase where it says nothing.
        status: of HTTP.
        request, host: by what its owner finds the request.
        attempts: how often it was asked.
    """

    def __init__(
        self, code: str, message: str, status: int, request: str = "", host: str = "", attempts: int = 1
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.request, self.host, self.attempts = request, host, attempts


class S3Unreachable(Exception):  # noqa: N818
    """A store has not answered.

    Args:
        method, url: what was asked.
        cause: why there is no answer.
    """

    def __init__(self, method: str, url: str, cause: Exception) -> None:
        self.method, self.url, self.cause = method, url, cause
        self.reason = (isinstance(cause, OSError) and cause.strerror) or str(cause)
        super().__init__(f"{url} cannot be reached: {self.reason}")


class StoreClient:
    """One store.

    Args:
        endpoint: where it is.
        attempts: how often a request is sent that finds the store away or overloaded; as often as the
            supervisor does unless it is given.
    """

    def __init__(self, endpoint: S3Endpoint, *, attempts: int | None = None) -> None:
        self._endpoint = endpoint
        self._attempts = attempts or ATTEMPTS

    @contextmanager
    def answer(self, request: StoreRequest) -> Iterator[http.client.HTTPResponse]:
        """Send a request and give the answer, whose content is still to be read.

        Raises:
            S3Refusal: the store says no.
            S3Unreachable: it does not answer.
            OSError: the file that is sent cannot be read.
        """
        with ExitStack() as opened:
            yield self._last(opened, request)

    def _last(self, opened: ExitStack, request: StoreRequest) -> http.client.HTTPResponse:
        """Return the answer of the last attempt; `opened` closes it."""
        digest = _sha256(request.body)
        for attempt in range(1, self._attempts + 1):
            is_last = attempt == self._attempts
            try:
                answer = self._sent(opened, request, digest)
            except S3Unreachable:
                if is_last:
                    raise
            else:
                if answer.status < 300:
                    return answer
                refusal = _refusal(answer, attempt)
                if is_last or not (refusal.status in RETRIED or refusal.code in RETRIED_CODES):
                    raise refusal
            _pause(attempt)
        raise AssertionError("there is at least one attempt")

    def document(self, request: StoreRequest) -> tuple[Mapping[str, str], bytes]:
        """Send a request and return headers, by lower-case names, and content of the answer.

        Raises what `answer` raises.
        """
        place = self._endpoint.base_of(request.bucket)[0]
        with self.answer(request) as answer, _answering_to(request.method, place):
            told = {name.lower(): value for name, value in answer.headers.items()}
            return told, answer.read(MAX_DOCUMENT_BYTES)

    def _sent(self, opened: ExitStack, request: StoreRequest, digest: str) -> http.client.HTTPResponse:
        method, verify = request.method, self._endpoint.verify
        base, above = self._endpoint.base_of(request.bucket)
        path = encode_path(f"{above}/{request.key}".encode()) if request.key else above or "/"
        target = f"{path}?{canonical_query(request.query)}" if request.query else path
        signed = self._signed(request, urlsplit(base).netloc, path, digest)
        body = request.body if method in ("PUT", "POST") else None
        with _answering_to(method, f"{base}{path}"):
            return opened.enter_context(
                answering(method, f"{base}{target}", signed, body, TIMEOUT_SECONDS, verify=verify)
            )

    def _signed(self, request: StoreRequest, host: str, path: str, digest: str) -> dict[str, str]:
        """Return headers with a signature among them."""
        moment = datetime.now(timezone.utc).strftime(TIME_FORMAT)
        endpoint, scope = self._endpoint, Scope(moment[:8], self._endpoint.region)
        own = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
        covered = {**{name.lower(): value for name, value in request.headers.items()}, **own}
        names = sorted(covered)
        canonical = canonical_text(request.method, path, request.query, covered, names, digest)
        signature = sign(scope.key(endpoint.account.secret_key), moment, scope, canonical)
        who = f"{endpoint.account.access_key}/{scope}"
        covered["authorization"] = (
            f"{ALGORITHM} Credential={who}, SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        return covered


@contextmanager
def _answering_to(method: str, url: str) -> Iterator[None]:
    """Turn what is no answer into S3Unreachable."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.filename is not None:
            # Not the store, but the file that it was to get.
            raise
        raise S3Unreachable(method, url, error) from error


def _pause(attempt: int) -> None:
    time.sleep(random.random() * 2 ** (attempt - 1))  # noqa: S311 -- no secret


def _sha256(body: Body) -> str:
    digest = hashlib.sha256()
    for block in body.blocks() if isinstance(body, FileRange) else (body,):
        digest.update(block)
    return digest.hexdigest()


def _refusal(answer: http.client.HTTPResponse, attempt: int) -> S3Refusal:
    try:
        told = texts_of(answer.read(MAX_DOCUMENT_BYTES))
    except (OSError, http.client.HTTPException):
        told = {}
    code, message = told.get("Code", ""), told.get("Message", "")
    request = answer.headers.get("x-amz-request-id") or told.get("RequestId", "")
    host = answer.headers.get("x-amz-id-2") or told.get("HostId", "")
    if not code:
        code, message = str(answer.status), http.client.responses.get(answer.status, answer.reason)
    return S3Refusal(code, message, answer.status, request, host, attempt)


def texts_of(document: bytes) -> dict[str, str]:
    """Return the texts of a document's members by their tags; of what is no XML there are none."""
    root = xml_root(document)
    return {} if root is None else {_NAMESPACE.sub("", node.tag): node.text or "" for node in root}
