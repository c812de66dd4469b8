"""The root: help, unknown words, the static table of commands, and what starting costs."""

from __future__ import annotations

import importlib
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from oscarcli import __version__
from oscarcli.cli.app import Root
from oscarcli.cli.commands import (
    COMMANDS,
    COMMON_OPTIONS,
    ELSEWHERE,
    EXAMPLES,
    PROGRAM,
    Entry,
    all_commands,
    find,
    root_help,
)
from oscarcli.cli.kit.command_tree import CommandNode, read_tree
from oscarcli.cli.kit.destructive import OPTIONS, VERBS
from oscarcli.cli.kit.session import Session
from tests.conftest import Caller, Runner
from tests.support.server import ScriptedServer, document

HEAVY = ("typer", "rich", "httpx", "yaml", "ruamel", "boto3", "botocore", "keyring", "cheroot", "textual")


@pytest.fixture
def run(world: dict[str, str]) -> Runner:
    """The real command as a user starts it."""
    return Runner(Path(world["HOME"]), world, may_fork=False)


# -- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [(), ("-h",), ("--help",), ("help",), ("-v",), ("--debug", "help"), ("-c", "x")]
)
def test_the_root_alone_prints_its_help_on_stdout(run: Runner, words: tuple[str, ...]) -> None:
    result = run(*words)
    # The command `help` goes on with the pages of the manual.
    pages = all_commands() + "\nPages of the manual ('oscar-cli help TOPIC'):\n" if "help" in words else ""
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(root_help() + pages)
    assert pages or result.out == root_help()


def test_the_help_of_the_root_is_one_screen_that_names_every_command() -> None:
    lines = root_help().splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    words = set(re.findall(r"[a-z-]+", root_help()))
    assert {entry.name for entry in COMMANDS} <= words
    assert sum(line.startswith("  oscar-cli ") for line in lines) == len(EXAMPLES) == 3
    told = all_commands()
    assert all(f"  {entry.names} " in told for entry in COMMANDS if not entry.is_hidden)


