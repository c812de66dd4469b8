"""What a JSON Web Token says of itself. Nothing here checks a signature: the token's reader does that."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

from oscarcli.coercion import as_mapping

# A token is a header, claims and a signature; longer ones are encrypted and say nothing.
PARTS = 3


def claims(token: str) -> Mapping[str, Any]:
    """Return a token's claims, unverified; empty when it is no JSON Web Token. Never raises."""
    parts = token.strip().split(".")
    if len(parts) != PARTS:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1].encode("ascii") + b"=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return as_mapping(found)


def expiry(token: str) -> float | None:
    """Return a token's last moment in Unix seconds by the clock of its issuer, `None` when it has none."""
    moment = claims(token).get("exp")
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        return None
    try:
        return float(moment) if math.isfinite(moment) else None
    except OverflowError:
        return None


def text_claim(token: str, *names: str) -> str:
    """Return the first of some claims that a token has as text, empty when it has none of them."""
    found = claims(token)
    values = (found.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), "")
