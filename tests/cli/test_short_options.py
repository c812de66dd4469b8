"""`-x=value`: short options as the reference client's parser takes them, on every command there is."""

from __future__ import annotations

import base64
import importlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_group

from oscarcli.cli.app import Root
from oscarcli.cli.commands import COMMANDS
from oscarcli.cli.completion.complete import complete
from oscarcli.cli.kit.command_tree import read_tree
from oscarcli.cli.kit.session import Session
from tests.conftest import Caller, Runner
from tests.support.server import ScriptedServer, document, text

TOKEN = "f" * 64
TREE = read_tree()


@dataclass(frozen=True)
class Case:
    """A short option of a command."""

    path: str
    command: Any
    param: Any
    short: str


def commands() -> Iterator[tuple[str, Any]]:
    """Yield the root, and every noun and verb below it, by path."""
    yield "", Root()
    for entry in COMMANDS:
        group: Any = get_group(importlib.import_module(f"oscarcli.cli.{entry.module}").app)
        yield from below(entry.name, group if entry.is_noun else group.commands[entry.names])


def below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for names, child in getattr(command, "commands", {}).items():
        yield from below(f"{path} {names.partition(', ')[0]}", child)


CASES = [
    Case(path, command, param, name)
    for path, command in commands()
    for param in command.params
    if param.param_type_name == "option"
    for name in param.opts
    if not name.startswith("--")
]
VALUED = [case for case in CASES if not case.param.is_flag]
FLAGS = [case for case in CASES if case.param.is_flag]


def names(cases: list[Case]) -> list[str]:
    return [f"{case.path or 'root'} {case.short}" for case in cases]


def parsed(case: Case, *args: str) -> dict[str, Any]:
    """Return what the command's own parser reads, whatever else the command needs."""
    found: dict[str, Any] = {}
    make_parser = case.command.make_parser

    def spied(ctx: Any) -> Any:
        parser = make_parser(ctx)
        parse_args = parser.parse_args

        def kept(args: list[str]) -> Any:
            result = parse_args(args)
            found.update(result[0])
            return result

        parser.parse_args = kept
        return parser

    context = case.command.context_class(case.command, info_name="x", obj=Session({}), resilient_parsing=True)
    case.command.make_parser = spied
    try:
        case.command.parse_args(context, [*args])
    finally:
        del case.command.make_parser
    return found


def test_there_are_short_options_of_nouns_and_of_verbs() -> None:
    assert {"service run -i", "service -c", "root -v", "service logs list -s"} <= set(names(CASES))


@pytest.mark.parametrize("case", VALUED, ids=names(VALUED))
def test_a_short_option_takes_its_value_in_every_form(case: Case) -> None:
    name = case.param.name
    for given in (f"{case.short}=1", f"{case.short}1", f"-v{case.short[1:]}=1", f"-v{case.short[1:]}1"):
        found = parsed(case, given)
        assert found[name] in ("1", ["1"]), given
    assert parsed(case, f"-v{case.short[1:]}=1")["common_verbose"] is True
    assert parsed(case, f"{case.short}==1")[name] in ("=1", ["=1"])
    assert parsed(case, case.short, "=1")[name] in ("=1", ["=1"])
    assert parsed(case, f"{case.short}=-v")[name] in ("-v", ["-v"])


@pytest.mark.parametrize("case", FLAGS, ids=names(FLAGS))
def test_a_short_flag_takes_true_and_false(case: Case) -> None:
    name = case.param.name
    assert parsed(case, f"{case.short}=true")[name] is True
    assert not parsed(case, f"{case.short}=false").get(name)
    assert not parsed(case, case.short, f"{case.short}=0").get(name)
    if case.short != "-v":
        found = parsed(case, f"-v{case.short[1:]}=false")
        assert (found["common_verbose"], found.get(name)) == (True, None)


@pytest.mark.parametrize("case", VALUED, ids=names(VALUED))
def test_values_behind_an_equals_sign_are_completed(case: Case) -> None:
    def known(kind: str, _chosen: Any, _given: Any) -> list[tuple[str, str]]:
        return [(f"a-{kind}", "")]

    before = [word for word in case.path.split(" ") if word]
    spaced = complete(TREE, [*before, case.short], "", known)
    attached = complete(TREE, before, f"{case.short}=", known)
    assert attached.pairs == [(f"{case.short}={word}", about) for word, about in spaced.pairs]
    assert (attached.takes_files, attached.takes_folders) == (spaced.takes_files, spaced.takes_folders)
    clustered = complete(TREE, before, f"-v{case.short[1:]}=", known)
    assert clustered.pairs == [(f"-v{case.short[1:]}={word}", about) for word, about in spaced.pairs]


