"""Nodes into the values that the server wants, by the table of `schema.py`.

Strings keep the text as written: YAML would make 1.0 of `1.00`, 83 of `0123` and true of `yes`.
"""

from __future__ import annotations

import json
import math
import re
from difflib import get_close_matches
from typing import Any

from oscarcli.coercion import YAML_TRUTH
from oscarcli.fdl import quantities
from oscarcli.fdl.document import below
from oscarcli.fdl.findings import Findings, shortened
from oscarcli.fdl.kinds import (
    Field,
    PortNumbers,
    Record,
    RecordMap,
    Records,
    Switch,
    Text,
    TextMap,
    Texts,
    ValueKind,
    Whole,
)
from oscarcli.fdl.nodes import Mapping, Node, Scalar, Sequence, described

LAST_PORT = 65535
# As the reference client has it, a number may be written with a fraction that is none.
WHOLE_NUMBER = re.compile(r"\+?(0|[1-9][0-9]{0,17})(\.0*)?")
# Numbers of YAML 1.2 that JSON knows too.
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,2})?")


class Values:
    """Turns the nodes of one file into values.

    Args:
        findings: takes what is wrong or odd.

    Attributes:
        lines: where each key path that was read stands, for rules that look at several values.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.lines: dict[str, int] = {}

    def record(self, node: Node, record: Record, path: str) -> dict[str, Any]:
        """Return the values of a record; absent keys, empty ones and mistaken ones are not in it."""
        values: dict[str, Any] = {}
        if not isinstance(node, Mapping):
            self._expected(node, path, "keys and values")
            return values
        given = self.given(node, record, path)
        for name, (key, value) in given.items():
            field = record.fields.get(name)
            found = generic(value) if field is None else self._field(value, field, path, name)
            if found is not None:
                values[name] = found
            elif field is not None and is_absent(value):
                self._lacking(field, key.line, below(path, name), "empty")
        for name, field in record.fields.items():
            if name not in given:
                self._lacking(field, self.lines.get(path, node.line), below(path, name), "missing")
        return values

    def _lacking(self, field: Field, line: int, path: str, how: str) -> None:
        """Report a key that should have a value and has none."""
        text = f"{how}; {field.absent}" if field.absent else how
        if field.required:
            self._findings.error(line, path, text)
        elif field.absent:
            self._findings.warn(line, path, text)

    def given(self, node: Mapping, record: Record, path: str) -> dict[str, tuple[Scalar, Node]]:
        """Return the entries under the names of the table; like the server's, they know no case."""
        names = {name.lower(): name for name in record.fields}
        given: dict[str, tuple[Scalar, Node]] = {}
        for key, value in node.all_entries():
            name = names.get(key.text.lower())
            place = below(path, name or key.text)
            if name in given:
                self._findings.error(key.line, place, f"given twice, first on line {given[name][0].line}")
                continue
            if name is None:
                self._findings.warn(key.line, place, unknown_key(key.text, record))
            self.lines[place] = key.line
            given[name or key.text] = (key, value)
        return given

    def _field(self, node: Node, field: Field, path: str, name: str) -> Any:
        place = below(path, name)
        if field.unsent:
            self._findings.warn(self.lines[place], place, field.unsent)
            return None
        if field.remark:
            self._findings.warn(self.lines[place], place, field.remark)
        found = self.value(node, field.kind, place)
        return None if found == "" and (field.required or field.absent) else found

    def value(self, node: Node, kind: ValueKind, path: str) -> Any:
        """Return the value of a node, `None` when there is none or it is mistaken."""
        if isinstance(node, Scalar) and node.is_null:
            return None
        if isinstance(kind, Text):
            return self._text(node, kind, path)
        if isinstance(kind, Whole):
            return self._whole(node, path, kind.most)
        if isinstance(kind, Switch):
            return self._switch(node, path)
        if isinstance(kind, (Texts, PortNumbers, Records)):
            return self._list(node, kind, path)
        if isinstance(kind, Record):
            return self.record(node, kind, path)
        if isinstance(kind, (TextMap, RecordMap)):
            return self._map(node, kind, path)
        raise TypeError(f"{path}: a list of services is not a value")

    def _text(self, node: Node, kind: Text, path: str) -> str | None:
        if not isinstance(node, Scalar):
            self._expected(node, path, "text")
            return None
        if kind.choices and node.text:
            return self._choice(node, kind, path)
        if kind.quantity and node.text:
            wrong = quantities.quantity_error(node.text, kind.quantity)
            odd = quantities.quantity_warning(node.text, kind.quantity)
            if wrong:
                self._findings.error(node.line, path, wrong)
            elif odd:
                self._findings.warn(node.line, path, odd)
        return node.text

    def _choice(self, node: Scalar, kind: Text, path: str) -> str | None:
        known = next((choice for choice in kind.choices if choice.lower() == node.text.lower()), None)
        if known is None:
            expected = f"expected {' or '.join(kind.choices)}, not {shortened(node.text)}"
            if not kind.otherwise:
                self._findings.error(node.line, path, expected)
                return None
            self._findings.warn(node.line, path, f"{expected}; the server takes it as {kind.otherwise}")
        return known or node.text

    def _whole(self, node: Node, path: str, most: int) -> int | None:
        if not isinstance(node, Scalar):
            self._expected(node, path, "a whole number")
            return None
        written = WHOLE_NUMBER.fullmatch(node.text)
        if written is None or int(written[1]) > most:
            self._findings.error(
                node.line, path, f"expected a whole number from 0 to {most}, not {shortened(node.text)}"
            )
            return None
        return int(written[1])

    def _switch(self, node: Node, path: str) -> bool | None:
        if not isinstance(node, Scalar):
            self._expected(node, path, "true or false")
            return None
        value = YAML_TRUTH.read(node.text)
        if value is None:
            self._findings.error(node.line, path, f"expected true or false, not {shortened(node.text)}")
        return value

    def _list(self, node: Node, kind: Texts | PortNumbers | Records, path: str) -> list[Any] | None:
        if isinstance(kind, Records) and not isinstance(node, Sequence):
            self._expected(node, path, 'a list, each item with "-" before it')
            return None
        found = []
        for index, item in enumerate(node.items if isinstance(node, Sequence) else [node]):
            place = f"{path}[{index}]" if isinstance(node, Sequence) else path
            self.lines[place] = item.line
            found.append(self._item(item, kind, place))
        return None if None in found else found

    def _item(self, item: Node, kind: Texts | PortNumbers | Records, path: str) -> Any:
        if isinstance(kind, Records):
            return self.record(item, kind.record, path)
        if isinstance(kind, PortNumbers):
            return self._whole(item, path, LAST_PORT)
        return self._text(item, Text(), path)

    def _map(self, node: Node, kind: TextMap | RecordMap, path: str) -> dict[str, Any] | None:
        if not isinstance(node, Mapping):
            self._expected(node, path, "keys and values")
            return None
        values: dict[str, Any] = {}
        for key, value in node.all_entries():
            place = below(path, key.text)
            self.lines[place] = key.line
            if isinstance(kind, RecordMap):
                values[key.text] = {} if is_absent(value) else self.record(value, kind.record, place)
            else:
                values[key.text] = self._map_text(value, place)
        return values

    def _map_text(self, node: Node, path: str) -> str:
        if isinstance(node, Scalar):
            return "" if node.is_null else node.text
        self._findings.warn(node.line, path, f"{described(node)}; sent as text, in JSON")
        return json.dumps(generic(node), ensure_ascii=False)

    def _expected(self, node: Node, path: str, wanted: str) -> None:
        self._findings.error(node.line, path, f"expected {wanted}, not {described(node)}")


def is_absent(node: Node) -> bool:
    """Tell whether a node stands for nothing."""
    return isinstance(node, Scalar) and (node.is_null or not node.text)


def unknown_key(name: str, record: Record) -> str:
    """Return what to say of a key that the table does not have."""
    close = get_close_matches(name.lower(), record.fields, n=1)
    return f'unknown key, did you mean "{close[0]}"?' if close else "unknown key"


def generic(node: Node) -> Any:
    """Return the value of a node as YAML 1.2 means it, for keys that the table does not know."""
    if isinstance(node, Sequence):
        return [generic(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key.text: generic(value) for key, value in node.all_entries()}
    if not node.plain:
        return node.text
    if node.is_null:
        return None
    if node.text.lower() in ("true", "false"):
        return node.text.lower() == "true"
    if INTEGER.fullmatch(node.text):
        return int(node.text)
    number = float(node.text) if FLOAT.fullmatch(node.text) else math.inf
    return number if math.isfinite(number) else node.text
