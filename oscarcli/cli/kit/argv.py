"""The command line's words before the parser sees them: forms of the reference client that it lacks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from oscarcli.cli.kit import click

HELP = ("-h", "--help")
TRUE_WORDS = ("true", "t", "1")
FALSE_WORDS = ("false", "f", "0")


class Options:
    """Which option words there are, and which of them take the next word as their value."""

    def __init__(self, params: Sequence[click.Parameter]) -> None:
        options = [param for param in params if param.param_type_name == "option"]
        self.flags = {name for param in options if getattr(param, "is_flag", False) for name in param.opts}
        self.valued = {name for param in options for name in param.opts} - self.flags

    def knows(self, word: str) -> bool:
        """Tell whether a word is one of these options, perhaps with its value attached."""
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        return name in self.flags or name in self.valued

    def takes_next(self, word: str) -> bool:
        """Tell whether an option's value is the next word."""
        if word.startswith("--"):
            return word in self.valued
        letters = [f"-{letter}" for letter in word[1:]]
        first = next((index for index, name in enumerate(letters) if name in self.valued), None)
        # What follows a letter with a value, as in `-cID`, is the value.
        return first is not None and first == len(letters) - 1


def rewritten(
    args: Sequence[str], params: Sequence[click.Parameter], optional_values: Collection[str] = ()
) -> list[str]:
    """Return a verb's words with `--flag=false` and options without their optional value made plain.

    Args:
        args: the words after the verb.
        params: the verb's parameters.
        optional_values: options that may stand alone; they get an empty value then.
    """
    options = Options(params)
    found: list[str] = []
    index = 0
    while index < len(args):
        word = args[index]
        following = args[index + 1] if index + 1 < len(args) else None
        index += 1
        if word == "--":
            return [*found, word, *args[index:]]
        name, equals, value = word.partition("=")
        if word in optional_values and (following is None or following.startswith("-")):
            found.append(f"{word}=")
        elif word.startswith("-") and options.takes_next(word) and following is not None:
            found += [word, following]
            index += 1
        elif equals and name in options.flags and value.lower() in (*TRUE_WORDS, *FALSE_WORDS):
            found = [kept for kept in found if kept != name]
            found += [name] if value.lower() in TRUE_WORDS else []
        else:
            found.append(word)
    return found


def verb_first(args: Sequence[str], params: Sequence[click.Parameter], verbs: Collection[str]) -> list[str]:
    """Return a noun's words with options that are not its own moved behind the verb, where they belong.

    As in the reference client, an option the noun does not know takes the next word along; here only
    when that word is no verb.

    Args:
        args: the words after the noun.
        params: the noun's parameters.
        verbs: all names of its verbs.
    """
    options = Options(params)
    own: list[str] = []
    moved: list[str] = []
    index = 0
    while index < len(args) and args[index].startswith("-") and args[index] not in ("-", "--"):
        word = args[index]
        if word in HELP:
            return list(args)
        if options.knows(word):
            size = 2 if options.takes_next(word) else 1
            own += args[index : index + size]
        else:
            following = args[index + 1 : index + 2]
            alone = "=" in word or not following or following[0] in verbs or following[0].startswith("-")
            size = 1 if alone else 2
            moved += args[index : index + size]
        index += size
    verb = args[index : index + 1]
    if not verb:
        return list(args)
    return [*rewritten(own, params), *verb, *moved, *args[index + 1 :]]
