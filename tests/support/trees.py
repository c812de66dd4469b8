"""What is in local folders."""

from __future__ import annotations

from pathlib import Path

from oscarcli.jobs.batch.journal import JOURNAL_NAME


def contents(folder: Path, *, but: str = "") -> dict[str, str]:
    """Return the text of each file below a folder, by its path from there; files of one name are left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != but
    }


def results(folder: Path) -> dict[str, str]:
    """Return the results in the folder of a batch."""
    return contents(folder, but=JOURNAL_NAME)
