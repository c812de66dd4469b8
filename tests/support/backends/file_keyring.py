"""A keyring that is a JSON file: what the program keeps there, a test can read."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    """Keeps secrets in the file that `TEST_KEYRING_FILE` names, by place and account."""

    priority = 5

    def get_password(self, service: str, username: str) -> str | None:
        """Return a secret, `None` when there is none."""
        return _read().get(service, {}).get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret."""
        content = _read()
        content.setdefault(service, {})[username] = password
        _write(content)

    def delete_password(self, service: str, username: str) -> None:
        """Forget a secret."""
        content = _read()
        if content.get(service, {}).pop(username, None) is None:
            raise PasswordDeleteError("there is none of that name")
        _write({place: secrets for place, secrets in content.items() if secrets})


def _path() -> Path:
    return Path(os.environ["TEST_KEYRING_FILE"])


def _read() -> dict[str, dict[str, str]]:
    try:
        content: dict[str, dict[str, str]] = json.loads(_path().read_text())
    except FileNotFoundError:
        return {}
    return content


def _write(content: dict[str, dict[str, str]]) -> None:
    # Renamed into place: several processes may read it at once.
    temporary = _path().with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=2))
    temporary.replace(_path())
