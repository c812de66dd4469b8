"""Environment variables under which the program finds one of the keyrings of `backends`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BACKENDS = Path(__file__).parent / "backends"


def keyring_env(name: str, file: Path) -> dict[str, str]:
    """Return the variables for a keyring.

    Args:
        name: its module and class, such as `file_keyring.FileKeyring`.
        file: where the one in a file keeps its secrets.
    """
    return {
        "PYTHON_KEYRING_BACKEND": name,
        "PYTHONPATH": str(BACKENDS),
        "TEST_KEYRING_FILE": str(file),
    }


def in_keyring(file: Path) -> dict[str, dict[str, Any]]:
    """Return what the keyring in a file holds: secrets by place and account."""
    return dict(json.loads(file.read_text())) if file.exists() else {}


def secrets_in(file: Path) -> list[str]:
    """Return all secrets that the keyring in a file holds, access tokens left out."""
    content = in_keyring(file)
    return [
        secret
        for place, accounts in content.items()
        if place != "oscar-cli access tokens"
        for secret in accounts.values()
    ]
