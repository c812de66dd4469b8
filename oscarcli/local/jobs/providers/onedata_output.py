"""Results stored in Onedata, in the way and with the failures of the supervisor's own client.

It makes all folders of a result one by one, and takes any answer but 200 for a folder that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.providers.onedata_server import OnedataServer
from oscarcli.local.jobs.reported import ReportedError

STORED = (201, 202, 204)


class OnedataOutput:
    """One provider.

    Args:
        settings: `oneprovider_host`, `token` and `space` of the definition.
        log: gets the supervisor's lines.
    """

    def __init__(self, settings: Mapping[str, Any], log: JobLog) -> None:
        self._server = OnedataServer(settings)
        self._log = log

    def upload(self, source: Path, folder: str, name: str) -> None:
        """Store a file as `name`, a path, in a folder. Raises ReportedError, OSError."""
        path = f"{folder.strip('/')}/{name.strip('/')}"
        above = path.rpartition("/")[0]
        if not self._server.exists(above):
            for made, status in self._server.make_missing(above):
                if status != 201:
                    raise ReportedError(f"Folder '{made}' creation in Onedata failed. Status code: {status}")
        self._log.info(f"Uploading file '{path}' to space '{self._server.space}'")
        with source.open("rb"):
            # A link that leads nowhere is noticed before anything is sent.
            status = self._server.request("PUT", path, {}, source)
        if status not in STORED:
            raise ReportedError(
                f"Uploading file '{name.strip('/')}' to Onedata failed. Status code: {status}"
            )
