"""What a manager makes of a definition and shows of it: `oscar-api` 3.3, 4.1 to 4.7, 5.1 and 8.1, by hand.

Written from the reference alone, so that it can hold the program to it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from oscarcli.local.services.decode import decode
from oscarcli.local.services.schema import SERVICE

ASSIGNED_PORT = 31234
LEVELS = ("NOTSET", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MEMBER = {
    "cluster_id": "",
    "service_name": "",
    "url": "",
    "ssl_verify": False,
    "priority": 0,
    "headers": None,
}


def shown(
    sent: Mapping[str, Any], *, stored: Mapping[str, Any] | None = None, oidc: str | None = None
) -> dict[str, Any]:
    """Return the answer to GET after a definition was sent.

    Args:
        sent: the body of the POST or PUT.
        stored: what GET answered before a PUT.
        oidc: the uid of a user who is no administrator.
    """
    body = {key: value for key, value in sent.items() if key not in ("replicas",)}
    document = decode(SERVICE, copy.deepcopy(body))
    _fill_in_defaults(document)
    for entry in (*document["input"], *document["output"]):
        path = entry["path"].strip(" /")
        kind = entry["storage_provider"].partition(".")[0].lower()
        entry["path"] = f"{document['name']}/{path}" if "/" not in path and kind in ("minio", "s3") else path
    _set_labels(document, is_new=stored is None, oidc=oidc)
    _complete_optional_parts(document)
    own = {"endpoint": "https://minio.example", "verify": True, "region": "us-east-1"}
    document["storage_providers"].setdefault("minio", {})["default"] = {
        **own,
        "access_key": "hidden",
        "secret_key": "hidden",
    }
    secrets = document["environment"]["secrets"]
    if not secrets and stored is not None:
        secrets = stored["environment"]["secrets"]
    document["environment"]["secrets"] = dict.fromkeys(secrets, "")
    _set_identity(document, sent, stored, oidc)
    return {**document, "volume_status": {"enabled": bool(document.get("volume"))}}


def _fill_in_defaults(document: dict[str, Any]) -> None:
    document["memory"] = document["memory"] or "256Mi"
    document["cpu"] = document["cpu"] or "0.2"
    document["visibility"] = document["visibility"] or "private"
    level = document["log_level"].upper()
    document["log_level"] = level if level in LEVELS else "INFO"
    document["script"] = document["script"].replace("\r\n", "\n").replace("\r", "\n")
    document["allowed_users"] = [user.strip() for user in document["allowed_users"] if user.strip()]


def _set_labels(document: dict[str, Any], *, is_new: bool, oidc: str | None) -> None:
    name = document["name"]
    labels = document["labels"]
    labels |= {"oscar_service": name, "applicationId": name, "queue": f"root.oscar-queue.{name}"}
    labels["oscar.grycap/user-service"] = "true"
    if is_new:
        labels["owner_name"] = "Ada" if oidc else "oscar"
    if is_new and oidc:
        labels |= {"vo": "vo.example.eu", "uid": oidc[:10], "kueue.x-k8s.io/queue-name": "oscar-lq"}


def _complete_optional_parts(document: dict[str, Any]) -> None:
    name, expose = document["name"], document["expose"]
    if expose.get("nodePort"):
        expose["nodePort"] = [port or ASSIGNED_PORT for port in expose["nodePort"]]
    volume, federation, kserve = (document.get(key) for key in ("volume", "federation", "kserve"))
    if volume and volume.get("size"):
        document["volume"] = {"name": name, "lifecycle_policy": "delete", **volume}
    if federation:
        members = [{**MEMBER, "ssl_verify": False, **member} for member in federation.get("members") or []]
        document["federation"] = {"group_id": name, "topology": "none", **federation, "members": members}
    if kserve:
        full = {
            "api_version": "v1",
            "max_scale": 1,
            "cpu": "0.2",
            "memory": "256Mi",
            "set_auth": True,
            **kserve,
        }
        # Go leaves out what is false or 0.
        document["kserve"] = {key: value for key, value in full.items() if value not in (False, 0)}


def _set_identity(
    document: dict[str, Any], sent: Mapping[str, Any], stored: Mapping[str, Any] | None, oidc: str | None
) -> None:
    if stored is None:
        document |= {"token": "7" * 64, "owner": oidc or "cluster_admin", "namespace": "oscar-svc"}
        if oidc:
            document["vo"] = document["vo"] or "vo.example.eu"
    else:
        document |= {"token": stored["token"], "namespace": stored["namespace"]}
        document["owner"] = stored["owner"] if oidc else str(sent.get("owner") or "")
    if oidc and document["isolation_level"] == "USER" and document["allowed_users"]:
        document["allowed_users"] = list(dict.fromkeys([*document["allowed_users"], oidc]))
        document["bucket_list"] = [f"{document['name']}-{user[:10]}" for user in document["allowed_users"]]
