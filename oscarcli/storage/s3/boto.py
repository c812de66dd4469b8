"""The client of boto3: for bucket calls, and for all calls where the lean client cannot go.

What boto3 adds to botocore, resources and a transfer manager, is not used: loading it takes a fifth of the
time again (measured: 150 ms for botocore with a client, 180 ms for boto3).
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from oscarcli.errors import OscarError
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.s3 import settings as s3_settings
from oscarcli.storage.s3.boto_connection import Sender
from oscarcli.storage.s3.failures import AnswerError
from oscarcli.storage.s3.settings import DEFAULT_REGION, S3Settings
from oscarcli.storage.source import UploadPart
from oscarcli.storage.wire.connector import require_url
from oscarcli.storage.wire.failures import (
    UNREACHABLE_HINT,
    BrokenBodyError,
    BrokenConnectionError,
    NoConnectionError,
    ParameterError,
    SilentServerError,
    chain,
    reason_below,
)

MAX_IDLE_CONNECTIONS = 16
# The keys are given: a profile, a role or a region of the user's own AWS account has no say here. The
# members are those of botocore's table of settings: key in a file, variables, default, conversion.
NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def boto_client(settings: S3Settings) -> Any:
    """Return a botocore client. Nothing is sent yet, and nothing is read from `~/.aws`.

    Raises:
        UnreachableError: the endpoint is not a URL.
    """
    import botocore.session
    from botocore.config import Config

    require_url(settings)
    session = botocore.session.Session(session_vars=NO_PROFILE)
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if settings.endpoint else "auto"},
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        retries={"mode": "standard", "total_max_attempts": s3_settings.MAX_ATTEMPTS},
        max_pool_connections=MAX_IDLE_CONNECTIONS,
        # Who sends looks for a proxy.
        proxies={},
        # MinIO servers of before 2025 do not know the checksums botocore sends otherwise; digests go along
        # as Content-MD5.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # "auto", possible through AWS_DEFAULTS_MODE, asks the metadata service of EC2 for the region.
        defaults_mode="legacy",
        **({"use_dualstack_endpoint": False, "use_fips_endpoint": False} if settings.endpoint else {}),
    )
    client = session.create_client(
        "s3",
        region_name=settings.region or DEFAULT_REGION,
        endpoint_url=settings.endpoint,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        config=config,
    )
    if not settings.tls.verify:
        _accept_unverified()
    _count_what_is_sent(client)
    client.meta.events.register_last("before-send.s3", _sender(settings).send)
    return client


def _sender(settings: S3Settings) -> Sender:
    return Sender(
        settings.tls,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        connections=MAX_IDLE_CONNECTIONS,
    )


def _accept_unverified() -> None:
    """Keep urllib3 from a warning at every connection: whoever defined the provider wanted it so."""
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


def _count_what_is_sent(client: Any) -> None:
    """Let a UploadPart know when it is read for sending: signing, between these two events, reads it too."""

    def switch(sending: bool) -> Any:
        def handler(request: Any, **_: Any) -> None:
            if isinstance(request.body, UploadPart):
                request.body.sending = sending

        return handler

    client.meta.events.register_first("request-created.s3", switch(False))
    client.meta.events.register_last("request-created.s3", switch(True))


class BotoClient:
    """One provider through botocore. See `S3Client`.

    Args:
        settings: where it is.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._connecting = threading.Lock()
        self._connected: Any = None

    @property
    def connected(self) -> Any:
        """The botocore client, made once; all threads use the same one."""
        with self._connecting:
            if self._connected is None:
                self._connected = boto_client(self._settings)
            return self._connected

    def call(
        self, operation: str, parameters: dict[str, Any], cancellation: Cancellation | None
    ) -> dict[str, Any]:
        """Do any operation that botocore knows."""
        method = getattr(self.connected, operation)
        handled = sys.exc_info()[1]
        try:
            answer: dict[str, Any] = method(**parameters)
        except Exception as error:
            raise _as_ours(error, handled) from error
        if "Body" in answer:
            answer["Body"] = _BotoBody(answer["Body"])
        return answer

    def close(self) -> None:
        """Close the connections, if there are any."""
        if self._connected is not None:
            self._connected.close()


class _BotoBody:
    """A StreamingBody of botocore. See `ObjectBody`."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int) -> bytes:
        handled = sys.exc_info()[1]
        try:
            return bytes(self._body.read(size))
        except Exception as error:
            raise _as_ours(error, handled) from error

    def read_into(self, buffer: memoryview) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def interrupt(self) -> None:
        """Shut the socket for reading; urllib3 can do so from version 2.3 on."""
        shutdown = getattr(self._body._raw_stream, "shutdown", None)
        if shutdown is not None:
            shutdown()

    def close(self) -> None:
        """Close the body; a connection whose body was read to its end is used again."""
        self._body.close()


def _as_ours(error: Exception, handled: BaseException | None) -> Exception:
    """Return the exception of `S3Client` for one of botocore's.

    Args:
        error: what botocore raised.
        handled: the failure that the caller was dealing with when it asked: Python makes it the context of
            every exception below, and it is none of their causes.
    """
    from botocore import exceptions as boto

    causes = list(chain(error, until=handled))
    for inner in causes:
        if isinstance(inner, (OscarError, Cancelled, NoConnectionError)):
            return inner
    if isinstance(error, boto.ClientError):
        return _answered(error)
    if isinstance(error, boto.ParamValidationError):
        return ParameterError(_first_report(error))
    if isinstance(error, (boto.ConnectTimeoutError, boto.ReadTimeoutError)):
        return SilentServerError()
    if isinstance(error, boto.SSLError):
        return NoConnectionError(f"TLS failed: {reason_below(error)}", UNREACHABLE_HINT)
    if isinstance(error, boto.ProxyConnectionError):
        return NoConnectionError(f"the proxy does not answer: {reason_below(error)}", None)
    if isinstance(error, boto.ConnectionClosedError):
        return BrokenConnectionError()
    if isinstance(error, (boto.ResponseStreamingError, boto.IncompleteReadError)):
        return BrokenBodyError()
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        if any(isinstance(inner, boto.ConnectionClosedError) for inner in causes):
            return BrokenConnectionError()
        return NoConnectionError(f"no connection: {reason_below(error)}", UNREACHABLE_HINT)
    return error


def _answered(error: Any) -> AnswerError:
    response = error.response
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    told = response.get("Error", {})
    return AnswerError(status, str(told.get("Code", "")), str(told.get("Message", "")))


def _first_report(error: Exception) -> str:
    # Two lines: "Parameter validation failed:" and what is wrong, with a long regular expression at the end.
    lines = str(error).splitlines()
    return lines[-1].partition(": Bucket name must match")[0]
