"""What a foreign value is taken for: a word for true or false, something for a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class TruthWords:
    """The words that a parser takes for true and for false, whatever their case.

    Args:
        true: words for true.
        false: words for false.

    Attributes:
        all: all of them, those for true first.
    """

    # Every start needs them, and a dataclass takes ten times as long to make.
    def __init__(self, true: tuple[str, ...], false: tuple[str, ...]) -> None:
        self._true = true
        self.all = (*true, *false)

    def read(self, word: str) -> bool | None:
        """Return what a word means, `None` when it is none of these."""
        word = word.lower()
        return None if word not in self.all else word in self._true


# The two sets differ because their parsers do: files are read as YAML, options as Go's `strconv.ParseBool`
# reads them, which neither knows "yes" nor minds a "1".
YAML_TRUTH = TruthWords(("true", "yes", "on"), ("false", "no", "off"))
GO_TRUTH = TruthWords(("true", "t", "1"), ("false", "f", "0"))
# Words that some version of YAML does not take for text when they stand without quotation marks.
YAML_NOT_TEXT = frozenset([*YAML_TRUTH.all, "y", "n", "null"])


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return a part of a document, empty when there is none or it is something else."""
    return value if isinstance(value, Mapping) else {}
