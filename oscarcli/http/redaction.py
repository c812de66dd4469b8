"""What nobody may see: secrets in documents of the API, and in words that servers and programs wrote.

A document is masked by its keys. Words are made fit to be shown: one line, not long, without what was sent
in confidence, and without what looks like a secret.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
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
MAX_NAME_CHARACTERS = 300
# What a server shows in the place of a secret; it tells that there is a value.
HIDDEN = "hidden"

# The provider's own words are quoted up to so many characters, and looked at up to so many.
MAX_QUOTE_CHARACTERS = 200
MAX_READ_CHARACTERS = 2000
# A pattern of names of what nobody may see, as JSON, Go, YAML, forms and URLs write them.
HIDDEN_NAMES = (
    r"(?:[\w-]*(?:secret_?(?:access_?)?key|access_?key(?:_?id)?|password|passwd|token|client_?secret)"
    r"|x-amz-(?:signature|credential)|signature)"
)
# What is secret by its look, each with what is shown of it.
SHAPES = (
    # JSON Web Tokens begin so: with a brace and a quote.
    (r"eyJ[A-Za-z0-9._-]{5,}", r"***"),
    # Tokens of services; digests of images have their kind before them.
    (r"(?<!sha256:)(?<![0-9A-Za-z])[0-9a-f]{64}(?![0-9A-Za-z])", r"***"),
    # Keys of AWS.
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", r"***"),
    (r"(?i)\b(Bearer)\s+[A-Za-z0-9._~+/-]{8,}=*", r"\1 ***"),
    (r"(?i)\b(Basic)\s+(?=[^\s\"']*[0-9=])[A-Za-z0-9+/]{4,}=*", r"\1 ***"),
    (r"(://[^/\s:@]*):[^/\s@]+@", r"\1:***@"),
    # Go's way to write a map.
    (r"(?i)\b(secrets:\s*map)\[[^\]]*\]?", r"\1[***]"),
    # In prose a colon and a blank stand behind "token", too; then only what has digits in it is a value.
    (
        rf"(?i)\b({HIDDEN_NAMES}[\"']?\s*(?:=\s*|:(?=\S)|:\s+(?=[\"'])|:\s+(?=[^\s\d]*\d)(?=\S{{6}})))"
        r"(?:\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s,;&}\]\"']+)",
        r"\1***",
    ),
)
# So much of a secret in a row is no chance.
MIN_PART_CHARACTERS = 8
# Parts of a form that are no secret.
OPEN_PARTS = ("grant_type", "client_id", "scope", "redirect_uri", "token_type_hint", "code_challenge_method")


# -- documents ----------------------------------------------------------------------------------------


def mask_document(document: dict[str, Any]) -> dict[str, Any]:
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
        elif isinstance(part, str) and len(part) <= MAX_NAME_CHARACTERS:
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


# -- words --------------------------------------------------------------------------------------------


def secrets_of(form: Mapping[str, str]) -> list[str]:
    """Return the parts of a form that nobody may see."""
    return [value for name, value in form.items() if name not in OPEN_PARTS and value]


def quote_line(text: str, secrets: Iterable[str] = (), longest: int = MAX_QUOTE_CHARACTERS) -> str:
    """Return a provider's words in one line, cut, without tokens or any part of what was sent."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[:MAX_READ_CHARACTERS])
    line = mask_shapes(line)
    for secret in secrets:
        line = mask_line(line, secret)
    line = " ".join(line.split())
    return line if len(line) <= longest else line[:longest] + "…"


def mask_shapes(text: str) -> str:
    """Return a text with stars for what looks like a token, a key, a password or a login."""
    for pattern, shown in _shapes():
        text = pattern.sub(shown, text)
    return text


@cache
def _shapes() -> list[tuple[re.Pattern[str], str]]:
    # Most commands show nobody else's words, and need not wait for this.
    return [(re.compile(pattern), shown) for pattern, shown in SHAPES]


def mask_line(line: str, secret: str) -> str:
    """Return a line with stars for the secret, or for as much of it as is there."""
    shortest = min(MIN_PART_CHARACTERS, len(secret))
    parts = []
    start = 0
    while start < len(line):
        end = start + shortest
        if line[start:end] not in secret or end > len(line):
            parts.append(line[start])
            start += 1
            continue
        while end < len(line) and line[start : end + 1] in secret:
            end += 1
        parts.append(MASK)
        start = end
    return "".join(parts)
