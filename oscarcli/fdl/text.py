"""From the bytes of an FDL to text that every YAML parser reads.

Published FDLs have TAB characters behind scalars and on blank lines. The reference client's parser takes
them; PyYAML's two parsers refuse some or all of them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

# What YAML allows in a file; everything else is a control character or half a surrogate pair.
FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The head of a block scalar: its lines are content, TABs included, and are never touched.
BLOCK_HEAD = re.compile(r"(?:^|[ \t])[|>][-+0-9]{0,2}[ \t]*(?:#.*)?$")
# Where a TAB only separates: at the end of a line, before a comment, after a key's colon. A backslash makes
# it content, and so may a quotation mark.
TRAILING = re.compile(r"(?<![\\ \t])[ \t]*\t[ \t]*$")
BEFORE_COMMENT = re.compile(r"^([^\"'\t]*?)[ ]*\t[ \t]*(?=#)")
AFTER_KEY = re.compile(r"^([^:#'\"\t]*:)[ ]*\t[ \t]*(?=\S)")
ESCAPED_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


class NotTextError(ValueError):
    """The bytes are no text. `line` is where, counted from 1."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def decode(data: bytes) -> str:
    """Return a file's text: UTF-8, or UTF-16 where a byte order mark says so.

    Raises:
        NotTextError: it is neither, or has characters that no YAML file may have.
    """
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotTextError(line, f"not UTF-8 text (byte 0x{data[error.start]:02x})") from error
    found = FORBIDDEN.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise NotTextError(line, f"the control character U+{ord(found[0]):04X} is not allowed in YAML")
    # JSON writes characters beyond U+FFFF as two escapes, which YAML does not know.
    return ESCAPED_PAIR.sub(_joined, text) if text.lstrip().startswith("{") else text


def _joined(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return f"{match[1]}\\U{0x10000 + ((high - 0xD800) << 10) + low - 0xDC00:08x}"


def without_stray_tabs(text: str) -> str:
    """Return the text with the TABs gone that only separate; the lines of block scalars stay as they are."""
    if text.lstrip().startswith("{"):
        # A JSON string cannot hold a TAB as it is, so every one is layout.
        return text.replace("\t", " ")
    return "".join(_mended(text))


def _mended(text: str) -> Iterator[str]:
    head: int | None = None  # indentation of a block scalar's head while inside of one
    content: int | None = None  # indentation of its first line
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        end = line[len(body) :]
        indent = len(body) - len(body.lstrip(" "))
        if head is not None and (not body.strip() or indent > head):
            if content is None and body.strip():
                content = indent
            # Blanks before the content's column are no content; a parser takes the TAB for the block's end.
            yield end if "\t" in body and not body.strip() and indent < (content or 0) else line
            continue
        head, content = (_head_indent(body, indent) if BLOCK_HEAD.search(body) else None), None
        body = TRAILING.sub("", body)
        yield AFTER_KEY.sub(r"\1 ", BEFORE_COMMENT.sub(r"\1 ", body)) + end


def _head_indent(head: str, indent: int) -> int:
    """Return the indentation that a block scalar's lines exceed, given the line that its head is on."""
    # Alone on its line, the head says nothing about the key it belongs to; the content is indented anyhow.
    return 0 if head.lstrip()[0] in "|>!&" else indent
