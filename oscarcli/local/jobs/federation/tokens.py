"""Access tokens for the clusters of members, by the refresh token that a service has among its secrets.

The manager's rule: the token says itself who issued it and to which client, and the issuer is asked at the
address that Keycloak has. Beyond it, tokens are kept until they expire, and a refresh token that the issuer
replaces is replaced in the service: one that is good once would be lost otherwise.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from typing import Any
from urllib.parse import urlencode

from oscarcli.local.jobs.federation.remote import RemoteError, failure, send
from oscarcli.local.services.definition import Definition
from oscarcli.local.services.federation import refresh_token_of
from oscarcli.local.services.table import Services
from oscarcli.local.state import State

log = logging.getLogger(__name__)

TOKEN_PATH = "/protocol/openid-connect/token"  # noqa: S105 -- no secret
# A token is not used so close to its end.
MARGIN_SECONDS = 30.0
DEFAULT_SECONDS = 60.0


class DelegationTokens:
    """Gets tokens, one at a time.

    Args:
        state: the database.
        services: the table of services.
    """

    def __init__(self, state: State, services: Services) -> None:
        self._state = state
        self._services = services
        self._lock = threading.Lock()
        # By service: the refresh token that it came by or is followed by, the token, and when it is over.
        self._known: dict[str, tuple[str, str, float]] = {}

    def of(self, definition: Definition) -> str:
        """Return an access token for a service; empty when it has no refresh token, or one that is void."""
        name = definition["name"]
        with self._lock:
            # The job may be older than the last change of its service.
            stored = self._services.get(name)
            refresh = refresh_token_of(stored) if stored is not None else ""
            if not refresh:
                return ""
            by, token, until = self._known.get(name, ("", "", 0.0))
            if by == refresh and time.monotonic() < until:
                return token
            try:
                granted = _exchanged(refresh)
                return self._kept(name, refresh, granted)
            except RemoteError as error:
                log.warning('the refresh token of service "%s" gets no access: %s', name, error)
                return ""

    def _kept(self, name: str, refresh: str, granted: dict[str, Any]) -> str:
        """Take note of what an issuer gave. Raises RemoteError."""
        try:
            token = str(granted["access_token"])
            following = str(granted.get("refresh_token") or refresh)
            seconds = float(granted.get("expires_in") or DEFAULT_SECONDS)
        except (LookupError, ValueError, TypeError) as error:
            raise RemoteError("the issuer's answer has no token") from error
        if following != refresh:
            with self._state.transaction():
                stored = self._services.get(name)
                if stored is not None and refresh_token_of(stored) == refresh:
                    stored["environment"]["secrets"]["refresh_token"] = following
                    self._services.put(stored)
        self._known[name] = following, token, time.monotonic() + seconds - MARGIN_SECONDS
        return token


def _exchanged(refresh: str) -> dict[str, Any]:
    claims = _claims(refresh)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh,
        "client_id": str(claims.get("azp", "")),
        "scope": str(claims.get("scope", "")),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{str(claims.get('iss', '')).rstrip('/')}{TOKEN_PATH}"
    status, body = send("POST", url, urlencode(form).encode(), headers, verify=True)
    if status != 200:
        raise RemoteError(failure(status, body))
    return _object(body, "the issuer's answer")


def _claims(token: str) -> dict[str, Any]:
    """Return what a token says of itself; the issuer finds out whether that is true. Raises RemoteError."""
    parts = token.split(".")
    payload = parts[1] if len(parts) == 3 else ""
    try:
        decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except ValueError as error:
        raise RemoteError("it does not say who issued it") from error
    return _object(decoded, "it")


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise RemoteError(f"{what} cannot be read") from error
    if not isinstance(document, dict):
        raise RemoteError(f"{what} cannot be read")
    return document
