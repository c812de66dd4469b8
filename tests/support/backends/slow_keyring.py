"""A keyring that waits for somebody who never comes."""

from __future__ import annotations

import time

from keyring.backend import KeyringBackend

SECONDS = 60.0


class SlowKeyring(KeyringBackend):
    """Answers after a minute."""

    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        """Wait, and know nothing."""
        time.sleep(SECONDS)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Wait, and keep nothing."""
        time.sleep(SECONDS)

    def delete_password(self, service: str, username: str) -> None:
        """Wait, and forget nothing."""
        time.sleep(SECONDS)
