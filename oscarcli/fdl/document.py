"""YAML or JSON text into a tree of nodes, in bounded time and memory.

The tree is built from the parser's events without recursion. Aliases count as if they were written out, so
that ten lines which expand to a billion values are refused before anything walks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oscarcli.fdl.findings import Findings, shortened
from oscarcli.fdl.nodes import Mapping, Node, Scalar, Sequence, described
from oscarcli.fdl.text import NotTextError, decode, without_stray_tabs

# A service cannot have a longer script than fits a Kubernetes ConfigMap, 1 MiB; a file holds several.
MAX_FILE_BYTES = 4 << 20
MAX_LEVELS = 50
# What a tree may weigh: each value counts its characters and this much besides.
VALUE_WEIGHT = 64
HEAVIEST = 8 << 20
MERGE_KEY = "<<"

# How newer parsers refuse by themselves what is a thousand levels deep.
TOO_DEEP = "maximum nesting depth"
INDENTATION = 'the indentation does not fit the lines before, or a ":" is missing'
# What the parsers' complaints mostly mean; libyaml and PyYAML word them differently.
EXPLANATIONS = (
    ("mapping values are not allowed", 'a ":" cannot be here; quote the text, or mend the indentation'),
    ("did not find expected key", INDENTATION),
    ("did not find expected '-' indicator", INDENTATION),
    ("expected <block end>", INDENTATION),
    ("could not find expected ':'", INDENTATION),
    ("cannot start any token", "no text can begin with this character; quote it"),
)


def parse_tree(data: bytes, findings: Findings, *, compiled: bool = True) -> Node | None:
    """Return the tree of a file.

    Args:
        data: the file's bytes, at most one more than `MAX_FILE_BYTES`.
        findings: takes what is wrong; then the tree may be partial.
        compiled: whether to use libyaml where PyYAML has it.

    Returns:
        The tree, `None` when there is none.
    """
    try:
        root = _tree(data, compiled)
    except _RefusedError as refused:
        findings.error(refused.line, "", refused.text)
        return None
    _report_repeated(root, "", findings, set())
    return root


class _RefusedError(Exception):
    """Reading cannot go on after this."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


