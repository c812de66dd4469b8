"""The keyring of the operating system, asked with a time limit: a locked one may wait for a person."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from oscarcli.threads import within

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

Answer = TypeVar("Answer")

# How long a keyring may take for one answer, the time to load it included.
KEYRING_SECONDS = 3.0
# Below this a backend does not call itself fit for secrets: it does nothing, or writes plain text.
MIN_PRIORITY = 1
TRIAL = "oscar-cli trial"


class KeyringError(Exception):
    """The keyring gives no usable answer; the text says why and holds no secret."""


class NoKeyringError(KeyringError):
    """There is no keyring, or none that is fit for secrets."""


class OsKeyring:
    """Secrets by place and account.

    Args:
        seconds: how long one call may take; after one that took longer no more is asked.
    """

    def __init__(self, seconds: float = KEYRING_SECONDS) -> None:
        self._seconds = seconds
        self._failure: str | None = None

    def name(self) -> str | None:
        """Return what the keyring calls itself, `None` when there is none that is fit for secrets."""
        try:
            return self._within_limit(lambda: str(_backend().name))
        except KeyringError:
            return None

    def try_out(self) -> None:
        """Raise KeyringError unless the keyring keeps a secret and lets go of it again."""
        self.set(TRIAL, TRIAL, TRIAL)
        self.delete(TRIAL, TRIAL)

    def get(self, place: str, account: str) -> str | None:
        """Return a secret, `None` when there is none of that name. Raises KeyringError."""
        return self._within_limit(lambda: _backend().get_password(place, account))

    def set(self, place: str, account: str, secret: str) -> None:
        """Keep a secret. Raises KeyringError, also when the keyring does not give it back."""

        def keep() -> bool:
            backend = _backend()
            backend.set_password(place, account, secret)
            return backend.get_password(place, account) == secret

        if not self._within_limit(keep):
            raise KeyringError("it does not give back what it was given")

    def delete(self, place: str, account: str) -> bool:
        """Forget a secret and tell whether there was one. Raises KeyringError."""

        def forget() -> bool:
            backend = _backend()
            if backend.get_password(place, account) is None:
                return False
            backend.delete_password(place, account)
            return True

        return self._within_limit(forget)

    def _within_limit(self, ask: Callable[[], Answer]) -> Answer:
        if self._failure is not None:
            raise KeyringError(self._failure)

        def work() -> Answer | KeyringError:
            try:
                return ask()
            except KeyringError as error:
                return error
            except Exception as error:  # noqa: BLE001 -- backends raise what their libraries do
                return KeyringError(_reason(error))

        try:
            answer = within(self._seconds, work)
        except TimeoutError:
            self._failure = f"it does not answer within {self._seconds:g} s"
            raise KeyringError(self._failure) from None
        if isinstance(answer, KeyringError):
            raise answer
        return answer


def _backend() -> KeyringBackend:
    import keyring
    import keyring.core

    backend = keyring.get_keyring()
    # Whoever names a backend, in the variable or in keyring's own file, wants that one.
    is_chosen = bool(os.environ.get("PYTHON_KEYRING_BACKEND")) or keyring.core.load_config() is not None
    kind = type(backend).__module__
    if kind in ("keyring.backends.fail", "keyring.backends.null"):
        raise NoKeyringError("there is none on this machine")
    if not is_chosen and float(backend.priority) < MIN_PRIORITY:
        raise NoKeyringError("there is none on this machine that is fit for secrets")
    return backend


def _reason(error: Exception) -> str:
    """Return why a backend failed: in its own class's name, for its text may quote what it was given."""
    name = type(error).__name__
    return {
        "KeyringLocked": "it is locked",
        "PasswordSetError": "it refuses to keep it",
        "PasswordDeleteError": "it refuses to forget it",
        "InitError": "it cannot be opened",
    }.get(name, f"it fails with {name}")
