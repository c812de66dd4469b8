"""What may follow the words typed so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from oscarcli.cli.completion.line import Line, Names, Pair, Suggestions
from oscarcli.cli.kit.command_tree import CommandNode, Option

FORMATS = ("table", "json", "yaml")
# Values of options that take other words, too, or several.
VALUES = {
    "--status": ("pending", "running", "suspended", "succeeded", "failed"),
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
# The one whose paths begin with buckets that the cluster knows; others tell themselves what is there.
OWN_STORE = ("", "minio", "minio.default")
# The sides of a sync: a folder here, or the name of what the noun is about.
SIDES = ("SOURCE", "TARGET")
REMOTE = ("REMOTE_FILE", "REMOTE_PATH", "FILE_NAME")
# Commands whose first argument is a name that does not exist yet.
MAKERS = ("cluster add", "bucket create", "volume create")


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
        if line.node is root and words[-1:] == ["help"]:
            _add_pages(answer, current)
    else:
        _add_arguments(answer, line, line.node, current, names)
    return answer


def _add_commands(answer: Suggestions, node: CommandNode, start: str) -> None:
    """Take the main names; aliases only when no main name fits, for they would hide what is there."""
    children = list(dict.fromkeys(node.children.values()))
    answer.add(((child.names[0], child.help) for child in children), start)
    if not answer.pairs:
        answer.add(((name, child.help) for name, child in node.children.items()), start)


def _add_pages(answer: Suggestions, start: str) -> None:
    from oscarcli.cli.kit.pages import topics

    commands = dict(answer.pairs)
    answer.add([pair for pair in topics().items() if pair[0] not in commands], start)


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
    if "--provider" in option.names:
        found = names("provider", _service(line), line.given)
        answer.add([pair for pair in found if pair[0] not in choices], start, prefix)
    for word in option.value.strip("[]").split("|"):
        _add_kind(answer, word, start, prefix, lambda kind: names(kind, line.arguments, line.given))


def _service(line: Line) -> list[str]:
    """Return the service that a line is about: its first word, or the one with the colon of a sync."""
    sides = [word.partition(":")[0] for word in line.arguments if ":" in word]
    is_sync = line.node is not None and line.node.path.endswith("sync")
    return sides[:1] if is_sync and sides else line.arguments[:1]


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
    if "/" in whole or place.provider.lower() not in OWN_STORE:
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
    provider = line.given.get("--provider", "")
    if noun == "service" and not provider:
        provider = _side_provider(line, name, names)
    _add_path(answer, line, _Place(bucket, provider, names), path, f"{name}:")


def _side_provider(line: Line, service: str, names: Names) -> str:
    """Return where a sync without `--provider` looks: where the inputs are, or as its source the outputs."""
    found = {
        provider for _, provider in names("input" if line.arguments else "output", [service], line.given)
    }
    return found.pop() if len(found) == 1 else ""


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
