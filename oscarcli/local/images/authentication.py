"""Logins to registries, by the names that services give in `image_pull_secrets`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oscarcli.local.images.model import ImageError

# Docker's name for the file; podman takes any.
FILE = "config.json"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class PullSecrets:
    """Files of logins, as a Kubernetes secret of the type `dockerconfigjson` has them.

    Args:
        folder: where they are, `NAME.json` each.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, names: Sequence[str], target: Path) -> Path | None:
        """Write the logins of all names into one file below a folder; `None` without names.

        Raises:
            ImageError: a secret is missing or not what it should be.
        """
        if not names:
            return None
        logins: dict[str, Any] = {}
        for name in names:
            logins |= self._read(name)
        path = target / FILE
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"auths": logins}, file)
        return path

    def _read(self, name: str) -> dict[str, Any]:
        path = self._folder / f"{name}.json"
        try:
            if not _NAME.fullmatch(name):
                raise ValueError("that is no name of a secret")
            logins = json.loads(path.read_text(encoding="utf-8"))["auths"]
            if not isinstance(logins, dict):
                raise TypeError('"auths" is not an object')
        except FileNotFoundError as error:
            raise ImageError(
                f'image_pull_secrets: there is no secret "{name}" on this machine; put the logins, as in '
                f"Docker's config.json, into {path}"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ImageError(f'image_pull_secrets: the secret "{name}" cannot be read: {error}') from error
        return logins
