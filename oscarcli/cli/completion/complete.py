"""What may follow the words typed so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from oscarcli.cli.kit.argv import is_short, split_short
from oscarcli.cli.kit.command_tree import CommandNode, Option

FORMATS = ("table", "json", "yaml")
# Values of options that take other words, too, or several.
VALUES = {
    "--status": ("pending", "running", "succeeded", "failed"),
    "--provider": ("minio.default",),
}
# What arguments and values of options are called where names of things on record or on a cluster go.
KINDS = {
    "ID": "cluster",
    "IDENTIFIER": "cluster",
    "SERVICE_NAME": "service",
    "JOB_NAME": "job",
    "BUCKET_NAME": "bucket",
    "VOLUME_NAME": "volume",
}
FILES = ("PATH", "FILE", "FDL_FILE", "LOCAL_FILE")
FOLDERS = ("DIR", "DIRECTORY", "D")
PROVIDER = "STORAGE_PROVIDER"
PROVIDERS = ("minio", "s3", "onedata", "webdav", "rucio")
# Those whose paths begin with what they tell themselves, not with buckets that the cluster knows.
FILE_SERVERS = ("onedata", "webdav", "rucio")
# The sides of a sync: a folder here, or the name of what the noun is about.
SIDES = ("SOURCE", "TARGET")
REMOTE = ("REMOTE_FILE", "REMOTE_PATH", "FILE_NAME")
# Commands whose first argument is a name that does not exist yet.
MAKERS = ("cluster add", "bucket create", "volume create")

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


def complete(root: CommandNode, words: Sequence[str], current: str, names: Names) -> Suggestions:
    """Return what may stand in the place of the word that is being typed.

    Args:
        root: what there is to type.
        words: those in front of it, without the program's.
        current: what of it is there already.
        names: tells names of things; only called where one is wanted.
    """
    line = Line(root, words)
    answer = Suggestions()
    if line.node is None:
        return answer
    name, equals, value = current.partition("=")
    if line.pending is not None:
        _add_values(answer, line, line.pending, current, "", names)
    elif line.is_open and len(name) > 1 and name.startswith("-") and equals:
        last, before = line.attached(name)[-1]
        option = line.option(last) if before is None else None
        if option is not None and option.value:
            _add_values(answer, line, option, value, f"{name}=", names)
    elif line.is_open and current.startswith("-"):
        _add_options(answer, line, current)
    elif line.node.children:
        _add_commands(answer, line.node, current)
    else:
        _add_arguments(answer, line, line.node, current, names)
    return answer


def _add_commands(answer: Suggestions, node: CommandNode, start: str) -> None:
    """Take the main names; aliases only when no main name fits, for they would hide what is there."""
    children = list(dict.fromkeys(node.children.values()))
    answer.add(((child.names[0], child.help) for child in children), start)
    if not answer.pairs:
        answer.add(((name, child.help) for name, child in node.children.items()), start)


def _add_options(answer: Suggestions, line: Line, start: str) -> None:
    # What has a value may be repeated; a flag is there or not.
    options = [one for one in line.options() if one.value or one.names[-1] not in line.flags]
    answer.add(((option.names[-1], option.help) for option in options), start)
    if not answer.pairs and len(start) > 1:
        answer.add(((name, option.help) for option in options for name in option.names), start)


def _add_values(
    answer: Suggestions, line: Line, option: Option, start: str, prefix: str, names: Names
) -> None:
    choices = option.choices or _known_values(option)
    if option.value.endswith(",...") or option.names[-1] == "--status":
        # A list: what stands in front of the last comma stays.
        before, comma, start = start.rpartition(",")
        prefix += before + comma
        choices = [choice for choice in choices if choice not in before.split(",")]
        answer.goes_on = True
    answer.add(((choice, "") for choice in choices), start, prefix)
    for word in option.value.strip("[]").split("|"):
        _add_kind(answer, word, start, prefix, lambda kind: names(kind, line.arguments, line.given))


def _known_values(option: Option) -> list[str]:
    if "FORMAT" in option.value.split("|"):
        return list(FORMATS)
    return [value for name in option.names for value in VALUES.get(name, ())]


def _add_arguments(answer: Suggestions, line: Line, node: CommandNode, start: str, names: Names) -> None:
    position = len(line.arguments)
    if node.path in MAKERS and not position:
        return
    for argument in _expected(node.arguments, line.arguments):
        plain = argument.strip("[].")
        if plain == PROVIDER:
            found = names("provider", line.arguments[:1], line.given)
            answer.add(dict.fromkeys([("minio.default", ""), *found]), start)
        elif plain in REMOTE and node.path.startswith("service "):
            _add_path(answer, line, _Place("", _provider(line), names), start, "")
        elif plain in REMOTE and line.arguments:
            _add_path(answer, line, _Place(f"{line.arguments[0]}/", "", names), start, "")
        elif plain in SIDES:
            _add_side(answer, line, node.path.partition(" ")[0], start, names)
        _add_kind(answer, plain, start, "", lambda kind: names(kind, line.arguments, line.given))
    # Whoever names several things names each once.
    answer.pairs = [pair for pair in answer.pairs if pair[0] not in line.arguments]


class _Place(NamedTuple):
    """Where a remote path goes on: behind a bucket, or at the names of buckets, of a provider's storage."""

    bucket: str
    provider: str
    names: Names


