"""One thing with what is known of it, line by line, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oscarcli.output.table import Column

# Words of titles that stay as they are.
ACRONYMS = ("CPU", "GPU", "GPUS", "ID", "PID", "S3", "SSL", "URL")


def to_record(columns: Sequence[Column], row: Any) -> str:
    """Return a line for each column: what it is, and the cell, never shortened."""
    labels = [f"{_label(column.title)}:" for column in columns]
    width = max(map(len, labels), default=0)
    return "".join(
        f"{label:<{width}}  {column.cell(row)}\n" for label, column in zip(labels, columns, strict=True)
    )


def _label(title: str) -> str:
    first, *rest = (word if word in ACRONYMS else word.lower() for word in title.split())
    return " ".join([first if first in ACRONYMS else first.capitalize(), *rest])
