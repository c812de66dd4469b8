"""The configuration file's text where it is JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from oscarcli.config.disk import MEND
from oscarcli.errors import ConfigError

HALF_PAIR = "[\ud800-\udfff]"


def loses_by_rewriting(text: str) -> bool:
    """Tell whether a JSON text holds what no rewriting keeps: a key twice, a number of unusual spelling."""

    def read(source: str) -> Any:
        return json.loads(
            source,
            object_pairs_hook=lambda pairs: ("object", pairs),
            parse_float=_Raw,
            parse_int=_Raw,
            parse_constant=_Raw,
        )

    return bool(text.strip()) and read(text) != read(json.dumps(json.loads(text)))


class _Raw(str):
    """A number as it is written."""

    __slots__ = ()


def json_text(document: Any, before: Any, path: str) -> str:
    """Return a document as JSON.

    Args:
        document: what to write.
        before: what the file holds so far.
        path: the file's name, for messages.

    Raises:
        ConfigError: JSON cannot write it.
    """
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise ConfigError(f"{path}: holds a number that JSON cannot write", hint=MEND) from error
    # The file may have escapes of what is no character, which stay; a new value may not.
    has_halves = re.search(HALF_PAIR, text) and re.search(HALF_PAIR, json.dumps(before, ensure_ascii=False))
    return json.dumps(document, indent=2) + "\n" if has_halves else text


def parse_json(text: str, path: str) -> Any:
    """Return what a JSON text holds, `None` for an empty one.

    Args:
        text: the text.
        path: the file's name, for messages.

    Raises:
        ConfigError: the text is not valid; the message has the line and column.
    """
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise ConfigError(f"{place}: not valid JSON: {error.msg}", hint=MEND) from error
    except ValueError as error:
        raise ConfigError(f"{path}: not valid JSON: {error}", hint=MEND) from error
