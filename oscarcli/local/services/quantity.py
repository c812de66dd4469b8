"""Quantities as Kubernetes writes them: `256Mi`, `0.2`, `1500m`, `1e9`."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE])([+-]?\d+)|(n|u|m|k|M|G|T|P|E|[KMGTPE]i)?)")
_EXPONENTS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = "KMGTPE"

# The words of Kubernetes for anything else.
INVALID_QUANTITY = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


@lru_cache(maxsize=256)
def parse_quantity(text: str) -> Decimal:
    """Return the number that `text` stands for. Raises ValueError with Kubernetes' words when it is none."""
    match = _QUANTITY.fullmatch(text)
    # Kubernetes keeps quantities below 2^63; a longer exponent is a mistake that would only cost time.
    if match is None or len(text) > 32 or len(match[3] or "") > 3:
        raise ValueError(INVALID_QUANTITY)
    number, _, exponent, unit = match.groups()
    value = Decimal(number)
    if exponent:
        return value.scaleb(int(exponent))
    if unit and unit.endswith("i"):
        return value * (Decimal(1024) ** (_BINARY.index(unit[0]) + 1))
    return value.scaleb(_EXPONENTS[unit]) if unit else value


def binary_size(size: int) -> str:
    """Return a number of bytes as the manager prints it: `0`, `12`, `1.5Ki`, `3Gi`."""
    value = float(size)
    unit = ""
    for candidate in _BINARY:
        if value < 1024:
            break
        value /= 1024
        unit = f"{candidate}i"
    return f"{value:.2f}".rstrip("0").rstrip(".") + unit
