"""The pages of the manual, as `help` finds them. Nothing is imported that costs time."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs"
# Marks in the pages that are for the tests: which examples they run, and what is written by a program.
MARKS = re.compile(r"^<!--.*-->\n", re.MULTILINE)


def topics() -> dict[str, str]:
    """Return the name and the title of each page."""
    return {path.stem: _title(path) for path in sorted(PAGES.glob("*.md"))}


def page(topic: str) -> str:
    """Return a page in Markdown; `topic` is one of `topics`."""
    return MARKS.sub("", (PAGES / f"{topic}.md").read_text(encoding="utf-8"))


def list_of_pages(program: str) -> str:
    """Return what `help` shows of the pages below the help of the root."""
    found = topics()
    width = max(map(len, found))
    rows = [f"  {name:<{width}}  {title}" for name, title in found.items()]
    return "\n".join(["", f"Pages of the manual ('{program} help TOPIC'):", *rows, ""])


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as text:
        return text.readline().removeprefix("# ").strip()