def _tree(data: bytes, compiled: bool) -> Node:
    if len(data) > MAX_FILE_BYTES:
        raise _RefusedError(1, f"larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        text = decode(data)
    except NotTextError as error:
        raise _RefusedError(error.line, str(error)) from error
    try:
        return _Builder(compiled).build(text)
    except _RefusedError:
        if "\t" not in text:
            raise
    mended = without_stray_tabs(text)
    try:
        return _Builder(compiled).build(mended)
    except _RefusedError:
        # libyaml alone refuses a block scalar whose first line begins with a TAB.
        return _Builder(compiled=False).build(mended)


@dataclass
class _Frame:
    """A container that is being filled."""

    node: Sequence | Mapping
    anchor: str | None
    weight: int = VALUE_WEIGHT
    height: int = 1
    key: Scalar | None = None


class _Builder:
    """Builds one document's tree."""

    def __init__(self, compiled: bool) -> None:
        self._compiled = compiled
        self._frames: list[_Frame] = []
        # What an anchor stands for, with its weight and height; None while it is being filled.
        self._anchors: dict[str, tuple[Node, int, int] | None] = {}
        self._root: Node | None = None

    def build(self, text: str) -> Node:
        import yaml

        loader = getattr(yaml, "CLoader", yaml.Loader) if self._compiled else yaml.Loader
        try:
            for event in yaml.parse(text, Loader=loader):
                self._take(event, yaml)
        except yaml.MarkedYAMLError as error:
            raise _syntax_mistake(error, text) from error
        except yaml.YAMLError as error:
            raise _RefusedError(1, f"not valid YAML: {shortened(str(error))}") from error
        if self._root is None:
            raise _RefusedError(1, "the file is empty")
        return self._root

    def _take(self, event: Any, yaml: Any) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
            raise _RefusedError(line, "a second document begins here; an FDL is one document")
        if isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, line)
        elif isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and event.tag is None
            self._add(Scalar(event.value, line, plain), event.anchor, VALUE_WEIGHT + len(event.value), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            is_map = isinstance(event, yaml.MappingStartEvent)
            self._open(Mapping(line) if is_map else Sequence(line), event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()

    def _open(self, node: Sequence | Mapping, anchor: str | None) -> None:
        self._frames.append(_Frame(node, anchor))
        if len(self._frames) > MAX_LEVELS:
            raise _RefusedError(node.line, f"nested more than {MAX_LEVELS} levels deep")
        if anchor:
            self._anchors[anchor] = None

    def _close(self) -> None:
        frame = self._frames.pop()
        self._add(frame.node, frame.anchor, frame.weight, frame.height)

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            raise _RefusedError(line, f"*{anchor} stands for nothing: there is no &{anchor} before it")
        found = self._anchors[anchor]
        if found is None:
            raise _RefusedError(line, f"*{anchor} stands inside of what it stands for")
        node, weight, height = found
        if len(self._frames) + height > MAX_LEVELS:
            raise _RefusedError(line, f"nested more than {MAX_LEVELS} levels deep")
        self._add(node, None, weight, height)

    def _add(self, node: Node, anchor: str | None, weight: int, height: int) -> None:
        if anchor:
            self._anchors[anchor] = (node, weight, height)
        if not self._frames:
            self._root = node
            return
        frame = self._frames[-1]
        frame.weight += weight
        frame.height = max(frame.height, height + 1)
        if frame.weight > HEAVIEST:
            raise _RefusedError(node.line, "too many values, counting each alias as what it stands for")
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.key is None:
            frame.key = _key(node)
        else:
            _put(frame.node, frame.key, node)
            frame.key = None


def _key(node: Node) -> Scalar:
    if not isinstance(node, Scalar):
        raise _RefusedError(node.line, f"a key has to be a single value, not {described(node)}")
    return node


def _put(mapping: Mapping, key: Scalar, value: Node) -> None:
    if key.plain and key.text == MERGE_KEY:
        for source in value.items if isinstance(value, Sequence) else [value]:
            if not isinstance(source, Mapping):
                raise _RefusedError(key.line, f"<< wants keys and values, not {described(source)}")
            mapping.merged += source.all_entries()
        return
    first = mapping.keys.get(key.text)
    if first is None:
        mapping.keys[key.text] = key
        mapping.entries.append((key, value))
    else:
        mapping.repeated.append((key, first))


def _syntax_mistake(error: Any, text: str) -> _RefusedError:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return _RefusedError(1, f"not valid YAML: {error.problem}")
    if TOO_DEEP in str(error.problem):
        return _RefusedError(mark.line + 1, f"nested more than {MAX_LEVELS} levels deep")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or line[mark.column : mark.column + 1] == "\t":
        return _RefusedError(mark.line + 1, "not valid YAML: a TAB cannot indent a line; use blanks")
    place = f"(column {mark.column + 1})"
    for words, explanation in EXPLANATIONS:
        if words in error.problem:
            return _RefusedError(mark.line + 1, f"not valid YAML: {explanation} {place}")
    begin = error.context_mark
    context = f", {error.context} that begins on line {begin.line + 1}" if begin and error.context else ""
    return _RefusedError(mark.line + 1, f"not valid YAML: {error.problem} {place}{context}")


def _report_repeated(node: Node, path: str, findings: Findings, seen: set[int]) -> None:
    """Report keys that are given twice, once each however often an alias brings them back."""
    if isinstance(node, Scalar) or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            _report_repeated(item, f"{path}[{index}]", findings, seen)
        return
    for again, first in node.repeated:
        place = below(path, again.text)
        findings.error(again.line, place, f"given twice, first on line {first.line}")
    for key, value in node.entries:
        _report_repeated(value, below(path, key.text), findings, seen)


def field_path(path: tuple[str | int, ...]) -> str:
    """Return a path of keys and indexes as people read it, such as `input[0].path`."""
    place = ""
    for key in path:
        place = f"{place}[{key}]" if isinstance(key, int) else below(place, key)
    return place


def below(path: str, key: str) -> str:
    """Return the path of a key inside of another path."""
    return f"{path}.{key}" if path else key