def test_no_two_verbs_share_a_name_but_those_of_the_reference() -> None:
    shared = [
        (path, word)
        for path, command in commands()
        for word, count in Counter(
            word for names in getattr(command, "commands", {}) for word in names.split(", ")
        ).items()
        if count > 1
    ]
    assert shared == [("cluster", "d")]


# -- the real command --------------------------------------------------------------------------------


@pytest.fixture
def cluster(call: Caller, server: ScriptedServer) -> ScriptedServer:
    call.know(server.url)
    server.always("GET", "/system/services/svc", document({"name": "svc", "token": TOKEN}))
    return server


def test_an_input_is_sent_without_the_equals_sign(
    call: Caller, cluster: ScriptedServer, tmp_path: Path
) -> None:
    cluster.always("POST", "/run/svc", text("ok"))
    file = tmp_path / "in.txt"
    file.write_text("of a file")
    for words, sent in (
        (("-i=hello",), b"hello"),
        (("-vi=hello",), b"hello"),
        (("-i==x",), b"=x"),
        (("-i", "=x"), b"=x"),
        ((f"-f={file}",), b"of a file"),
    ):
        result = call("service", "run", "svc", *words)
        assert (result.code, result.out) == (0, "ok"), words
        assert base64.b64decode(cluster.requests[-1].body) == sent
        assert cluster.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_token_and_an_endpoint(run: Runner, server: ScriptedServer) -> None:
    server.always("POST", "/run/svc", text("ok"))
    result = run("service", "run", "svc", f"-e={server.url}", "-t=my.jwt.token", "-i=x")
    assert (result.code, result.out) == (0, "ok")
    assert server.requests[-1].headers["authorization"] == "Bearer my.jwt.token"


@pytest.mark.parametrize(
    "words",
    [
        ("service", "list", "-o=json"),
        ("service", "-o=json", "list"),
        ("-o=json", "service", "list"),
        ("service", "list", "-vo=json"),
        ("-c=test", "service", "list", "-o=json"),
        ("service", "-vc=test", "list", "-ojson"),
        ("service", "-vo=json", "list", "-v=false"),
    ],
)
def test_form_and_cluster(call: Caller, server: ScriptedServer, words: tuple[str, ...]) -> None:
    call.know(server.url)
    server.always("GET", "/system/services", document([]))
    result = call(*words)
    assert (result.code, result.out) == (0, "[]\n"), result.err


def test_a_cluster_that_is_not_on_record_is_named_without_the_sign(call: Caller) -> None:
    call.know("http://127.0.0.1:9")
    for words in (("-c=b", "service", "list"), ("service", "-c=b", "list"), ("service", "list", "-c=b")):
        result = call(*words)
        assert (result.code, '"b"' in result.err, '"=b"' in result.err) == (3, True, False), result.err


def test_jobs_are_chosen_by_status(call: Caller, server: ScriptedServer) -> None:
    call.know(server.url)
    jobs = {"svc-1": {"status": "Failed"}, "svc-2": {"status": "Succeeded"}}
    server.always("GET", "/system/logs/svc", document({"jobs": jobs}))
    result = call("service", "logs", "list", "svc", "-s=failed", "-o=json")
    assert result.code == 0, result.err
    assert "svc-1" in result.out
    assert "svc-2" not in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("service", "list", "-v=maybe"), '-v takes true or false, not "maybe"'),
        (("service", "-q=maybe", "list"), '-q takes true or false, not "maybe"'),
        (("service", "list", "--verbose=maybe"), '--verbose takes true or false, not "maybe"'),
        (("-v=maybe", "service", "list"), '-v takes true or false, not "maybe"'),
        (("service", "list", "-v="), "no such option: -="),
        (("service", "list", "-vZ=1"), "no such option: -Z"),
    ],
)
def test_what_is_no_option_is_a_mistake(call: Caller, words: tuple[str, ...], message: str) -> None:
    result = call(*words)
    assert (result.code, result.out, message in result.err) == (2, "", True), result.err


def test_help_may_be_said_like_a_flag(call: Caller) -> None:
    plain = call("service", "list", "--help").out
    assert plain.startswith("Usage: oscar-cli service list")
    for words in (("list", "-h=true"), ("list", "--help=true"), ("list", "-vh"), ("-h=true", "list")):
        result = call("service", *words)
        assert (result.code, result.out) == (0, plain), words
    assert call("service", "-h=true").out == call("service", "--help").out


def test_a_mistake_is_told_as_json_where_json_was_asked_for(call: Caller) -> None:
    for word in ("-o=json", "-vo=json", "-vojson", "-ojson"):
        result = call("service", "list", "--bogus", word)
        assert result.code == 2
        assert "bogus" in json.loads(result.err)["error"], word
