"""`--notify`: whoever waits is told when a command has ended, by the desktop or by the terminal's bell."""

from __future__ import annotations

from pathlib import Path

import pytest

from oscarcli.cli.kit.command_tree import read_tree
from tests.conftest import Runner
from tests.support.server import ScriptedServer, text


@pytest.fixture
def desktop(tmp_path: Path) -> dict[str, str]:
    """The environment of a desktop whose notifications are written to a file, an argument a line."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path / "told"}\n')
    program.chmod(0o755)
    return {"PATH": f"{programs}:/usr/bin:/bin", "DISPLAY": ":9"}


def log(server: ScriptedServer) -> None:
    server.always("GET", "/system/logs/web/web-1", text("hello\n"))


def test_the_desktop_tells_that_a_command_is_done(
    run: Runner, server: ScriptedServer, desktop: dict[str, str], tmp_path: Path
) -> None:
    run.know(server.url)
    log(server)
    result = run("service", "logs", "get", "web", "web-1", "--notify", env=desktop)
    assert (result.code, result.out, result.err) == (0, "hello\n", "")
    told = (tmp_path / "told").read_text().splitlines()
    assert told == ["--app-name=oscar-cli", "--", "oscar-cli service logs get", "done"]


def test_a_failure_is_told_with_its_reason_and_without_what_is_secret(
    run: Runner, server: ScriptedServer, desktop: dict[str, str], tmp_path: Path
) -> None:
    run.know(server.url)
    server.always("GET", "/system/logs/web/web-1", text("no\x1b[2J access", 403))
    result = run("service", "logs", "get", "web", "web-1", "--notify", env=desktop)
    assert result.code == 4
    title, how = (tmp_path / "told").read_text().splitlines()[2:]
    assert title == "oscar-cli service logs get"
    assert how.startswith("failed: ")
    assert "\x1b" not in how


def test_all_that_may_take_long_can_tell_of_its_end() -> None:
    waits, pending = set(), [read_tree()]
    while pending:
        node = pending.pop()
        pending += set(node.children.values())
        if node.option("--notify") is not None:
            waits.add(node.path)
        elif node.option("--wait") is not None:
            raise AssertionError(f"{node.path} waits, and cannot tell")
    assert waits == {
        "apply", "service run", "service job", "service map", "service put-file", "service get-file",
        "service sync", "service logs get", "bucket put-file", "bucket get-file", "bucket sync", "hub deploy",
        "hub validate",
    }  # fmt: skip


def test_nothing_is_told_unasked(
    run: Runner, server: ScriptedServer, desktop: dict[str, str], tmp_path: Path
) -> None:
    run.know(server.url)
    log(server)
    assert run("service", "logs", "get", "web", "web-1", env=desktop).code == 0
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize(
    "environ", [{}, {"DISPLAY": ":9", "PATH": "/nowhere"}], ids=["no desktop", "no program"]
)
def test_elsewhere_the_terminal_rings(run: Runner, server: ScriptedServer, environ: dict[str, str]) -> None:
    run.know(server.url)
    log(server)
    shown = run.terminal("service", "logs", "get", "web", "web-1", "--notify", env=environ)
    assert shown.code == 0
    assert shown.out.endswith("\a")
    assert "\a" not in run("service", "logs", "get", "web", "web-1", "--notify", env=environ).err
