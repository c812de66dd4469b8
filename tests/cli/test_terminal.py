"""A terminal changes manners, never content: reading commands in every form, both ways."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Caller, Runner
from tests.support.server import ScriptedServer, document

STYLE = re.compile(r"\x1b\[[0-9;]*m")
COMMANDS = (
    "cluster list -o table",
    "cluster default -o json",
    "cluster info -o yaml",
    "service list -o table",
    "service list -o json",
    "service list -o yaml",
    "service get svc",
    "service logs list svc",
    "version",
)


@pytest.fixture
def endpoint(server: ScriptedServer) -> str:
    service = {"name": "svc", "image": "größe", "script": "#!/bin/sh\necho\n", "token": "t" * 64}
    jobs = {"svc-1": {"status": "Running"}}
    server.always("GET", "/system/info", document({"version": "v4.1", "architecture": "amd64"}))
    server.always("GET", "/system/services", document([service]))
    server.always("GET", "/system/services/svc", document(service))
    server.always("GET", "/system/logs/svc", document({"jobs": jobs}))
    return server.url


def test_every_command_says_the_same_in_a_pipe_and_on_a_terminal(
    run: Runner, call: Caller, endpoint: str
) -> None:
    run.know(endpoint)
    for command in COMMANDS:
        piped = call(*command.split())
        shown = run.terminal(*command.split(), columns=200)
        assert (piped.code, piped.err, shown.code) == (0, "", 0), command
        assert STYLE.sub("", shown.out) == piped.out, command
        assert "\x1b" not in piped.out
        is_table = "json" not in command and "yaml" not in command and "get" not in command
        assert is_table or "\x1b" not in shown.out, command
