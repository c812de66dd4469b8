"""An OpenID provider on loopback: real tokens, real PKCE, rotation with reuse detection, and any fault.

Prepared answers (`expect`, `always`) go before its own, so a test scripts a fault for one request and lets
the provider go on by itself. Its clock may differ from this machine's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.support.server import Answer, Request, ScriptedServer, document, page, text

CLIENT = "oscar-cli"
REALM = "/realms/users"
DISCOVERY = f"{REALM}/.well-known/openid-configuration"
# Keycloak's paths, so that a provider without a discovery document is found by them.
PROTOCOL = f"{REALM}/protocol/openid-connect"
TOKEN, AUTH, DEVICE, REVOKE = (f"{PROTOCOL}/{name}" for name in ("token", "auth", "auth/device", "revoke"))
USERINFO, KEYS = f"{PROTOCOL}/userinfo", f"{PROTOCOL}/certs"
CONFIRM = f"{REALM}/device"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
KEY_ID = "first"


def refused(code: str, description: str = "", status: int = 400) -> Answer:
    """Return an answer with an error code."""
    words = {"error_description": description} if description else {}
    return document({"error": code, **words}, status)


@dataclass
class Login:
    """A user's login: what it was asked with, and the refresh tokens it has had, the last one in force."""

    scope: str
    nonce: str = ""
    tokens: list[str] = field(default_factory=list)
    revoked: bool = False


@dataclass
class Pending:
    """An authorization code or a device code that was given out."""

    form: Mapping[str, str]
    used: bool = False


