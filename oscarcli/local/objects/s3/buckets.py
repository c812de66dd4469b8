"""Operations on buckets and their settings.

Of the settings only tags exist. Questions for the others get the answer MinIO gives when nothing is set;
setting them is refused, so that nobody relies on what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from oscarcli.local.http.messages import Response
from oscarcli.local.objects import names
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.s3 import documents
from oscarcli.local.objects.s3.documents import XmlNode, iso_time
from oscarcli.local.objects.s3.request import S3Request, xml

# MinIO's constant owner; clients only compare it with itself.
OWNER_ID = "02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4"
OWNER: list[XmlNode] = [("ID", OWNER_ID), ("DisplayName", "minio")]

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ACL = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<AccessControlPolicy xmlns="{documents.NAMESPACE}"><Owner><ID>{OWNER_ID}</ID>'
    "<DisplayName>minio</DisplayName></Owner><AccessControlList><Grant>"
    f'<Grantee xmlns:xsi="{_XSI}" xsi:type="CanonicalUser"><ID>{OWNER_ID}</ID>'
    "<DisplayName>minio</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant>"
    "</AccessControlList></AccessControlPolicy>"
)

Operation = Callable[[S3Request], Response]


def list_all(exchange: S3Request) -> Response:
    """ListBuckets."""
    prefix = exchange.query.get("prefix", "")
    found: list[XmlNode] = [
        ("Bucket", [("Name", bucket.name), ("CreationDate", iso_time(bucket.created))])
        for bucket in exchange.store.buckets()
        if bucket.name.startswith(prefix) and exchange.may_use(bucket.name)
    ]
    return xml("ListAllMyBucketsResult", [("Owner", OWNER), ("Buckets", found)])


def create(exchange: S3Request) -> Response:
    """CreateBucket; the location asked for is as good as any."""
    if exchange.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
        raise S3Error("NotImplemented", "The local object store does not implement object lock.")
    body = exchange.document()
    if body:
        documents.parse_document(body, "CreateBucketConfiguration")
    exchange.store.create_bucket(exchange.bucket)
    return Response(200, {"Location": f"/{exchange.bucket}"})


def head(exchange: S3Request) -> Response:
    """HeadBucket."""
    require(exchange)
    return Response(200, {"x-amz-bucket-region": exchange.region})


def delete(exchange: S3Request) -> Response:
    """DeleteBucket, with all it holds when MinIO's force header says so."""
    force = exchange.headers.get("x-minio-force-delete", "").lower() == "true"
    exchange.store.delete_bucket(exchange.bucket, with_objects=force)
    return Response(204)


def get_tags(exchange: S3Request) -> Response:
    """GetBucketTagging."""
    tags = exchange.store.bucket_tags(exchange.bucket)
    if not tags:
        raise S3Error("NoSuchTagSet")
    return tag_answer(tags.items())


def put_tags(exchange: S3Request) -> Response:
    """PutBucketTagging."""
    tags = names.check_tags(documents.parse_tags(exchange.document()), names.BUCKET_TAGS)
    exchange.store.set_bucket_tags(exchange.bucket, tags)
    return Response(200)


def delete_tags(exchange: S3Request) -> Response:
    """DeleteBucketTagging."""
    exchange.store.set_bucket_tags(exchange.bucket, {})
    return Response(204)


def tag_answer(tags: Iterable[tuple[str, str]]) -> Response:
    """Return a Tagging document."""
    children: list[XmlNode] = [("Tag", [("Key", name), ("Value", value)]) for name, value in tags]
    return xml("Tagging", [("TagSet", children)])


def acl_answer() -> Response:
    """Return the only access control list there is: the owner may do everything."""
    return Response(200, {"Content-Type": "application/xml"}, _ACL.encode())


def accept_private_acl(exchange: S3Request) -> Response:
    """Accept the access control list that is there anyway; refuse any other."""
    exchange.document()
    if exchange.headers.get("x-amz-acl") != "private":
        raise S3Error("NotImplemented", "The local object store only implements the private ACL.")
    return Response(200)


def require(exchange: S3Request) -> None:
    """Raise S3Error("NoSuchBucket") when the bucket does not exist."""
    if exchange.store.bucket(exchange.bucket) is None:
        raise S3Error("NoSuchBucket")


def _location(exchange: S3Request) -> Response:
    require(exchange)
    # The default region has always been written as nothing.
    constraint = "" if exchange.region == "us-east-1" else exchange.region
    body = documents.xml_document("LocationConstraint", constraint)
    return Response(200, {"Content-Type": "application/xml"}, body)


def _get_acl(exchange: S3Request) -> Response:
    require(exchange)
    return acl_answer()


def _put_acl(exchange: S3Request) -> Response:
    require(exchange)
    return accept_private_acl(exchange)


def _put_versioning(exchange: S3Request) -> Response:
    require(exchange)
    status = documents.parse_document(exchange.document(), "VersioningConfiguration").findtext("Status")
    if status != "Suspended":
        raise S3Error("NotImplemented", "The local object store does not implement versions.")
    return Response(200)


def _fixed(root: str, *children: XmlNode) -> Operation:
    def answer(exchange: S3Request) -> Response:
        require(exchange)
        return xml(root, children)

    return answer


def _not_configured(code: str) -> Operation:
    def answer(exchange: S3Request) -> Response:
        require(exchange)
        raise S3Error(code)

    return answer


def _nothing_to_delete(exchange: S3Request) -> Response:
    require(exchange)
    return Response(204)


CONFIGURATION: dict[tuple[str, str], Operation] = {
    ("GET", "location"): _location,
    ("GET", "versioning"): _fixed("VersioningConfiguration"),
    ("PUT", "versioning"): _put_versioning,
    ("GET", "notification"): _fixed("NotificationConfiguration"),
    ("GET", "acl"): _get_acl,
    ("PUT", "acl"): _put_acl,
    ("GET", "accelerate"): _fixed("AccelerateConfiguration"),
    ("GET", "requestPayment"): _fixed("RequestPaymentConfiguration", ("Payer", "BucketOwner")),
    ("GET", "logging"): _fixed("BucketLoggingStatus"),
    ("GET", "policyStatus"): _fixed("PolicyStatus", ("IsPublic", "FALSE")),
    ("GET", "policy"): _not_configured("NoSuchBucketPolicy"),
    ("GET", "lifecycle"): _not_configured("NoSuchLifecycleConfiguration"),
    ("GET", "cors"): _not_configured("NoSuchCORSConfiguration"),
    ("GET", "encryption"): _not_configured("ServerSideEncryptionConfigurationNotFoundError"),
    ("GET", "object-lock"): _not_configured("ObjectLockConfigurationNotFoundError"),
    ("GET", "website"): _not_configured("NoSuchWebsiteConfiguration"),
    ("GET", "replication"): _not_configured("ReplicationConfigurationNotFoundError"),
    ("DELETE", "policy"): _nothing_to_delete,
    ("DELETE", "lifecycle"): _nothing_to_delete,
    ("DELETE", "cors"): _nothing_to_delete,
    ("DELETE", "encryption"): _nothing_to_delete,
    ("DELETE", "website"): _nothing_to_delete,
    ("DELETE", "replication"): _nothing_to_delete,
}
