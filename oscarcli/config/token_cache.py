"""Access tokens between runs: in the keyring where the refresh token is, else in files of their own.

They are never in the configuration, which people copy and show. A token is good for minutes; when it cannot
be kept, the next run asks for another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from oscarcli.config.keyring import KeyringError, OsKeyring
from oscarcli.config.private import read_private, write_private

KEYRING_PLACE = "oscar-cli access tokens"
# A token is not used for the last part of its life: a fifth, a minute at most.
LATEST_PART = 0.2
MAX_REST_SECONDS = 60.0
# Clocks that were set back by more than this many seconds make a stored moment worthless.
CLOCK_STEP = 60.0


@dataclass(frozen=True)
class CachedToken:
    """An access token.

    Attributes:
        value: the token.
        obtained_at: when it came, in Unix seconds.
        expires_at: its last moment in Unix seconds.
        origin: tells from which login it came, without showing it.
    """

    value: str = field(repr=False)
    obtained_at: float
    expires_at: float
    origin: str

    def is_fresh(self, now: float) -> bool:
        """Tell whether it is good for a while yet."""
        rest = min((self.expires_at - self.obtained_at) * LATEST_PART, MAX_REST_SECONDS)
        return self.obtained_at - CLOCK_STEP <= now < self.expires_at - rest


def origin_of(*parts: str) -> str:
    """Return a digest of a login's parts, a refresh token perhaps among them."""
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()


class TokenCache:
    """The access token of one login.

    Args:
        folder: where files are kept; `None` for nowhere.
        name: of the login, unlike all others; it is hashed.
        keyring: keep it there, and in a file only when it does not take it.
    """

    def __init__(self, folder: Path | None, name: str, keyring: OsKeyring | None = None) -> None:
        self._name = origin_of(name)[:32]
        self._path = folder / f"{self._name}.json" if folder else None
        self._keyring = keyring

    def load(self) -> CachedToken | None:
        """Return what is kept, fresh or not; `None` when nothing usable is."""
        try:
            found = json.loads(self._read() or "null")
            return CachedToken(
                str(found["value"]),
                float(found["obtained_at"]),
                float(found["expires_at"]),
                str(found["origin"]),
            )
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def store(self, token: CachedToken) -> None:
        """Keep a token if there is a place for it."""
        text = json.dumps(asdict(token))
        if self._keyring is not None:
            with contextlib.suppress(KeyringError):
                self._keyring.set(KEYRING_PLACE, self._name, text)
                return
        if self._path is not None:
            with contextlib.suppress(OSError):
                write_private(self._path, text)

    def forget(self) -> None:
        """Keep nothing any more, in neither place."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
        if self._keyring is not None:
            with contextlib.suppress(KeyringError):
                self._keyring.delete(KEYRING_PLACE, self._name)

    def _read(self) -> str | None:
        if self._keyring is not None:
            with contextlib.suppress(KeyringError):
                found = self._keyring.get(KEYRING_PLACE, self._name)
                if found is not None:
                    return found
        if self._path is None:
            return None
        return read_private(self._path)


class PendingRefreshTokens:
    """Refresh tokens that took the place of stored ones, where those could not be written over.

    Args:
        folder: where they are kept; `None` for nowhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def of(self, login: str, stored: str) -> str | None:
        """Return what took the place of the stored token of a login, `None` when nothing did."""
        try:
            found = json.loads(read_private(self._path(login)) or "null")
            return str(found["token"]) if found["of"] == origin_of(stored) else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def keep(self, login: str, stored: str, new: str) -> None:
        """Keep the token that is good now instead of a stored one. Raises OSError."""
        write_private(self._path(login), json.dumps({"of": origin_of(stored), "token": new}))

    def forget(self, login: str) -> None:
        """Keep none for a login any more."""
        with contextlib.suppress(OSError):
            self._path(login).unlink(missing_ok=True)

    def _path(self, login: str) -> Path:
        if self._folder is None:
            raise FileNotFoundError
        return self._folder / f"{origin_of('successor', login)[:32]}.successor"
