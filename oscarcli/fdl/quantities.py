"""Kubernetes quantities (`0.5`, `500m`, `256Mi`): the server finds a bad one late and answers 500."""

from __future__ import annotations

import re

QUANTITY = re.compile(
    r"\+?(?P<number>\d+\.?\d*|\.\d+)(?P<unit>Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?"
)
ALMOST = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kKmMgGtTpPeE])(?:i?[bB]|I)?")
# Less memory than this starts no container: the unit was forgotten.
LEAST_MEMORY = 1 << 20
EXAMPLES = {"cpu": '"0.5" or "500m"', "memory": '"256Mi" or "2Gi"', "storage": '"1Gi"'}


def mistake(text: str, of: str) -> str | None:
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


def oddity(text: str, of: str) -> str | None:
    """Return what is odd about a valid quantity, `None` when nothing is."""
    found = QUANTITY.fullmatch(text)
    if of != "memory" or found is None or float(found["number"]) == 0:
        return None
    number, unit = found["number"], found["unit"] or ""
    if unit == "" and float(number) < LEAST_MEMORY:
        return f'"{text}" is {number} bytes, did you mean "{number}Mi"?'
    if unit == "m":
        return f'"{text}" is thousandths of a byte, did you mean "{number}Mi"?'
    return None
