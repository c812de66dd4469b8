"""The words of a command line that are typed already, and what may follow them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from oscarcli.cli.kit.argv import is_short, split_short
from oscarcli.cli.kit.command_tree import CommandNode, Option

Pair = tuple[str, str]
# Takes the kind of a thing, the words that choose it (a job's service) and the common options given; returns
# names with a word about each.
Names = Callable[[str, Sequence[str], dict[str, str]], Iterable[Pair]]


class Suggestions:
    """What may be typed: words with descriptions, and what the shell should add.

    Attributes:
        pairs: whole words, in the order to show them.
        takes_files, takes_folders: whether names of files, or folders, of this machine fit, too.
        goes_on: whether more may follow a word without a blank.
    """

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.takes_files = False
        self.takes_folders = False
        self.goes_on = False

    def add(self, pairs: Iterable[Pair], start: str, prefix: str = "") -> None:
        """Take the words that begin with `start`, each behind `prefix`."""
        self.pairs += [(prefix + word, about) for word, about in pairs if word.startswith(start)]


class Line:
    """The words in front of the one that is typed, understood as far as can be.

    Attributes:
        node: the command they lead to; `None` when a word of theirs is unknown.
        given: values of the common options.
        arguments: words that are neither commands nor options.
        flags: names of options that are there.
        pending: the option whose value comes next.
        is_open: whether options may still come: there was no `--`.
        is_doubtful: whether an option that only the verb knows stands in front of it: what comes next is its
            value unless it is a verb.
    """

    def __init__(self, root: CommandNode, words: Sequence[str]) -> None:
        self.root = root
        self.node: CommandNode | None = root
        self.given: dict[str, str] = {}
        self.arguments: list[str] = []
        self.flags: set[str] = set()
        self.pending: Option | None = None
        self.is_open = True
        self.is_doubtful = False
        for word in words:
            self._take(word)

    def option(self, name: str) -> Option | None:
        """Return the option with this name, of the command or common."""
        return (self.node and self.node.option(name)) or self.root.option(name)

    def options(self) -> list[Option]:
        """Return all options that may stand here."""
        own = [] if self.node is None or self.node is self.root else self.node.options
        return [*own, *self.root.options]

    def _take(self, word: str) -> None:
        if self.node is None:
            return
        if self.pending is not None:
            self._give(self.pending, word)
            self.pending = None
        elif self.is_open and word == "--":
            self.is_open = False
        elif self.is_open and word.startswith("-") and len(word) > 1:
            self._take_option(word)
        elif self.node.children:
            # `help` in front of a command asks about it.
            stays = word == "help" or (self.is_doubtful and word not in self.node.children)
            self.node = self.node if stays else self.node.children.get(word)
            self.is_doubtful = False
        else:
            self.arguments.append(word)

    def attached(self, word: str) -> list[tuple[str, str | None]]:
        """Return the options of a word, each with the value that is attached to it, if any."""
        if is_short(word):
            return list(split_short(word, self._takes_value))
        name, equals, value = word.partition("=")
        return [(name, value if equals else None)]

    def _takes_value(self, name: str) -> bool:
        option = self.option(name)
        return option is not None and bool(option.value)

    def _take_option(self, word: str) -> None:
        for name, value in self.attached(word):
            option = self.option(name)
            if option is None:
                self.is_doubtful = "=" not in word
                return
            self.flags.update(option.names)
            if not option.value:
                continue
            if value is not None:
                self._give(option, value)
            elif not option.is_value_optional:
                self.pending = option

    def _give(self, option: Option, value: str) -> None:
        self.given[option.names[-1]] = value