@pytest.mark.thorough
def test_the_examples_of_the_root_run_as_they_are_written(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "oscar-cli"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m oscarcli "$@"\n')
    program.chmod(0o755)
    # Free ports, as a machine that runs other clusters needs them.
    script = "\n".join(EXAMPLES).replace("local start", "local start --port 0 --s3-port 0")
    try:
        done = subprocess.run(
            ["sh", "-euc", script],
            env={**run.environ, "PATH": f"{program.parent}:{run.environ['PATH']}"},
            cwd=run.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "hello-" in done.stdout
    finally:
        run("local", "stop")


@pytest.mark.parametrize(
    "noun", ["cluster", "c", "service", "services", "svc", "s", "service logs", "s l", "s log"]
)
def test_a_noun_without_a_verb_prints_its_help_on_stdout(call: Caller, noun: str) -> None:
    plain = call(*noun.split())
    assert (plain.code, plain.err) == (0, "")
    assert plain.out.startswith(f"Usage: oscar-cli {noun} [OPTIONS] COMMAND [ARGS]...\n")
    assert "list, ls" in plain.out
    for words in (("--help",), ("-h",), ("help",), ("-v",)):
        assert call(*noun.split(), *words) == plain


@pytest.mark.parametrize(
    "words", ["help service list", "service help list", "service list --help", "service list -h"]
)
def test_every_way_to_ask_for_a_verbs_help_gives_it(call: Caller, words: str) -> None:
    result = call(*words.split())
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Usage: oscar-cli service list [OPTIONS]\n")


def test_help_asks_nobody_and_needs_no_configuration(call: Caller) -> None:
    call.write_config("broken: [")
    assert call("service", "get", "x", "--help").code == 0


def test_version_is_an_option_of_the_root(run: Runner, call: Caller) -> None:
    assert run("--version").out == f"oscar-cli {__version__}\n"
    for words in (("--version",), ("--debug", "--version"), ("--version", "service", "list")):
        result = call(*words)
        assert (result.code, result.out) == (0, f"oscar-cli {__version__}\n")


# -- unknown words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message", "suggestion"),
    [
        ("servce list", 'unknown command "servce" for "oscar-cli"', "'service'"),
        ("cluster lst", 'unknown command "lst" for "oscar-cli cluster"', "'list'"),
        ("service logs gte x", 'unknown command "gte" for "oscar-cli service logs"', "'get'"),
        ("help nowhere", '"nowhere" is neither a page of the manual nor a command', "lists both"),
        ("cluster list --confg x", "no such option: --confg", "--config"),
        ("cluster list extra", "got unexpected extra argument", "usage: oscar-cli cluster list [OPTIONS]"),
        ("cluster add", "missing argument 'IDENTIFIER'", "IDENTIFIER ENDPOINT [USERNAME] [PASSWORD]"),
        ("service get", "missing argument 'SERVICE_NAME'", "service get [OPTIONS] SERVICE_NAME"),
        (
            "service logs delete x y --all",
            "name the jobs",
            "service logs delete [OPTIONS] SERVICE_NAME [JOB_NAME]...",
        ),
        ("cluster list -o xml", "'xml' is not one of 'table', 'json', 'yaml'", "usage"),
        ("cluster list --output", "requires an argument", "usage"),
        ("service list --timeout soon", "'soon' is not a valid float", "usage"),
        ("service list --timeout 0", "0 is not a number of seconds above 0", "usage"),
        ("service list --timeout nan", "nan is not a number of seconds", "usage"),
        ("service list --timeout inf", "inf is not a number of seconds", "usage"),
        ("service list --debug=perhaps", "--debug takes true or false", "oscar-cli service list"),
        ("-c", "requires an argument", "usage: oscar-cli [OPTIONS] COMMAND"),
        ("--bogus", "no such option: --bogus", "usage: oscar-cli"),
    ],
)
def test_wrong_words_exit_2_with_a_way_on(call: Caller, words: str, message: str, suggestion: str) -> None:
    result = call(*words.split())
    assert (result.code, result.out) == (2, "")
    error, hint = result.err.splitlines()
    assert error.startswith("Error: ")
    assert message in error
    assert hint.startswith("hint: ")
    assert suggestion in hint


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("logs", "oscar-cli service logs"),
        ("run", "oscar-cli service run"),
        ("ls", "oscar-cli service list or oscar-cli bucket list"),
        ("ps", "oscar-cli service list or oscar-cli service logs list"),
        ("get", "oscar-cli service get or oscar-cli service get-file"),
        ("put", "oscar-cli service put-file"),
        ("lgs", "oscar-cli service logs"),
        ("start", "oscar-cli local start or oscar-cli service start"),
        # It keeps all data.
        ("stop", "oscar-cli local stop or oscar-cli service stop"),
    ],
)
def test_a_verb_without_its_noun_is_told_its_command(call: Caller, word: str, meant: str) -> None:
    result = call(word, "posenet")
    assert (result.code, result.out) == (2, "")
    assert result.err == f'Error: unknown command "{word}" for "oscar-cli"\nhint: did you mean: {meant}\n'


@pytest.mark.parametrize(
    "words",
    ["apply F", "diff F", "delete F", "dev F F", "service list", "bucket list -c far", "cluster delete far"],
)
def test_without_a_cluster_the_hint_says_how_to_get_one(call: Caller, tmp_path: Path, words: str) -> None:
    file = tmp_path / "fdl.yaml"
    file.write_text("functions: {oscar: [default-cluster: {name: a, image: b, script: fdl.yaml}]}\n")
    result = call(*words.replace("F", str(file)).split(), *(["--once"] if "dev" in words else []))
    assert (result.code, result.out) == (3, "")
    hint = result.err.partition("hint: ")[2]
    assert hint.startswith("'oscar-cli local start' makes one on this machine, 'oscar-cli cluster add ID ")


