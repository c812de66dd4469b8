"""Asks a registry of images over HTTP: names, logins, tokens, and what is wrong when it says no."""

from __future__ import annotations

import base64
import binascii
import http.client
import ipaddress
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from oscarcli.local.images.model import ImageError

# Docker Hub has one name in references, one for its API, and one in files of logins.
HUB, HUB_HOST, HUB_LOGIN = "docker.io", "registry-1.docker.io", "index.docker.io"
TIMEOUT_SECONDS = 60.0
_MAX_DOCUMENT = 4 << 20
_PARTS = re.compile(r"(?P<path>[^@]+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")


@dataclass(frozen=True)
class RegistryName:
    """An image's name: `host` of the registry, `path` in it, `version` a tag or a digest."""

    host: str
    path: str
    version: str

    @classmethod
    def parse(cls, reference: str) -> RegistryName:
        """Read a name as Docker does. Raises ImageError."""
        first, slash, rest = reference.partition("/")
        is_host = slash and (set(first) & {".", ":"} or first == "localhost")
        host, path = (first, rest) if is_host else (HUB, reference)
        found = _PARTS.fullmatch(path)
        if found is None:
            raise ImageError(f'"{reference}" cannot be the name of an image')
        path = found["path"]
        if host in (HUB, HUB_LOGIN):
            host, path = HUB, path if "/" in path else f"library/{path}"
        return cls(host, path, found["digest"] or found["tag"] or "latest")

    @property
    def is_local(self) -> bool:
        """Whether the registry is on this machine, where none needs TLS or a proxy."""
        name = urllib.parse.urlsplit(f"//{self.host}").hostname or ""
        try:
            return name == "localhost" or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


class RegistryClient:
    """Asks for one image.

    Args:
        name: the image's.
        authentication: a file of logins, as `config.json` of Docker has them.

    Raises:
        ImageError: the login cannot be read.
    """

    def __init__(self, name: RegistryName, authentication: Path | None) -> None:
        self._name = name
        self._login = None if authentication is None else login_of(authentication, name.host)
        self._authorization = ""
        self._scheme = "https"
        # By default as the variables of proxies and of certificates (SSL_CERT_FILE) say.
        handlers = [urllib.request.ProxyHandler({})] if name.is_local else []
        self._opener = urllib.request.build_opener(*handlers)

    def manifest(self, version: str, kinds: Sequence[str]) -> tuple[bytes, str]:
        """Return a manifest and what kind it is. Raises ImageError."""
        with self._get(f"manifests/{version}", ", ".join(kinds)) as response:
            try:
                data = response.read(_MAX_DOCUMENT)
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
            return data, str(response.headers.get_content_type())

    def blob(self, digest: str) -> IO[bytes]:
        """Return an answer with a part of the image. Raises ImageError."""
        response: IO[bytes] = self._get(f"blobs/{digest}", "*/*")
        return response

    def _get(self, what: str, accept: str) -> Any:
        path = f"/v2/{urllib.parse.quote(self._name.path)}/{what}"
        try:
            return self._open(path, accept)
        except urllib.error.HTTPError as error:
            if error.code != http.client.UNAUTHORIZED or not self._log_in(error):
                raise self._refusal(error) from error
        except OSError as error:
            is_distrust = isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError)
            if not self._name.is_local or self._scheme == "http" or is_distrust:
                raise self._unreachable(error) from error
            self._scheme = "http"
            return self._get(what, accept)
        try:
            return self._open(path, accept)
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except OSError as error:
            raise self._unreachable(error) from error

    def _open(self, path: str, accept: str) -> Any:
        host = HUB_HOST if self._name.host == HUB else self._name.host
        request = urllib.request.Request(f"{self._scheme}://{host}{path}", headers={"Accept": accept})  # noqa: S310
        if self._authorization:
            # Blobs are often elsewhere: who is asked there gets no login.
            request.add_unredirected_header("Authorization", self._authorization)
        return self._opener.open(request, timeout=TIMEOUT_SECONDS)

    def _log_in(self, error: urllib.error.HTTPError) -> bool:
        """Get what the registry asks for; tell whether there is something new to try. Raises ImageError."""
        scheme, _, rest = (error.headers.get("WWW-Authenticate") or "").partition(" ")
        basic = f"Basic {self._login}" if self._login else ""
        before = self._authorization
        if scheme.lower() == "basic":
            self._authorization = basic
        elif scheme.lower() == "bearer":
            given = urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest))
            self._authorization = f"Bearer {self._token(given, basic)}"
        return bool(self._authorization) and self._authorization != before

    def _token(self, given: dict[str, str], basic: str) -> str:
        realm = given.get("realm", "")
        if not realm.startswith("https://") and not (self._scheme == "http" and realm.startswith("http://")):
            raise ImageError(f"the registry {self._name.host} wants a login without TLS")
        asked = {"scope": f"repository:{self._name.path}:pull"}
        asked |= {key: given[key] for key in ("service", "scope") if key in given}
        request = urllib.request.Request(f"{realm}?{urllib.parse.urlencode(asked)}")  # noqa: S310
        if basic:
            request.add_unredirected_header("Authorization", basic)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                document = json.loads(response.read(_MAX_DOCUMENT))
            return str(document.get("token") or document["access_token"])
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except OSError as error:
            raise self._unreachable(error) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ImageError(f"the registry {self._name.host} gives no token that is one") from error

    def _refusal(self, error: urllib.error.HTTPError) -> ImageError:
        host = self._name.host
        if error.code in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
            if self._login:
                return ImageError(f"the registry {host} refuses the login from image_pull_secrets")
            return ImageError(
                f"unauthorized: the registry {host} has no such image, or wants a login: name a secret with "
                "one in image_pull_secrets"
            )
        if error.code == http.client.NOT_FOUND:
            return ImageError(f"the registry {host} has no image {self._name.path}, {self._name.version}")
        return ImageError(f"the registry {host} answers {error.code} {error.reason}")

    def _unreachable(self, error: Exception) -> ImageError:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            reason = f"{reason.verify_message}; SSL_CERT_FILE names the certificates that are trusted"
        return ImageError(f"the registry {self._name.host} cannot be reached: {reason}")


def login_of(file: Path, host: str) -> str | None:
    """Return a registry's login, `user:password` in base64, `None` when there is none.

    Args:
        file: logins, as `config.json` of Docker has them.
        host: the registry; `docker.io` for Docker Hub.

    Raises:
        ImageError: the file or the login cannot be read.
    """
    names = (HUB, HUB_LOGIN, HUB_HOST) if host == HUB else (host,)
    try:
        logins = json.loads(file.read_text(encoding="utf-8"))["auths"]
        for key, entry in logins.items():
            if re.sub(r"^https?://", "", key).partition("/")[0] not in names:
                continue
            if "auth" in entry:
                base64.b64decode(entry["auth"], validate=True)
                return str(entry["auth"])
            return base64.b64encode(f"{entry['username']}:{entry['password']}".encode()).decode()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, binascii.Error) as error:
        raise ImageError(f"image_pull_secrets: the login for {host} cannot be read") from error
    return None
