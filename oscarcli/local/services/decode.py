"""JSON bodies read as the manager's decoder reads them.

Keys match in any case, unknown keys are dropped, `null` means the default, a wrong type is refused, and
whatever follows the first JSON value is ignored.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class DecodeError(ValueError):
    """The body is no JSON, or a value has the wrong type; the text is the decoder's."""


@dataclass(frozen=True)
class ListOf:
    """A JSON array of one kind."""

    item: JsonKind


@dataclass(frozen=True)
class MapOf:
    """A JSON object with free keys and values of one kind."""

    value: JsonKind


@dataclass(frozen=True)
class Struct:
    """A JSON object with known members, in the order in which they are written out.

    Members whose key is in `omitted` are left out when they are empty.
    """

    name: str
    members: Mapping[str, JsonKind]
    omitted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Pointer:
    """What may be absent: `null` and no value stay `None` instead of becoming the kind's zero value."""

    target: JsonKind


# A scalar is one of the types str, bool, int; `object` takes any JSON value as it is.
JsonKind = type | ListOf | MapOf | Struct | Pointer

_GO_NAMES = {str: "string", bool: "bool", int: "int"}
_WORDS = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
_BLANKS = " \t\r\n"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# What is left of them once Python has joined the pairs.
_HALF = re.compile("[\ud800-\udfff]")
# Go's int has 64 bits; its float64 ends before an integer of so many digits.
_INT_RANGE = range(-(1 << 63), 1 << 63)
_MAX_DIGITS = 309


def parse_json(body: bytes) -> Any:
    """Return the first JSON value of `body`. Raises DecodeError."""
    text = body.decode("utf-8", errors="replace").lstrip(_BLANKS)
    if not text:
        raise DecodeError("EOF")
    decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer, parse_float=_float)
    try:
        value = decoder.raw_decode(text)[0]
        return _without_surrogates(value) if _SURROGATE.search(text) else value
    except json.JSONDecodeError as error:
        raise DecodeError(_syntax_error(text, error)) from error
    except RecursionError as error:
        raise DecodeError("exceeded max depth") from error


def _no_constant(word: str) -> None:
    raise DecodeError(f"invalid character '{word[0]}' looking for beginning of value")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise _not_a_number(text)
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _not_a_number(text)
    return value


def _not_a_number(text: str) -> DecodeError:
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    return DecodeError(f"json: cannot unmarshal number {shown} into Go value of type float64")


def _without_surrogates(value: Any) -> Any:
    """Return a JSON value in which U+FFFD stands for halves of surrogate pairs, which no UTF-8 can carry."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _syntax_error(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text) or error.msg.startswith("Unterminated"):
        return "unexpected EOF"
    if error.msg == "Expecting value":
        return f"invalid character '{text[error.pos]}' looking for beginning of value"
    return f"invalid character '{text[error.pos]}' in JSON: {error.msg}"


def decode(struct: Struct, value: Any) -> dict[str, Any]:
    """Return `value` with the members of `struct`, absent ones with their zero value.

    Raises:
        DecodeError: a value has the wrong type.
    """
    decoded: dict[str, Any] = _decode(struct, value, struct.name, ())
    return decoded


def _decode(kind: JsonKind, value: Any, owner: str, path: tuple[str, ...]) -> Any:
    if value is None:
        return zero(kind)
    if isinstance(kind, Pointer):
        return _decode(kind.target, value, owner, path)
    if isinstance(kind, Struct):
        return _decode_struct(kind, _checked(value, dict, f"types.{kind.name}", owner, path), path)
    if isinstance(kind, ListOf):
        items = _checked(value, list, go_name(kind), owner, path)
        return [_decode(kind.item, item, owner, path) for item in items]
    if isinstance(kind, MapOf):
        entries = _checked(value, dict, go_name(kind), owner, path)
        return {key: _decode(kind.value, entry, owner, path) for key, entry in sorted(entries.items())}
    return value if kind is object else _checked(value, kind, go_name(kind), owner, path)


def _decode_struct(struct: Struct, value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    known = {key.lower(): key for key in struct.members}
    given = {known[key.lower()]: entry for key, entry in value.items() if key.lower() in known}
    decoded = {
        key: _decode(kind, given.get(key), struct.name, (*path, key)) for key, kind in struct.members.items()
    }
    return without_empty(struct, decoded)


def without_empty(struct: Struct, document: dict[str, Any]) -> dict[str, Any]:
    """Return `document` without those empty members that are not written out."""
    return {key: value for key, value in document.items() if value or key not in struct.omitted}


def _checked(value: Any, wanted: type, name: str, owner: str, path: tuple[str, ...]) -> Any:
    is_number = wanted is int and type(value) in (int, float)
    if type(value) is wanted and not (is_number and value not in _INT_RANGE):
        return value
    word = f"number {value!r}" if is_number else _WORDS[type(value)]
    where = f"Go struct field {owner}.{'.'.join(path)}" if path else "Go value"
    raise DecodeError(f"json: cannot unmarshal {word} into {where} of type {name}")


def go_name(kind: JsonKind) -> str:
    """Return the name Go has for a kind, as it appears in the decoder's texts."""
    if isinstance(kind, ListOf):
        return f"[]{go_name(kind.item)}"
    if isinstance(kind, MapOf):
        return f"map[string]{go_name(kind.value)}"
    if isinstance(kind, Pointer):
        return f"*{go_name(kind.target)}"
    return f"types.{kind.name}" if isinstance(kind, Struct) else _GO_NAMES.get(kind, "interface {}")


def zero(kind: JsonKind) -> Any:
    """Return the value of a member that was not given."""
    if isinstance(kind, Struct):
        return without_empty(kind, {key: zero(member) for key, member in kind.members.items()})
    if isinstance(kind, ListOf):
        return []
    if isinstance(kind, MapOf):
        return {}
    return None if isinstance(kind, Pointer) or kind is object else kind()
