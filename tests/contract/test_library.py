"""The page `library` keeps its word: its program runs as it is written, without the command line's part."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Runner

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "oscarcli" / "docs" / "library.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "text-stats"
CHECK = """
import sys
assert not any(name.startswith(("oscarcli.cli", "oscarcli.output", "typer")) for name in sys.modules)
"""


@pytest.fixture
def cluster(run: Runner) -> Iterator[Runner]:
    """The real command with a local cluster that has the example's service."""
    started = run("local", "start", "--port", "0", "--s3-port", "0")
    assert started.code == 0, started.err
    assert run("apply", EXAMPLE / "fdl.yaml").code == 0
    yield run
    run("local", "stop")


def program() -> str:
    """Return the only program of the page."""
    (code,) = re.findall(r"<!-- run -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    return str(code)


def test_the_program_of_the_page_adds_a_file_and_gets_its_result(cluster: Runner, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "gettysburg.txt", tmp_path)
    script = tmp_path / "program.py"
    script.write_text(program() + CHECK, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env={**cluster.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Lines:      22" in done.stdout
    result = tmp_path / "results" / "gettysburg.stats.txt"
    assert done.stdout == result.read_text(encoding="utf-8") + "\n"


def test_the_program_is_short() -> None:
    lines = [line for line in program().splitlines() if line and not line.startswith(("import ", "from "))]
    assert len(lines) <= 10


def test_the_page_fits_and_every_name_on_it_exists() -> None:
    import importlib

    assert PAGE.startswith("# As a library\n")
    assert len(PAGE.splitlines()) <= 60
    for path in set(re.findall(r"`(oscarcli(?:\.\w+)+)`", PAGE)):
        module, _, name = path.rpartition(".")
        try:
            importlib.import_module(path)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), name), path
    events = importlib.import_module("oscarcli.jobs.events")
    for row in re.findall(r"^\| (`[A-Z]\w+`(?:, `\w+`)*) \|", PAGE, re.MULTILINE):
        for name in re.findall(r"\w+", row):
            assert hasattr(events, name), name
