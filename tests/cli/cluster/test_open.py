"""`cluster open`: the cluster's own pages in a browser."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Caller, Runner
from tests.support.server import Answer, ScriptedServer, text


def test_the_dashboard_is_opened_and_its_address_said(
    run: Runner, server: ScriptedServer, tmp_path: Path
) -> None:
    run.know(server.url)
    server.expect("GET", "/ui", Answer(301, headers={"Location": "/ui/"}))
    server.expect("GET", "/ui/", text("<html>"))
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    result = run("cluster", "open", env={"BROWSER": str(browser)})
    assert (result.code, result.out, result.err) == (0, f"{server.url}/ui/\n", "")
    assert opened.read_text() == f"{server.url}/ui/"
    assert "authorization" not in server.requests[-1].headers, "pages need no login"


def test_a_cluster_without_one_is_told(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    server.always("GET", "/ui", text("404 page not found", 404))
    result = call("cluster", "open")
    assert (result.code, result.out) == (5, "")
    assert "has no dashboard" in result.err
    assert "oscar-cli interactive" in result.err
    assert json.loads(call("cluster", "open", "-o", "json").err)["code"] == 5


def test_a_browser_that_does_not_start_is_told_below_the_address(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", "/ui", text("<html>"))
    result = run("cluster", "open", env={"BROWSER": "/bin/false"})
    assert (result.code, result.out) == (1, f"{server.url}/ui/\n")
    assert "open the address yourself" in result.err
