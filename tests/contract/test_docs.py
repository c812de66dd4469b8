"""README.md and the pages of the manual keep their word: what they show is run, what they list exists."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oscarcli.cli.completion.verbs import verbs
from oscarcli.errors import ExitCode
from tests.support.command import Runner
from tests.support.command_table import PAGE, written

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "oscarcli" / "docs").glob("*.md"))
TEXTS = [README, ROOT / ".github" / "CONTRIBUTING.md", *PAGES]
RUN = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)
# A test takes no fixed port: the tour's cluster gets free ones. All else is run as it stands.
WRAPPER = """#!/bin/sh
if [ "$1 $2" = "local start" ]; then shift 2; set -- local start --port 0 --s3-port 0 "$@"; fi
exec {program} "$@"
"""
# How the tour names what its service wrote.
OWN_OUTPUT = "minio.default text-stats/output"
PROGRAM = Path(sys.executable).with_name("oscar-cli")

Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(run: Runner, tmp_path: Path) -> Iterator[Shell]:
    """Run a script as a reader would who copies it, in a folder with the examples."""
    place = tmp_path / "clone"
    place.mkdir()
    (place / "examples").symlink_to(ROOT / "examples")
    wrapper = tmp_path / "bin" / "oscar-cli"
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER.format(program=PROGRAM), encoding="utf-8")
    wrapper.chmod(0o755)

    def execute(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-euc", script],
            cwd=place,
            env={**run.environ, "PATH": f"{wrapper.parent}:{run.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    yield execute
    run("local", "stop")


def examples(path: Path) -> list[str]:
    """Return the blocks of a page that are to be run."""
    return RUN.findall(path.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_tour_runs_as_it_is_written(shell: Shell, tmp_path: Path) -> None:
    tour = examples(README)
    assert len(tour) >= 5
    done = shell("\n".join(tour))
    assert done.returncode == 0, done.stdout + done.stderr
    place = tmp_path / "clone"
    result = (place / "result.txt").read_text(encoding="utf-8")
    assert "Lines:      22" in result
    assert (place / "results" / "gettysburg.stats.txt").read_text(encoding="utf-8") == result
    assert '✓ Creating service "text-stats" in cluster "local"' in done.stdout
    assert result in done.stdout


@pytest.mark.thorough
def test_the_tour_runs_with_its_output_behind_webdav(shell: Shell, tmp_path: Path) -> None:
    """The words stay the same; another provider is named in the file and on the command line."""
    from tests.support.certificate import certified
    from tests.support.webdav_servers import LOGIN, PASSWORD, wsgidav_server

    place = tmp_path / "clone"
    (place / "examples").unlink()
    shutil.copytree(ROOT / "examples" / "text-stats", place / "examples" / "text-stats")
    (tmp_path / "dav").mkdir()
    # Jobs reach WebDAV by HTTPS alone.
    _, authority = certified(tmp_path)
    tour = "\n".join(examples(README))
    assert tour.count(OWN_OUTPUT) >= 2
    with wsgidav_server(tmp_path / "dav", tmp_path / "server.pem") as server:
        server.make_folder("text-stats")
        fdl = place / "examples" / "text-stats" / "fdl.yaml"
        before, output = fdl.read_text(encoding="utf-8").split("      output:\n")
        hostname = server.endpoint.removeprefix("https://")
        door = f"{{hostname: '{hostname}', login: {LOGIN}, password: {PASSWORD}}}"
        fdl.write_text(
            f"{before}      output:\n{output.replace('minio.default', 'webdav.door')}"
            f"storage_providers: {{webdav: {{door: {door}}}}}\n"
        )
        elsewhere = tour.replace(OWN_OUTPUT, OWN_OUTPUT.replace("minio.default", "webdav.door"))
        done = shell(f"export SSL_CERT_FILE='{authority}'\n{elsewhere}")
        assert done.returncode == 0, done.stdout + done.stderr
        stored = (server.files / "text-stats" / "output" / "gettysburg.stats.txt").read_text()
    result = (place / "result.txt").read_text(encoding="utf-8")
    assert "Lines:      22" in result
    assert stored == result == (place / "results" / "gettysburg.stats.txt").read_text(encoding="utf-8")


@pytest.mark.thorough
def test_the_examples_of_the_pages_run_as_they_are_written(shell: Shell) -> None:
    marked = [block for page in PAGES for block in examples(page)]
    assert len(marked) >= 5
    begin = "oscar-cli local start\noscar-cli apply examples/text-stats/fdl.yaml\n"
    done = shell(begin + "\n".join(marked))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gettysburg.stats.txt" in done.stdout


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


def test_every_exit_code_is_listed() -> None:
    page = (ROOT / "oscarcli" / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", page, re.MULTILINE))
    assert listed == {str(code.value): code.name for code in ExitCode}


def test_the_table_of_commands_is_that_of_the_commands() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "write it anew: python -m tests.support.command_table"
    assert len(list(verbs())) > 60


def test_every_page_is_named_in_the_readme() -> None:
    named = re.findall(r"\]\(oscarcli/docs/([a-z-]+)\.md\)", README.read_text(encoding="utf-8"))
    assert {path.stem for path in PAGES} == set(named)


@pytest.mark.parametrize("page", TEXTS, ids=lambda path: path.name)
def test_every_linked_file_exists(page: Path) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_a_page_is_shown_as_it_is_in_a_pipe(run: Runner) -> None:
    for page in PAGES:
        shown = run("help", page.stem)
        assert (shown.code, shown.err) == (0, "")
        assert shown.out.startswith("# ")
        assert "<!--" not in shown.out
        assert shown.out.count("\n## ") == page.read_text(encoding="utf-8").count("\n## ")


def test_help_lists_pages_and_commands(run: Runner) -> None:
    for word in (["help"], ["help", "--timeout", "5"]):
        shown = run(*word)
        assert shown.code == 0
        assert shown.out.startswith("Usage: oscar-cli [OPTIONS] COMMAND")
        for page in PAGES:
            assert re.search(rf"^  {page.stem} ", shown.out, re.MULTILINE)


def test_help_of_a_command_is_that_of_the_command(run: Runner) -> None:
    assert run("help", "service", "logs").out == run("service", "logs", "--help").out
    assert run("help", "help").out == run("help", "--help").out


def test_a_word_that_is_no_page_is_told_with_the_nearest(run: Runner) -> None:
    shown = run("help", "exit-code")
    assert (shown.code, shown.out) == (ExitCode.USAGE, "")
    assert shown.err == (
        'Error: "exit-code" is neither a page of the manual nor a command\n'
        "hint: did you mean 'exit-codes'? 'oscar-cli help' lists both\n"
    )
