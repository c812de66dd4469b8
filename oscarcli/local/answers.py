"""Answers in the manager's manner: empty bodies, plain text errors, JSON as Go writes it."""

from __future__ import annotations

import json
from typing import Any

from oscarcli.local.http.messages import Response

TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"


class ApiError(Exception):
    """A request that ends with an error status.

    Args:
        status: HTTP status.
        text: plain text body; empty for no body at all, as the manager does where a resource is missing.
        headers: further headers.
    """

    def __init__(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the answer to send."""
        response = text(self.text, self.status) if self.text else empty(self.status)
        response.headers.update(self.headers)
        return response


def empty(status: int = 200) -> Response:
    """Return an answer without a body and without a content type."""
    return Response(status)


def text(body: str, status: int = 200) -> Response:
    """Return an answer of plain text."""
    return Response(status, {"Content-Type": TEXT}, body.encode())


def json_answer(document: Any, status: int = 200) -> Response:
    """Return a JSON answer, compact and with `<`, `>` and `&` escaped."""
    return Response(status, {"Content-Type": JSON}, go_json(document).encode())


def go_json(document: Any) -> str:
    """Write JSON as Go's encoder does, keys in the order given."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        body = body.replace(character, f"\\u{ord(character):04x}")
    return body


def route_missing() -> Response:
    """Return the router's own answer; it tells a missing route from a missing resource."""
    return Response(404, {"Content-Type": "text/plain"}, b"404 page not found")
