"""Amounts as servers tell them, numbers or Kubernetes' quantities, in the one form that tables have."""

from __future__ import annotations

from typing import Any


def number_of(value: Any) -> float | None:
    """Return an amount in its base unit, bytes or cores; `None` for what is none."""
    from oscarcli.fdl.quantities import amount

    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if not isinstance(value, str):
        return float(value)
    found = amount(value)
    return None if found is None else float(found)


def shown_size(value: Any) -> Any:
    """Return bytes, or a quantity such as "50Gi", as a size: "50GiB"; anything else as it is."""
    from oscarcli.output.amounts import size

    number = number_of(value)
    return value if number is None else size(number)
