"""Numbers as clients write them: what MinIO's Go reads as a decimal number of 64 bits, and nothing else."""

from __future__ import annotations

import re

MAX_NUMBER = (1 << 63) - 1
# Of more digits Python refuses to make a number at all.
_NUMBER = re.compile(r"\+?0*([0-9]{1,19})")


def parse_number(text: str) -> int | None:
    """Return the number that a client counts with, `None` when it is none or negative."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    number = int(match[1])
    return number if number <= MAX_NUMBER else None
