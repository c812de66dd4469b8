"""The server's own words in an answer, fit to be shown: without documents, and without secrets."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from oscarcli.http.redaction import mask_line, mask_shapes, public_words, secret_values

if TYPE_CHECKING:
    import httpx

# The server's own words are quoted up to this many characters.
MAX_QUOTE_CHARACTERS = 400
# So much of them is looked at.
MAX_READ_CHARACTERS = 4000
MIN_SECRET_CHARACTERS = 4
# How a document begins: the rest of an answer may be all that the server knows of a service.
DOCUMENT = re.compile(r'\{\s*["}]|\[\s*[{"\[\]]')
# Keys of a failure's document under which servers, and proxies before them, write a sentence.
SENTENCE_KEYS = ("error", "message", "error_description", "detail", "description", "reason", "title")


def server_text(response: httpx.Response) -> str:
    """Return the server's words in one line: stripped, taken out of JSON, without secrets, cut."""
    before, documents = _parts(response.text.strip())
    sentences = [text for document in documents for text in _sentences(document)]
    return quote_answer(before or next(iter(sentences), ""), response, documents)


def start_of(response: httpx.Response, longest: int) -> str:
    """Return how an answer begins, up to the first document in it."""
    before, documents = _parts(response.text[:MAX_READ_CHARACTERS].strip())
    return quote_answer(before, response, documents)[:longest]


def quote_answer(text: str, response: httpx.Response, documents: list[Any] | None = None) -> str:
    """Return words in one line, cut, and without what was sent in confidence or looks like a secret.

    Args:
        text: the words.
        response: the answer that they are from.
        documents: what else the answer holds.
    """
    text = mask_shapes(" ".join(text[:MAX_READ_CHARACTERS].split()))
    for secret in _secrets(response.request, documents or []):
        text = mask_line(text, secret)
    return text if len(text) <= MAX_QUOTE_CHARACTERS else text[:MAX_QUOTE_CHARACTERS] + "…"


def _parts(text: str) -> tuple[str, list[Any]]:
    """Return the words before the first document, or behind it where it comes first, and the documents.

    A document that is cut short ends the text: nothing behind its start is told.
    """
    words = ""
    documents: list[Any] = []
    while not words and text:
        found = DOCUMENT.search(text)
        if found is None:
            return text, documents
        words = text[: found.start()].strip()
        try:
            document, end = json.JSONDecoder().raw_decode(text, found.start())
        except (ValueError, RecursionError):
            break
        documents.append(document)
        text = text[end:].strip()
    return words, documents


def _sentences(document: Any) -> Iterator[str]:
    """Yield what a failure's document says; `{"error": {"message": ...}}` is usual, too."""
    if not isinstance(document, dict):
        return
    for key in SENTENCE_KEYS:
        value = document.get(key)
        if isinstance(value, str) and value.strip():
            # A sentence may go on with a document of its own.
            yield _parts(value.strip())[0]
        elif isinstance(value, dict):
            yield from _sentences(value)


def _secrets(request: httpx.Request, documents: list[Any]) -> Iterator[str]:
    """Yield what nobody may see, except for what is a name, too, which everybody may."""
    sent = _sent_document(request)
    names = public_words([sent, *documents])
    names.update(part for part in request.url.path.split("/") if part)
    found = [*_login_of(request), *secret_values(sent), *secret_values(documents)]
    # Longer ones first: a shorter one may be a part of one of them.
    for secret in sorted(set(found), key=len, reverse=True):
        # Shorter ones are part of ordinary words.
        if len(secret) >= MIN_SECRET_CHARACTERS and secret not in names:
            yield secret


def _login_of(request: httpx.Request) -> list[str]:
    """Return what a request's login holds that nobody may see."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind != "Basic":
        return [value]
    try:
        user, _, password = b64decode(value).decode().partition(":")
    except ValueError:
        return [value]
    return [value] if password == user else [value, password]


def _sent_document(request: httpx.Request) -> Any:
    if "json" not in request.headers.get("content-type", ""):
        return None
    try:
        return json.loads(request.content)
    except (ValueError, RecursionError):
        return None
