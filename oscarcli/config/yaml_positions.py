"""Where the keys and values of a YAML document stand in its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

ALIAS = re.compile(r"\s*:\s*(\*[^\s,\[\]{}]+)")


class LayoutError(Exception):
    """The text is laid out in a way that does not allow the change."""


@dataclass(frozen=True)
class Item:
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
        """Where the colon ends."""
        colon = self.text.find(":", self.key.end_mark.index)
        if colon < 0:
            raise LayoutError
        return colon + 1

    @property
    def start(self) -> int:
        """Where the key begins."""
        return int(self.key.start_mark.index)

    @property
    def end(self) -> int:
        """Where the value ends."""
        if self.is_alias:
            match = ALIAS.match(self.text, self.key.end_mark.index)
            if match is None:
                raise LayoutError
            return match.end()
        return content_end(self.text, self.value)


def is_mapping(node: Any) -> bool:
    """Tell whether a node holds keys and values."""
    import yaml

    return isinstance(node, yaml.MappingNode)


def is_container(node: Any) -> bool:
    """Tell whether a node holds others."""
    import yaml

    return isinstance(node, yaml.CollectionNode)


def is_blank(node: Any) -> bool:
    """Tell whether a node stands for nothing."""
    import yaml

    return (
        isinstance(node, yaml.ScalarNode) and not node.style and str(node.value).lower() in ("", "~", "null")
    )


def content_end(text: str, node: Any) -> int:
    """Return where a node's last character ends; a block's own mark lies behind comments that follow it."""
    if not is_container(node) or node.flow_style:
        return int(node.end_mark.index)
    if is_mapping(node):
        return max((Item(text, key, value).end for key, value in node.value), default=node.start_mark.index)
    if any(part.start_mark.index < node.start_mark.index for part in node.value):
        # An item stands elsewhere and is only referred to.
        raise LayoutError
    return max((content_end(text, part) for part in node.value), default=node.start_mark.index)


def with_lines_after(text: str, position: int, lines: str) -> str:
    """Put whole lines behind the line that ends at or after a position."""
    if position and text[position - 1] == "\n":
        return text[:position] + lines + text[position:]
    newline = text.find("\n", position)
    if newline < 0:
        return line_ended(text) + lines
    return text[: newline + 1] + lines + text[newline + 1 :]


def lead_of(text: str, item: Item) -> str:
    """Return what stands before a key on its line."""
    return text[text.rfind("\n", 0, item.start) + 1 : item.start]


def without_lines(text: str, item: Item) -> str:
    """Return the text without the lines of a key. Raises LayoutError when something else is on them."""
    lead = lead_of(text, item)
    if lead.strip() not in ("", "?"):
        raise LayoutError
    start = item.start - len(lead)
    end = item.end
    if not text[:end].endswith("\n"):
        newline = text.find("\n", end)
        end = len(text) if newline < 0 else newline + 1
    return text[:start] + text[end:]


def line_end(text: str) -> str:
    """Return what ends a line."""
    return "\r\n" if "\r\n" in text else "\n"


def line_ended(text: str) -> str:
    """Return the text with its last line ended."""
    return text if not text or text.endswith("\n") else text + line_end(text)


def indentation(text: str, position: int) -> str:
    """Return the blanks that the line of a position begins with."""
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip())]