class ScriptedProvider(ScriptedServer):
    """The provider.

    Attributes:
        lifetime: seconds an access token is good.
        refresh_lifetime: seconds a refresh token is good.
        rotate: whether each refresh gives a new refresh token; using an old one ends the login.
        opaque: whether tokens are random text instead of JSON Web Tokens.
        documented: whether there is a discovery document.
        changes: what differs in it; `None` takes a key out.
        clock_offset: seconds its clock is ahead of this machine's.
        device_answers: error codes for the next questions about a device login, in order.
        interval: seconds between such questions that it asks for.
        user_code: what a person types.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(tls, port)
        self.lifetime = 300.0
        self.refresh_lifetime = 3600.0
        self.rotate = True
        self.opaque = False
        self.documented = True
        self.changes: dict[str, Any] = {}
        self.clock_offset = 0.0
        self.device_answers: list[str] = []
        self.interval = 5
        self.user_code = "WDJB-MJHT"
        self.issuer = self.url + REALM
        self._logins: list[Login] = []
        # Until when tokens are good, by the provider's clock.
        self._access: dict[str, float] = {}
        self._refresh_ends: dict[str, float] = {}
        self._codes: dict[str, Pending] = {}
        self._routes: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", DISCOVERY): lambda _request: self._document(),
            ("GET", KEYS): lambda _request: document({"keys": [_public_key()]}),
            ("GET", AUTH): self._authorize,
            ("GET", USERINFO): self._userinfo,
            ("GET", CONFIRM): lambda _request: page(),
            ("POST", TOKEN): self._token,
            ("POST", DEVICE): self._device,
            ("POST", REVOKE): self._revoke,
        }

    def __enter__(self) -> ScriptedProvider:
        super().__enter__()
        return self

    def reply_to(self, request: Request) -> Answer:
        """Take a request: a prepared answer goes first, then the provider's own."""
        with self._lock:
            self.requests.append(request)
            found = next((one for one in self._prepared if one.fits(request)), None)
            if found is not None:
                found.used += 1
            elif (request.method, request.path) in self._routes:
                return self._routes[(request.method, request.path)](request)
            else:
                self._unexpected.append(f"{request.method} {request.path}")
                return text("no such page", 404)
        return found.reply if isinstance(found.reply, Answer) else found.reply(request)

    def forms(self, path: str = TOKEN) -> list[dict[str, str]]:
        """Return the forms that were posted to an endpoint."""
        return [form_of(request) for request in self.requests if request.path == path]

    def log_in(self, scope: str = "openid profile", *, lifetime: float | None = None) -> str:
        """Return a refresh token of a new login."""
        return self._refresh_token(self._begin(Login(scope)), lifetime)

    def end(self, refresh_token: str) -> None:
        """Revoke a login, as its owner may on the provider's pages."""
        self._login(refresh_token).revoked = True

    def has_ended(self, refresh_token: str) -> bool:
        """Tell whether the login a refresh token belongs to was ended."""
        return self._login(refresh_token).revoked

    def accepts(self, access_token: str) -> bool:
        """Tell whether an access token is good now."""
        return self._access.get(access_token, 0.0) > self.now()

    def given(self) -> list[str]:
        """Return every token that was given out."""
        return [*self._access, *(token for login in self._logins for token in login.tokens)]

    def forget_access(self) -> None:
        """Take back all access tokens before their time."""
        self._access.clear()

    def now(self) -> float:
        """Return what the provider's clock says."""
        return time.time() + self.clock_offset

    def signed(self, claims: Mapping[str, Any]) -> str:
        """Return a JSON Web Token with an RS256 signature."""
        head = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        content = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
        return f"{content}.{_encoded(_signature(content.encode()))}"

    def _begin(self, login: Login) -> Login:
        self._logins.append(login)
        return login

    def _login(self, refresh_token: str) -> Login:
        return next(login for login in self._logins if refresh_token in login.tokens)

    def _document(self) -> Answer:
        if not self.documented:
            return text("no such page", 404)
        found = {
            "issuer": self.issuer,
            "token_endpoint": self.url + TOKEN,
            "authorization_endpoint": self.url + AUTH,
            "device_authorization_endpoint": self.url + DEVICE,
            "revocation_endpoint": self.url + REVOKE,
            "userinfo_endpoint": self.url + USERINFO,
            "jwks_uri": self.url + KEYS,
            "scopes_supported": ["openid", "email", "profile", "offline_access"],
            "code_challenge_methods_supported": ["S256"],
            **self.changes,
        }
        return document({key: value for key, value in found.items() if value is not None})

    def _authorize(self, request: Request) -> Answer:
        """Log the user in at once, and send the browser back."""
        query = request.query
        is_fit = (
            query.get("response_type") == "code"
            and query.get("client_id") == CLIENT
            and query.get("redirect_uri", "").startswith("http://127.0.0.1:")
            and query.get("code_challenge_method") == "S256"
            and "openid" in query.get("scope", "").split()
        )
        if not is_fit:
            return page(400)
        code = secrets.token_urlsafe(24)
        self._codes[code] = Pending(query)
        back = urlencode({"code": code, "state": query["state"], "iss": self.issuer})
        return Answer(302, headers={"Location": f"{query['redirect_uri']}?{back}"})

    def _device(self, request: Request) -> Answer:
        form = form_of(request)
        if form.get("client_id") != CLIENT:
            return refused("invalid_client", "unknown client", 401)
        code = secrets.token_urlsafe(24)
        self._codes[code] = Pending(form)
        return document(
            {
                "device_code": code,
                "user_code": self.user_code,
                "verification_uri": self.url + CONFIRM,
                "verification_uri_complete": f"{self.url}{CONFIRM}?user_code={self.user_code}",
                "expires_in": 600,
                "interval": self.interval,
            }
        )

    def _token(self, request: Request) -> Answer:
        form = form_of(request)
        if form.get("client_id") != CLIENT:
            return refused("invalid_client", "unknown client", 401)
        ways = {
            "refresh_token": self._refresh,
            "authorization_code": self._exchange,
            DEVICE_GRANT: self._poll,
        }
        way = ways.get(form.get("grant_type", ""))
        return way(form) if way else refused("unsupported_grant_type")

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        token = form.get("refresh_token", "")
        login = next((one for one in self._logins if token in one.tokens), None)
        if login is None or login.revoked or self._refresh_ends[token] < self.now():
            return refused("invalid_grant", "Token is not active")
        if token != login.tokens[-1]:
            login.revoked = True
            return refused("invalid_grant", "Maximum allowed refresh token reuse exceeded")
        if not set(form.get("scope", login.scope).split()) <= set(login.scope.split()):
            return refused("invalid_scope", "Invalid scopes")
        return self._grant(login, renew=self.rotate)

    def _exchange(self, form: Mapping[str, str]) -> Answer:
        pending = self._codes.get(form.get("code", ""))
        if pending is None or pending.used or pending.form["redirect_uri"] != form.get("redirect_uri"):
            return refused("invalid_grant", "Code not valid")
        return self._redeem(pending, form)

    def _poll(self, form: Mapping[str, str]) -> Answer:
        pending = self._codes.get(form.get("device_code", ""))
        if pending is None or pending.used:
            return refused("invalid_grant", "Device code not valid")
        if self.device_answers:
            return refused(self.device_answers.pop(0))
        return self._redeem(pending, form)

    def _redeem(self, pending: Pending, form: Mapping[str, str]) -> Answer:
        pending.used = True
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if _encoded(digest) != pending.form.get("code_challenge"):
            return refused("invalid_grant", "PKCE verification failed")
        login = Login(pending.form.get("scope", ""), pending.form.get("nonce", ""))
        return self._grant(self._begin(login), renew=True)

    def _revoke(self, request: Request) -> Answer:
        token = form_of(request).get("token", "")
        for login in self._logins:
            login.revoked = login.revoked or token in login.tokens
        return Answer()

    def _userinfo(self, request: Request) -> Answer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return document({"sub": "jane"}) if self.accepts(token) else refused("invalid_token", status=401)

    def _grant(self, login: Login, *, renew: bool) -> Answer:
        access = self._new_token({"scope": login.scope}, self.lifetime)
        self._access[access] = self.now() + self.lifetime
        found = {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "refresh_token": self._refresh_token(login) if renew else login.tokens[-1],
            "scope": login.scope,
        }
        if "openid" in login.scope.split():
            nonce = {"nonce": login.nonce} if login.nonce else {}
            found["id_token"] = self.signed({**self._claims(60), "aud": CLIENT, **nonce})
        return document(found)

    def _refresh_token(self, login: Login, lifetime: float | None = None) -> str:
        seconds = self.refresh_lifetime if lifetime is None else lifetime
        token = self._new_token({"scope": login.scope, "typ": "Refresh"}, seconds)
        login.tokens.append(token)
        self._refresh_ends[token] = self.now() + seconds
        return token

    def _new_token(self, claims: Mapping[str, Any], seconds: float) -> str:
        if self.opaque:
            return secrets.token_urlsafe(32)
        return self.signed({**self._claims(seconds), "azp": CLIENT, **claims})

    def _claims(self, seconds: float) -> dict[str, Any]:
        now = int(self.now())
        return {
            "iss": self.issuer,
            "sub": "jane",
            "iat": now,
            "exp": now + int(seconds),
            "jti": secrets.token_hex(8),
        }


def form_of(request: Request) -> dict[str, str]:
    """Return a posted form; a part that is repeated or a body that is no form fails."""
    assert request.headers.get("content-type") == "application/x-www-form-urlencoded"
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@lru_cache
def _key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _signature(content: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signature: bytes = _key().sign(content, padding.PKCS1v15(), hashes.SHA256())
    return signature


def _public_key() -> dict[str, str]:
    numbers = _key().public_key().public_numbers()
    modulus, exponent = (
        _encoded(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e)
    )
    return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": modulus, "e": exponent}
