"""Buckets and folders of outputs at other providers, made when a service comes or changes.

As the manager makes them (`oscar-api` 5.1), and with its words, those of Amazon's SDK for Go among them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from oscarcli.local.answers import ApiError
from oscarcli.local.jobs.providers.onedata_server import OnedataServer
from oscarcli.local.jobs.providers.s3_client import S3Refusal, S3Unreachable, StoreClient, StoreRequest
from oscarcli.local.jobs.providers.s3_endpoint import DEFAULT_REGION, endpoint_of
from oscarcli.local.jobs.reported import ReportedError
from oscarcli.local.objects.store import ObjectStore
from oscarcli.local.services.definition import (
    MINIO_DEFAULT,
    S3_KINDS,
    BucketFolder,
    Definition,
    bucket_folder,
    inputs_of,
    provider_of,
)
from oscarcli.local.services.ownership import ISOLATED

log = logging.getLogger(__name__)

OWNED, TAKEN = "BucketAlreadyOwnedByYou", "BucketAlreadyExists"
# The manager's words for what Onedata answers; every other answer is none to it.
CDMI_REFUSALS = {
    401: "The authentication credentials are missing or invalid",
    403: "The client lacks the proper authorization to perform this request",
    404: "The resource was not found at the specified URI",
    406: "The server is unable to provide the object in the content type specified in the Accept header",
}
NO_REGION = "MissingRegion: could not find region configuration"


class OutputBuckets:
    """Makes them.

    Args:
        store: the cluster's own objects.
        strict: refuse a bucket that is there already, as the manager does.
    """

    def __init__(self, store: ObjectStore, *, strict: bool) -> None:
        self._store = store
        self._strict = strict

    def make(self, definition: Definition) -> None:
        """Make buckets and folders of a new service.

        Raises:
            ApiError: 500, with what is wrong with the first one that cannot be made.
        """
        for step in self._steps(definition):
            step()

    def update(self, definition: Definition) -> None:
        """Make those of a service that has changed; none of them has to be made, as with the manager."""
        for step in self._steps(definition):
            try:
                step()
            except ApiError as error:
                log.warning('service "%s": %s', definition["name"], error.text.strip())

    def check_tags(self, definition: Definition) -> None:
        """Do as the manager, which looks in its own store for the buckets that it has made elsewhere.

        Raises:
            ApiError: 400; the service is there all the same.
        """
        for is_new, place in _places(definition) if self._strict else ():
            bucket = place.bucket
            if is_new and self._store.bucket(bucket) is None:
                words = "The specified bucket does not exist"
                raise ApiError(400, f"Error tagging bucket: error setting tag on bucket {bucket}: {words}")

    def _steps(self, definition: Definition) -> Iterator[Callable[[], None]]:
        """Yield what makes one bucket or folder each, and raises ApiError."""
        for is_new, place in _places(definition):
            yield partial(self._make, definition, place, is_new=is_new)
        for provider, path in _onedata_folders(definition):
            yield partial(make_onedata_folders, definition["storage_providers"]["onedata"][provider], path)

    def _make(self, definition: Definition, place: BucketFolder, *, is_new: bool) -> None:
        kind, identifier = place.provider
        settings = definition["storage_providers"][kind][identifier]
        client = StoreClient(endpoint_of(kind, settings), attempts=1)
        bucket = place.bucket
        if is_new:
            with _failing(f"error creating bucket {bucket}", settings):
                self._make_bucket(client, settings, place)
        isolated = definition["bucket_list"] if definition["isolation_level"].upper() == ISOLATED else ()
        for one in (bucket, *isolated):
            with _failing(f'error creating folder "{place.prefix}" in bucket "{one}"', settings):
                client.document(StoreRequest("PUT", one, place.prefix))

    def _make_bucket(self, client: StoreClient, settings: Mapping[str, Any], place: BucketFolder) -> None:
        try:
            client.document(StoreRequest("PUT", place.bucket, body=_location(settings["region"])))
        except S3Refusal as refusal:
            if refusal.code not in (OWNED, TAKEN):
                raise
            if self._strict or refusal.code == TAKEN:
                raise ApiError(500, f'the bucket "{place.bucket}" already exists\n') from refusal
            log.warning(
                'the bucket "%s" at %s is there already; a real cluster refuses this at creation',
                place.bucket,
                ".".join(place.provider),
            )


def _places(definition: Definition) -> Iterator[tuple[bool, BucketFolder]]:
    """Yield the place of each output, and whether its bucket is to be made.

    The manager goes by names alone: a bucket of an input or of an output before counts, wherever it is.
    """
    # A path may name no bucket: there is none to make then.
    made = {"", *(place.bucket for place in inputs_of(definition))}
    for place in map(bucket_folder, definition["output"]):
        if place.provider[0] in S3_KINDS:
            if place.provider != MINIO_DEFAULT:
                yield place.bucket not in made, place
            made.add(place.bucket)


def _onedata_folders(definition: Definition) -> Iterator[tuple[str, str]]:
    """Yield id and path of each output in Onedata."""
    for entry in definition["output"]:
        kind, identifier = provider_of(entry)
        if kind == "onedata":
            yield identifier, entry["path"]


def make_onedata_folders(settings: Mapping[str, Any], path: str) -> None:
    """Make the folder of an output in Onedata and those above it, as far as they are not there.

    Raises:
        ApiError: 500; 400 of the server counts as a folder that is there, as with the manager.
    """
    try:
        for _, status in OnedataServer(settings).make_missing(path):
            if status in CDMI_REFUSALS:
                raise ReportedError(CDMI_REFUSALS[status])
    except ReportedError as error:
        host = settings["oneprovider_host"]
        words = f'error connecting to Onedata\'s Oneprovider "{host}". Error: {error}'
        raise ApiError(500, words) from error


def _location(region: str) -> bytes:
    if region == DEFAULT_REGION:
        return b""
    constraint = f"<LocationConstraint>{region}</LocationConstraint>"
    return f"<CreateBucketConfiguration>{constraint}</CreateBucketConfiguration>".encode()


@contextmanager
def _failing(what: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Turn a failure into the manager's words; without a region its client sends nothing."""
    try:
        if not settings["region"]:
            raise ApiError(500, f"{what}: {NO_REGION}")
        yield
    except S3Refusal as refusal:
        told = f"status code: {refusal.status}, request id: {refusal.request}, host id: {refusal.host}"
        raise ApiError(500, f"{what}: {refusal.code}: {refusal.message}\n\t{told}") from refusal
    except S3Unreachable as error:
        sent = f'{error.method.title()} "{error.url}": {error.reason}'
        raise ApiError(500, f"{what}: RequestError: send request failed\ncaused by: {sent}") from error
