"""Created objects become events and jobs: MinIO's event document, and who is told."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from oscarcli.local import clock
from oscarcli.local.jobs.table import add_from_event
from oscarcli.local.objects.model import ObjectCreated
from oscarcli.local.services.table import triggered


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
        if created.key.endswith("/") and created.size == 0 and not self._markers:
            return False
        services = triggered(connection, created.bucket, created.key)
        if services:
            body = json.dumps(self._event(created), ensure_ascii=False, separators=(",", ":"))
            owner = "" if created.principal == self._root else created.principal
            add_from_event(connection, services, created.bucket, created.key, body.encode(), owner)
        return bool(services)

    def _event(self, created: ObjectCreated) -> dict[str, Any]:
        return {
            "EventName": created.event_name,
            "Key": f"{created.bucket}/{created.key}",
            "Records": [self._record(created)],
        }

    def _record(self, created: ObjectCreated) -> dict[str, Any]:
        """Return the one record, members in MinIO's order (`job-runtime` 2.2)."""
        return {
            "eventVersion": "2.0",
            "eventSource": "minio:s3",
            "awsRegion": "",
            "eventTime": clock.milliseconds(created.modified_ns),
            "eventName": created.event_name,
            "userIdentity": {"principalId": created.principal},
            "requestParameters": {
                "principalId": created.principal,
                "region": "",
                "sourceIPAddress": created.source_ip,
            },
            "responseElements": {
                "x-amz-id-2": self._deployment.replace("-", ""),
                "x-amz-request-id": created.request_id or f"{created.modified_ns:X}",
                "x-minio-deployment-id": self._deployment,
                "x-minio-origin-endpoint": self.origin,
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "Config",
                "bucket": {
                    "name": created.bucket,
                    "ownerIdentity": {"principalId": created.principal},
                    "arn": f"arn:aws:s3:::{created.bucket}",
                },
                "object": _object(created),
            },
            "source": {
                "host": created.source_ip,
                "port": "",
                "userAgent": created.user_agent or f"oscar-local ({platform.system().lower()})",
            },
        }


def _object(created: ObjectCreated) -> dict[str, Any]:
    members = {
        "key": quote_plus(created.key),
        "size": created.size,
        "eTag": created.etag,
        "contentType": created.content_type,
        "userMetadata": _user_metadata(created.content_type, created.metadata),
        "sequencer": f"{created.modified_ns:016X}",
    }
    return {name: value for name, value in members.items() if value}


def _user_metadata(content_type: str, metadata: Mapping[str, str]) -> dict[str, str]:
    own = {f"X-Amz-Meta-{name.title()}": value for name, value in sorted(metadata.items())}
    return {**own, "content-type": content_type} if content_type else own
