"""Data in; a table, JSON, YAML or CSV out, on stdout."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from oscarcli.output.comma_separated import to_csv
from oscarcli.output.table import AS_USUAL, Column, Layout, Table, display_width, selected, shorten
from oscarcli.output.terminal import Terminal

__all__ = [
    "AS_USUAL",
    "Column",
    "Format",
    "Layout",
    "Result",
    "Table",
    "display_width",
    "render",
    "selected",
    "shorten",
    "to_json",
    "to_yaml",
]

# What no terminal should get as it is: DEL and C1, line separators, marks that turn the direction of text,
# halves of surrogate pairs. Both formats escape what is below a blank by themselves.
UNSAFE = r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


class Format(str, Enum):
    """What `-o/--output` takes."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


# A document as it is, from which `--query` can choose.
DOCUMENTS = (Format.JSON, Format.YAML)


@dataclass(frozen=True)
class Result:
    """What a command found.

    Args:
        data: the document for JSON and YAML, as the API gave it.
        columns: the table's columns.
        rows: what the table shows line by line; `data` itself when it is a list.
        empty: the sentence for stderr when there are no rows.
        name: what `--quiet` prints of a row; the first column when `None`.
        is_record: whether a single row is one thing, which a terminal shows line by line.
        moving: keys of the document that differ at each look, such as its time, and alone are no news.
    """

    data: Any
    columns: Sequence[Column] = ()
    rows: Sequence[Any] | None = None
    empty: str | None = None
    name: Column | None = None
    is_record: bool = False
    moving: Sequence[str] = ()

    @property
    def table_rows(self) -> Sequence[Any]:
        """The rows of the table."""
        return self.data if self.rows is None else self.rows

    @property
    def news(self) -> dict[str, Any] | None:
        """The document without what differs at each look; `None` where nothing does."""
        if not self.moving:
            return None
        return {key: value for key, value in self.data.items() if key not in self.moving}


def render(result: Result, output: Format, terminal: Terminal, layout: Layout = AS_USUAL) -> str:
    """Return the text of a result, with its final newline.

    Raises:
        UsageError: the layout names a column that there is not.
    """
    if output is Format.JSON:
        return to_json(result.data)
    if output is Format.YAML:
        return to_yaml(result.data)
    if output is Format.CSV:
        return to_csv(selected(result.columns, layout.columns), result.table_rows, layout.has_header)
    if result.is_record and terminal.is_terminal and layout == AS_USUAL and len(result.table_rows) == 1:
        from oscarcli.output.record import to_record

        return to_record(result.columns, result.table_rows[0])
    return Table(result.columns, terminal, layout, result.name).piece(result.table_rows)


def to_json(data: Any) -> str:
    """Return indented JSON; control characters beyond ASCII are escaped, so it is safe on a terminal."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return re.sub(UNSAFE, _escaped, text) + "\n"


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def to_yaml(data: Any) -> str:
    """Return YAML with 2-space indent, the document's own order and multi-line text as literal blocks.

    Control characters and marks that turn the direction of text are escaped, so it is safe on a terminal.
    """
    text = _yaml(data, allow_unicode=True)
    return text if not re.search(UNSAFE, text) else _yaml(data, allow_unicode=False)


def _yaml(data: Any, *, allow_unicode: bool) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Knows how to lay out text of several lines."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def analyze_scalar(self, scalar: str) -> Any:
            analysis = super().analyze_scalar(scalar)
            # The library avoids blocks for text with tabs or with blanks at the end of a line, though they
            # can hold it; some parsers take a tab at the very start for a wrong indent.
            is_plain = re.sub(r"[\n\t]", "", scalar).isprintable() and scalar.strip()
            if is_plain and not scalar.lstrip("\n").startswith("\t"):
                analysis.allow_block = True
            return analysis

        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_representer(str, _represent_text)
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=allow_unicode, width=2**20))


def _represent_text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
