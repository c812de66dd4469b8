"""A server of jobs that answers from a table, and the documents it answers with."""

from __future__ import annotations

import json
from typing import Any

import httpx

from oscarcli.api.client import Client

LIST = "/system/logs/svc"


class Server:
    """Answers by path; every value is a status with text, a document, or a list of these to use in turn."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.seen.append(request)
        answer = self.answers[f"{request.method} {request.url.raw_path.decode()}"]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return httpx.Response(status, text=body if isinstance(body, str) else json.dumps(body))


def api(answers: dict[str, Any]) -> tuple[Client, Server]:
    server = Server(answers)
    return Client("http://h", httpx.BasicAuth("a", "b"), transport=httpx.MockTransport(server)), server


def new(jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"jobs": jobs, **more}


def job(created: str | None = None, status: str = "Succeeded", **times: str) -> dict[str, str]:
    return {"status": status, **({"creation_time": created} if created else {}), **times}
