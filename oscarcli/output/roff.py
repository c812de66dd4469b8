"""Text for `man`: the few macros of a manual page, and pages in Markdown as such.

Source of the macros: groff_man(7). What reads it may be groff or mandoc.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

# A hyphen stands for a minus sign, as options have it; at the start of a line, dots and quotes are commands.
_ESCAPES = str.maketrans({"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"})

NOTHING = "\\&"


def escaped(text: str) -> str:
    """Return text as roff prints it as it is; lines stay lines."""
    lines = text.translate(_ESCAPES).split("\n")
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in lines)


def header(name: str, section: int, version: str) -> str:
    """Return the first line of a page; `section` is 1 for programs, 7 for what else is worth reading."""
    return f'.TH "{escaped(name.upper())}" {section} "" "{escaped(version)}"\n'


def heading(text: str, level: int = 1) -> str:
    """Return a heading: level 1 of a section, all others below."""
    return f'.{"SH" if level == 1 else "SS"} "{_argument(text)}"\n'


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f".PP\n{escaped(' '.join(text.split()))}\n"


def definitions(rows: Iterable[tuple[str, str]]) -> str:
    """Return a list of terms, each with what it means."""
    return "".join(f".TP\n\\fB{_line(term)}\\fR\n{_line(text) or NOTHING}\n" for term, text in rows)


def example(lines: str) -> str:
    """Return lines that stay as they are."""
    return f".PP\n.RS 4\n.nf\n{escaped(lines.rstrip())}\n.fi\n.RE\n"


def from_markdown(text: str) -> str:
    """Return what is below the title of a page in Markdown."""
    from markdown_it import MarkdownIt

    return _Writer(MarkdownIt("commonmark").enable("table").parse(text)).written()


def _argument(text: str) -> str:
    return escaped(text).replace('"', "\\(dq")


def _line(text: str) -> str:
    return escaped(" ".join(text.split()))


class _Writer:
    """Writes the blocks of a page, one after the other.

    Args:
        tokens: of the page, as markdown-it gives them.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._parts: list[str] = []
        self._cells: list[str] = []
        # Lists that are open: how many, and whether the next paragraph begins one of their items.
        self._depth = 0
        self._begins_item = False

    def written(self) -> str:
        """Return the text."""
        for place, token in enumerate(self._tokens):
            self._block(token, self._tokens[place - 1] if place else token)
        return "".join(self._parts)

    def _block(self, token: Token, before: Token) -> None:
        if token.type == "inline":
            self._inline(_inline(token), before)
        elif token.type in ("fence", "code_block"):
            self._parts.append(example(token.content))
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            self._parts.append(".RS 2\n" if self._depth else "")
            self._depth += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self._depth -= 1
            self._parts.append(".RE\n" if self._depth else "")
        elif token.type == "list_item_open":
            self._begins_item = True
        elif token.type == "tr_close":
            self._row()

    def _inline(self, text: str, before: Token) -> None:
        if before.type == "heading_open":
            # The title is in the page's NAME.
            self._parts.append("" if before.tag == "h1" else heading_of(text, before.tag))
        elif before.type in ("th_open", "td_open"):
            self._cells.append(text)
        else:
            self._parts.append(f"{self._paragraph_macro()}\n{text}\n")
            self._begins_item = False

    def _paragraph_macro(self) -> str:
        if self._begins_item:
            return ".IP \\(bu 2"
        return ".IP" if self._depth else ".PP"

    def _row(self) -> None:
        first, *rest = self._cells
        self._cells = []
        self._parts.append(f".TP\n{first or NOTHING}\n{'; '.join(filter(None, rest)) or NOTHING}\n")


def heading_of(text: str, tag: str) -> str:
    """Return a heading of a page in Markdown; its text is escaped already, and h2 is the highest."""
    return f".{'SH' if tag == 'h2' else 'SS'} {text}\n"


def _inline(token: Token) -> str:
    """Return the text of a paragraph: what is emphasised or a word of a program, in another face."""
    parts = []
    for child in token.children or []:
        if child.type == "text":
            parts.append(child.content.translate(_ESCAPES))
        elif child.type == "code_inline":
            parts.append(f"\\fB{child.content.translate(_ESCAPES)}\\fR")
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif child.type in ("strong_open", "em_open"):
            parts.append("\\fI")
        elif child.type in ("strong_close", "em_close"):
            parts.append("\\fR")
    text = "".join(parts)
    return f"\\&{text}" if text.startswith(".") else text
