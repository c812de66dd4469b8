"""Data in; a table, JSON, YAML or CSV out, on stdout.

A terminal changes manners (bold header, cells shortened to fit), never content: in a pipe a table is one
header line and one line per row, aligned by at least two blanks, never cut, with `-` for empty cells.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from oscarcli.output.terminal import Terminal, clean

BOLD = "1"
GAP = "  "
# What no terminal should get as it is: DEL and C1, line separators, marks that turn the direction of text,
# halves of surrogate pairs. Both formats escape what is below a blank by themselves.
UNSAFE = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# Narrower than this a shortened cell tells nothing.
SHORTEST_CELL = 8


class Format(str, Enum):
    """What `-o/--output` takes."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


@dataclass(frozen=True)
class Column:
    """One column: its header, and the key or function that gives a row's cell."""

    title: str
    value: str | Callable[[Any], Any]

    def cell(self, row: Any) -> str:
        """Return the text of one cell, `-` for nothing."""
        return self.text(row) or "-"

    def text(self, row: Any) -> str:
        """Return a row's value as text, empty for nothing."""
        value = row.get(self.value) if isinstance(self.value, str) else self.value(row)
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, (list, tuple)):
            value = ",".join(str(item) for item in value)
        return "" if value is None else clean(str(value))


@dataclass(frozen=True)
class Result:
    """What a command found.

    Args:
        data: the document for JSON and YAML, as the API gave it.
        columns: the table's columns.
        rows: what the table shows line by line; `data` itself when it is a list.
        empty: the sentence for stderr when there are no rows.
    """

    data: Any
    columns: Sequence[Column] = ()
    rows: Sequence[Any] | None = None
    empty: str | None = None

    @property
    def table_rows(self) -> Sequence[Any]:
        """The rows of the table."""
        return self.data if self.rows is None else self.rows


def render(result: Result, output: Format, terminal: Terminal) -> str:
    """Return the text of a result, with its final newline."""
    if output is Format.JSON:
        return to_json(result.data)
    if output is Format.YAML:
        return to_yaml(result.data)
    if output is Format.CSV:
        return to_csv(result.columns, result.table_rows)
    return to_table(result.columns, result.table_rows, terminal)


def to_json(data: Any) -> str:
    """Return indented JSON; control characters beyond ASCII are escaped, so it is safe on a terminal."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    return UNSAFE.sub(_escaped, text) + "\n"


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def to_yaml(data: Any) -> str:
    """Return YAML with 2-space indent, the document's own order and multi-line text as literal blocks.

    Control characters and marks that turn the direction of text are escaped, so it is safe on a terminal.
    """
    text = _yaml(data, allow_unicode=True)
    return text if not UNSAFE.search(text) else _yaml(data, allow_unicode=False)


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


def to_csv(columns: Sequence[Column], rows: Iterable[Any]) -> str:
    """Return comma-separated values with a header line; a cell without a value is empty."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.title for column in columns])
    writer.writerows([column.text(row) for column in columns] for row in rows)
    return text.getvalue()


def to_table(columns: Sequence[Column], rows: Iterable[Any], terminal: Terminal) -> str:
    """Return a table with its header."""
    titles = [column.title for column in columns]
    cells = [[column.cell(row) for column in columns] for row in rows]
    widths = [max(map(display_width, column)) for column in zip(titles, *cells, strict=True)]
    if terminal.width is not None:
        widths = _fit(widths, terminal.width)
    lines = [terminal.styled(_line(titles, widths), BOLD)]
    lines += [_line(row, widths) for row in cells]
    return "\n".join(lines) + "\n"


def _fit(widths: list[int], available: int) -> list[int]:
    """Take from the widest column until the line fits or no column can give more."""
    widths = list(widths)
    while sum(widths) + len(GAP) * (len(widths) - 1) > available:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= SHORTEST_CELL:
            break
        widths[widest] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [shorten(cell, width) for cell, width in zip(cells, widths, strict=True)]
    padded = [part + " " * (width - display_width(part)) for part, width in zip(parts, widths, strict=True)]
    return GAP.join(padded).rstrip()


def shorten(text: str, width: int) -> str:
    """Return text of at most `width` columns, its middle replaced by an ellipsis: both ends tell most."""
    if display_width(text) <= width:
        return text
    tail = (width - 1) // 2
    return _head(text, width - 1 - tail) + "…" + _head(text[::-1], tail)[::-1]


def _head(text: str, width: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += display_width(character)
        if taken > width:
            return text[:index]
    return text


def display_width(text: str) -> int:
    """Return how many terminal columns a text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
