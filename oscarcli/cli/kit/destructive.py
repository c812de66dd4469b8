"""Which words of the command line destroy something: they are never suggested to whoever mistyped."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Every name and alias of the verbs that remove data, logins or settings.
VERBS = frozenset(
    {
        "delete", "d", "del", "remove", "rm", "delete-file", "df", "del-fil", "remove-file", "rmf",
        "delete-member", "remove-member", "logout", "prune", "reset",
    }
)  # fmt: skip
OPTIONS = frozenset({"--all", "--delete", "--force", "--yes"})
MAX_SUGGESTIONS = 3


def close_words(word: str, known: Iterable[str]) -> list[str]:
    """Return the words that somebody may have meant, nearest first; none of them destroys anything.

    Args:
        word: what was typed.
        known: what could have been.
    """
    candidates = [name for name in known if len(name) > 1 and name not in VERBS]
    return get_close_matches(word, candidates, n=MAX_SUGGESTIONS)
