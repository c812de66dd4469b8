"""The table in the session's docstring: who reads which property of the configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oscarcli.cli.kit import session
from oscarcli.cli.kit.session import Session

CLI = Path(session.__file__).parents[1]
# A line of the table: its property, and behind two columns the nouns, or what else reads it.
ROW = re.compile(r"  (\w+)(?:, (\w+))? {2,}\S.*? {2,}\S.*? {2,}(\S.*)")
IN_WORDS = ("api", "api_for", "known_cluster")
# Read by the full screen, too, as a note below the table says.
BY_INTERACTIVE = ("config_path", "config", "cluster_id")
# They read nothing: one makes others read anew, one says how to begin.
NO_READER = {"forget_configuration", "tell_how_to_begin"}


def rows() -> list[tuple[str, str]]:
    """Return each property with its readers."""
    found = [match for match in map(ROW.fullmatch, (session.__doc__ or "").splitlines()) if match]
    return [(name, match[3]) for match in found[1:] for name in (match[1], match[2]) if name]


def readers(name: str) -> str:
    read = re.compile(rf"\bsession\.{name}\b")
    files = [path for path in CLI.rglob("*.py") if path != Path(session.__file__)]
    found = {path.relative_to(CLI).parts[0] for path in files if read.search(path.read_text("utf-8"))}
    return " ".join(sorted(part.removesuffix(".py") for part in found))


@pytest.mark.parametrize(("name", "nouns"), rows())
def test_a_property_is_read_where_the_table_says(name: str, nouns: str) -> None:
    assert hasattr(Session, name)
    if name not in IN_WORDS:
        more = ["interactive"] if name in BY_INTERACTIVE else []
        assert readers(name).split() == sorted([*nouns.split(), *more])


def test_the_table_has_all_properties_of_the_configuration() -> None:
    source = (
        Path(session.__file__).read_text("utf-8").partition("# -- configuration")[2].partition("# -- API")[0]
    )
    there = set(re.findall(r"def (\w+)\(", source))
    assert there - NO_READER | {"api", "api_for"} == {name for name, _ in rows()}
