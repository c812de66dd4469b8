"""Created objects become events and jobs: MinIO's event document, and who is told."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

from oscarcli.local import clock
from oscarcli.local.jobs.table import PENDING, own_job
from oscarcli.local.objects.model import ObjectCreated, ObjectRecord
from oscarcli.local.services.names import new_job_name
from oscarcli.local.services.table import triggered

# Stands for a member that is put in later; no header and no name is a NUL.
_OWN = "\0"
# Made once: `json.dumps` would make another one for each event.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def event_owner(payload: bytes) -> str:
    """Return who caused the event of the object store that a payload is; empty when it is none."""
    try:
        parameters = json.loads(payload)["Records"][0]["requestParameters"]
        principal, address = parameters["principalId"], parameters["sourceIPAddress"]
    except (ValueError, LookupError, TypeError):
        return ""
    return principal if isinstance(principal, str) and isinstance(address, str) else ""


class Announcer:
    """Turns each created object into one event and one job for each service that watches its folder.

    Args:
        deployment: MinIO's deployment id in the events.
        root: the access key of the cluster's own account; all others are users'.
        markers: also announce folder markers, as MinIO does; their jobs fail, there as here.
    """

    def __init__(self, deployment: str, root: str, *, markers: bool = False) -> None:
        self._deployment = deployment
        self._root = root
        self._markers = markers
        self.origin = ""
        """The S3 endpoint in the events; known once the listener has its port."""

    def __call__(self, connection: sqlite3.Connection, created: ObjectCreated) -> bool:
        """Store event and jobs with the object, in one transaction; tell whether there are any."""
        stored, principal = created.stored, created.source.principal
        if stored.key.endswith("/") and stored.size == 0 and not self._markers:
            return False
        services = triggered(connection, stored.bucket, stored.key)
        if services:
            body = self._event(created).encode()
            owner = "" if principal == self._root else principal
            _queue_jobs(connection, services, stored.bucket, stored.key, body, owner)
        return bool(services)

    def _event(self, created: ObjectCreated) -> str:
        """Return the event document."""
        stored, event_name, source = created
        common = _common_members(self._deployment, self.origin, event_name, stored.bucket, source[:3])
        own = (
            f"{stored.bucket}/{stored.key}",
            clock.milliseconds(stored.modified_ns),
            source.request_id or f"{stored.modified_ns:X}",
            _object(stored),
        )
        return common % tuple(map(_encode, own))


def _queue_jobs(
    connection: sqlite3.Connection, services: Iterable[str], bucket: str, key: str, body: bytes, owner: str
) -> None:
    """Store an event and queue one job for each of `services`, of a user or nobody.

    The jobs' definitions are copied inside the database, in the transaction that `connection` is in.
    """
    event = connection.execute(
        "INSERT INTO events (bucket, key, body) VALUES (?, ?, ?)", (bucket, key, body)
    ).lastrowid
    for service in services:
        name = new_job_name(service)
        connection.execute(
            "INSERT INTO jobs (name, service, status, created, event, definition) "
            "VALUES (?, ?, ?, ?, ?, (SELECT definition FROM services WHERE name = ?))",
            (name, service, PENDING, clock.now(), event, service),
        )
        own_job(connection, name, owner)


# A client sends many objects, one after the other.
@lru_cache(maxsize=16)
def _common_members(
    deployment: str, origin: str, event_name: str, bucket: str, sender: tuple[str, str, str]
) -> str:
    """Return an event document with `%s` for the members that each object has its own of.

    The members are in MinIO's order (`job-runtime` 2.2).
    """
    principal, source_ip, user_agent = sender
    record = {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "awsRegion": "",
        "eventTime": _OWN,
        "eventName": event_name,
        "userIdentity": {"principalId": principal},
        "requestParameters": {"principalId": principal, "region": "", "sourceIPAddress": source_ip},
        "responseElements": {
            "x-amz-id-2": deployment.replace("-", ""),
            "x-amz-request-id": _OWN,
            "x-minio-deployment-id": deployment,
            "x-minio-origin-endpoint": origin,
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "Config",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": principal},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": _OWN,
        },
        "source": {
            "host": source_ip,
            "port": "",
            "userAgent": user_agent or f"oscar-local ({platform.system().lower()})",
        },
    }
    document = _encode({"EventName": event_name, "Key": _OWN, "Records": [record]})
    return document.replace("%", "%%").replace(_encode(_OWN), "%s")


def _object(stored: ObjectRecord) -> dict[str, Any]:
    members = {
        "key": quote_plus(stored.key),
        "size": stored.size,
        "eTag": stored.etag,
        "contentType": stored.content_type,
        "userMetadata": _user_metadata(stored.content_type, stored.metadata),
        "sequencer": f"{stored.modified_ns:016X}",
    }
    return {name: value for name, value in members.items() if value}


def _user_metadata(content_type: str, metadata: Mapping[str, str]) -> dict[str, str]:
    own = {f"X-Amz-Meta-{name.title()}": value for name, value in sorted(metadata.items())}
    return {**own, "content-type": content_type} if content_type else own
