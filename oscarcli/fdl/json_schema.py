"""The JSON Schema of an FDL, made of the table that the reader checks with, for editors.

It is never stricter than the reader, but for the case of keys: a schema cannot say that it does not count.
Rules that concern several values are the reader's alone.
"""

from __future__ import annotations

import re
from typing import Any

from oscarcli.coercion import YAML_TRUTH
from oscarcli.fdl import quantities, rules
from oscarcli.fdl.descriptions import FILE as FILE_DESCRIPTIONS
from oscarcli.fdl.descriptions import description
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
from oscarcli.fdl.schema import CLUSTERS, SERVICE, STORAGE_PROVIDERS
from oscarcli.fdl.values import LAST_PORT, WHOLE_NUMBER

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

SCALAR: Schema = {"type": ["string", "number", "boolean"]}
NOTHING: Schema = {"type": "null"}
WHOLE_PATTERN = f"^(?:{WHOLE_NUMBER.pattern})$"
# Rules of single values that are not in the table.
PATTERNS = {
    "name": f"^(?:{rules.LABEL.pattern})$",
    "mount.options": f"^(?:{rules.RCLONE_OPTIONS.pattern})$",
    "volume.name": f"^(?:{rules.LABEL.pattern})?$",
    "volume.mount_path": "^/",
}


def json_schema() -> Schema:
    """Return the schema of an FDL file."""
    services = {"type": "object", "additionalProperties": {"$ref": "#/$defs/service"}}
    oscar = {"type": "array", "minItems": 1, "items": services}
    properties = {
        "functions": {"type": "object", "properties": {"oscar": oscar}, "required": ["oscar"]},
        "storage_providers": _or_nothing(_record(STORAGE_PROVIDERS, "storage_providers")),
        "clusters": _or_nothing(_kind(CLUSTERS, "clusters")),
    }
    for key, schema in properties.items():
        schema["description"] = FILE_DESCRIPTIONS[key]
    oscar["description"] = FILE_DESCRIPTIONS["functions.oscar"]
    return {
        "$schema": DIALECT,
        "title": "FDL",
        "description": "Functions Definition Language: the services of OSCAR clusters.",
        "type": "object",
        "properties": properties,
        "required": ["functions"],
        "$defs": {"service": _record(SERVICE, "")},
    }


def _record(record: Record, path: str) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": {
            name: _field(field, f"{path}.{name}" if path else name) for name, field in record.fields.items()
        },
    }
    required = [name for name, field in record.fields.items() if field.required]
    return {**schema, "required": required} if required else schema


def _field(field: Field, path: str) -> Schema:
    # What is not sent is not read either.
    schema = {} if field.unsent else _kind(field.kind, path)
    if field.required:
        schema = {**schema, "minLength": 1}
    elif not field.unsent:
        schema = _or_nothing(schema)
    texts = [text for text in (description(path), field.unsent or field.remark) if text]
    if texts:
        schema["description"] = " ".join(text if text.endswith(".") else f"{text}." for text in texts)
    if field.default is not None:
        schema["default"] = field.default
    if field.unsent or field.remark:
        schema["deprecated"] = True
    return schema


def _or_nothing(schema: Schema) -> Schema:
    """Return a schema that an empty key fits, too."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list):
        return {**schema, "type": [*kind, "null"]}
    return {**schema, "anyOf": [*schema["anyOf"], NOTHING]}


def _kind(kind: ValueKind, path: str) -> Schema:
    if isinstance(kind, Text):
        return _text(kind, path)
    if isinstance(kind, Whole):
        return _whole(kind.most)
    if isinstance(kind, Switch):
        words = "|".join(_any_case(word) for word in YAML_TRUTH.all)
        return {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": f"^(?:{words})$"}]}
    if isinstance(kind, Texts):
        items = _or_nothing(SCALAR)
        return {"anyOf": [SCALAR, {"type": "array", "items": items}]}
    if isinstance(kind, PortNumbers):
        port = _whole(LAST_PORT)
        return {"anyOf": [*port["anyOf"], {"type": "array", "items": port}]}
    if isinstance(kind, TextMap):
        return {"type": "object"}
    if isinstance(kind, Record):
        return _record(kind, path)
    if isinstance(kind, Records):
        return {"type": "array", "items": _record(kind.record, path)}
    if isinstance(kind, RecordMap):
        empty = {"type": "string", "maxLength": 0}
        return {
            "type": "object",
            "additionalProperties": {"anyOf": [_record(kind.record, path), NOTHING, empty]},
        }
    raise TypeError(f"{path}: a list of services is not a value")


def _text(kind: Text, path: str) -> Schema:
    if kind.choices:
        listed: Schema = {"enum": list(kind.choices)}
        others = "|".join(_any_case(choice) for choice in kind.choices)
        other = SCALAR if kind.otherwise else {"type": "string", "pattern": f"^(?:{others})?$"}
        return {"anyOf": [listed, other]}
    if kind.quantity:
        return {
            "type": ["string", "number"],
            "pattern": f"^(?:{_plain(quantities.QUANTITY.pattern)})?$",
            "minimum": 0,
            "examples": quantities.EXAMPLES[kind.quantity].replace('"', "").split(" or "),
        }
    schema = dict(SCALAR)
    if path in PATTERNS:
        schema["pattern"] = PATTERNS[path]
    if path == "name":
        schema["maxLength"] = rules.MAX_NAME_CHARACTERS
    return schema


def _whole(most: int) -> Schema:
    number = {"type": "integer", "minimum": 0, "maximum": most}
    return {"anyOf": [number, {"type": "string", "pattern": WHOLE_PATTERN}]}


def _any_case(word: str) -> str:
    """Return a pattern for a word in any case; patterns of JSON Schema know no flags."""
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in word)


def _plain(pattern: str) -> str:
    """Return a pattern without names of groups, which other languages write differently."""
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)
