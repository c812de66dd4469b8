"""Routes of buckets (`oscar-api` 3.8)."""

from __future__ import annotations

import time
from typing import Any

from oscarcli.local import clock
from oscarcli.local.answers import ApiError, empty, json_answer
from oscarcli.local.http.messages import Response
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Bucket
from oscarcli.local.objects.s3.signatures import presign
from oscarcli.local.rest.paging import PAGE_SIZE, page_start, page_token
from oscarcli.local.rest.routes import Call, Route
from oscarcli.local.rest.services import body_of
from oscarcli.local.rest.system import NAME
from oscarcli.local.services.decode import DecodeError, decode, parse_json
from oscarcli.local.services.definition import OWNER, REGION
from oscarcli.local.services.ownership import check_bucket_count
from oscarcli.local.services.quantity import binary_size
from oscarcli.local.services.quotas import whole
from oscarcli.local.services.schema import BUCKET, PRESIGN
from oscarcli.local.users.access import PRIVATE, RESTRICTED, VISIBILITIES, BucketPolicy

INVALID = "The Bucket specification is not valid: "
INVALID_PRESIGN = "Invalid presign request: "
DEFAULT_EXPIRY = 900
MAX_EXPIRY_SECONDS = 604_800


def create(call: Call) -> Response:
    """POST /system/buckets: a bucket, or a bucket with a folder in it."""
    document = _read(call)
    name, _, folder = document["bucket_name"].strip("/").partition("/")
    store = call.cluster.store
    failure = f"Error creating bucket with name '{name}': "
    with call.cluster.state.transaction(is_large=True):
        if store.bucket(name) is not None:
            raise ApiError(400, f'{failure}the bucket "{name}" already exists\n')
        _check_quota(call)
        try:
            store.create_bucket(name, _tags(call))
            if folder:
                store.put_marker(name, f"{folder}/")
        except S3Error as error:
            raise ApiError(400, f"{failure}{error.message}") from error
        if not call.caller.is_admin:
            _keep_policy(call, document, name)
    return empty(201)


def _tags(call: Call) -> dict[str, str]:
    user = call.caller.user
    return {"owner": NAME, "owner_name": NAME} if user is None else user.tags


def _check_quota(call: Call) -> None:
    if not call.caller.is_admin:
        check_bucket_count(call.cluster.policies, call.cluster.quotas, call.caller.uid, 1)


def _keep_policy(call: Call, document: dict[str, Any], bucket: str) -> None:
    visibility = document["visibility"] or PRIVATE
    allowed = tuple(document["allowed_users"]) if visibility == RESTRICTED else ()
    call.cluster.policies.put(BucketPolicy(bucket, call.caller.uid, visibility, allowed))


def list_all(call: Call) -> Response:
    """GET /system/buckets: the buckets that the caller may use, by name, `null` when there are none."""
    buckets = [_shown(call, bucket) for bucket in call.cluster.store.buckets() if _may_use(call, bucket.name)]
    for bucket in buckets:
        bucket["metadata"].pop("owner", None)
    return json_answer(buckets or None)


def get(call: Call) -> Response:
    """GET /system/buckets/{bucket}: the bucket with a page of its objects."""
    store = call.cluster.store
    bucket = store.bucket(call.name)
    if not _may_use(call, call.name):
        raise _not_authorised(call)
    if bucket is None:
        raise ApiError(
            500, f"Error listing objects in bucket '{call.name}': The specified bucket does not exist"
        )
    try:
        after = page_start(call.request.query.get("page", ""))
    except ValueError as error:
        raise ApiError(500, f"Error listing objects in bucket '{call.name}': {error}") from error
    page = store.list_page(bucket.name, "", after, PAGE_SIZE)
    document = _shown(call, bucket)
    objects = [
        {
            "object_name": item.key,
            "size_bytes": item.size,
            "last_modified": clock.go_text(item.modified_ns),
        }
        for item in page.objects
    ]
    if objects:
        document["objects"] = objects
    if page.truncated:
        document["next_page"] = page_token(page.last)
    return json_answer({**document, "is_truncated": page.truncated, "returned_items": len(objects)})


def _may_use(call: Call, bucket: str) -> bool:
    """Tell whether the caller may work with a bucket; a user may not with one that does not exist."""
    return call.caller.is_admin or call.cluster.accounts.may_use(call.caller.uid, bucket)


def _not_authorised(call: Call) -> ApiError:
    return ApiError(403, f"User '{call.caller.uid}' is not authorised")


def change(call: Call) -> Response:
    """PUT /system/buckets: who may use a bucket, by its owner; for all others nothing changes."""
    document = _read(call)
    bucket = call.cluster.store.bucket(document["bucket_name"].strip("/").partition("/")[0])
    if bucket is None or not bucket.tags:
        raise ApiError(500, "Missing bucket metadata: \n")
    is_owner = call.cluster.policies.is_owner(call.caller.uid, bucket.name)
    if is_owner and document["visibility"] in VISIBILITIES:
        _keep_policy(call, document, bucket.name)
    return empty(204)


