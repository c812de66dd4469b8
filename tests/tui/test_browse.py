"""Lists on the full screen: where they come from, filter, order, ways, and clusters that do not answer."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.support.server import Answer, ScriptedServer, document, text
from tests.tui.screen import Screen, access_to, drive


def service(name: str, state: str = "ready", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "cpu": "1.0",
        "memory": "256Mi",
        "image": "an/image",
        "deployment": {"state": state},
    } | more


def serve(server: ScriptedServer, *services: dict[str, Any]) -> None:
    server.always("GET", "/system/services", document(list(services)), query={"include": "deployment"})


def test_the_first_list_has_the_services_of_the_default_cluster_with_their_states(
    server: ScriptedServer,
) -> None:
    serve(server, service("grayify"), service("posenet", "failed", memory="2Gi"))

    async def play(screen: Screen) -> None:
        await screen.shows("one › services  (2)")
        assert screen.line("grayify").split() == ["grayify", "ready", "1.0", "256Mi", "an/image", "-"]
        assert screen.line("posenet").split() == ["posenet", "failed", "1.0", "2Gi", "an/image", "-"]

    drive(access_to(server.url), play, size=(80, 24))


def test_words_filter_rows_while_they_are_typed_and_escape_takes_them_away(server: ScriptedServer) -> None:
    serve(server, service("alpha"), service("beta"), service("alphabet", "failed"))

    async def play(screen: Screen) -> None:
        await screen.shows("(3)")
        await screen.press("slash")
        await screen.type("ALPHA fail")
        await screen.shows("(1 of 3)", "filter: ALPHA fail")
        assert "alphabet" in screen.text
        assert "beta " not in screen.text
        await screen.press(*["backspace"] * 5)
        await screen.shows("(2 of 3)")
        await screen.press("enter", "escape")
        await screen.shows("(3)")

    drive(access_to(server.url), play)


def test_columns_sort_up_then_down_then_not_at_all(server: ScriptedServer) -> None:
    serve(server, service("b", cpu="0.5"), service("c", cpu="10"), service("a", cpu="2"))

    def order(screen: Screen) -> list[str]:
        return [line.split()[0] for line in screen.lines if "an/image" in line]

    async def play(screen: Screen) -> None:
        await screen.shows("(3)")
        assert order(screen) == ["b", "c", "a"]
        await screen.press("3")
        assert (order(screen), "CPU ↑" in screen.text) == (["b", "a", "c"], True)
        await screen.press("3")
        assert (order(screen), "CPU ↓" in screen.text) == (["c", "a", "b"], True)
        await screen.press("3", "1")
        assert order(screen) == ["a", "b", "c"]
        # The mouse: the title of the second column, then a double click on a row's place.
        await screen.pilot.click("RowTable", offset=(10, 0))
        assert "STATE ↑" in screen.text

    drive(access_to(server.url), play)


@pytest.mark.thorough
def test_a_double_click_opens_a_row_and_escape_leads_back(server: ScriptedServer) -> None:
    serve(server, service("alpha"), service("beta"))
    job = {"status": "Succeeded", "creation_time": "2026-01-02T03:04:05Z"}
    server.always("GET", "/system/logs/beta", document({"jobs": {"beta-1": job}}))

    async def play(screen: Screen) -> None:
        await screen.shows("beta")
        await screen.pilot.click("RowTable", offset=(4, 2), times=2)
        await screen.shows("one › beta jobs  (1)", "beta-1", "Succeeded")
        await screen.press("escape")
        await screen.shows("one › services  (2)")

    drive(access_to(server.url), play)


def test_clusters_tell_how_they_are_and_one_that_is_dead_says_so(server: ScriptedServer) -> None:
    server.always("GET", "/health", text("Ok"))
    serve(server, service("alpha"))

    async def play(screen: Screen) -> None:
        await screen.shows("clusters  (2)", " ok ", "no answer")
        assert screen.line("one").split()[:2] == ["one", "ok"]
        assert screen.line("two").split()[:3] == ["two", "no", "answer"]
        await screen.press("enter")
        await screen.shows("one › services  (1)", "alpha")

    drive(access_to(server.url, "http://127.0.0.1:9", start=None), play)


def test_a_cluster_that_is_slow_does_not_hold_up_what_another_says(server: ScriptedServer) -> None:
    server.always("GET", "/health", text("Ok"))

    async def play(screen: Screen) -> None:
        await screen.shows(" ok ")
        assert screen.line("one").split()[:2] == ["one", "ok"]
        assert screen.line("two").split()[:2] == ["two", "…"]

    with ScriptedServer() as slow:
        slow.always("GET", "/health", Answer(200, b"Ok", stall_after=0))
        drive(access_to(server.url, slow.url, start=None), play)


def test_a_cluster_that_does_not_answer_blocks_no_key_and_no_end(server: ScriptedServer) -> None:
    # The answer stops in its middle, for as long as the server runs.
    serve_nothing = Answer(200, b"[" + b" " * 99, stall_after=1)
    server.always("GET", "/system/services", serve_nothing)
    server.always("GET", "/system/buckets", serve_nothing)
    server.always("GET", "/health", text("Ok"))

    async def play(screen: Screen) -> None:
        await screen.shows("loading …")
        await screen.press("b")
        await screen.shows("one › buckets  (0)", "loading …")
        await screen.until(lambda: len(server.calls()) == 2, "both requests")
        await screen.press("escape")
        await screen.shows("clusters  (1)", " ok ")

    drive(access_to(server.url), play)


def test_an_answer_that_comes_while_the_screen_is_taken_apart_is_no_failure(server: ScriptedServer) -> None:
    serve(server, service("grayify"))

    async def play(screen: Screen) -> None:
        await screen.shows("grayify")
        # As the end does: the parts go first.
        await screen.browser.remove_children()
        screen.browser.reload()
        await screen.until(lambda: len(server.calls()) == 2, "a second request")
        await screen.app.workers.wait_for_complete()

    drive(access_to(server.url), play)


def test_a_failure_is_one_line_without_secrets_and_control_characters(server: ScriptedServer) -> None:
    said = "cannot read s3cr3t-pass of \x1b[2Jada\nAuthorization: Bearer abcdefgh12345678"
    server.always("GET", "/system/services", text(said, 500))

    async def play(screen: Screen) -> None:
        await screen.shows("list the services")
        assert "s3cr3t" not in screen.text
        assert "abcdefgh12345678" not in screen.text
        assert "\x1b" not in screen.text
        assert "***" in screen.line("list the services")

    drive(access_to(server.url), play, size=(200, 24))


@pytest.mark.thorough
def test_a_long_failure_is_whole_at_80_columns_and_gone_when_all_is_well(server: ScriptedServer) -> None:
    words = "the store of the cluster has no room for it, and whoever looks after it has been told"
    server.expect("GET", "/system/services", text(words, 500))
    serve(server, service("alpha"))

    async def play(screen: Screen) -> None:
        await screen.shows("list the services")
        assert words in " ".join(screen.text.split())
        await screen.press("r")
        await screen.shows("alpha")
        await screen.until(lambda: "the store of the cluster" not in screen.text, "no failure")

    drive(access_to(server.url), play, size=(80, 24))


def test_what_is_said_is_whole_at_80_columns(server: ScriptedServer) -> None:
    serve(server, service("alpha"))
    words = f"{'another job wrote the same file, too; ' * 3}what is shown is of the last one"

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        screen.browser.say(words)
        await screen.until(lambda: words in " ".join(screen.text.split()), "all of it")
        screen.browser.say("short")
        # The line is one again, and the list has the others.
        await screen.until(lambda: [line.strip() for line in screen.lines[-3:-1]] == ["", "short"], "a line")

    drive(access_to(server.url), play, size=(80, 24))


def test_names_cannot_move_the_cursor_nor_style_the_screen(server: ScriptedServer) -> None:
    serve(server, service("[red]x[/red]\x1b[31m\u202ey"))

    async def play(screen: Screen) -> None:
        await screen.shows("(1)")
        assert r"[red]x[/red]\x1b[31m\u202ey" in screen.text

    drive(access_to(server.url), play)


def test_all_rows_that_are_shown_are_marked_at_once(server: ScriptedServer) -> None:
    serve(server, service("alpha"), service("beta"), service("gamma"))

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        await screen.press("slash", *"a", "m", "enter", "a")
        await screen.shows("(1 of 3 · 1 marked)")
        await screen.press("escape", "a")
        await screen.shows("(3 · 3 marked)")
        assert [line[0] for line in screen.lines if "ready" in line] == ["●"] * 3
        await screen.press("a")
        await screen.shows("(3)")
        assert "●" not in screen.text

    drive(access_to(server.url), play)


def test_a_refresh_shows_what_changed_and_keeps_cursor_and_marks(server: ScriptedServer) -> None:
    first = [service("alpha"), service("beta", "pending"), service("gamma")]
    server.expect("GET", "/system/services", document(first))
    server.always(
        "GET", "/system/services", document([service("aa"), *first[:1], service("beta"), *first[2:]])
    )

    async def play(screen: Screen) -> None:
        await screen.shows("pending")
        await screen.press("space")
        assert screen.line("alpha").startswith("● ")
        await screen.press("r")
        await screen.shows("(4 · 1 marked)")
        assert "pending" not in screen.text
        assert screen.line("alpha").startswith("● ")
        table = screen.app.screen.query_one("RowTable")
        assert table.current.key == "beta"  # type: ignore[attr-defined]

    drive(access_to(server.url), play)


def test_a_definition_shows_no_secret_and_the_command_that_shows_it(server: ScriptedServer) -> None:
    serve(server, service("alpha"))
    full = service("alpha", token="a" * 64, environment={"secrets": {"KEY": "hush-hush"}})
    server.always("GET", "/system/services/alpha", document(full))

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        await screen.press("y")
        await screen.shows("token: '***'", "KEY: '***'", "$ oscar-cli service get alpha -c one")
        await screen.press("escape")
        await screen.shows("one › services")

    drive(access_to(server.url), play)


def test_nodes_metrics_and_documents_of_the_cluster(server: ScriptedServer) -> None:
    serve(server, service("alpha"))
    node = {
        "name": "node-1",
        "status": "Ready",
        "cpu": {"capacity_cores": 4000, "usage_cores": 1000},
        "memory": {"capacity_bytes": 1 << 30, "usage_bytes": 1 << 29},
    }
    server.always("GET", "/system/status", document({"cluster": {"nodes": [node]}}))
    item = {"key": "alpha", "requests_count_total": 12, "requests_count_sync": 5}
    server.always("GET", "/system/metrics/breakdown", document({"items": [item]}))
    server.always("GET", "/system/info", document({"version": "v4.1.2"}))

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        await screen.press("n")
        await screen.shows("one › nodes  (1)", "1 of 4 (25%)", "(50%)")
        await screen.press("m")
        await screen.shows("one › metrics of the last 24 h  (1)")
        assert screen.line("alpha").split()[:3] == ["alpha", "12", "5"]
        await screen.press("i")
        await screen.shows("version: v4.1.2", "$ oscar-cli cluster info -c one")

    drive(access_to(server.url), play)


@pytest.mark.thorough
def test_what_the_program_says_in_passing_is_shown_above_the_list(server: ScriptedServer) -> None:
    serve(server, service("alpha"))

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        said = "\x1b[33mwarning:\x1b[0m certificates of [b]one[/b]\n"
        thread = threading.Thread(target=screen.app.write, args=(said,))
        thread.start()
        await screen.shows("warning: certificates of [b]one[/b]", "alpha")
        thread.join()

    drive(access_to(server.url), play)
