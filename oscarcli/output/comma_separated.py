"""Comma-separated values, for spreadsheets and data frames: RFC 4180, lines ended as Unix does."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from oscarcli.output.table import Column

# A spreadsheet takes what begins with one of these for a formula and computes it when the file is opened.
FORMULA_STARTS = ("=", "+", "-", "@")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def to_csv(columns: Sequence[Column], rows: Iterable[Any], has_header: bool = True) -> str:
    """Return comma-separated values with a header line; a cell without a value is empty.

    Names come from other people, too: an apostrophe before what a spreadsheet would compute keeps it text.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if has_header:
        writer.writerow([column.title for column in columns])
    writer.writerows([_as_text(column.text(row)) for column in columns] for row in rows)
    return text.getvalue()


def _as_text(cell: str) -> str:
    is_formula = cell.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell
