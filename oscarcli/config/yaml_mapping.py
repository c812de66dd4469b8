"""A mapping in the text of a YAML document: one of its keys is added, changed or taken away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from oscarcli.config.yaml_positions import (
    Item,
    content_end,
    indentation,
    is_blank,
    is_container,
    is_mapping,
    lead_of,
    line_end,
    with_lines_after,
    without_lines,
)
from oscarcli.config.yaml_style import Quotes, Value, block, inline, quotes_near, quotes_of, spread, written

DEFAULT_STEP = 2
# What may lie between the last value in braces and the comma behind it.
COMMA = re.compile(r"(?:\s|#[^\n]*\n)*,")
REST_OF_LINE = re.compile(r"[ \t]*(?:,[ \t]*)?(?:#[^\n]*)?\r?\n")


class MappingText:
    """A mapping node in a text.

    Args:
        text: the whole document.
        node: the mapping.
        outer: the mapping it lies in.
    """

    def __init__(self, text: str, node: Any, outer: MappingText | None = None) -> None:
        self.text = text
        self._node = node
        self._outer = outer
        self.is_flow = bool(node.flow_style)
        self.items = [Item(text, key, value) for key, value in node.value]

    def get(self, key: str) -> Item | None:
        """Return a key's item: of several, the last one, which counts."""
        return next((item for item in reversed(self.items) if item.key.value == key), None)

    def is_repeated(self, item: Item) -> bool:
        """Tell whether the key of an item stands here a second time."""
        return [other.key.value for other in self.items].count(item.key.value) > 1

    def with_value(self, item: Item, value: Value) -> str:
        """Return the text with another value for a key that is there."""
        text, start, end = self.text, item.value.start_mark.index, item.end
        is_empty = is_blank(item.value) or (is_mapping(item.value) and not item.value.value)
        if is_empty and not item.is_alias and not self.is_flow and isinstance(value, Mapping):
            lines = "".join(
                block(key, part, self._column + self._step, self._step, line_end(text), self._quotes)
                for key, part in value.items()
            )
            head = text[:start].rstrip(" ")
            return with_lines_after(head + text[end:], len(head), lines)
        # A block of text ends with its line, and so must what stands in its place.
        new = self._in_place(item, value) + (line_end(text) if text[start:end].endswith("\n") else "")
        if item.is_alias or (is_container(item.value) and not item.value.flow_style):
            return f"{text[: item.after_colon]} {new}{text[end:]}"
        gap = " " if text[start - 1] == ":" else ""
        return text[:start] + gap + new + text[end:]

    def with_added(self, key: str, value: Value) -> str:
        """Return the text with a key that was not there, behind the others."""
        if self.is_flow:
            return self._with_added_in_braces(key, value)
        text = self.text
        lines = block(key, value, self._column, self._step, line_end(text), self._quotes)
        return with_lines_after(text, content_end(text, self._node), lines)

    def _with_added_in_braces(self, key: str, value: Value) -> str:
        text, brace = self.text, self._node.end_mark.index - 1
        new = f"{written(key, self._quotes.key)}: "
        if not self.items:
            return text[:brace] + new + inline(value, self._quotes) + text[brace:]
        last = self.items[-1].end
        comma = COMMA.match(text, last, brace)
        # Where the comma is, and whether it is new, another one goes behind the new key.
        head = text[: comma.end()] if comma else f"{text[:last]},"
        rest, more = (text[comma.end() :], ",") if comma else (text[last:], "")
        if not self.is_spread:
            return f"{head} {new}{self._in_braces(value)}{more}{rest}"
        # Behind the comment that the last line may have.
        line = REST_OF_LINE.match(rest)
        kept = rest[: line.end()].rstrip("\r\n") if line else ""
        new = f"{line_end(text)}{self._lead}{new}{self._in_braces(value)}{more}"
        return head + kept + new + rest[len(kept) :]

    def without(self, item: Item) -> str:
        """Return the text without a key; comments above it stay."""
        index = self.items.index(item)
        if index + 1 < len(self.items) and (self.is_flow or self.begins_in_line(item)):
            return self.text[: item.start] + self.text[self.items[index + 1].start :]
        return self._without_last_in_braces(item) if self.is_flow else without_lines(self.text, item)

    def _without_last_in_braces(self, item: Item) -> str:
        text, brace = self.text, self._node.end_mark.index - 1
        comma = COMMA.match(text, item.end, brace)
        if len(self.items) == 1:
            inside = text[self._node.start_mark.index + 1 : item.start] + text[item.end : brace]
            if not inside.strip(", \t\r\n"):
                return text[: self._node.start_mark.index + 1] + text[brace:]
            return text[: item.start] + text[comma.end() if comma else item.end :]
        before = self.items[self.items.index(item) - 1].end
        between = COMMA.match(text, before, item.start)
        rest = REST_OF_LINE.match(text, item.end, brace)
        if between is None or rest is None or not self.is_spread:
            return text[:before] + text[item.end :]
        # Its own line goes; the comment on the line before stays.
        line = text.rfind("\n", 0, item.start) + 1
        kept = text[between.end() - 1 : line] if comma else text[between.end() : line]
        return text[: between.end() - 1] + kept + text[rest.end() :]

    def begins_in_line(self, item: Item) -> bool:
        """Tell whether a key stands behind something on its line, as that of a list's item does."""
        return not self.is_flow and lead_of(self.text, item).strip() not in ("", "?")

    @property
    def is_spread(self) -> bool:
        """Whether keys in braces have lines of their own."""
        return bool(self.items) and not lead_of(self.text, self.items[-1]).strip()

    @property
    def _lead(self) -> str:
        """What stands before a key that has a line of its own."""
        return lead_of(self.text, self.items[-1])

    @property
    def _quotes(self) -> Quotes:
        scopes, mapping = [self._node], self._outer
        while mapping is not None:
            scopes.append(mapping._node)
            mapping = mapping._outer
        return quotes_near(scopes)

    def _in_place(self, item: Item, value: Value) -> str:
        """Return what stands for a new value where a former one stood, in the former one's manner."""
        former = item.value
        if isinstance(value, str) and not item.is_alias and not is_container(former):
            quotes = quotes_of(former)
            return written(value, self._quotes.text if quotes is None else quotes)
        is_full = is_mapping(former) and former.flow_style and former.value and not item.is_alias
        if is_full and MappingText(self.text, former, self).is_spread:
            return self._spread(value, indentation(self.text, item.start))
        if is_full:
            return inline(value, self._quotes)
        return self._in_braces(value) if self.is_flow else inline(value, self._quotes)

    def _in_braces(self, value: Value) -> str:
        """Return a new value of a mapping in braces, in the manner of its neighbours."""
        inner = [item.value for item in self.items if is_mapping(item.value) and item.value.value]
        is_spread = all(MappingText(self.text, node, self).is_spread for node in inner) and self.is_spread
        return self._spread(value, self._lead) if is_spread else inline(value, self._quotes)

    def _spread(self, value: Value, lead: str) -> str:
        return spread(value, lead, self._lead_step, line_end(self.text), self._quotes)

    @property
    def _lead_step(self) -> str:
        """What a line in braces has before it more than the line it lies in."""
        if not self.is_flow:
            return " " * self._step
        if not self.is_spread:
            return self._outer._lead_step if self._outer is not None else " " * DEFAULT_STEP
        outer = indentation(self.text, self._node.start_mark.index)
        return self._lead[len(outer) :] if self._lead.startswith(outer) else " " * DEFAULT_STEP

    @property
    def _column(self) -> int:
        if not self.items:
            return 0
        column = int(self.items[0].key.start_mark.column)
        lead = lead_of(self.text, self.items[0])
        # A key of its own line stands behind a question mark.
        return len(lead) - len(lead.lstrip()) if lead.strip() == "?" else column

    @property
    def _step(self) -> int:
        """Blanks by which inner lines are indented, as they are elsewhere in the document."""
        for item in self.items:
            value = item.value
            if is_mapping(value) and not value.flow_style and not item.is_alias and value.value:
                return max(int(value.value[0][0].start_mark.column) - self._column, 1)
        outer = self._outer
        return max(self._column - outer._column, 1) if outer is not None else DEFAULT_STEP
