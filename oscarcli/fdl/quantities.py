"""Kubernetes quantities (`0.5`, `500m`, `256Mi`): the server finds a bad one late and answers 500."""

from __future__ import annotations

import re
from fractions import Fraction

QUANTITY = re.compile(
    r"\+?(?P<number>\d+\.?\d*|\.\d+)(?P<unit>Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?",
    re.ASCII,
)
ALMOST = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kKmMgGtTpPeE])(?:i?[bB]|I)?")
# Less memory than this starts no container: the unit was forgotten.
MIN_MEMORY_BYTES = 1 << 20
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
# A larger power of ten is no amount of anything, and slow to compute.
MAX_POWER = 30
EXAMPLES = {"cpu": '"0.5" or "500m"', "memory": '"256Mi" or "2Gi"', "storage": '"1Gi"'}


def quantity_error(text: str, of: str) -> str | None:
    """Return what is wrong with a quantity, `None` when nothing is.

    Args:
        text: as written.
        of: what it measures, a key of `EXAMPLES`.
    """
    if QUANTITY.fullmatch(text):
        return None
    almost = ALMOST.fullmatch(text.strip())
    if almost and of != "cpu":
        return f'"{text}" is not a quantity, did you mean "{almost["number"]}{almost["unit"].upper()}i"?'
    return f"expected a quantity such as {EXAMPLES[of]}"


def quantity_warning(text: str, of: str) -> str | None:
    """Return what is odd about a valid quantity, `None` when nothing is."""
    found = QUANTITY.fullmatch(text)
    if of != "memory" or found is None or float(found["number"]) == 0:
        return None
    number, unit = found["number"], found["unit"] or ""
    if unit == "" and float(number) < MIN_MEMORY_BYTES:
        return f'"{text}" is {number} bytes, did you mean "{number}Mi"?'
    if unit == "m":
        return f'"{text}" is thousandths of a byte, did you mean "{number}Mi"?'
    return None


def amount(text: str) -> Fraction | None:
    """Return what a quantity comes to, so that `0.5` and `500m` are the same; `None` for anything else."""
    found = QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, unit = Fraction(found["number"]), found["unit"] or ""
    if unit in BINARY:
        return number * Fraction(1024 ** BINARY[unit])
    power = DECIMAL[unit] if unit in DECIMAL else int(unit[1:] or 0)
    return number * Fraction(f"1e{power}") if abs(power) <= MAX_POWER else None
