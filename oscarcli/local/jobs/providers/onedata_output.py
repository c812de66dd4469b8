"""Results stored in Onedata, in the way and with the failures of the supervisor's own client.

It makes all folders of a result one by one, and takes any answer but 200 for a folder that is missing. It
sends names as `requests` does: what follows a `?` is a query, what follows a `#` is left out, and a `%` with
two digits behind it is a character.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from oscarcli.local.jobs.log import JobLog
from oscarcli.local.jobs.providers.remote import MAX_REDIRECTIONS, REDIRECTIONS, exchange
from oscarcli.local.jobs.reported import ReportedError

# The real client waits for ever.
TIMEOUT_SECONDS = 300
VERSION = {"X-CDMI-Specification-Version": "1.1.1"}
STORED = (201, 202, 204)
ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
UNESCAPED = "!$&'()*+,/:;=@~"


class OnedataOutput:
    """One provider.

    Args:
        settings: `oneprovider_host`, `token` and `space` of the definition.
        log: gets the supervisor's lines.
    """

    def __init__(self, settings: Mapping[str, Any], log: JobLog) -> None:
        self._base = f"https://{settings['oneprovider_host']}"
        self._space = str(settings["space"])
        self._token = {"X-Auth-Token": str(settings["token"])}
        self._log = log

    def upload(self, source: Path, folder: str, name: str) -> None:
        """Store a file as `name`, a path, in a folder. Raises ReportedError, OSError."""
        path = f"{folder.strip('/')}/{name.strip('/')}"
        above = path.rpartition("/")[0]
        if not self._exists(above):
            self._make_folders(above)
        self._log.info(f"Uploading file '{path}' to space '{self._space}'")
        with source.open("rb"):
            # A link that leads nowhere is noticed before anything is sent.
            status = self._request("PUT", path, {}, source)
        if status not in STORED:
            raise ReportedError(
                f"Uploading file '{name.strip('/')}' to Onedata failed. Status code: {status}"
            )

    def _make_folders(self, path: str) -> None:
        folder = ""
        for part in path.split("/"):
            folder = f"{folder}/{part}"
            if self._exists(folder):
                continue
            status = self._request("PUT", f"{folder}/", {})
            if status != 201:
                raise ReportedError(f"Folder '{folder}' creation in Onedata failed. Status code: {status}")

    def _exists(self, folder: str) -> bool:
        return self._request("GET", f"{folder}/", VERSION) == 200

    def _request(self, method: str, path: str, headers: Mapping[str, str], source: Path | None = None) -> int:
        """Return the status of an answer, after redirections."""
        url = f"{self._base}{_encoded(f'/cdmi/{self._space}/{path}')}"
        try:
            for _ in range(MAX_REDIRECTIONS):
                is_own = urlsplit(url)[:2] == urlsplit(self._base)[:2]
                sent = {**headers, **(self._token if is_own else {})}
                status, target = exchange(method, url, sent, source, TIMEOUT_SECONDS)
                if status not in REDIRECTIONS or not target:
                    return status
                # What a server sends as it is, is UTF-8.
                url = urljoin(url, _encoded(target.encode("latin-1", "replace").decode("utf-8", "replace")))
                if status in (302, 303):
                    method, source = "GET", None
        except (OSError, http.client.HTTPException) as error:
            raise ReportedError(f"no answer from {self._base}: {error}", "") from error
        raise ReportedError(f"Exceeded {MAX_REDIRECTIONS} redirects.", "")


def _encoded(path: str) -> str:
    """Return a path as `requests` sends it."""
    path, mark, query = path.partition("#")[0].partition("?")
    has_escapes_alone = path.count("%") == len(ESCAPE.findall(path))
    quoted = quote(path, safe=UNESCAPED + ("%" if has_escapes_alone else ""))
    return f"{quoted}{mark}{quote(query, safe=UNESCAPED + '%?')}"
