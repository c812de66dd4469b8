"""Results stored behind WebDAV: the output's folder is made, but no folder above or below it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oscarcli.local.jobs.providers.webdav_client import WebDavClient


class WebDavOutput:
    """One provider.

    Args:
        settings: `hostname`, `login` and `password` of the definition.
        printed: gets the lines that the supervisor's client prints.
    """

    def __init__(self, settings: Mapping[str, Any], printed: list[str]) -> None:
        self._client = WebDavClient(settings, "a result could not be stored", printed)

    def upload(self, source: Path, folder: str, name: str) -> None:
        """Store a file as `name`, a path, in a folder. Raises SupervisorCrash, OSError."""
        if not self._client.exists(folder):
            self._client.make_folder(folder)
        self._client.upload(source, f"{folder}/{name}")
