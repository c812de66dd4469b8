"""Changes of single values in the text of a YAML document: nothing but the value's own lines is touched.

A library that writes the whole document anew loses comments, blank lines, line ends or indentation here
and there. What a splice cannot do, such as changing a value that other places refer to, its caller
finds out by reading the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oscarcli.config.yaml_mapping import DEFAULT_STEP, MappingText
from oscarcli.config.yaml_nodes import compose
from oscarcli.config.yaml_positions import Item, LayoutError, is_blank, is_mapping, line_end, line_ended
from oscarcli.config.yaml_style import Quotes, Value, block


def replaced(text: str, root: Any, keys: Sequence[str], value: Value) -> str:
    """Return the text with a value put at the place that `keys` lead to, whether or not it had one.

    Args:
        text: the document.
        root: what `compose` makes of it.
        keys: of each mapping on the way.
        value: what to put there.

    Raises:
        LayoutError: the place cannot be changed by itself.
    """
    if root is None or is_blank(root):
        # Comments alone, or a null: they stay on top.
        head = text if root is None else text[: root.start_mark.index] + text[root.end_mark.index :]
        return line_ended(head) + _first_lines(keys, value, line_end(text))
    if not is_mapping(root):
        raise LayoutError
    mapping = MappingText(text, root)
    for index, key in enumerate(keys[:-1]):
        inner = mapping.get(key)
        if inner is None:
            return mapping.with_added(key, _nested(keys[index + 1 :], value))
        if not is_mapping(inner.value) or inner.is_alias or not inner.value.value:
            return mapping.with_value(inner, _nested(keys[index + 1 :], value))
        mapping = MappingText(text, inner.value, mapping)
    item = mapping.get(keys[-1])
    return mapping.with_added(keys[-1], value) if item is None else mapping.with_value(item, value)


def removed(text: str, root: Any, keys: Sequence[str]) -> str:
    """Return the text without the value that `keys` lead to; as it is when there is none.

    Args:
        text: the document.
        root: what `compose` makes of it.
        keys: of each mapping on the way.

    Raises:
        LayoutError: the place cannot be changed by itself.
    """
    if not is_mapping(root):
        return text
    mapping = MappingText(text, root)
    holder: Item | None = None
    for key in keys[:-1]:
        holder = mapping.get(key)
        if holder is None or not is_mapping(holder.value):
            return text
        mapping = MappingText(text, holder.value, mapping)
    item = mapping.get(keys[-1])
    if item is None:
        return text
    without = _without(mapping, item, holder)
    # One that stood twice would come back with what counted for nothing so far.
    return removed(without, compose(without), keys) if mapping.is_repeated(item) else without


def _without(mapping: MappingText, item: Item, holder: Item | None) -> str:
    """Return a mapping's text without a key. `holder` is the key that has the mapping, if one does."""
    text = mapping.text
    if len(mapping.items) == 1 and holder is not None and mapping.begins_in_line(item):
        return f"{text[: item.start]}{{}}{text[item.end :]}"
    without = mapping.without(item)
    if len(mapping.items) > 1 or mapping.is_flow or holder is None:
        return without
    # Without its only line the mapping would read as null, which the reference client trips over.
    return f"{without[: holder.after_colon]} {{}}{without[holder.after_colon :]}"


def _first_lines(keys: Sequence[str], value: Value, line_end: str) -> str:
    return block(keys[0], _nested(keys[1:], value), 0, DEFAULT_STEP, line_end, Quotes())


def _nested(keys: Sequence[str], value: Value) -> Value:
    for key in reversed(keys):
        value = {key: value}
    return value
