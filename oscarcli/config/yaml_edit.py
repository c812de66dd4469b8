"""Changes of single values in the text of a YAML document: nothing but the value's own lines is touched.

A library that writes the whole document anew loses comments, blank lines, line ends or indentation here
and there. What a splice cannot do, such as changing a value that other places refer to, its caller
finds out by reading the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oscarcli.config.limits import refuse_monsters

DEFAULT_STEP = 2
# Text that every reader of YAML, of version 1.1 or 1.2, takes for text when it stands without quotes.
PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*|[0-9]+[KMG]i")
NOT_TEXT = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
# Not left to YAML's own rules: readers disagree about them.
UNSAFE = re.compile(r"[\x7f-\xa0\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
ALIAS = re.compile(r"\s*:\s*(\*[^\s,\[\]{}]+)")

Value = str | bool | Mapping[str, Any]


class LayoutError(Exception):
    """The text is laid out in a way that does not allow the change."""


def compose(text: str) -> Any:
    """Return the root node of a YAML text, `None` when it has none. Raises yaml.YAMLError, BeyondError."""
    import yaml

    # Before the parser that calls itself for each level, and can overflow the stack.
    refuse_monsters(text)
    return yaml.compose(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def replaced(text: str, keys: Sequence[str], value: Value) -> str:
    """Return the text with a value put at the place that `keys` lead to, whether or not it had one.

    Raises:
        LayoutError: the place cannot be changed by itself.
    """
    root = compose(text)
    if root is None or _is_blank(root):
        # Comments alone, or a null: they stay on top.
        head = text if root is None else text[: root.start_mark.index] + text[root.end_mark.index :]
        return _line_ended(head) + _block(keys[0], _nested(keys[1:], value), 0, DEFAULT_STEP, _line_end(text))
    if not _is_mapping(root):
        raise LayoutError
    mapping = _Mapping(text, root)
    for index, key in enumerate(keys[:-1]):
        inner = mapping.get(key)
        if inner is None:
            return mapping.with_added(key, _nested(keys[index + 1 :], value))
        if not _is_mapping(inner.value) or inner.is_alias or not inner.value.value:
            return mapping.with_value(inner, _nested(keys[index + 1 :], value))
        mapping = _Mapping(text, inner.value, mapping)
    item = mapping.get(keys[-1])
    return mapping.with_added(keys[-1], value) if item is None else mapping.with_value(item, value)


def removed(text: str, keys: Sequence[str]) -> str:
    """Return the text without the value that `keys` lead to; as it is when there is none.

    Raises:
        LayoutError: the place cannot be changed by itself.
    """
    root = compose(text)
    if not _is_mapping(root):
        return text
    mapping = _Mapping(text, root)
    holder: _Item | None = None
    for key in keys[:-1]:
        holder = mapping.get(key)
        if holder is None or not _is_mapping(holder.value):
            return text
        mapping = _Mapping(text, holder.value, mapping)
    item = mapping.get(keys[-1])
    if item is None:
        return text
    if len(mapping.items) == 1 and holder is not None and mapping.begins_in_line(item):
        return f"{text[: item.start]}{{}}{text[item.end :]}"
    without = mapping.without(item)
    if len(mapping.items) > 1 or mapping.is_flow or holder is None:
        return without
    # Without its only line the mapping would read as null, which the reference client trips over.
    return f"{without[: holder.after_colon]} {{}}{without[holder.after_colon :]}"


@dataclass(frozen=True)
class _Item:
    """A key and its value in a text."""

    text: str
    key: Any
    value: Any

    @property
    def is_alias(self) -> bool:
        """Whether the value stands elsewhere and is only referred to: its marks are those of the anchor."""
        return bool(self.value.start_mark.index < self.key.start_mark.index)

    @property
    def after_colon(self) -> int:
        colon = self.text.find(":", self.key.end_mark.index)
        if colon < 0:
            raise LayoutError
        return colon + 1

    @property
    def start(self) -> int:
        return int(self.key.start_mark.index)

    @property
    def end(self) -> int:
        if self.is_alias:
            match = ALIAS.match(self.text, self.key.end_mark.index)
            if match is None:
                raise LayoutError
            return match.end()
        return _content_end(self.text, self.value)


class _Mapping:
    """A mapping node in a text.

    Args:
        text: the whole document.
        node: the mapping.
        outer: the mapping it lies in.
    """

    def __init__(self, text: str, node: Any, outer: _Mapping | None = None) -> None:
        self._text = text
        self._node = node
        self._outer = outer
        self.is_flow = bool(node.flow_style)
        self.items = [_Item(text, key, value) for key, value in node.value]

    def get(self, key: str) -> _Item | None:
        return next((item for item in self.items if item.key.value == key), None)

    def with_value(self, item: _Item, value: Value) -> str:
        """Return the text with another value for a key that is there."""
        text, start, end = self._text, item.value.start_mark.index, item.end
        is_empty = _is_blank(item.value) or (_is_mapping(item.value) and not item.value.value)
        if is_empty and not item.is_alias and not self.is_flow and isinstance(value, Mapping):
            lines = "".join(
                _block(key, part, self._column + self._step, self._step, _line_end(text))
                for key, part in value.items()
            )
            head = text[:start].rstrip(" ")
            return _with_lines_after(head + text[end:], len(head), lines)
        # A block of text ends with its line, and so must what stands in its place.
        new = _inline(value) + (_line_end(text) if text[start:end].endswith("\n") else "")
        if item.is_alias or (_is_container(item.value) and not item.value.flow_style):
            return f"{text[: item.after_colon]} {new}{text[end:]}"
        gap = " " if text[start - 1] == ":" else ""
        return text[:start] + gap + new + text[end:]

    def with_added(self, key: str, value: Value) -> str:
        """Return the text with a key that was not there, behind the others."""
        text = self._text
        if self.is_flow:
            brace = self._node.end_mark.index - 1
            before = text[:brace].rstrip()
            comma = ", " if self.items and not before.endswith(",") else ""
            return f"{text[:brace]}{comma}{_inline(key)}: {_inline(value)}{text[brace:]}"
        lines = _block(key, value, self._column, self._step, _line_end(text))
        return _with_lines_after(text, _content_end(text, self._node), lines)

    def without(self, item: _Item) -> str:
        """Return the text without a key; comments above it stay."""
        index = self.items.index(item)
        if self.begins_in_line(item) and len(self.items) > 1:
            return self._text[: item.start] + self._text[self.items[index + 1].start :]
        if not self.is_flow:
            return _without_lines(self._text, item)
        if index + 1 < len(self.items):
            return self._text[: item.start] + self._text[self.items[index + 1].start :]
        start = self.items[index - 1].end if index else item.start
        return self._text[:start] + self._text[item.end :]

    def begins_in_line(self, item: _Item) -> bool:
        """Tell whether a key stands behind something on its line, as that of a list's item does."""
        return not self.is_flow and _lead(self._text, item).strip() not in ("", "?")

    @property
    def _column(self) -> int:
        if not self.items:
            return 0
        column = int(self.items[0].key.start_mark.column)
        lead = _lead(self._text, self.items[0])
        # A key of its own line stands behind a question mark.
        return len(lead) - len(lead.lstrip()) if lead.strip() == "?" else column

    @property
    def _step(self) -> int:
        """Blanks by which inner lines are indented, as they are elsewhere in the document."""
        for item in self.items:
            value = item.value
            if _is_mapping(value) and not value.flow_style and not item.is_alias and value.value:
                return max(int(value.value[0][0].start_mark.column) - self._column, 1)
        outer = self._outer
        return max(self._column - outer._column, 1) if outer is not None else DEFAULT_STEP


