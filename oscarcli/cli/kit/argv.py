"""The command line's words before the parser sees them: forms of the reference client that it lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from oscarcli.coercion import GO_TRUTH
from oscarcli.errors import UsageError

if TYPE_CHECKING:
    from oscarcli.cli.kit import click

HELP = ("-h", "--help")


def is_short(word: str) -> bool:
    """Tell whether a word is of short options: one dash, and something behind it."""
    return len(word) > 1 and word.startswith("-") and not word.startswith("--")


def split_short(word: str, takes_value: Callable[[str], bool]) -> Iterator[tuple[str, str | None]]:
    """Yield the options of a word of short ones, each with the value that is attached to it, if any.

    As in the reference client's parser (pflag), `-vi=x`, `-vix` and `-vi x` are the same, a flag may be told
    `-v=false`, and a `=` with nothing behind it is a value itself.

    Args:
        word: such as `-vi=x`.
        takes_value: tells whether an option, such as `-i`, takes a value.
    """
    rest = word[1:]
    while rest:
        name, rest = f"-{rest[0]}", rest[1:]
        if len(rest) > 1 and rest[0] == "=":
            yield name, rest[1:]
            return
        if rest and takes_value(name):
            yield name, rest
            return
        yield name, None


class OptionWords:
    """Which option words there are, and which of them take the next word as their value."""

    def __init__(self, params: Sequence[click.Parameter]) -> None:
        options = [param for param in params if param.param_type_name == "option"]
        self.flags = {name for param in options if getattr(param, "is_flag", False) for name in param.opts}
        self.valued = {name for param in options for name in param.opts} - self.flags
        self._main_names = {name: param.opts[0] for param in options for name in param.opts}

    def main_name(self, name: str) -> str:
        """Return one name for all names of an option."""
        return self._main_names.get(name, name)

    def split(self, word: str) -> list[tuple[str, str | None]]:
        """Return the options of a word, each with the value that is attached to it, if any."""
        if is_short(word):
            return list(split_short(word, self.valued.__contains__))
        name, equals, value = word.partition("=")
        return [(name, value if equals else None)]

    def knows(self, word: str) -> bool:
        """Tell whether a word is of these options alone, perhaps with a value attached."""
        return all(name in self.flags or name in self.valued for name, _ in self.split(word))

    def takes_next(self, word: str) -> bool:
        """Tell whether the value of a word's last option is the next word."""
        name, value = self.split(word)[-1]
        return value is None and name in self.valued


def rewrite_argv(
    args: Sequence[str],
    params: Sequence[click.Parameter],
    optional_values: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """Return words with `-x=VALUE`, `--flag=false` and options without their optional value made plain.

    Args:
        args: the words after the noun or verb.
        params: its parameters.
        optional_values: options that may stand alone, and get an empty value then. Only the words that
            are named here are taken for their value when they follow behind a blank.

    Raises:
        UsageError: a flag has a value that is neither true nor false.
    """
    options = OptionWords(params)
    options.flags.update(HELP)
    optional_values = optional_values or {}
    found: list[tuple[str, list[str]]] = []
    index = 0
    while index < len(args):
        word = args[index]
        following = args[index + 1] if index + 1 < len(args) else None
        index += 1
        if word == "--":
            found.append(("", list(args[index - 1 :])))
            break
        if word in optional_values:
            is_value = following is not None and following.lower() in optional_values[word]
            found.append((word, [f"{word}={following if is_value else ''}"]))
            index += is_value
        elif word.startswith("-") and word != "-":
            _take_options(found, word, options)
            if following is not None and options.takes_next(word):
                found[-1][1].append(following)
                index += 1
        else:
            found.append(("", [word]))
    return [word for _, words in found for word in words]


def _take_options(found: list[tuple[str, list[str]]], word: str, options: OptionWords) -> None:
    """Add the options of a word, each with its main name and the words that the parser understands."""
    for name, value in options.split(word):
        main = options.main_name(name)
        if value is None:
            found.append((main, [name]))
        elif name in options.flags:
            # The last one counts.
            found[:] = [kept for kept in found if kept[0] != main]
            found += [(main, [name])] if _truth(name, value) else []
        elif is_short(word) and name in options.valued:
            found.append((main, [name, value]))
        else:
            found.append((main, [f"{name}={value}"]))


def _truth(name: str, value: str) -> bool:
    truth = GO_TRUTH.read(value)
    if truth is None:
        raise UsageError(f'{name} takes true or false, not "{value}"')
    return truth


def verb_first(args: Sequence[str], params: Sequence[click.Parameter], verbs: Collection[str]) -> list[str]:
    """Return a noun's words with options that are not its own moved behind the verb, where they belong.

    As in the reference client, an option the noun does not know takes the next word along; here only
    when that word is no verb.

    Args:
        args: the words after the noun.
        params: the noun's parameters.
        verbs: all names of its verbs.

    Raises:
        UsageError: a flag of the noun has a value that is neither true nor false.
    """
    options = OptionWords(params)
    own: list[str] = []
    moved: list[str] = []
    index = 0
    while index < len(args) and args[index].startswith("-") and args[index] not in ("-", "--"):
        word = args[index]
        if word in HELP:
            return [*rewrite_argv(own, params), *args[index:]]
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
        return rewrite_argv([*own, *moved], params)
    return [*rewrite_argv(own, params), *verb, *moved, *args[index + 1 :]]
