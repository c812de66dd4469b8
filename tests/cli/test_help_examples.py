"""Every command's help has examples, and all of them run, one after another, on one local cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from oscarcli.cli.completion.verbs import verbs
from oscarcli.cli.kit.examples import EXAMPLES, VERBS_OF_NOUNS
from tests.conftest import Caller, Runner
from tests.local.harness import LocalCluster, open_cluster
from tests.support.github import GitHub
from tests.support.oidc import ScriptedProvider
from tests.support.server import ScriptedServer, document, text

PATHS = [f"{verb.path} {verb.names[0]}".strip() for verb in verbs()]
# A cluster in a process of its own, on free ports here.
OWN_PROCESS = [path for path in EXAMPLES if path.startswith("local ")]
# What a fresh cluster does not have.
SCRIPTED = ("service url", "service stop", "service start", "service restart", "cluster open")
LOGINS = ("auth token", "auth login", "auth logout")
# What needs a terminal, with what is typed there when something is seen.
SCREENS: dict[str, list[tuple[str, str]]] = {"service edit": [], "interactive": [("hello", "q")]}


def examples(call: Caller | Runner, path: str) -> list[list[str]]:
    """Return the words of a command's examples, as its help has them."""
    result = call(*path.split(), "--help")
    assert result.code == 0, result.err
    _, found, rest = result.out.partition("\nExamples:\n")
    assert found, f"the help of {path} has no example"
    lines = rest.partition("\n\n")[0].splitlines()
    assert all(line.startswith("  oscar-cli ") for line in lines), lines
    return [shlex.split(line)[1:] for line in lines]


def run_examples(call: Caller | Runner, path: str) -> None:
    for words in examples(call, path):
        result = call(*words)
        assert (words, result.code) == (words, 0), result.out + result.err


@pytest.fixture
def place(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """A folder with what the examples are about, and the program that is called there."""
    (tmp_path / "texts").mkdir()
    for name in ("notes.txt", "texts/one.txt", "texts/two.txt"):
        (tmp_path / name).write_text("some text\n")
    monkeypatch.chdir(tmp_path)
    return Caller(call.home, {**call.environ, "BROWSER": "true"})


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LocalCluster]:
    running = open_cluster(tmp_path / "data")
    yield running
    running.close()


def test_every_command_has_an_example(call: Caller) -> None:
    assert set(PATHS) - set(EXAMPLES) == set()
    for path in PATHS:
        for words in examples(call, path):
            assert " ".join(words).startswith(path)


def test_every_noun_has_examples_of_its_verbs(call: Caller) -> None:
    nouns = {path.rpartition(" ")[0] for path in PATHS} - {""}
    assert nouns == set(VERBS_OF_NOUNS)
    runnable = [words for path in PATHS for words in EXAMPLES[path]]
    for noun in nouns:
        assert {shlex.join(words) for words in examples(call, noun)} <= {
            shlex.join(shlex.split(words)) for words in runnable if words.startswith(f"{noun} ")
        }


def test_every_help_fits_80_columns(call: Caller) -> None:
    for path in (*PATHS, *VERBS_OF_NOUNS):
        lines = call(*path.split(), "--help").out.splitlines()
        # Examples can be typed as they are, however long.
        assert [line for line in lines if len(line) > 80 and not line.startswith("  oscar-cli ")] == []
    choices = re.sub(r"\s+", " ", call("metrics", "service", "--help").out)
    assert "--metric VALUE Show one metric alone. One of cpu-hours, gpu-hours, " in choices


def test_examples_are_there_by_every_name(call: Caller) -> None:
    for words in ("s l ls", "svc log list", "service logs list"):
        assert examples(call, words) == examples(call, "service logs list")


@pytest.mark.slow
def test_the_examples_run_on_a_fresh_cluster(
    place: Caller,
    run: Runner,
    cluster: LocalCluster,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oscarcli.hub.origin.API_BASE", server.url)
    cluster.become_known(place)
    with ScriptedServer() as archives:
        GitHub(server, archives).serve()
        for path in EXAMPLES:
            if path not in PATHS or path in (*OWN_PROCESS, *SCRIPTED, *LOGINS):
                continue
            if path in SCREENS:
                run_on_terminal(run, examples(place, path), SCREENS[path])
            else:
                run_examples(place, path)


def run_on_terminal(run: Runner, commands: list[list[str]], answers: list[tuple[str, str]]) -> None:
    for words in commands:
        seen = run.terminal(*words, answers=answers, env={"EDITOR": "true"})
        assert (words, seen.code) == (words, 0), seen.out


def test_the_examples_of_a_cluster_in_a_process_of_its_own_run(place: Caller) -> None:
    begin, *_ = examples(place, "local start")
    assert begin == ["local", "start"]
    try:
        # Other tests may have the usual ports.
        for words in examples(place, "local start"):
            result = place(*words, "--port", "0", "--s3-port", "0")
            assert result.code == 0, result.err
        for path in OWN_PROCESS:
            if path != "local start":
                run_examples(place, path)
    finally:
        place("local", "reset", "--yes")


def test_the_examples_of_exposed_services_and_the_dashboard_run(
    place: Caller, server: ScriptedServer
) -> None:
    place.know(server.url)
    server.always("GET", "/system/services/web", document({"name": "web", "expose": {"api_port": 80}}))
    for verb in ("start", "stop", "restart"):
        server.always("POST", f"/system/services/web/{verb}", document({"state": "ready"}))
    server.always("GET", "/ui", text("<html>"))
    # In processes of their own: `webbrowser` chooses a browser once in each.
    run = Runner(place.home, place.environ)
    for path in SCRIPTED:
        run_examples(run, path)


def test_the_examples_of_logins_run(place: Caller) -> None:
    with ScriptedProvider() as provider:
        provider.interval = 1
        entry = f"{{endpoint: 'http://127.0.0.1:9', oidc_refresh_token: {provider.log_in()}}}"
        place.write_config(f"oscar: {{far: {entry}}}\ndefault: far\n")
        for path in LOGINS:
            run_examples(place, path)