def delete(call: Call) -> Response:
    """DELETE /system/buckets/{bucket}, with its objects."""
    store = call.cluster.store
    with call.cluster.state.transaction():
        if store.bucket(call.name) is None:
            raise ApiError(404, f"The bucket '{call.name}' does not exist")
        if not (call.caller.is_admin or call.cluster.policies.is_owner(call.caller.uid, call.name)):
            raise _not_authorised(call)
        store.delete_bucket(call.name, with_objects=True)
    return empty(204)


def _read(call: Call) -> dict[str, Any]:
    try:
        return decode(BUCKET, parse_json(body_of(call, INVALID)))
    except DecodeError as error:
        raise ApiError(400, f"{INVALID}{error}") from error


def _shown(call: Call, bucket: Bucket) -> dict[str, Any]:
    used, objects = call.cluster.store.usage(bucket.name)
    policy = call.cluster.policies.get(bucket.name)
    is_hidden = policy is None or (call.caller.is_admin and policy.visibility == PRIVATE)
    return {
        "bucket_name": bucket.name,
        "visibility": "" if policy is None or is_hidden else policy.visibility,
        "allowed_users": list(policy.allowed_users) if policy and policy.visibility == RESTRICTED else None,
        "owner": bucket.tags.get("owner") or OWNER,
        "metadata": dict(sorted(bucket.tags.items())),
        "storage_quota": _storage_quota(call, policy),
        "storage_usage": {"used": binary_size(used), "used_bytes": used, "objects": objects},
        "attribution": "complete",
    }


def _storage_quota(call: Call, policy: BucketPolicy | None) -> dict[str, Any]:
    limits = call.cluster.quotas.get(policy.owner).get("minio", {}) if policy is not None else {}
    size = limits.get("storage_per_bucket")
    return (
        {"source": "unset"} if size is None else {"max": size, "max_bytes": whole(size), "source": "bucket"}
    )


# -- presigned links -----------------------------------------------------------------------------


def presign_object(call: Call) -> Response:
    """POST /system/buckets/{bucket}/presign: a link for one upload or download."""
    wanted = _presign_request(call)
    bucket = call.cluster.store.bucket(call.name)
    if bucket is None:
        raise ApiError(404, f"Bucket '{call.name}' not found")
    if not _may_use(call, call.name):
        raise _not_authorised(call)
    upload = wanted["operation"] == "upload"
    headers = dict(wanted["extra_headers"])
    query = {}
    if wanted["content_type"] and upload:
        headers["Content-Type"] = wanted["content_type"]
    elif wanted["content_type"]:
        query["response-content-type"] = wanted["content_type"]
    url = presign(
        call.cluster.accounts.of(call.caller),
        "PUT" if upload else "GET",
        call.cluster.s3_endpoint,
        bucket.name,
        wanted["object_key"],
        expires=wanted["expires_in"],
        region=REGION,
        headers=headers,
        query=query,
    )
    answer = {
        "object_key": wanted["object_key"],
        "operation": wanted["operation"],
        "method": "PUT" if upload else "GET",
        "url": url,
        "expires_at": clock.stamp(time.time() + wanted["expires_in"]),
    }
    if headers:
        answer["headers"] = {_canonical(name): value for name, value in sorted(headers.items())}
    return json_answer(answer)


def _presign_request(call: Call) -> dict[str, Any]:
    try:
        wanted = decode(PRESIGN, parse_json(body_of(call, INVALID_PRESIGN)))
    except DecodeError as error:
        raise ApiError(400, f"{INVALID_PRESIGN}{error}") from error
    missing = [key for key in ("object_key", "operation") if not wanted[key]]
    if missing:
        raise ApiError(400, INVALID_PRESIGN + "\n".join(_required(key) for key in missing))
    wanted["object_key"] = wanted["object_key"].strip("/ ")
    wanted["operation"] = wanted["operation"].lower()
    wanted["expires_in"] = wanted["expires_in"] or DEFAULT_EXPIRY
    if not wanted["object_key"]:
        raise ApiError(400, "object_key cannot be empty")
    if wanted["operation"] not in ("upload", "download"):
        raise ApiError(400, "operation must be 'upload' or 'download'")
    if not 1 <= wanted["expires_in"] <= MAX_EXPIRY_SECONDS:
        raise ApiError(400, f"expires_in must be between 1 and {MAX_EXPIRY_SECONDS} seconds")
    return wanted


def _required(key: str) -> str:
    field = key.title().replace("_", "")
    return f"Key: 'PresignRequest.{field}' Error:Field validation for '{field}' failed on the 'required' tag"


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


_ONE = "/system/buckets/{bucket}"

ROUTES = (
    Route("POST", "/system/buckets", create),
    Route("GET", "/system/buckets", list_all),
    Route("PUT", "/system/buckets", change),
    Route("GET", _ONE, get),
    Route("DELETE", _ONE, delete),
    Route("POST", f"{_ONE}/presign", presign_object),
)