def test_what_words_of_other_tools_mean_exists_and_destroys_nothing() -> None:
    for word, meant in ELSEWHERE.items():
        assert find(word) is None, f'"{word}" is a command'
        for command in meant:
            node: CommandNode = read_tree()
            for part in command.partition(" -")[0].split():
                node = node.children[part]
                assert node.names[0] not in VERBS, f"{word}: {command}"
            options = [part for part in command.split() if part.startswith("-")]
            assert all(node.option(name) for name in options)


def test_the_verbs_that_destroy_are_all_of_that_kind() -> None:
    pending, found = [read_tree()], set()
    while pending:
        children = set(pending.pop().children.values())
        pending += children
        main = {"delete", "delete-file", "remove", "logout", "prune", "reset"}
        found |= {name for child in children if child.names[0] in main for name in child.names}
    assert found == VERBS


@pytest.mark.parametrize(
    "words",
    [
        "delte x", "dlete", "remov x", "rmm x", "destroy x", "kill x", "stop", "rmi x", "purge",
        "service delet x", "service logs delete x y --al", "local rest", "auth logut", "cluster remve x",
        "service sync a:b c --delet", "help delte", "help remov",
    ],
)  # fmt: skip
def test_nothing_that_destroys_is_suggested(call: Caller, words: str) -> None:
    result = call(*words.split())
    assert result.code == 2
    suggestion = result.err.partition("did you mean")[2].partition("?")[0]
    assert not {part.strip("'") for part in suggestion.split()} & {*VERBS, *OPTIONS}


def test_an_empty_config_path_is_not_the_default_one(call: Caller) -> None:
    result = call("cluster", "list", "--config", "")
    assert (result.code, "a path is needed" in result.err) == (2, True)


def test_long_options_cannot_be_abbreviated(call: Caller) -> None:
    assert call("cluster", "list", "--conf", "x").code == 2


@pytest.mark.parametrize(
    "words", ["cluster list -o json --bogus", "-o json cluster lst", "cluster --output=json lst"]
)
def test_a_failure_speaks_json_when_json_was_asked_for(call: Caller, words: str) -> None:
    result = call(*words.split())
    assert result.out == ""
    assert json.loads(result.err)["code"] == 2


def test_an_output_that_is_no_format_does_not_turn_errors_into_json(call: Caller) -> None:
    for words in (("cluster", "add", "a", "b", "-o", "json", "c"), ("service", "run", "x", "-o", "json")):
        assert call(*words).err.startswith("Error: ")


# -- common options ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "--config FILE cluster list",
        "--config=FILE cluster list",
        "cluster --config FILE list",
        "cluster list --config FILE",
        "cluster --config nowhere list --config FILE",
        "-v --debug=false cluster -v=false --timeout 5 list --config FILE",
        "-o table cluster list --config FILE",
        "cluster -c x -o table list --config FILE",
        "cluster list -- --config FILE",
    ],
)
def test_options_stand_anywhere(call: Caller, words: str) -> None:
    path = call.write_config("oscar:\n  here:\n    endpoint: http://x\n", call.home / "other.yaml")
    result = call(*words.replace("FILE", str(path)).split())
    if "--" in words.split():
        assert result.code == 2
    else:
        assert (result.code, result.out, result.err) == (0, "here (http://x)\n", "")


def test_an_option_beats_the_environment_and_that_the_default(call: Caller) -> None:
    call.write_config("oscar: {default: {endpoint: x}}\n")
    one = call.write_config("oscar: {environment: {endpoint: x}}\n", call.home / "one.yaml")
    two = call.write_config("oscar: {option: {endpoint: x}}\n", call.home / "two.yaml")
    assert "default" in call("cluster", "list").out
    assert "environment" in call("cluster", "list", env={"OSCAR_CLI_CONFIG": str(one)}).out
    assert "option" in call("cluster", "list", "--config", two, env={"OSCAR_CLI_CONFIG": str(one)}).out
    assert "default" in call("cluster", "list", env={"OSCAR_CLI_CONFIG": ""}).out


