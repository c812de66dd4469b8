"""Opaque page tokens: where the next page begins, in a form nobody is tempted to build."""

from __future__ import annotations

import base64
import binascii

PAGE_SIZE = 70


def page_token(last: str) -> str:
    """Return the token of the page after an entry."""
    return base64.urlsafe_b64encode(f"after:{last}".encode()).decode()


def page_start(token: str) -> str:
    """Return the entry a page comes after, empty for the first page. Raises ValueError for a false token."""
    if not token:
        return ""
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("the page token is not valid") from error
    word, colon, last = text.partition(":")
    if word != "after" or not colon:
        raise ValueError("the page token is not valid")
    return last
