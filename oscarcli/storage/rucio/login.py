"""Tokens for a Rucio server, and how they are had.

- With the definition's `refresh_token`, an access token of OpenID Connect is asked for at `token_endpoint`.
  Rucio takes it as it is, in `X-Rucio-Auth-Token`, and grid storage as a bearer token. Client and scopes are
  those of OSCAR's supervisor (grycap/faas-supervisor, storage/providers/rucio.py), whose jobs use the same
  refresh token.
- With RUCIO_AUTH_TYPE the user's own login counts, as in Rucio's client (rucio/rucio,
  lib/rucio/client/baseclient.py): `x509`, `x509_proxy` or `userpass`, at `auth_host`. The answers have the
  token and its end in headers (lib/rucio/web/rest/flaskapi/v1/auth.py).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from oscarcli.config.model import TlsSettings
from oscarcli.errors import AuthError, ConfigError, OscarError, RefusedError
from oscarcli.storage.answer_parts import http_time, json_fields
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.definition import ProviderDefinition
from oscarcli.storage.file_server.opening import server_settings
from oscarcli.storage.file_server.requests import FileServer
from oscarcli.storage.rucio.documents import read_refusal

DEFAULT_TOKEN_ENDPOINT = "https://aai.egi.eu/auth/realms/egi/protocol/openid-connect/token"  # noqa: S105 -- an address
CLIENT_ID = "token-portal"
SCOPES = "openid profile offline_access eduperson_entitlement"
# A token is renewed this many seconds before its end, which is an hour away when nobody says.
MIN_LEFT_SECONDS = 60
DEFAULT_TOKEN_SECONDS = 3600
AUTH_TYPES = ("oidc", "x509", "x509_proxy", "userpass")


@dataclass(frozen=True)
class RucioToken:
    """A token and its end, in seconds of `time.time`."""

    text: str
    expires: float

    @property
    def is_for_storage(self) -> bool:
        """Whether grid storage takes it: only those of OpenID Connect, which have three parts."""
        return len(self.text.split(".")) == 3


Ask = Callable[[Cancellation | None], RucioToken]


class RucioLogin:
    """Keeps the token of one account; may be used by several threads.

    Args:
        ask: gets a new token.
        tls: what requests to server and storage show.
    """

    def __init__(self, ask: Ask, tls: TlsSettings) -> None:
        self._ask = ask
        self.tls = tls
        self._lock = threading.Lock()
        self._token: RucioToken | None = None

    def token(self, cancellation: Cancellation | None = None) -> RucioToken:
        """Return a token that is good for a while. Raises AuthError, UnreachableError."""
        with self._lock:
            if self._token is None or time.time() > self._token.expires - MIN_LEFT_SECONDS:
                self._token = self._ask(cancellation)
            return self._token

    def forget(self, token: RucioToken) -> None:
        """Take note that a token is refused."""
        with self._lock:
            if self._token == token:
                self._token = None


def open_login(definition: ProviderDefinition) -> RucioLogin:
    """Return the login of a provider. Nothing is sent yet.

    Raises:
        AuthError: there is nothing to log in with, or it is masked.
        ConfigError: the environment names a way to log in that there is not.
    """
    kind = os.environ.get("RUCIO_AUTH_TYPE", "oidc")
    if kind not in AUTH_TYPES:
        raise ConfigError(
            f'log in to {definition.name}: RUCIO_AUTH_TYPE is "{kind}"',
            hint=f"it is one of {', '.join(AUTH_TYPES)}",
        )
    if kind == "oidc":
        definition.secret("refresh_token")
        return RucioLogin(_OidcLogin(definition), definition.verified_tls)
    tls = replace(definition.verified_tls, client_cert="", client_key="")
    headers: dict[str, str] = {}
    if kind == "userpass":
        headers = {
            "x-rucio-username": _variable(definition, "RUCIO_CFG_CLIENT_USERNAME"),
            "x-rucio-password": _variable(definition, "RUCIO_CFG_CLIENT_PASSWORD"),
        }
    elif kind == "x509":
        key = os.environ.get("RUCIO_CLIENT_KEY", "")
        tls = replace(tls, client_cert=_variable(definition, "RUCIO_CLIENT_CERT"), client_key=key)
    else:
        tls = replace(tls, client_cert=_variable(definition, "RUCIO_CLIENT_PROXY", "X509_USER_PROXY"))
    return RucioLogin(_HeaderLogin(replace(definition, tls=tls), kind, headers), tls)


def _variable(definition: ProviderDefinition, *names: str) -> str:
    for name in names:
        if value := os.environ.get(name, ""):
            return value
    raise AuthError(f"log in to {definition.name}: the variable {names[-1]} is not set")


class _OidcLogin:
    """Asks an OpenID provider for access tokens."""

    def __init__(self, definition: ProviderDefinition) -> None:
        self._provider = definition.name
        endpoint = definition.text("token_endpoint") or DEFAULT_TOKEN_ENDPOINT
        self._server = FileServer(server_settings(definition, endpoint, {}), definition.tell)
        # A provider may give a new one with each answer, and take the old one no more.
        self._refresh_token = definition.secret("refresh_token")
        self._audience = definition.text("oidc_audience")

    def __call__(self, cancellation: Cancellation | None) -> RucioToken:
        """Return a new token."""
        doing = f"get a token for {self._provider}"
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._refresh_token,
            "client_id": CLIENT_ID,
            "scope": SCOPES,
        }
        if self._audience:
            form["audience"] = self._audience
        try:
            answer = self._server.call(
                doing,
                "POST",
                "",
                headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
                body=urlencode(form).encode(),
                cancellation=cancellation,
                follows=False,
            )
        except (RefusedError, AuthError) as error:
            raise AuthError(
                f"{doing}: the refresh_token is refused, or has expired",
                hint="get a new one, such as at https://aai.egi.eu/token, and update the service with it",
            ) from error
        return self._read(answer.document, doing)

    def _read(self, document: bytes, doing: str) -> RucioToken:
        fields = json_fields(document) or {}
        token, seconds = fields.get("access_token"), fields.get("expires_in")
        if not isinstance(token, str) or not token:
            raise OscarError(f"{doing}: the answer is none of an OpenID provider")
        if isinstance(renewed := fields.get("refresh_token"), str) and renewed:
            self._refresh_token = renewed
        left = seconds if isinstance(seconds, (int, float)) and seconds > 0 else DEFAULT_TOKEN_SECONDS
        return RucioToken(token, time.time() + left)


class _HeaderLogin:
    """Asks Rucio's own server of logins, which answers in headers."""

    def __init__(self, definition: ProviderDefinition, kind: str, headers: Mapping[str, str]) -> None:
        self._provider, self._kind = definition.name, kind
        field = "auth_host" if definition.text("auth_host") else "host"
        settings = server_settings(definition, definition.endpoint(field), {})
        self._server = FileServer(settings, definition.tell, read_refusal)
        self._headers = {**headers, "x-rucio-account": definition.text("account")}

    def __call__(self, cancellation: Cancellation | None) -> RucioToken:
        """Return a new token."""
        doing = f"log in to {self._provider} by {self._kind}"
        answer = self._server.call(
            doing,
            "GET",
            f"/auth/{self._kind}",
            headers=self._headers,
            cancellation=cancellation,
            follows=False,
        )
        token = answer.headers.get("x-rucio-auth-token", "")
        if not token:
            raise AuthError(f"{doing}: the answer has no token")
        moment = http_time(answer.headers.get("x-rucio-auth-token-expires", ""))
        return RucioToken(token, moment.timestamp() if moment else time.time() + DEFAULT_TOKEN_SECONDS)
