"""What is tried at every run of tests that multiply; all else is marked `thorough`, and run by CI."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest


def daily(cases: Iterable[Any], *names: object) -> list[Any]:
    """Return cases for `parametrize`, of which those with other names are `thorough`.

    Args:
        cases: a case may be a tuple, whose name is its first member, or have a `name`; else it is its own.
        names: of those that every run tries.
    """
    given = [*cases]
    found = [_name(case) for case in given]
    missing = [name for name in names if name not in found]
    assert not missing, f"there are no such cases: {missing}"
    return [
        case if name in names else pytest.param(*_members(case), marks=pytest.mark.thorough)
        for case, name in zip(given, found, strict=True)
    ]


def _name(case: Any) -> object:
    return case[0] if isinstance(case, tuple) else getattr(case, "name", case)


def _members(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)


def number_of(examples: int) -> int:
    """Return how many odd inputs are tried where CI tries so many.

    `TEST_EXAMPLES=50` tries fifty times as many; `run.sh` without `--all` sets a part of one.
    """
    return max(1, int(examples * factor()))


def factor() -> float:
    """Return by how much the number of odd inputs differs from that of CI."""
    return float(os.environ.get("TEST_EXAMPLES", "1"))
