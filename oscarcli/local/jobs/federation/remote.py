"""Requests to other clusters, as the manager sends them: with the login that a service's definition has."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from oscarcli.local.jobs.providers.remote import answering
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import Member

# As the manager has it.
TIMEOUT_SECONDS = 20
MAX_ANSWER_BYTES = 8 << 20
MAX_TEXT = 200


class RemoteError(Exception):
    """Another cluster cannot be reached, or does not answer as one does."""


class RemoteCluster:
    """A cluster of the section `clusters` of a definition.

    Args:
        identifier: its id there.
        entry: its endpoint and login.
        token: a user's token that goes before the login; empty when there is none.
    """

    def __init__(self, identifier: str, entry: Mapping[str, Any], token: str = "") -> None:
        self.identifier = identifier
        self._endpoint = str(entry["endpoint"]).strip().rstrip("/")
        self._verify = bool(entry["ssl_verify"])
        self._login = f"{entry['auth_user']}:{entry['auth_password']}"
        self._token = token

    def authorization(self) -> dict[str, str]:
        """Return the header with the token or the login, none without either."""
        if self._token:
            return {"Authorization": f"Bearer {self._token}"}
        if self._login == ":":
            return {}
        return {"Authorization": f"Basic {base64.b64encode(self._login.encode()).decode()}"}

    def ask(self, method: str, path: str, document: Any = None) -> tuple[int, bytes]:
        """Send a request with the login and return status and body. Raises RemoteError."""
        body = b"" if document is None else json.dumps(document).encode()
        return self.send(method, path, body, self.authorization())

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a request and return status and body. Raises RemoteError."""
        return send(method, f"{self._endpoint}{path}", body, headers, verify=self._verify)


def cluster_of(definition: Definition, member: Member, token: str) -> RemoteCluster | None:
    """Return the cluster of a member, `None` for one that is not defined."""
    entry = (definition.get("clusters") or {}).get(member["cluster_id"])
    return None if entry is None else RemoteCluster(member["cluster_id"], entry, token)


def not_defined(member: Member) -> str:
    """Return the manager's words for a member without a cluster."""
    return f'cluster "{member["cluster_id"]}" not defined'


def send(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, verify: bool
) -> tuple[int, bytes]:
    """Send a request and return status and body. Raises RemoteError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise RemoteError(f'"{url}" is no address of a cluster')
    try:
        with answering(method, url, headers, body, TIMEOUT_SECONDS, verify=verify) as answer:
            return answer.status, _content(answer, parts.netloc)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RemoteError(f"{parts.netloc} cannot be reached: {error}") from error


def _content(answer: http.client.HTTPResponse, place: str) -> bytes:
    try:
        return answer.read(MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise RemoteError(f"{place} does not answer: {error}") from error


def failure(status: int, body: bytes) -> str:
    """Return the manager's words for another one's refusal."""
    text = body.decode("utf-8", "replace").strip()[:MAX_TEXT]
    return f"cluster responded with status {status}" + (f": {text}" if text else "")


def service_path(name: str) -> str:
    """Return the route of a service."""
    return f"/system/services/{quote(name, safe='')}"