def _is_mapping(node: Any) -> bool:
    import yaml

    return isinstance(node, yaml.MappingNode)


def _is_container(node: Any) -> bool:
    import yaml

    return isinstance(node, yaml.CollectionNode)


def _is_blank(node: Any) -> bool:
    import yaml

    return (
        isinstance(node, yaml.ScalarNode) and not node.style and str(node.value).lower() in ("", "~", "null")
    )


def _content_end(text: str, node: Any) -> int:
    """Return where a node's last character ends; a block's own mark lies behind comments that follow it."""
    if not _is_container(node) or node.flow_style:
        return int(node.end_mark.index)
    if _is_mapping(node):
        return max((_Item(text, key, value).end for key, value in node.value), default=node.start_mark.index)
    if any(part.start_mark.index < node.start_mark.index for part in node.value):
        # An item stands elsewhere and is only referred to.
        raise LayoutError
    return max((_content_end(text, part) for part in node.value), default=node.start_mark.index)


def _with_lines_after(text: str, position: int, lines: str) -> str:
    """Put whole lines behind the line that ends at or after a position."""
    if position and text[position - 1] == "\n":
        return text[:position] + lines + text[position:]
    newline = text.find("\n", position)
    if newline < 0:
        return _line_ended(text) + lines
    return text[: newline + 1] + lines + text[newline + 1 :]


def _lead(text: str, item: _Item) -> str:
    """Return what stands before a key on its line."""
    return text[text.rfind("\n", 0, item.start) + 1 : item.start]


def _without_lines(text: str, item: _Item) -> str:
    lead = _lead(text, item)
    if lead.strip() not in ("", "?"):
        raise LayoutError
    start = item.start - len(lead)
    end = item.end
    if not text[:end].endswith("\n"):
        newline = text.find("\n", end)
        end = len(text) if newline < 0 else newline + 1
    return text[:start] + text[end:]


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + _line_end(text)


def _nested(keys: Sequence[str], value: Value) -> Value:
    for key in reversed(keys):
        value = {key: value}
    return value


def _block(key: str, value: Value, column: int, step: int, line_end: str) -> str:
    """Return a key and its value as indented lines."""
    if not isinstance(value, Mapping) or not value:
        return f"{' ' * column}{_inline(key)}: {_inline(value)}{line_end}"
    inner = "".join(_block(name, part, column + step, step, line_end) for name, part in value.items())
    return f"{' ' * column}{_inline(key)}:{line_end}{inner}"


def _inline(value: Value) -> str:
    """Return a value on one line, in quotes unless every reader takes it for text without them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_inline(key)}: {_inline(part)}" for key, part in value.items()) + "}"
    if PLAIN.fullmatch(value) and value.lower() not in NOT_TEXT:
        return value
    return UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(value, ensure_ascii=False))
