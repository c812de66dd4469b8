"""A command line that is still being typed, as words: quotes may be open, and nothing is ever executed."""

from __future__ import annotations

BLANKS = " \t\n"
# What a backslash protects between double quotes; elsewhere there it stands for itself.
PROTECTED = '"\\$`'


def split_line(line: str) -> list[str]:
    """Return the words of a line without their quotes; the last one, perhaps empty, is being typed."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    characters = iter(line)
    for character in characters:
        if character in BLANKS and not quote:
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        if character == quote:
            quote = ""
        elif character in "'\"" and not quote:
            quote = character
        elif character == "\\" and quote != "'":
            following = next(characters, "")
            word.append(following if not quote or following in PROTECTED else character + following)
        else:
            word.append(character)
    return [*words, "".join(word or [])]
