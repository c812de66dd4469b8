"""A service's definition: read from a request, checked, defaulted and normalised as the manager does it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oscarcli.local.answers import ApiError
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.names import check_bucket_name
from oscarcli.local.services.decode import DecodeError, decode, parse_json
from oscarcli.local.services.names import is_service_name
from oscarcli.local.services.quantity import parse_quantity
from oscarcli.local.services.schema import SERVICE

Definition = dict[str, Any]

MAX_NAME = 39
NAMESPACE = "oscar-svc"
OWNER = "cluster_admin"
MINIO_DEFAULT = ("minio", "default")
S3_KINDS = ("minio", "s3")
REGION = "us-east-1"
LOG_LEVELS = ("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
INVALID = "The service specification is not valid: "


@dataclass(frozen=True)
class BucketFolder:
    """Where files come from or go to: the provider, the bucket and the folder inside it."""

    provider: tuple[str, str]
    bucket: str
    folder: str

    @property
    def prefix(self) -> str:
        """What the keys of the folder begin with."""
        return f"{self.folder}/" if self.folder else ""


def read_definition(body: bytes) -> Definition:
    """Return the definition in `body`, complete with defaults, paths normalised.

    Raises:
        ApiError: 400 with the manager's text.
    """
    try:
        document = decode(SERVICE, parse_json(body))
    except DecodeError as error:
        raise ApiError(400, f"{INVALID}{error}") from error
    _require(document)
    for direction in ("input", "output"):
        for entry in document[direction]:
            entry["path"] = _normal_path(entry, document["name"], direction)
    return _with_defaults(document)


def _require(document: Definition) -> None:
    failed = {key: "required" for key in ("name", "image", "script") if not document[key]}
    if len(document["name"]) > MAX_NAME:
        failed["name"] = "max"
    if failed:
        lines = [
            f"Key: 'Service.{key.title()}' Error:Field validation for '{key.title()}' failed on the "
            f"'{tag}' tag"
            for key, tag in failed.items()
        ]
        raise ApiError(400, INVALID + "\n".join(lines))


def _normal_path(entry: Mapping[str, Any], service: str, direction: str) -> str:
    path = str(entry["path"]).strip(" /")
    if not path:
        raise ApiError(400, f"{direction} path cannot be empty")
    if provider_of(entry)[0] in ("minio", "s3") and "/" not in path:
        return f"{service}/{path}"
    return path


def _with_defaults(document: Definition) -> Definition:
    document["memory"] = document["memory"] or "256Mi"
    document["cpu"] = document["cpu"] or "0.2"
    document["visibility"] = document["visibility"] or "private"
    level = document["log_level"].upper()
    document["log_level"] = level if level in LOG_LEVELS else "INFO"
    document["script"] = document["script"].replace("\r\n", "\n").replace("\r", "\n")
    document["allowed_users"] = [user.strip() for user in document["allowed_users"] if user.strip()]
    set_labels(
        document,
        {
            "applicationId": document["name"],
            "oscar.grycap/user-service": "true",
            "oscar_service": document["name"],
            "queue": f"root.oscar-queue.{document['name']}",
        },
    )
    return document


def set_labels(document: Definition, labels: Mapping[str, str]) -> None:
    """Add labels, overriding given ones; Go writes maps in the order of their keys."""
    document["labels"] = dict(sorted({**document["labels"], **labels}.items()))


def provider_of(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return type, in lower case, and id of an input's or output's provider."""
    kind, _, identifier = str(entry["storage_provider"]).strip().partition(".")
    return kind.lower(), identifier or "default"


def bucket_folder(entry: Mapping[str, Any]) -> BucketFolder:
    """Return where an input or output with a normalised path is."""
    bucket, _, folder = str(entry["path"]).partition("/")
    return BucketFolder(provider_of(entry), bucket, folder.strip("/"))


def inputs_of(definition: Definition) -> list[BucketFolder]:
    """Return the places in the cluster's own store whose objects start jobs.

    It may be given by another id, with the same settings: input of another MinIO is refused.
    """
    places = map(bucket_folder, definition["input"])
    return [place for place in places if place.provider[0] == MINIO_DEFAULT[0]]


def watched_folders(definition: Definition) -> list[BucketFolder]:
    """Return the places whose objects start jobs, those in buckets of single users among them."""
    sources = inputs_of(definition)
    isolated = [
        BucketFolder(place.provider, bucket, place.folder)
        for place in sources
        for bucket in definition["bucket_list"]
        if bucket.startswith(f"{place.bucket}-")
    ]
    return sources + isolated


def outputs_of(definition: Definition) -> list[BucketFolder]:
    """Return the places in the cluster's own store where results go."""
    return [place for place in map(bucket_folder, definition["output"]) if place.provider == MINIO_DEFAULT]


def stores_elsewhere(definition: Definition) -> list[BucketFolder]:
    """Return the places in other stores that speak S3 where results go."""
    places = map(bucket_folder, definition["output"])
    return [place for place in places if place.provider[0] in S3_KINDS and place.provider != MINIO_DEFAULT]


def has_other_stores(definition: Definition) -> bool:
    """Tell whether a service names a storage provider beside the cluster's own."""
    providers = definition["storage_providers"]
    return any((kind, name) != MINIO_DEFAULT for kind, named in providers.items() for name in named or ())


def buckets_of(definition: Definition) -> list[str]:
    """Return the buckets of inputs and outputs, each once, in the order of the definition."""
    return list(dict.fromkeys(place.bucket for place in _places(definition)))


def _places(definition: Definition) -> Iterator[BucketFolder]:
    yield from inputs_of(definition)
    yield from outputs_of(definition)


def check_names_and_quantities(definition: Definition, failure: str) -> None:
    """Refuse what Kubernetes and MinIO would refuse.

    Args:
        definition: the normalised definition.
        failure: how the manager's error begins, which differs between creation and update.

    Raises:
        ApiError: 500, as the manager only learns of it when it creates the objects.
    """
    name = definition["name"]
    if not is_service_name(name):
        raise ApiError(
            500,
            f'{failure}Service "{name}" is invalid: metadata.name: Invalid value: "{name}": a DNS-1035 label '
            "must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
            "and end with an alphanumeric character",
        )
    for key in ("memory", "cpu"):
        try:
            if parse_quantity(definition[key]) < 0:
                raise ValueError("must be greater than or equal to 0")
        except ValueError as error:
            raise ApiError(500, f'{failure}{key} "{definition[key]}": {error}') from error
    for variable in (*definition["environment"]["variables"], *definition["environment"]["secrets"]):
        if not _VARIABLE.fullmatch(variable):
            raise ApiError(
                500,
                f'{failure}environment variable "{variable}": a valid environment variable name must consist '
                "of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
            )
    for bucket in buckets_of(definition):
        try:
            check_bucket_name(bucket)
        except S3Error as error:
            raise ApiError(500, f'error creating bucket "{bucket}": {error.message}') from error


def without_secrets(definition: Definition) -> Definition:
    """Return the definition as callers may see it: secrets blank, everything else as stored."""
    environment = definition["environment"]
    blank = {**environment, "secrets": dict.fromkeys(environment["secrets"], "")}
    return {**definition, "environment": blank}
