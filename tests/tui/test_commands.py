"""Every command from the full screen: found, shown as it is typed, run, answered, interrupted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from oscarcli import __version__
from oscarcli.errors import UsageError
from oscarcli.tui.access import PaletteCommand
from oscarcli.tui.command_line import CommandLine, filled_in, found, row_command_line, words_of
from oscarcli.tui.views.base import RowCommand
from tests.support.command import Runner
from tests.support.server import ScriptedServer, document, text
from tests.tui.screen import Screen, access_to, drive

COMMANDS = (
    PaletteCommand("service delete", "Delete services.", ("SERVICE_NAME...",)),
    PaletteCommand("service logs delete", "Remove jobs.", ("SERVICE_NAME", "[JOB_NAME]...")),
    PaletteCommand("service logs get", "Show the log.", ("SERVICE_NAME", "[JOB_NAME]")),
    PaletteCommand("service put-file", "Upload a file.", ("SERVICE_NAME", "LOCAL_FILE")),
    PaletteCommand("version", "Show the version.", (), takes_cluster=False),
)
# Plays the program: says its words, asks a question as `delete` does, and a secret as `login` does.
PROGRAM = """\
import getpass, sys
print("called with", sys.argv[1:], "on a terminal:", sys.stdin.isatty(), flush=True)
if "delete" in sys.argv:
    answer = input("Delete it with all files? [y/N] ")
    print("deleted" if answer == "y" else "nothing was deleted")
    sys.exit(0 if answer == "y" else 1)
if "login" in sys.argv:
    print("secret has", len(getpass.getpass("Password: ")), "letters \\x1b[31m\\x07")
if "wait" in sys.argv:
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(130)
    print("no more input")
"""


@pytest.fixture
def program(tmp_path: Path) -> tuple[str, ...]:
    """What is started in the place of the program."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    return (sys.executable, "-S", str(script))


def services(server: ScriptedServer) -> None:
    listed: list[dict[str, Any]] = [{"name": "alpha"}, {"name": "be ta"}, {"name": "gamma"}]
    server.always("GET", "/system/services", document(listed))


# -- lines -------------------------------------------------------------------------------------------


def test_words_find_commands_by_their_own_words_first() -> None:
    assert [one.path for one in found(COMMANDS, "logs")] == ["service logs delete", "service logs get"]
    assert [one.path for one in found(COMMANDS, "delete")] == ["service delete", "service logs delete"]
    assert [one.path for one in found(COMMANDS, "upload")] == ["service put-file"]
    assert [one.path for one in found(COMMANDS, "ver")] == ["version", *[]]
    assert found(COMMANDS, "nowhere") == []


def test_a_line_is_filled_in_as_far_as_is_known() -> None:
    known = {"SERVICE_NAME": "be ta"}
    assert filled_in(COMMANDS[0], known, "one") == CommandLine("service delete -c one 'be ta'", True)
    assert filled_in(COMMANDS[1], known, "one") == CommandLine("service logs delete -c one 'be ta'", True)
    both = known | {"JOB_NAME": "j1"}
    assert filled_in(COMMANDS[2], both, "") == CommandLine("service logs get 'be ta' j1", True)
    assert filled_in(COMMANDS[3], known, "one") == CommandLine("service put-file -c one 'be ta' ", False)
    assert filled_in(COMMANDS[4], known, "one") == CommandLine("version", True)


def test_a_typed_line_gets_the_cluster_it_does_not_name() -> None:
    assert words_of("service delete x", "one", COMMANDS) == ["service", "delete", "-c", "one", "x"]
    assert words_of("oscar-cli service delete x --cluster=two", "one", COMMANDS)[2:] == ["x", "--cluster=two"]
    assert words_of("version", "one", COMMANDS) == ["version"]
    with pytest.raises(UsageError, match="a quote is not closed"):
        words_of("service delete 'x", "one", COMMANDS)
    with pytest.raises(UsageError, match='"rm -rf /" is no command'):
        words_of("rm -rf /", "one", COMMANDS)


def test_a_row_s_command_names_all_marked_rows_where_it_takes_many() -> None:
    many = RowCommand("service delete {SERVICE_NAME}", "Delete", takes_many=True)
    rows = [{"SERVICE_NAME": "a"}, {"SERVICE_NAME": "-b c"}]
    assert row_command_line(many, rows, "one").text == "service delete -c one a '-b c'"
    run = RowCommand("service run {SERVICE_NAME} -i ", "Run", is_ready=False)
    assert row_command_line(run, rows, "one") == CommandLine("service run -c one a -i ", False)
    apply = RowCommand("apply ", "Apply", is_ready=False)
    assert row_command_line(apply, [], "one") == CommandLine("apply -c one ", False)


# -- on the screen -----------------------------------------------------------------------------------


def test_delete_asks_its_question_and_the_list_is_looked_at_anew(
    server: ScriptedServer, program: tuple[str, ...]
) -> None:
    services(server)

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        await screen.press("space", "space", "d")
        await screen.shows(
            "$ oscar-cli service delete -c one alpha 'be ta'",
            "called with ['service', 'delete', '-c', 'one', 'alpha', 'be ta'] on a terminal: True",
            "Delete it with all files? [y/N]",
        )
        before = len(server.calls())
        await screen.press("y", "enter")
        await screen.shows("deleted", "exit code 0")
        await screen.press("escape")
        await screen.shows("one › services")
        await screen.until(lambda: len(server.calls()) > before, "a new look")

    drive(access_to(server.url, program=program), play)