def _provider(line: Line) -> str:
    word = line.arguments[1] if len(line.arguments) > 1 else ""
    is_provider = word.partition(".")[0].lower() in PROVIDERS
    return word if is_provider else line.given.get("--provider", "")


def _add_path(answer: Suggestions, line: Line, place: _Place, start: str, prefix: str) -> None:
    """Take what a remote path may be, up to its next slash: the names of buckets, or what is in a folder."""
    whole = place.bucket + start
    if "/" in whole or place.provider.partition(".")[0].lower() in FILE_SERVERS:
        service = "" if place.bucket else (prefix.rstrip(":") or (line.arguments or [""])[0])
        found = place.names("object", (service, place.provider, whole), line.given)
        pairs = [(word.removeprefix(place.bucket), about) for word, about in found]
        pairs = [pair for pair in pairs if not pair[0].startswith("-")]
    else:
        pairs = [(f"{name}/", about) for name, about in place.names("bucket", (), line.given)]
    answer.add(pairs, start, prefix)
    answer.goes_on = any(word.endswith("/") for word, _ in answer.pairs)


def _add_side(answer: Suggestions, line: Line, noun: str, start: str, names: Names) -> None:
    """Take what one side of a sync may be: a local folder, a name with a colon, or a path behind that."""
    name, colon, path = start.partition(":")
    if not colon or "/" in name:
        answer.takes_folders = True
        found = [(f"{one}:", about) for one, about in names(noun, line.arguments, line.given)]
        answer.add(found, start)
        answer.goes_on = bool(answer.pairs)
        return
    bucket = f"{name}/" if noun == "bucket" else ""
    _add_path(answer, line, _Place(bucket, line.given.get("--provider", ""), names), path, f"{name}:")


def _expected(arguments: Sequence[str], given: Sequence[str]) -> list[str]:
    """Return which arguments the next word may be: one, or two where a provider may be left out."""
    expected = list(arguments)
    optional = f"[{PROVIDER}]"
    place = expected.index(optional) if optional in expected else None
    if place is not None and place < len(given) and given[place].partition(".")[0].lower() not in PROVIDERS:
        expected.remove(optional)
        place = None
    repeated = next((index for index, name in enumerate(expected) if "..." in name), len(given))
    position = min(len(given), repeated)
    return expected[position : position + (2 if position == place else 1)]


def _add_kind(
    answer: Suggestions, word: str, start: str, prefix: str, names: Callable[[str], Iterable[Pair]]
) -> None:
    if word in KINDS:
        answer.add(names(KINDS[word]), start, prefix)
    elif word in FILES:
        answer.takes_files = True
    elif word in FOLDERS:
        answer.takes_folders = True
