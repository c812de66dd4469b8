"""How a YAML document writes its keys and values, so that what is added to it looks like what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oscarcli.coercion import YAML_NOT_TEXT

# Text that every reader of YAML, of version 1.1 or 1.2, takes for text when it stands without quotes.
PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*|[0-9]+[KMG]i")
# Not left to YAML's own rules: readers disagree about them.
UNSAFE = re.compile(r"[\x7f-\xa0\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")

Value = str | bool | Mapping[str, Any]


@dataclass(frozen=True)
class Quotes:
    """Quotation marks around keys and around text; an empty one means that they stand only where needed."""

    key: str = ""
    text: str = ""


def quotes_near(scopes: Sequence[Any]) -> Quotes:
    """Return the quotation marks that a new key and value should have.

    Args:
        scopes: the mapping that takes them, then the ones around it, outwards; nodes of `compose`.
    """
    # A document in braces without anything in it is JSON as much as YAML: it stays both.
    bare = '"' if scopes[-1].flow_style else ""
    key = _first(_common(_keys(scope)) for scope in scopes)
    key = bare if key is None else key
    text = _first(_common(_texts(scope)) for scope in scopes)
    return Quotes(key, key if text is None else text)


def quotes_of(scalar: Any) -> str | None:
    """Return the quotation marks that somebody chose for a text, `None` where there was nothing to choose."""
    needs_none = bool(PLAIN.fullmatch(scalar.value)) and scalar.value.lower() not in YAML_NOT_TEXT
    if scalar.style in ("'", '"'):
        return str(scalar.style) if needs_none else None
    return "" if needs_none and not scalar.style else None


def _first(found: Iterable[str | None]) -> str | None:
    return next((quotes for quotes in found if quotes is not None), None)


def _common(scalars: Iterator[Any]) -> str | None:
    """Return the marks of scalars, none as soon as one has none."""
    common: str | None = None
    for scalar in scalars:
        quotes = quotes_of(scalar)
        if quotes == "":
            return quotes
        common = common or quotes
    return common


def _keys(node: Any) -> Iterator[Any]:
    return (key for key, _ in _pairs(node))


def _texts(node: Any) -> Iterator[Any]:
    return (value for _, value in _pairs(node) if _is_scalar(value))


def _pairs(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the keys and values of a mapping, then those of the mappings in it."""
    import yaml

    waiting = [node]
    while waiting:
        mapping = waiting.pop(0)
        for key, value in mapping.value:
            if _is_scalar(key):
                yield key, value
            if isinstance(value, yaml.MappingNode):
                waiting.append(value)


def _is_scalar(node: Any) -> bool:
    import yaml

    return isinstance(node, yaml.ScalarNode)


def inline(value: Value, quotes: Quotes) -> str:
    """Return a value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        parts = (f"{written(key, quotes.key)}: {inline(part, quotes)}" for key, part in value.items())
        return "{" + ", ".join(parts) + "}"
    return written(value, quotes.text)


def spread(value: Value, lead: str, step: str, line_end: str, quotes: Quotes) -> str:
    """Return a value in braces, each key of a mapping on a line of its own.

    Args:
        value: the value.
        lead: what stands before the line that the value begins in.
        step: what inner lines have before them besides.
        line_end: between lines.
        quotes: around keys and text.
    """
    if not isinstance(value, Mapping) or not value:
        return inline(value, quotes)
    inner = lead + step
    parts = (
        f"{inner}{written(key, quotes.key)}: {spread(part, inner, step, line_end, quotes)}"
        for key, part in value.items()
    )
    return f"{{{line_end}{f',{line_end}'.join(parts)}{line_end}{lead}}}"


def block(key: str, value: Value, column: int, step: int, line_end: str, quotes: Quotes) -> str:
    """Return a key and its value as indented lines."""
    name = " " * column + written(key, quotes.key)
    if not isinstance(value, Mapping) or not value:
        return f"{name}: {inline(value, quotes)}{line_end}"
    inner = "".join(block(key, part, column + step, step, line_end, quotes) for key, part in value.items())
    return f"{name}:{line_end}{inner}"


def written(text: str, quote: str) -> str:
    """Return a text in quotes unless there shall be none, and every reader takes it for text without them."""
    if not quote and PLAIN.fullmatch(text) and text.lower() not in YAML_NOT_TEXT:
        return text
    if quote == "'" and text.isprintable() and not UNSAFE.search(text):
        return "'" + text.replace("'", "''") + "'"
    return UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(text, ensure_ascii=False))