def test_a_cluster_is_chosen_by_option_then_environment_then_default(
    call: Caller, server: ScriptedServer
) -> None:
    clusters = "".join(f"  {name}: {{endpoint: '{server.url}/{name}'}}\n" for name in "abc")
    call.write_config(f"oscar:\n{clusters}default: a\n")
    for name in "abc":
        server.expect("GET", f"/{name}/system/services", document([]))
    assert call("service", "list").code == 0
    assert call("service", "list", env={"OSCAR_CLI_CLUSTER": "b"}).code == 0
    assert call("service", "list", "-c", "c", env={"OSCAR_CLI_CLUSTER": "b"}).code == 0
    assert call("service", "list", "-c", "d").code == 3


def test_without_a_cluster_the_way_to_one_is_told(call: Caller) -> None:
    result = call("service", "list")
    assert result.code == 3
    assert "Error: there is no cluster yet" in result.err
    assert "oscar-cli local start" in result.err
    assert "oscar-cli cluster add" in result.err
    call.write_config("oscar: {a: {endpoint: x}}\n")
    result = call("service", "list")
    assert "no cluster is chosen" in result.err
    assert "--cluster ID, such as a," in result.err
    assert "cluster default --set" in result.err


def test_a_home_that_cannot_be_told_is_an_error_and_not_a_crash(call: Caller) -> None:
    result = call("cluster", "list", "--config", "~nobody-has-this-name/x.yaml")
    assert (result.code, result.out) == (3, "")
    assert "--config PATH" in result.err


