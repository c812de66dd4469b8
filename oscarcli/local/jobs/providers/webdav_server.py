"""Requests to a server that speaks WebDAV, with the login of a definition, through redirections to others."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from oscarcli.local.jobs.providers.remote import Body, last_answer

# As webdavclient3 has it.
TIMEOUT_SECONDS = 30


class DavServer:
    """One provider.

    Args:
        settings: `hostname`, `login` and `password` of the definition.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        # Without TLS there is no way to it, for a real job neither.
        self.base = f"https://{settings['hostname']}".rstrip("/")
        login = f"{settings['login']}:{settings['password']}".encode()
        self._login = {"Authorization": f"Basic {base64.b64encode(login).decode()}"}

    def answer(
        self, opened: ExitStack, method: str, path: str, headers: Mapping[str, str], body: Body | None = None
    ) -> http.client.HTTPResponse:
        """Send a request for an encoded path and return the answer that is no redirection.

        Nobody but the server itself gets the login. `opened` closes the answer.

        Raises:
            OSError, HTTPException: there is no answer.
            RedirectedTooOftenError: there is no end of redirections.
        """
        url = f"{self.base}{path}"
        return last_answer(opened, method, url, headers, self._login, body, TIMEOUT_SECONDS)
