"""Failures as S3 names them.

Codes, statuses and messages are those MinIO answers, so that a program sees the same words here and on a
real cluster. `S3Error` is raised by the Python face of the store as well as by the wire.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType

_TABLE: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied."),
    "AuthorizationHeaderMalformed": (400, "The authorization header that you provided is not valid."),
    "AuthorizationQueryParametersError": (
        400,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    ),
    "BadDigest": (400, "The Content-Md5 you specified did not match what we received."),
    "BadRequest": (400, "The request is not valid."),
    "BucketAlreadyOwnedByYou": (
        409,
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
    "BucketNotEmpty": (409, "The bucket you tried to delete is not empty"),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed object size."),
    "IncompleteBody": (
        400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    ),
    "InternalError": (500, "We encountered an internal error, please try again."),
    "InvalidAccessKeyId": (403, "The Access Key Id you provided does not exist in our records."),
    "InvalidArgument": (400, "Invalid argument."),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-Md5 you specified is not valid."),
    "InvalidObjectState": (403, "The operation is not valid for the current state of the object."),
    "InvalidPart": (
        400,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag.",
    ),
    "InvalidPartNumber": (416, "The requested partnumber is not satisfiable"),
    "InvalidPartOrder": (
        400,
        "The list of parts was not in ascending order. "
        "The parts list must be specified in order by part number.",
    ),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRequest": (400, "The request is not valid."),
    "InvalidStorageClass": (400, "Invalid storage class."),
    "InvalidTag": (400, "The tag provided was not a valid tag."),
    "InvalidTokenId": (403, "The security token included in the request is invalid"),
    "InvalidURI": (400, "Couldn't parse the specified URI."),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedXML": (
        400,
        "The XML you provided was not well-formed or did not validate against our published schema.",
    ),
    "MalformedTrailerError": (
        400,
        "The request contained trailing data that was not well-formed or did not conform to our published "
        "schema.",
    ),
    "MalformedPOSTRequest": (400, "The body of your POST request is not well-formed multipart/form-data."),
    "MaxMessageLengthExceeded": (400, "Your request was too big."),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "MissingContentMD5": (
        400,
        "Missing or invalid required header for this request: Content-Md5 or Amz-Content-Checksum",
    ),
    "MissingFields": (400, "Missing fields in request."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist"),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist"),
    "NoSuchTagSet": (404, "The TagSet does not exist"),
    "NoSuchUpload": (
        404,
        "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have "
        "been aborted or completed.",
    ),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NoSuchWebsiteConfiguration": (404, "The specified bucket does not have a website configuration"),
    "NotImplemented": (501, "This operation is not implemented by the local object store."),
    "ObjectLockConfigurationNotFoundError": (
        404,
        "Object Lock configuration does not exist for this bucket",
    ),
    "PostPolicyInvalidKeyName": (403, "Invalid according to Policy: Policy Condition failed"),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "ReplicationConfigurationNotFoundError": (404, "The replication configuration was not found"),
    "RequestTimeTooSkewed": (
        403,
        "The difference between the request time and the server's time is too large.",
    ),
    "ServerSideEncryptionConfigurationNotFoundError": (
        404,
        "The server side encryption configuration was not found",
    ),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    "XAmzContentChecksumMismatch": (
        400,
        "The provided 'x-amz-checksum' header does not match what was computed.",
    ),
    "XAmzContentSHA256Mismatch": (
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
    "XMinioAdminBucketQuotaExceeded": (400, "Bucket quota exceeded"),
    "XMinioInvalidObjectName": (400, "Object name contains unsupported characters."),
    "XMinioInvalidResourceName": (
        400,
        'Resource name contains bad components such as ".." or ".".',
    ),
    "XMinioStorageFull": (
        507,
        "The local cluster's disk is full: nothing was stored. Free some space and send the object again.",
    ),
}


class S3Error(Exception):
    """A refusal with S3's code, status and message.

    Args:
        code: one of S3's error codes; must be in the table of this module.
        message: replaces the usual message of the code.
        status: replaces the usual status of the code.
        details: further members of the error document, for example `{"ActualObjectSize": "11"}`.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        status: int | None = None,
        details: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        usual_status, usual_message = _TABLE[code]
        self.code = code
        self.status = status if status is not None else usual_status
        self.message = message if message is not None else usual_message
        self.details = dict(details or {})
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {self.message}")


class NotModified(Exception):  # noqa: N818 -- an answer without a body, not a defect
    """The reader has this version already (304)."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("not modified")
        self.headers = dict(headers)


class _FullDiskNamed(AbstractContextManager[None]):
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        else:
            # The numeric code is an attribute only from Python 3.11 on.
            is_full = isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error)
        if is_full:
            raise S3Error("XMinioStorageFull") from error


_FULL_DISK_NAMED = _FullDiskNamed()


def full_disk_named() -> AbstractContextManager[None]:
    """Turn a full disk, met by a file or by SQLite, into `S3Error("XMinioStorageFull")`."""
    return _FULL_DISK_NAMED
