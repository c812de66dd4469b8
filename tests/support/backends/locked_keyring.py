"""A keyring that nobody unlocks."""

from __future__ import annotations

from typing import NoReturn

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class LockedKeyring(KeyringBackend):
    """Says of every call that it is locked."""

    priority = 5

    def get_password(self, service: str, username: str) -> NoReturn:
        """Refuse to tell."""
        raise KeyringLocked("Failed to unlock the collection!")

    def set_password(self, service: str, username: str, password: str) -> NoReturn:
        """Refuse to keep."""
        raise KeyringLocked("Failed to unlock the collection!")

    def delete_password(self, service: str, username: str) -> NoReturn:
        """Refuse to forget."""
        raise KeyringLocked("Failed to unlock the collection!")
