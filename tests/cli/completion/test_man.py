"""`completion man`: pages that `man` reads, made of the help and of the manual."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from oscarcli.cli.completion.verbs import verbs
from tests.conftest import Caller

PAGES = Path(__file__).parents[3] / "oscarcli" / "docs"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> object:
    """What groff makes of a page, and what it complains about."""
    if shutil.which("groff") is None:
        pytest.skip("groff is not here")

    def show(text: str) -> str:
        command = ["groff", "-man", "-Tutf8", "-K", "utf8", "-ww", "-P-cbou", "-rLL=200n"]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
        complaints = [line for line in done.stderr.decode().splitlines() if "cannot break line" not in line]
        assert complaints == []
        return done.stdout.decode()

    return show


def test_the_page_names_every_command_and_option(call: Caller) -> None:
    page = call("completion", "man").out.replace("\\-", "-").replace("\\(aq", "'")
    for verb in verbs():
        assert f'.SS "oscar-cli {verb.main_usage}' in page.replace("\\|", "|"), verb.main_usage
    for option in ("--restart", "--notify", "--dry-run", "--timeout SECONDS", "--version"):
        assert option in page
    assert page.startswith('.TH "OSCAR-CLI" 1 ')


def test_man_reads_the_page_without_a_complaint(call: Caller, shown: object) -> None:
    assert callable(shown)
    text = re.sub(r"\s+", " ", shown(call("completion", "man").out))
    assert "oscar-cli service put-file [SERVICE_NAME" in text
    assert "--dry-run Say what would be done, field by field, and do nothing." in text
    assert "6 UNREACHABLE; DNS, refused connection, TLS, timeout, 502 to 504" in text


def test_all_pages_are_written_where_man_finds_them(call: Caller, tmp_path: Path, shown: object) -> None:
    assert callable(shown)
    written = call("completion", "man", "--dir", str(tmp_path / "man"))
    names = {Path(line).relative_to(tmp_path / "man").as_posix() for line in written.out.splitlines()}
    assert names == {"man1/oscar-cli.1", *(f"man7/oscar-cli-{path.stem}.7" for path in PAGES.glob("*.md"))}
    for name in sorted(names):
        text = shown((tmp_path / "man" / name).read_text(encoding="utf-8"))
        assert "SEE ALSO" in text
    fdl = shown((tmp_path / "man" / "man7" / "oscar-cli-fdl.7").read_text(encoding="utf-8"))
    assert "storage_providers" in fdl
    assert "```" not in fdl


def test_a_folder_that_cannot_be_written_is_told_in_one_line(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call("completion", "man", "--dir", str(tmp_path / "file"))
    assert result.code == 1
    assert result.err.startswith(
        f'Error: cannot write the pages below "{tmp_path / "file"}": Not a directory'
    )
