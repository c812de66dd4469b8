"""How properties are tested: the same examples every time, none kept on disk, and no time limit for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from oscarcli.errors import OscarError
from tests.support.daily import factor, number_of

# What has a meaning in YAML, in JSON, to a shell, to a terminal, or to this program.
PIECES = (
    *"{}[],:?-#&*!|>'\"%@`~=<\\/.$;()\t\n\r \x1b\x7f\x85\u2028\u202e\ufeff",
    *("- ", ": ", "? ", "<<: ", "&a ", "*a", "!!str ", "|-\n  ", "---\n", "...\n", "  ", "    ", "\r\n"),
    *(
        "null",
        "true",
        "no",
        "0x1F",
        "1e3",
        "oscar",
        "default",
        "endpoint",
        "functions",
        "name",
        "..",
        "\\u0000",
    ),
)


def examples(number: int) -> settings:
    """Return the settings of a property that CI tries with so many examples.

    `TEST_EXAMPLES=50` tries fifty times as many, other ones every time.
    """
    return settings(
        max_examples=number_of(number),
        derandomize=factor() <= 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


Found = TypeVar("Found")


def tried(work: Callable[[], Found]) -> Found | OscarError:
    """Return what the work returns, or the error that tells why it does not; any other is a surprise."""
    try:
        return work()
    except OscarError as error:
        return error


def odd_text(most: int = 40) -> st.SearchStrategy[str]:
    """Return texts, many of them made of what has a meaning somewhere."""
    characters = st.characters(exclude_categories=["Cs"])
    return st.one_of(
        st.lists(st.sampled_from(PIECES) | characters, max_size=most).map("".join), st.text(characters)
    )