def test_the_palette_shows_the_line_before_it_runs_it(
    server: ScriptedServer, program: tuple[str, ...]
) -> None:
    services(server)

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        await screen.press("down", "colon")
        await screen.shows("service delete SERVICE_NAME...  Delete services.", "version  Show the version.")
        await screen.type("put")
        await screen.until(lambda: "version " not in screen.text, "the one command")
        await screen.press("enter")
        await screen.shows("service put-file -c one 'be ta' ", "Enter runs it")
        assert "called with" not in screen.text
        await screen.type("x.txt")
        await screen.press("enter")
        await screen.shows("$ oscar-cli service put-file -c one 'be ta' x.txt", "exit code 0")
        await screen.shows("called with ['service', 'put-file', '-c', 'one', 'be ta', 'x.txt']")

    drive(access_to(server.url, program=program, commands=COMMANDS), play)


def test_a_long_command_and_what_it_says_are_whole_at_80_columns(
    server: ScriptedServer, program: tuple[str, ...]
) -> None:
    services(server)
    path = f"/{'a-folder/' * 9}the-last-file"

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        screen.browser.run_command(["service", "put-file", "-c", "one", "alpha", path])
        await screen.shows("exit code 0")
        shown = "".join(screen.text.split())
        assert f"$oscar-cliserviceput-file-conealpha{path}" in shown
        assert f"calledwith['service','put-file','-c','one','alpha','{path}']" in shown

    drive(access_to(server.url, program=program), play, size=(80, 24))


@pytest.mark.thorough
def test_a_line_that_is_no_command_is_not_run(server: ScriptedServer, program: tuple[str, ...]) -> None:
    services(server)

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        await screen.press("colon")
        await screen.type("version 'x")
        await screen.press("enter")
        await screen.shows("a quote is not closed")
        await screen.press("escape")
        await screen.shows("one › services")

    drive(access_to(server.url, program=program, commands=COMMANDS), play)


def test_a_secret_is_not_shown_while_it_is_typed(server: ScriptedServer, program: tuple[str, ...]) -> None:
    services(server)

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        screen.browser.run_command(["login"])
        await screen.shows("Password:")
        await screen.type("hush")
        await screen.shows("••••")
        assert "hush" not in screen.text
        await screen.press("enter")
        await screen.shows(r"secret has 4 letters \x1b[31m\x07", "exit code 0")
        assert "hush" not in screen.text

    drive(access_to(server.url, program=program), play)


def test_ctrl_c_interrupts_the_command_and_not_the_screen(
    server: ScriptedServer, program: tuple[str, ...]
) -> None:
    services(server)

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        screen.browser.run_command(["wait"])
        await screen.shows("called with ['wait']")
        await screen.press("escape")
        assert "running" in screen.text
        await screen.press("ctrl+c")
        await screen.shows("interrupted", "exit code 130")
        await screen.press("enter")
        await screen.shows("one › services")
        screen.browser.run_command(["wait"])
        await screen.shows("called with ['wait']")
        await screen.press("ctrl+d")
        await screen.shows("no more input", "exit code 0")

    app = drive(access_to(server.url, program=program), play)
    assert app.ended_by is None


@pytest.mark.thorough
def test_a_command_that_needs_the_whole_terminal_does_not_run_in_a_browser(
    server: ScriptedServer, program: tuple[str, ...]
) -> None:
    services(server)

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        await screen.press("E")
        await screen.shows("service edit needs a terminal of its own, not a browser")

    drive(access_to(server.url, program=program, is_web=True), play)


@pytest.mark.thorough
def test_an_editor_gets_the_whole_terminal_and_the_screen_comes_back(
    run: Runner, server: ScriptedServer
) -> None:
    services(server)
    server.always("GET", "/system/services/alpha", document({"name": "alpha", "image": "an/image"}))
    run.know(server.url)
    editor = run.home / "editor"
    editor.write_text("#!/bin/sh\n[ -t 0 ] && [ -t 1 ] && echo the editor has it\n")
    editor.chmod(0o700)
    answers = [("gamma", "E"), ("Enter leads back", "\r"), ("gamma", "q")]
    done = run.terminal("ui", "--refresh", "0", answers=answers, env={"VISUAL": str(editor)})
    assert done.code == 0
    assert "$ oscar-cli service edit -c test alpha\n" in done.out
    assert "the editor has it" in done.out


def test_a_cluster_that_a_command_forgets_is_gone_from_the_list(run: Runner, server: ScriptedServer) -> None:
    services(server)
    server.always("GET", "/health", text("Ok"))
    run.write_config(
        f"oscar:\n  test:\n    endpoint: {server.url}\n    auth_user: ada\n    auth_password: x\n"
        f"  other:\n    endpoint: {server.url}\n    auth_user: ada\n    auth_password: x\ndefault: test\n"
    )
    answers = [
        ("gamma", "\x1b"),
        ("clusters  (2)", ":"),
        ("ords of a command", "cluster delete other\r"),
        ("exit code 0", "\r"),
        ("clusters  (1)", "q"),
    ]
    done = run.terminal("ui", "--refresh", "0.5", answers=answers)
    assert done.code == 0, done.out


def test_the_help_has_the_keys_of_the_list(server: ScriptedServer) -> None:
    services(server)

    async def play(screen: Screen) -> None:
        await screen.shows("alpha")
        await screen.press("question_mark")
        await screen.shows("In the list of services:", "Delete: service delete {SERVICE_NAME}")

    drive(access_to(server.url), play, size=(100, 40))


def test_the_real_palette_has_every_command_and_runs_it(run: Runner, server: ScriptedServer) -> None:
    services(server)
    run.know(server.url)
    answers = [("gamma", ":"), ("ords of a command", "version\r\r"), ("exit code 0", "q"), ("gamma", "q")]
    done = run.terminal("ui", "--refresh", "0", answers=answers)
    assert done.code == 0, done.out
    assert f"version: {__version__}" in done.out
