"""README.md keeps its word: what it shows is run, what it lists exists."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from oscarcli.cli.commands import COMMANDS
from oscarcli.errors import ExitCode
from tests.support.command import Runner

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = re.findall(r"<!-- run -->\n```sh\n(.*?)```", README, re.DOTALL)
# A test takes no fixed port: the tour's cluster gets free ones. All else is run as it stands.
WRAPPER = """#!/bin/sh
if [ "$1 $2" = "local start" ]; then shift 2; set -- local start --port 0 --s3-port 0 "$@"; fi
exec {program} "$@"
"""
PROGRAM = Path(sys.executable).with_name("oscar-cli")


def test_the_tour_runs_as_it_is_written(run: Runner, tmp_path: Path) -> None:
    place = tmp_path / "tour"
    place.mkdir()
    (place / "examples").symlink_to(ROOT / "examples")
    wrapper = tmp_path / "bin" / "oscar-cli"
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER.format(program=PROGRAM), encoding="utf-8")
    wrapper.chmod(0o755)
    done = subprocess.run(
        ["sh", "-euc", "\n".join(TOUR)],
        cwd=place,
        env={**run.environ, "PATH": f"{wrapper.parent}:{run.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    run("local", "stop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(TOUR) >= 5
    result = (place / "result.txt").read_text(encoding="utf-8")
    assert "Lines:      22" in result
    assert (place / "results" / "gettysburg.stats.txt").read_text(encoding="utf-8") == result
    assert '✓ Creating service "text-stats" in cluster "local"' in done.stdout
    assert result in done.stdout


def test_every_exit_code_is_listed() -> None:
    listed = dict(re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", README, re.MULTILINE))
    assert listed == {str(code.value): code.name for code in ExitCode}


def test_every_command_is_listed() -> None:
    table = README[README.index("| command | what it does |") : README.index("`service` is also")]
    for path, names in verbs():
        assert f"`{path}{names.split(', ')[0]}" in table, f"{path}{names}"


def verbs() -> Iterator[tuple[str, str]]:
    """Yield every verb as the words before it and its names."""
    for entry in COMMANDS:
        app = importlib.import_module(f"oscarcli.cli.{entry.module}").app
        if not entry.is_noun:
            yield "", entry.name
            continue
        for command in app.registered_commands:
            yield f"{entry.name} ", command.name
        for group in app.registered_groups:
            for command in group.typer_instance.registered_commands:
                yield f"{entry.name} {group.name.split(', ')[0]} ", command.name


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
