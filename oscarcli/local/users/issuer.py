"""A small OpenID issuer for the users of a local cluster: it believes everybody, so it asks for no password.

Who can reach it is somebody on this machine. It has what a client and a manager need: a discovery document,
keys, logins with a device code (RFC 8628) and with a refresh token, userinfo and revocation.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from oscarcli.local.answers import json_answer, route_missing
from oscarcli.local.http.messages import Request, Response
from oscarcli.local.users.pages import form_page, html_answer, message_page
from oscarcli.local.users.table import ClusterUser, Users
from oscarcli.local.users.tokens import (
    ACCESS_SECONDS,
    ALGORITHM,
    CLIENT,
    REFRESH,
    BadTokenError,
    IssuedTokens,
)

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_SECONDS = 600
INTERVAL_SECONDS = 1
SCOPES = ("openid", "profile", "email", "offline_access")
MAX_FORM_BYTES = 1 << 16
MAX_WAITING_CODES = 1000
# Without letters that are taken for others.
CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
NO_STORE = {"Cache-Control": "no-store"}
Form = Mapping[str, str]


@dataclass
class _DeviceLogin:
    """A login that waits to be confirmed; `user` is who has, `denied` that somebody did not want to."""

    device_code: str
    user_code: str
    scope: str
    challenge: str
    expires: float
    user: ClusterUser | None = None
    denied: bool = False


class _OpenIdError(Exception):
    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.status = status


class OpenIdIssuer:
    """Answers the requests below an issuer's URL.

    Args:
        users: who can log in.
        tokens: signs for them.
        clock: tells seconds since the epoch.
    """

    def __init__(self, users: Users, tokens: IssuedTokens, clock: Callable[[], float] = time.time) -> None:
        self._users = users
        self._tokens = tokens
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, _DeviceLogin] = {}
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/.well-known/openid-configuration"): self._discovery,
            ("GET", "/certs"): lambda _: json_answer(tokens.keys()),
            ("POST", "/device_authorization"): self._begin_device,
            ("GET", "/device"): self._page,
            ("POST", "/device"): self._confirm,
            ("POST", "/token"): self._token,
            # Where the manager asks, which reads no discovery document: it knows Keycloak alone.
            ("POST", "/protocol/openid-connect/token"): self._token,
            ("POST", "/revoke"): self._revoke,
            ("GET", "/userinfo"): self._userinfo,
            ("POST", "/userinfo"): self._userinfo,
        }

    def handle(self, request: Request, path: str) -> Response:
        """Answer one request; `path` is that below the issuer's URL."""
        route = self._routes.get((request.method, path))
        if route is None:
            return route_missing()
        try:
            response = route(request)
        except _OpenIdError as refused:
            document = {"error": refused.code, "error_description": str(refused)}
            response = json_answer(document, refused.status)
        response.headers.update(NO_STORE)
        return response

    def _discovery(self, _request: Request) -> Response:
        base = self._tokens.issuer
        return json_answer(
            {
                "issuer": base,
                "jwks_uri": f"{base}/certs",
                "token_endpoint": f"{base}/token",
                "device_authorization_endpoint": f"{base}/device_authorization",
                "revocation_endpoint": f"{base}/revoke",
                "userinfo_endpoint": f"{base}/userinfo",
                "grant_types_supported": [DEVICE_GRANT, "refresh_token"],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "scopes_supported": list(SCOPES),
                "code_challenge_methods_supported": ["S256"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["none"],
            }
        )

    # -- device codes ----------------------------------------------------------------------------

    def _begin_device(self, request: Request) -> Response:
        form = _form(request)
        _check_client(form)
        letters = [secrets.choice(CODE_LETTERS) for _ in range(8)]
        login = _DeviceLogin(
            secrets.token_urlsafe(32),
            f"{''.join(letters[:4])}-{''.join(letters[4:])}",
            form.get("scope") or "openid",
            form.get("code_challenge", ""),
            self._clock() + DEVICE_SECONDS,
        )
        with self._lock:
            self._forget_expired()
            if len(self._waiting) >= MAX_WAITING_CODES:
                raise _OpenIdError("slow_down", "too many logins wait to be confirmed", 429)
            self._waiting[login.device_code] = login
        page = f"{self._tokens.issuer}/device"
        return json_answer(
            {
                "device_code": login.device_code,
                "user_code": login.user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={quote(login.user_code)}",
                "expires_in": DEVICE_SECONDS,
                "interval": INTERVAL_SECONDS,
            }
        )

    def _forget_expired(self) -> None:
        now = self._clock()
        for code in [code for code, login in self._waiting.items() if login.expires <= now]:
            del self._waiting[code]

    def _page(self, request: Request) -> Response:
        return html_answer(
            form_page(request.query.get("user_code", ""), [user.name for user in self._users.all()])
        )

    def _confirm(self, request: Request) -> Response:
        """Take the form of the page: a code, and who it is for or that nobody wants it."""
        form = _form(request)
        code = form.get("user_code", "").strip().upper()
        user = self._users.named(form.get("user", ""))
        with self._lock:
            self._forget_expired()
            login = next((one for one in self._waiting.values() if one.user_code == code), None)
            if login is None or login.user is not None or login.denied:
                return html_answer(message_page("No login waits for this code."), 400)
            if form.get("answer") == "deny":
                login.denied = True
                return html_answer(message_page("The login was declined."))
            if user is None:
                return html_answer(message_page("There is no such user."), 400)
            login.user = user
        return html_answer(message_page(f"You are logged in as {user.name}. You can close this page."))

    # -- tokens ----------------------------------------------------------------------------------

    def _token(self, request: Request) -> Response:
        form = _form(request)
        _check_client(form)
        ways = {DEVICE_GRANT: self._by_device, "refresh_token": self._by_refresh}
        way = ways.get(form.get("grant_type", ""))
        if way is None:
            raise _OpenIdError("unsupported_grant_type", "device codes and refresh tokens are known here")
        return json_answer(way(form))

    def _by_device(self, form: Form) -> dict[str, Any]:
        with self._lock:
            login = self._waiting.get(form.get("device_code", ""))
            if login is None:
                raise _OpenIdError("invalid_grant", "Device code not valid")
            if login.expires <= self._clock():
                raise _OpenIdError("expired_token", "Device code is expired")
            if login.denied:
                raise _OpenIdError("access_denied", "The end user denied the authorization request")
            if login.user is None:
                raise _OpenIdError("authorization_pending", "The authorization request is still pending")
            if login.challenge and _hashed(form.get("code_verifier", "")) != login.challenge:
                raise _OpenIdError("invalid_grant", "PKCE verification failed")
            del self._waiting[login.device_code]
        return self._granted(login.user, login.scope)

    def _by_refresh(self, form: Form) -> dict[str, Any]:
        """Give new tokens; a refresh token is good once, as with an issuer that rotates them."""
        user, claims = self._refresh_claims(form.get("refresh_token", ""))
        had = str(claims.get("scope", ""))
        wanted = form.get("scope") or had
        if not set(wanted.split()) <= set(had.split()):
            raise _OpenIdError("invalid_scope", "Invalid scopes")
        self._users.end_login(str(claims["jti"]))
        return self._granted(user, wanted)

    def _refresh_claims(self, token: str) -> tuple[ClusterUser, dict[str, Any]]:
        try:
            user, claims = self._tokens.read(token, REFRESH)
        except BadTokenError as error:
            raise _OpenIdError("invalid_grant", "Invalid refresh token") from error
        if not self._users.has_login(str(claims.get("jti", "")), user.uid):
            raise _OpenIdError("invalid_grant", "Token is not active")
        return user, claims

    def _granted(self, user: ClusterUser, scope: str) -> dict[str, Any]:
        granted: dict[str, Any] = {
            "access_token": self._tokens.access(user, scope),
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "refresh_token": self._tokens.refresh(user, scope),
            "scope": scope,
        }
        if "openid" in scope.split():
            granted["id_token"] = self._tokens.identity(user)
        return granted

    def _revoke(self, request: Request) -> Response:
        form = _form(request)
        _check_client(form)
        try:
            _, claims = self._refresh_claims(form.get("token", ""))
        except _OpenIdError:
            # RFC 7009: a token that is not good is as good as revoked.
            return Response(200)
        self._users.end_login(str(claims["jti"]))
        return Response(200)

    def _userinfo(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            user, _ = self._tokens.read(token)
        except BadTokenError as error:
            raise _OpenIdError("invalid_token", "Token verification failed", 401) from error
        return json_answer(
            {
                "sub": user.uid,
                "name": user.name,
                "preferred_username": user.name,
                "groups": list(user.groups),
            }
        )


def _form(request: Request) -> dict[str, str]:
    try:
        body = request.read_all(MAX_FORM_BYTES).decode()
    except ValueError as error:
        raise _OpenIdError("invalid_request", "the form cannot be read") from error
    return dict(parse_qsl(body, keep_blank_values=True))


def _check_client(form: Form) -> None:
    if form.get("client_id") != CLIENT:
        raise _OpenIdError("invalid_client", f"the only client here is {CLIENT}", 401)


def _hashed(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
