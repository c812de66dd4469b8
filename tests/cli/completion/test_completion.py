"""Completion at Tab: the protocol, what it costs, and real shells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oscarcli.cli.kit.command_tree import TABLE
from tests.conftest import Caller, Runner
from tests.support.daily import daily
from tests.support.server import Answer, ScriptedServer, document
from tests.support.shells import SETUPS, Shell, completing_shell

SERVICES = [{"name": "text-stats", "image": "alpine:3"}, {"name": "posenet", "image": "posenet\x1b"}]
NETWORK = ("httpx", "socket", "ssl", "botocore")
HEAVY = ("typer", "rich", "yaml")
# A busy machine may take longer than a person would wait.
PATIENT = {"OSCAR_CLI_COMPLETION_SECONDS": "60"}


@pytest.fixture
def known(run: Runner, server: ScriptedServer) -> Runner:
    """The program, which knows a cluster of two services, and one that has a blank in its name."""
    run.write_config(
        f"oscar:\n  here:\n    endpoint: {server.url}\n  my two:\n    endpoint: http://x\ndefault: here\n"
    )
    return run


# -- the protocol --------------------------------------------------------------------------------------


def test_words_come_with_descriptions_or_without(run: Runner) -> None:
    described = run("__complete", "cluster", "de")
    assert (described.code, described.err) == (0, "")
    assert described.out.splitlines() == [
        "delete\tForget a cluster; the cluster itself is not touched.",
        "default\tShow or set the cluster that is used when none is named.",
        ":",
    ]
    assert run("__completeNoDesc", "cluster", "de").out == "delete\ndefault\n:\n"
    assert run("__complete", "apply", "").out == ":files\n"
    assert run("__complete", "service", "list", "--columns", "na").out == "name\n:nospace\n"


def test_help_is_about_commands_and_pages(run: Runner) -> None:
    assert run("__completeNoDesc", "help", "h").out.splitlines() == ["hub", "health", "help", ":"]
    assert run("__complete", "help", "sto").out.startswith("storage\t")
    # A page goes with nothing else.
    assert (
        run("__complete", "service", "help", "sto").out
        == "stop\tStop an exposed service; it keeps its definition and its address.\n:\n"
    )


def test_a_line_comes_as_bash_gives_it(run: Runner) -> None:
    line = "oscar-cli cluster 'de x"
    assert run("__complete", env={"COMP_LINE": line, "COMP_POINT": "21"}).out.count("\n") == 3
    assert run("__complete", env={"COMP_LINE": line}).out == ":\n"
    assert run("__complete").out == run("__complete", "").out


def test_names_on_a_cluster(known: Runner, server: ScriptedServer) -> None:
    server.always("GET", "/system/services", document(SERVICES))
    server.always("GET", "/system/logs/posenet", document({"jobs": {"posenet-1": {"status": "Failed"}}}))
    server.always("GET", "/system/buckets", document([{"bucket_name": "photos", "visibility": "private"}]))
    server.always("GET", "/system/volumes", document([{"name": "disk", "size": "1Gi"}]))

    def tab(*words: str) -> str:
        return known("__complete", *words, env=PATIENT).out

    assert tab("service", "get", "t") == "text-stats\talpine:3\n:\n"
    assert tab("service", "logs", "get", "posenet", "") == "posenet-1\tFailed\n:\n"
    assert tab("bucket", "get", "") == "photos\tprivate\n:\n"
    assert tab("volume", "get", "") == "disk\t1Gi\n:\n"
    assert tab("-c", "m") == "my two\thttp://x\n:\n"


def test_names_are_those_of_the_cluster_that_is_typed(run: Runner, server: ScriptedServer) -> None:
    server.expect("GET", "/b/system/services", document(SERVICES))
    other = run.write_config(
        f"oscar: {{a: {{endpoint: {server.url}/a}}, b: {{endpoint: {server.url}/b}}}}\n", run.home / "o.yaml"
    )
    words = ("--config", other, "service", "-c", "b", "get", "text")
    out = run("__complete", *words, env=PATIENT).out
    assert out.startswith("text-stats\t")


# -- silence -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Answer(401), Answer(500), Answer(hang_up=True), Answer(200, b"<html>"), document({"no": "list"}),
        Answer(200, b"[]", stall_after=0), Answer(200, b"[" * 100, drip=0.2),
    ],
    ids=["refused", "failure", "hang-up", "page", "shape", "silence", "drip"],
)  # fmt: skip
def test_what_fails_or_takes_long_is_silence(known: Runner, server: ScriptedServer, reply: Answer) -> None:
    server.always("GET", "/system/services", reply)
    result = known("__complete", "service", "get", "")
    assert (result.code, result.out, result.err) == (0, ":\n", "")


@pytest.mark.parametrize(
    "config", ["oscar: [", "oscar: {a: {endpoint: 'no url'}}\ndefault: a\n", "default: gone\n", ""]
)
def test_a_configuration_that_is_wrong_is_silence(run: Runner, config: str) -> None:
    path = run.write_config(config)
    path.chmod(0o644)
    result = run("__complete", "service", "get", "")
    assert (result.code, result.out, result.err) == (0, ":\n", "")
    assert path.stat().st_mode & 0o777 == 0o644, "the warning about a changed mode would be lost"


def test_a_limit_that_is_no_number_is_the_usual_one(run: Runner) -> None:
    result = run("__complete", "cluster", "li", env={"OSCAR_CLI_COMPLETION_SECONDS": "soon"})
    assert (result.out, result.err) == (
        "list\tList the clusters on record, in the order of the file.\n:\n",
        "",
    )


def test_a_shell_that_reads_nothing_hears_nothing(run: Runner) -> None:
    process = run.start("__complete", "")
    assert process.stdout is not None
    process.stdout.close()
    _, error = process.communicate()
    assert (process.returncode, error) == (0, b"")


# -- what it costs -------------------------------------------------------------------------------------


def imported(run: Runner, *words: str) -> set[str]:
    """Return the packages that a Tab imports, by asking the interpreter."""
    result = run("__complete", *words, env={**PATIENT, "PYTHONPROFILEIMPORTTIME": "1"})
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in result.err.splitlines()}


@pytest.mark.parametrize("words", [("",), ("service", "l"), ("service", "list", "--"), ("apply", "")])
def test_a_tab_at_a_command_imports_no_library(run: Runner, words: tuple[str, ...]) -> None:
    assert not imported(run, *words) & {*NETWORK, *HEAVY}


def test_a_tab_at_a_cluster_imports_no_network_library(known: Runner) -> None:
    found = imported(known, "service", "list", "-c", "")
    assert "yaml" in found
    assert not found & {*NETWORK, "typer", "rich"}


# -- the scripts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_has_its_script(call: Caller, shell: str) -> None:
    result = call("completion", shell)
    assert (result.code, result.err) == (0, "")
    plain = call("completion", shell, "--no-descriptions").out
    assert "__completeNoDesc" in plain
    assert result.out.replace("__complete ", "__completeNoDesc ") == plain
    assert "COMMAND" not in result.out


def test_the_table_and_the_scripts_go_along_with_the_package() -> None:
    scripts = TABLE.parents[1] / "completion" / "scripts"
    assert TABLE.is_file()
    assert all((scripts / name).is_file() for name in ("bash.sh", "zsh.sh", "fish.fish"))


@pytest.fixture(params=daily(SETUPS, "bash"))
def shell(request: pytest.FixtureRequest, known: Runner) -> Iterator[Shell]:
    """A real shell with completion loaded, in a folder with two files."""
    (known.home / "fdl.yaml").touch()
    with completing_shell(request.param, known, PATIENT) as started:
        yield started


def test_a_person_presses_tab(shell: Shell, server: ScriptedServer) -> None:
    server.always("GET", "/system/services", document(SERVICES))
    shell.tab("oscar-cli vers", "oscar-cli version ")
    shell.tab("oscar-cli service lo", "oscar-cli service logs ")
    shell.tab("oscar-cli service list --output=ya", "--output=yaml")
    shell.tab("oscar-cli service list -o=ya", "-o=yaml")
    shell.tab("oscar-cli service list -vo=ya", "-vo=yaml")
    shell.tab("oscar-cli service list --columns name,ima", "name,image")
    shell.tab("oscar-cli apply fd", "oscar-cli apply fdl.yaml")
    shell.tab("oscar-cli --config=fd", "--config=fdl.yaml")
    shell.tab("oscar-cli service run x -f=fd", "-f=fdl.yaml")
    shell.tab("oscar-cli service get te", "oscar-cli service get text-stats ")
    shell.tab("oscar-cli cluster delete my", "oscar-cli cluster delete my\\ two ")
    shell.tab('oscar-cli cluster delete "my', 'oscar-cli cluster delete "my two"')
    screen = shell.tab("oscar-cli cluster ", "status")
    assert all(verb in screen for verb in ("add", "config", "default", "delete", "info", "list"))


def test_a_cluster_that_does_not_answer_leaves_no_trace_on_the_screen(
    shell: Shell, server: ScriptedServer
) -> None:
    server.always("GET", "/system/services", Answer(401))
    shell.tab("oscar-cli service get ", "oscar-cli service get ")
    # The screen of the next Tab begins where the last one ended.
    screen = shell.tab("oscar-cli vers", "oscar-cli version ")
    assert "rror" not in screen
    assert "Traceback" not in screen
