"""What answers must look like to be read: the types of all parts of them that this program works with.

A shape is a type; `[shape]` for a list; `{"key": shape}` for a document, whose other keys may be anything: a
newer server's must survive; `{ANY: shape}` for a document whose keys are names; `Needed(shape)` for what must
be there. Anything else that is missing may be null, too. Facts: `oscar-api` 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Shape = Any
ANY = "*"


@dataclass(frozen=True)
class Needed:
    """A part that must be there."""

    shape: Shape


class ScalarValue:
    """A text, a number or a switch: what servers write differently, and what is only shown."""


class Number:
    """A number, whole or not."""


class Ports:
    """A port or a list of them; servers before 4.1 have one."""


WORDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    Number: "a number",
    ScalarValue: "a single value",
}

FOLDER = {"storage_provider": str, "path": str, "suffix": [str], "prefix": [str]}
MEMBER = {
    "type": str,
    "cluster_id": str,
    "service_name": str,
    "url": str,
    "priority": Number,
    "headers": {ANY: str},
}
FEDERATION = {"topology": str, "group_id": str, "members": [MEMBER]}
DEPLOYMENT = {"state": str, "reason": str}
SERVICE = {
    "name": Needed(str),
    "token": str,
    "image": str,
    "script": str,
    "cpu": ScalarValue,
    "memory": ScalarValue,
    "owner": str,
    "vo": str,
    "namespace": str,
    "cluster_id": str,
    "visibility": str,
    "log_level": str,
    "isolation_level": str,
    "labels": {ANY: ScalarValue},
    "annotations": {ANY: ScalarValue},
    "allowed_users": [str],
    "bucket_list": [str],
    "environment": {"variables": {ANY: ScalarValue}, "secrets": {ANY: ScalarValue}},
    "input": [FOLDER],
    "output": [FOLDER],
    "mount": FOLDER,
    "storage_providers": {ANY: {ANY: {ANY: ScalarValue}}},
    "clusters": {ANY: {ANY: ScalarValue}},
    "expose": {
        "api_port": Ports,
        "nodePort": Ports,
        "min_scale": int,
        "max_scale": int,
        "cpu_threshold": int,
    },
    "kserve": {"min_scale": Number},
    "volume": {"name": str, "size": str, "mount_path": str},
    "federation": FEDERATION,
    "deployment": DEPLOYMENT,
}
DEPLOYMENT_LOGS = {"entries": [{"timestamp": str, "message": str}], "message": str}
JOB = {"status": str, "creation_time": str, "start_time": str, "finish_time": str, "reason": str}
JOB_PAGE = {"jobs": {ANY: JOB}, "next_page": str}
OBJECT = {
    "object_name": str,
    "key": str,
    "name": str,
    "size_bytes": int,
    "size": int,
    "last_modified": str,
}
BUCKET = {
    "bucket_name": str,
    "bucket_path": str,
    "Name": str,
    "visibility": str,
    "owner": str,
    "allowed_users": [str],
}
BUCKET_PAGE = {**BUCKET, "objects": [OBJECT], "next_page": str, "is_truncated": bool}
PRESIGNED = {"url": Needed(str), "method": str, "expires_at": ScalarValue}
VOLUME = {
    "name": Needed(str),
    "size": ScalarValue,
    "attachments": [{"service_name": str, "mount_path": str}],
}
INFO = {
    "version": str,
    "architecture": str,
    "kubernetes_version": str,
    # What it is not is not worth a failure: it is shown, and tells whether there is one.
    "serverless_backend": object,
}
CONFIG = {
    "config": {ANY: object},
    "minio_provider": {"endpoint": str, "access_key": str, "secret_key": str, "region": str, "verify": bool},
    "allowed_image_repositories": [str],
}
SYSTEM_LOGS = {
    "logs": [
        {
            "timestamp": ScalarValue,
            "status": ScalarValue,
            "latency": ScalarValue,
            "client_ip": ScalarValue,
            "method": ScalarValue,
            "path": ScalarValue,
            "user": ScalarValue,
            "raw": str,
        }
    ]
}
# Numbers for people: what of them is of another type is shown as it is.
METRICS: Shape = {}
QUOTA: Shape = {}
STATUS: Shape = {}


def type_errors(value: Any, shape: Shape, place: str = "") -> Iterator[str]:
    """Yield what of a value is not as a shape has it, each in words such as `"input[0].path" is a number`."""
    if isinstance(shape, dict):
        yield from _type_errors_of_document(value, shape, place)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield _type_error(value, place, "a list")
            return
        for number, item in enumerate(value):
            yield from type_errors(item, shape[0], f"{place}[{number}]")
    elif not _is_of(value, shape):
        yield _type_error(value, place, WORDS.get(shape, "a port or a list of ports"))


def _type_errors_of_document(value: Any, shape: dict[str, Shape], place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _type_error(value, place, "a document")
        return
    names = value if ANY in shape else shape
    for key in names:
        inner = shape.get(key, shape.get(ANY))
        is_needed = isinstance(inner, Needed)
        if isinstance(inner, Needed):
            inner = inner.shape
        below = f"{place}.{key}" if place else str(key)
        found = value.get(key)
        if found is not None and found != "":
            yield from type_errors(found, inner, below)
        elif is_needed:
            yield f'"{below}" is missing'
        elif found == "" and isinstance(inner, (dict, list)):
            yield _type_error(found, below, "a list" if isinstance(inner, list) else "a document")
        elif found is None and ANY in shape and isinstance(inner, dict):
            yield _type_error(found, below, "a document")


def _is_of(value: Any, shape: Shape) -> bool:
    if shape is Ports:
        ports = value if isinstance(value, list) else [value]
        return all(isinstance(port, int) and not isinstance(port, bool) for port in ports)
    if shape is ScalarValue:
        return not isinstance(value, (dict, list))
    if shape in (int, Number):
        kinds = int if shape is int else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool)
    return isinstance(value, shape)


def _type_error(value: Any, place: str, wanted: str) -> str:
    subject = f'"{place}"' if place else "it"
    return f"{subject} is {_word(value)} instead of {wanted}"


def _word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    words = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a document"}
    return words[type(value)]
