"""Secrets in documents of the API: which they are, and the documents without them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

# Keys of maps and indexes of lists, from the top of a document down.
Path = tuple[str | int, ...]

MASK = "***"
# Keys of a service document that hold secrets, wherever they stand: a newer server may have them elsewhere.
SECRET_KEYS = frozenset(
    ["access_key", "secret_key", "token", "password", "refresh_token", "auth_password", "login"]
)
# Maps with keys of the user's choice; `environment.secrets` is where secrets belong.
SECRET_SECTIONS = frozenset(["secrets", "headers"])
PUBLIC_SECTIONS = frozenset(["variables", "labels", "annotations"])
# Sections whose keys are names, and on how many levels: a provider may well be called "labels" or "secrets".
NAMED_LEVELS = {"storage_providers": 2, "clusters": 1}
# No name is longer; a script is no name.
LONGEST_NAME = 300
# What a server shows in the place of a secret; it tells that there is a value.
HIDDEN = "hidden"


def masked(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a document with its token and every credential replaced by `***`."""
    shown = copy.deepcopy(document)
    for holder, path in _places(shown):
        holder[path[-1]] = MASK
    return shown


def secret_values(document: Any) -> list[str]:
    """Return the credentials that a document holds."""
    return [holder[path[-1]] for holder, path in _places(document)]


def public_words(document: Any) -> set[str]:
    """Return the keys of a document, its texts that are no secret, and their parts by dots and slashes."""
    secret = {(id(holder), path[-1]) for holder, path in _places(document)}
    found: set[str] = set()
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found.update(key for key in part if isinstance(key, str))
            waiting += [value for key, value in part.items() if (id(part), key) not in secret]
        elif isinstance(part, list):
            waiting += [value for index, value in enumerate(part) if (id(part), index) not in secret]
        elif isinstance(part, str) and len(part) <= LONGEST_NAME:
            found.update((part, *re.split(r"[./]", part)))
    return found


def secret_paths(document: Any) -> list[Path]:
    """Return where a document has credentials."""
    return [path for _, path in _places(document)]


def is_secret_path(path: Path) -> bool:
    """Tell whether what stands at a path of a service's document is secret by its place."""
    *above, last = path
    # So many levels from here on have names as keys, which say nothing.
    named = 0
    for key in above:
        if isinstance(key, int):
            named = 0
        elif named:
            named -= 1
        elif key in SECRET_SECTIONS:
            return True
        elif key in PUBLIC_SECTIONS:
            return False
        else:
            named = NAMED_LEVELS.get(key, 0)
    return last in SECRET_KEYS


def _places(part: Any, path: Path = ()) -> Iterator[tuple[Any, Path]]:
    """Yield where a document has secrets: what holds it, and its path; the last key is the holder's."""
    children = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in list(children):
        below = (*path, key)
        if isinstance(value, (dict, list)):
            yield from _places(value, below)
        elif _is_secret(value) and is_secret_path(below):
            yield part, below


def _is_secret(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value != HIDDEN
