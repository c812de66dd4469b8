"""Secrets in documents of the API: which they are, and the documents without them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

MASK = "***"
# Keys of a service document that hold secrets, wherever they stand: a newer server may have them elsewhere.
SECRET_KEYS = frozenset(
    ["access_key", "secret_key", "token", "password", "refresh_token", "auth_password", "login"]
)
# Maps with keys of the user's choice; `environment.secrets` is where secrets belong.
PUBLIC_SECTIONS = frozenset(["variables", "secrets", "labels", "annotations"])
# Sections whose keys are names, and on how many levels: a provider may well be called "labels" or "secrets".
NAMED_LEVELS = {"storage_providers": 2, "clusters": 1}
# No name is longer; a script is no name.
LONGEST_NAME = 300
# What a server shows in the place of a secret; it tells that there is a value.
HIDDEN = "hidden"


def masked(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a document with its token and every credential replaced by `***`."""
    shown = copy.deepcopy(document)
    for holder, key in _places(shown):
        holder[key] = MASK
    return shown


def secret_values(document: Any) -> list[str]:
    """Return the credentials that a document holds."""
    return [holder[key] for holder, key in _places(document)]


def public_words(document: Any) -> set[str]:
    """Return the keys of a document, its texts that are no secret, and their parts by dots and slashes."""
    secret = {(id(holder), key) for holder, key in _places(document)}
    found: set[str] = set()
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found.update(key for key in part if isinstance(key, str))
            waiting += [value for key, value in part.items() if (id(part), key) not in secret]
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str) and len(part) <= LONGEST_NAME:
            found.update((part, *re.split(r"[./]", part)))
    return found


def _places(part: Any, named: int = 0) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield where a document has secrets: a mapping and one of its keys.

    Args:
        part: the document, or a part of it.
        named: so many levels of mappings from here on have names as keys, which say nothing.
    """
    if isinstance(part, list):
        for item in part:
            yield from _places(item)
    elif isinstance(part, dict):
        for key, value in list(part.items()):
            if named and isinstance(value, dict):
                yield from _places(value, named - 1)
            elif key in ("headers", "secrets") and isinstance(value, dict):
                yield from ((value, name) for name, text in value.items() if _is_secret(text))
            elif key in PUBLIC_SECTIONS:
                continue
            elif key in SECRET_KEYS and _is_secret(value):
                yield part, key
            else:
                yield from _places(value, NAMED_LEVELS.get(key, 0))


def _is_secret(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value != HIDDEN
