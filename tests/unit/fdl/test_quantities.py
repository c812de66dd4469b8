"""What a quantity comes to."""

from __future__ import annotations

from fractions import Fraction

import pytest

from oscarcli.fdl.quantities import amount, quantity_error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("+1.0", 1),
        (".5", Fraction(1, 2)),
        ("500m", Fraction(1, 2)),
        ("2.", 2),
        ("1Ki", 1024),
        ("1Gi", 2**30),
        ("1G", 10**9),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("1e-3", Fraction(1, 1000)),
        ("100n", Fraction(1, 10**7)),
        ("", None),
        ("1Gb", None),
        ("-1", None),
        ("1e99", None),
        ("1e-999999999", None),
    ],
)
def test_amounts(text: str, expected: Fraction | int | None) -> None:
    assert amount(text) == expected


def test_only_the_digits_that_servers_know_are_numbers() -> None:
    assert quantity_error("١Gi", "memory") is not None
    assert quantity_error("1Gi", "memory") is None
