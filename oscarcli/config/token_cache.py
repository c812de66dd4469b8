"""Access tokens between runs: in the keyring where the refresh token is, else in files of their own.

They are never in the configuration, which people copy and show. A token is good for minutes; when it cannot
be kept, the next run asks for another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from oscarcli.config.os_keyring import KeyringError, OsKeyring

FOLDER = "oscar-cli/tokens"
KEYRING_PLACE = "oscar-cli access tokens"
# A token is not used for the last part of its life: a fifth, a minute at most.
LATEST_PART = 0.2
LONGEST_REST = 60.0
# Clocks that were set back by more than this many seconds make a stored moment worthless.
CLOCK_STEP = 60.0
OWNER_ONLY = 0o600
OTHERS = 0o077
# How long to wait for another process that asks for a token, in seconds.
LOCK_SECONDS = 30.0


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
        rest = min((self.expires_at - self.obtained_at) * LATEST_PART, LONGEST_REST)
        return self.obtained_at - CLOCK_STEP <= now < self.expires_at - rest


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return where tokens are kept, `None` when there is no such place."""
    named = environ.get("XDG_CACHE_HOME", "")
    try:
        home = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return home / FOLDER


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
                _write(self._path, text)

    def forget(self) -> None:
        """Keep nothing any more, in neither place."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
                self._path.with_suffix(".lock").unlink(missing_ok=True)
        if self._keyring is not None:
            with contextlib.suppress(KeyringError):
                self._keyring.delete(KEYRING_PLACE, self._name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process ask for a token of this login: a refresh token may be good only once.

        Without a place for a lock, and when another process does not let go of it, it goes on without.
        """
        descriptor = self._lock()
        try:
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _lock(self) -> int | None:
        import fcntl

        if self._path is None:
            return None
        try:
            _make_folder(self._path.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
            descriptor = os.open(self._path.with_suffix(".lock"), flags, OWNER_ONLY)
        except OSError:
            return None
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except OSError:
                if time.monotonic() > deadline:
                    return descriptor
                time.sleep(0.05)

    def _read(self) -> str | None:
        if self._keyring is not None:
            with contextlib.suppress(KeyringError):
                found = self._keyring.get(KEYRING_PLACE, self._name)
                if found is not None:
                    return found
        if self._path is None:
            return None
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            # What others can write is not believed, and what they can read is no longer a secret.
            is_ours = status.st_uid == os.geteuid() and not status.st_mode & OTHERS
            return file.read() if is_ours else None


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & OTHERS:
        folder.chmod(0o700)


def _write(path: Path, text: str) -> None:
    _make_folder(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.stem}-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
