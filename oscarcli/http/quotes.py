"""Words of servers, fit to be shown: one line, not long, and without what was sent in confidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# The provider's own words are quoted up to so many characters, and looked at up to so many.
LONGEST_QUOTE = 200
LONGEST_WORDS = 2000
# A pattern of names of what nobody may see, as JSON, Go, YAML, forms and URLs write them.
HIDDEN_NAMES = (
    r"(?:[\w-]*(?:secret_?(?:access_?)?key|access_?key(?:_?id)?|password|passwd|token|client_?secret)"
    r"|x-amz-(?:signature|credential)|signature)"
)
# What is secret by its look, each with what is shown of it.
SHAPES = (
    # JSON Web Tokens begin so: with a brace and a quote.
    (re.compile(r"eyJ[A-Za-z0-9._-]{5,}"), r"***"),
    # Tokens of services; digests of images have their kind before them.
    (re.compile(r"(?<!sha256:)(?<![0-9A-Za-z])[0-9a-f]{64}(?![0-9A-Za-z])"), r"***"),
    # Keys of AWS.
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), r"***"),
    (re.compile(r"\b(Bearer)\s+[A-Za-z0-9._~+/-]{8,}=*", re.I), r"\1 ***"),
    (re.compile(r"\b(Basic)\s+(?=[^\s\"']*[0-9=])[A-Za-z0-9+/]{4,}=*", re.I), r"\1 ***"),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), r"\1:***@"),
    # Go's way to write a map.
    (re.compile(r"\b(secrets:\s*map)\[[^\]]*\]?", re.I), r"\1[***]"),
    # In prose a colon and a blank stand behind "token", too; then only what has digits in it is a value.
    (
        re.compile(
            rf"\b({HIDDEN_NAMES}[\"']?\s*(?:=\s*|:(?=\S)|:\s+(?=[\"'])|:\s+(?=[^\s\d]*\d)(?=\S{{6}})))"
            r"(?:\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s,;&}\]\"']+)",
            re.I,
        ),
        r"\1***",
    ),
)
# So much of a secret in a row is no chance.
SHORTEST_PART = 8
# Parts of a form that are no secret.
OPEN_PARTS = ("grant_type", "client_id", "scope", "redirect_uri", "token_type_hint", "code_challenge_method")


def secrets_of(form: Mapping[str, str]) -> list[str]:
    """Return the parts of a form that nobody may see."""
    return [value for name, value in form.items() if name not in OPEN_PARTS and value]


def quoted(text: str, secrets: Iterable[str] = (), longest: int = LONGEST_QUOTE) -> str:
    """Return a provider's words in one line, cut, without tokens or any part of what was sent."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[:LONGEST_WORDS])
    line = mask_shapes(line)
    for secret in secrets:
        line = masked(line, secret)
    line = " ".join(line.split())
    return line if len(line) <= longest else line[:longest] + "…"


def mask_shapes(text: str) -> str:
    """Return a text with stars for what looks like a token, a key, a password or a login."""
    for pattern, shown in SHAPES:
        text = pattern.sub(shown, text)
    return text


def masked(line: str, secret: str) -> str:
    """Return a line with stars for the secret, or for as much of it as is there."""
    shortest = min(SHORTEST_PART, len(secret))
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
        parts.append("***")
        start = end
    return "".join(parts)
