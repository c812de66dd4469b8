"""A keyring that fails, and quotes what it was given."""

from __future__ import annotations

from typing import NoReturn

from keyring.backend import KeyringBackend


class BrokenKeyring(KeyringBackend):
    """Fails with an error that no keyring should raise; it holds the secret."""

    priority = 5

    def get_password(self, service: str, username: str) -> NoReturn:
        """Fail."""
        raise RuntimeError(f"cannot read {service} {username}")

    def set_password(self, service: str, username: str, password: str) -> NoReturn:
        """Fail, and quote the secret."""
        raise RuntimeError(f"cannot write {password}")

    def delete_password(self, service: str, username: str) -> NoReturn:
        """Fail."""
        raise RuntimeError(f"cannot delete {service} {username}")