# -- the static table ----------------------------------------------------------------------------


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_table_agrees_with_the_real_command(entry: Entry) -> None:
    group = get_group(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
    if entry.is_noun:
        assert group.help == entry.help
    else:
        assert group.commands[entry.names].get_short_help_str(200) == entry.help


def test_no_word_means_two_things() -> None:
    names = [name for entry in COMMANDS for name in entry.all_names]
    assert len(names) == len(set(names))


def test_the_root_help_names_the_options_that_every_command_has() -> None:
    root = Root()
    context = root.make_context(PROGRAM, [], obj=Session({}))
    records = [param.get_help_record(context) for param in root.params]
    assert [record for record in records if record][:-1] == list(COMMON_OPTIONS[:-1])
    assert COMMON_OPTIONS[-1][0] == "-h, --help"


def verbs() -> list[Any]:
    found: list[Any] = []

    def walk(path: str, command: Any) -> None:
        for names, child in getattr(command, "commands", {}).items():
            found.append(pytest.param(names, child, id=f"{path} {names.split(',')[0]}"))
            walk(f"{path} {names.split(',')[0]}", child)

    for module in dict.fromkeys(entry.module for entry in COMMANDS):
        walk(module, get_group(importlib.import_module(f"oscarcli.cli.{module}").app))
    return found


@pytest.mark.parametrize(("names", "command"), verbs())
def test_every_command_explains_itself(names: str, command: Any, world: dict[str, str]) -> None:
    name = names.partition(",")[0]
    context = command.make_context(name, [], obj=Session({}), resilient_parsing=True)
    usage = command.get_usage(context)
    assert "{" not in usage
    assert command.help
    assert command.get_short_help_str(200).endswith(".")
    for param in command.params:
        assert param.help, param.name
        # A list of values is written as the values are.
        if not getattr(param, "is_flag", False) and "|" not in str(param.metavar):
            assert str(param.metavar).upper() == param.metavar, param.name
    aliases = [name for names in getattr(command, "commands", {}) for name in names.split(", ")]
    assert len(aliases) == len(set(aliases))


REFERENCE = {
    "version": ["version, v"],
    "cluster": [
        "add, a",
        "default, d",
        "delete, d, del, remove, rm",
        "info, i",
        "list, ls",
    ],
    "service": [
        "get, g",
        "list, ls",
        "delete, d, del, remove, rm",
        "run, invoke, r",
        "job, j",
        "get-file, gf",
        "put-file, pf",
        "delete-file, df, del-fil, remove-file, rmf",
        "list-files, list-file, lsf",
        "logs, log, l",
    ],
    "logs": ["list, ls", "get, g", "delete, d, del, remove, rm"],
}


@pytest.mark.parametrize(
    ("module", "names"), [(m, n) for m, all_names in REFERENCE.items() for n in all_names]
)
def test_every_alias_of_the_reference_client_works(module: str, names: str) -> None:
    homes = {"cluster": "cluster.app", "service": "service.app", "logs": "service.logs"}
    group = get_group(importlib.import_module(f"oscarcli.cli.{homes.get(module, module)}").app)
    context: Any = None
    main, *aliases = names.split(", ")
    command = group.get_command(context, main)
    assert command is not None
    for alias in aliases:
        if (module, alias, main) == ("cluster", "d", "default"):
            # The reference has this letter twice; there `cluster d ID` deletes.
            assert group.get_command(context, alias) is group.get_command(context, "delete")
        else:
            assert group.get_command(context, alias) is command


# -- what starting costs -------------------------------------------------------------------------


def loaded(run: Runner, *words: str) -> set[str]:
    """Return which heavy packages a command imports, by asking the interpreter that ran it."""
    report = f"sys.stderr.write('loaded:' + ','.join(set({HEAVY!r}) & set(sys.modules)))"
    script = (
        "import sys, atexit\n"
        f"atexit.register(lambda: {report})\n"
        f"sys.argv = ['oscar-cli', *{list(words)!r}]\n"
        "from oscarcli.__main__ import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=dict(run.environ),
        capture_output=True,
        text=True,
        check=False,
        cwd=run.home,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.partition("loaded:")[2].split(",")) - {""}


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",), ("--version",)])
def test_the_root_answers_without_any_library(run: Runner, words: tuple[str, ...]) -> None:
    assert loaded(run, *words) == set()


def test_a_list_of_clusters_needs_no_network_library(run: Runner) -> None:
    run.know("http://x")
    assert loaded(run, "cluster", "list") == {"typer", "yaml"}
    assert loaded(run, "version") == {"typer"}
    assert loaded(run, "service", "list", "--help") == {"typer"}


def test_a_list_of_services_needs_httpx_and_no_storage_library(run: Runner, server: ScriptedServer) -> None:
    run.know(server.url)
    server.expect("GET", "/system/services", document([]))
    assert loaded(run, "service", "list") == {"typer", "yaml", "httpx"}


# -- the last resort -----------------------------------------------------------------------------


def test_an_error_nobody_foresaw_is_one_line_and_a_traceback_only_on_request(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_session: Session) -> None:
        raise KeyError("surprise\n")

    monkeypatch.setattr(Session, "config", property(fail))
    result = call("cluster", "list")
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines()[0] == "Error: unexpected KeyError: 'surprise\\n'"
    assert "--debug" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in call("cluster", "list", "--debug").err
    assert json.loads(call("cluster", "list", "-o", "json").err)["code"] == 1


def test_ctrl_c_while_modules_load_is_as_quiet_as_later(run: Runner) -> None:
    script = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        f"            os.kill(os.getpid(), {int(signal.SIGINT)})\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv = ['oscar-cli', 'cluster', 'list']\n"
        "from oscarcli.__main__ import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=dict(run.environ), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_ctrl_c_while_a_text_is_executed_is_no_different(run: Runner) -> None:
    """Dataclasses execute text while they are made; a module's process would then end by the signal."""
    (run.home / "interrupted.py").write_text(
        "import os, signal, sys\n"
        "from oscarcli.cli.kit.session import Session\n"
        f"text = 'import os, time; os.kill(os.getpid(), {int(signal.SIGINT)}); time.sleep(60)'\n"
        "Session.config = property(lambda _: exec(text))\n"
        "sys.argv = ['oscar-cli', 'cluster', 'list']\n"
        "from oscarcli.__main__ import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        env=dict(run.environ),
        capture_output=True,
        text=True,
        check=False,
        cwd=run.home,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
