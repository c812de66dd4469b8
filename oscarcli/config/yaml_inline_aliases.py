"""A YAML document written anew with nothing in it referring to anything else: the layout that can be spliced.

Aliases and merge keys become what they stand for. Values, their styles and their tags stay; comments and
blank lines do not, which is why the caller keeps the former text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oscarcli.config.limits import check_size
from oscarcli.config.yaml_positions import LayoutError

MERGE_KEY = "<<"
# Lines are never folded: a reader might see a blank more or less.
WIDTH = 1 << 24


class _Node:
    """A scalar's event, or a container's with what is in it; a mapping has its keys and values in turn."""

    __slots__ = ("event", "parts")

    def __init__(self, event: Any, parts: list[_Node] | None = None) -> None:
        self.event = event
        self.parts = parts


def inline_aliases(text: str) -> str:
    """Return a text that reads the same and has neither anchors nor merge keys.

    Args:
        text: a valid document.

    Raises:
        LayoutError: it cannot be written so.
        BeyondError: it holds too much.
        yaml.YAMLError: it is not valid.
    """
    import yaml

    check_size(text)
    root = _without_merges(_tree(text))
    events = [yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False)]
    events += _events(root)
    events += [yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent()]
    line_break = "\r\n" if "\r\n" in text else "\n"
    written = str(yaml.emit(events, allow_unicode=True, width=WIDTH, line_break=line_break))
    if _content(_tree(written)) != _content(root):
        raise LayoutError
    return written


def _tree(text: str) -> _Node:
    """Return the tree of a document; an alias is the node it stands for."""
    import yaml

    top = _Node(None, [])
    stack: list[_Node] = [top]
    anchors: dict[str, _Node] = {}
    for event in yaml.parse(text, Loader=getattr(yaml, "CLoader", yaml.Loader)):
        into = stack[-1].parts
        if into is None:
            raise LayoutError
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise LayoutError
            into.append(anchors[event.anchor])
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            is_container = not isinstance(event, yaml.ScalarEvent)
            node = _Node(event, [] if is_container else None)
            into.append(node)
            if event.anchor:
                anchors[event.anchor] = node
            if is_container:
                stack.append(node)
        elif isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
    if top.parts is None or len(top.parts) != 1:
        raise LayoutError
    return top.parts[0]


def _pairs(node: _Node) -> list[tuple[_Node, _Node]]:
    parts = node.parts or []
    return list(zip(parts[::2], parts[1::2], strict=True))


def _is_mapping(node: _Node) -> bool:
    import yaml

    return isinstance(node.event, yaml.MappingStartEvent)


def _without_merges(node: _Node) -> _Node:
    """Return a node with what merge keys bring in written out: own keys come first and count most."""
    if node.parts is None:
        return node
    if not _is_mapping(node):
        return _Node(node.event, [_without_merges(part) for part in node.parts])
    own: list[tuple[_Node, _Node]] = []
    merged: list[tuple[_Node, _Node]] = []
    for key, value in _pairs(node):
        if key.parts is None and key.event.value == MERGE_KEY and key.event.implicit[0]:
            merged += _brought(value)
        else:
            own.append((key, _without_merges(value)))
    known = {key.event.value for key, _ in own if key.parts is None}
    for key, value in merged:
        if key.parts is not None:
            raise LayoutError
        if key.event.value not in known:
            known.add(key.event.value)
            own.append((key, value))
    return _Node(node.event, [part for pair in own for part in pair])


def _brought(value: _Node) -> list[tuple[_Node, _Node]]:
    """Return the keys and values of a merge; of several mappings the first counts."""
    sources = [value] if _is_mapping(value) else value.parts or []
    found: list[tuple[_Node, _Node]] = []
    for source in sources:
        if not _is_mapping(source):
            raise LayoutError
        found += _pairs(_without_merges(source))
    return found


def _events(node: _Node) -> Iterator[Any]:
    import yaml

    event = node.event
    if node.parts is None:
        # Untagged text stays so in whatever style it has to be written.
        implicit = (True, True) if event.tag is None else event.implicit
        yield yaml.ScalarEvent(None, event.tag, implicit, event.value, style=event.style)
        return
    start, end = (
        (yaml.MappingStartEvent, yaml.MappingEndEvent)
        if _is_mapping(node)
        else (yaml.SequenceStartEvent, yaml.SequenceEndEvent)
    )
    yield start(None, event.tag, event.implicit, flow_style=not node.parts)
    for part in node.parts:
        yield from _events(part)
    yield end()


def _content(node: _Node) -> Any:
    """Return what a tree means: tags, and of each value whether its text alone says its kind."""
    event = node.event
    if node.parts is None:
        # Text of several lines has a kind of its own in no style.
        is_plain = not event.style and event.tag is None and "\n" not in event.value
        return (event.tag, event.value, is_plain)
    kind = "mapping" if _is_mapping(node) else "sequence"
    return (kind, event.tag, [_content(part) for part in node.parts])
