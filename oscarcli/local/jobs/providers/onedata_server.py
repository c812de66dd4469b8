"""Requests to Onedata, sent as `requests` sends them, which the supervisor's client is made with.

What follows a `?` in a name is a query, what follows a `#` is left out, and a `%` with two digits behind it
is a character.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

from oscarcli.local.jobs.providers.remote import (
    MAX_REDIRECTIONS,
    FileRange,
    RedirectedTooOftenError,
    last_answer,
)
from oscarcli.local.jobs.reported import ReportedError

# The real client waits for ever.
TIMEOUT_SECONDS = 300
VERSION = {"X-CDMI-Specification-Version": "1.1.1"}
ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
UNESCAPED = "!$&'()*+,/:;=@~"


class OnedataServer:
    """One provider.

    Args:
        settings: `oneprovider_host`, `token` and `space` of the definition.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._base = f"https://{settings['oneprovider_host']}"
        self.space = str(settings["space"])
        self._token = {"X-Auth-Token": str(settings["token"])}

    def exists(self, folder: str) -> bool:
        """Tell whether a folder of the space is there: any answer but 200 says no. Raises ReportedError."""
        return self.request("GET", f"{folder}/", VERSION) == 200

    def make_missing(self, path: str) -> Iterator[tuple[str, int]]:
        """Make a folder and those above it, as far as they are not there.

        Yields each that had to be made, with the status of the answer, before the next one is looked at.
        Raises ReportedError.
        """
        folder = ""
        for part in path.split("/"):
            folder = f"{folder}/{part}"
            if not self.exists(folder):
                yield folder, self.request("PUT", f"{folder}/", {})

    def request(self, method: str, path: str, headers: Mapping[str, str], source: Path | None = None) -> int:
        """Return the status of an answer, after redirections. Raises ReportedError."""
        url = f"{self._base}{_encoded(f'/cdmi/{self.space}/{path}')}"
        try:
            body = None if source is None else FileRange.whole(source)
            with ExitStack() as opened:
                answer = last_answer(
                    opened, method, url, headers, self._token, body, TIMEOUT_SECONDS, encoded=_target
                )
                return answer.status
        except (OSError, http.client.HTTPException) as error:
            raise ReportedError(f"no answer from {self._base}: {error}", "") from error
        except RedirectedTooOftenError as error:
            raise ReportedError(f"Exceeded {MAX_REDIRECTIONS} redirects.", "") from error


def _encoded(path: str) -> str:
    """Return a path as `requests` sends it."""
    path, mark, query = path.partition("#")[0].partition("?")
    has_escapes_alone = path.count("%") == len(ESCAPE.findall(path))
    quoted = quote(path, safe=UNESCAPED + ("%" if has_escapes_alone else ""))
    return f"{quoted}{mark}{quote(query, safe=UNESCAPED + '%?')}"


def _target(told: str) -> str:
    # What a server sends as it is, is UTF-8.
    return _encoded(told.encode("latin-1", "replace").decode("utf-8", "replace"))
