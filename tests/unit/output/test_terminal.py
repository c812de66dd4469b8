"""What a stream is, and text that is safe on it."""

from __future__ import annotations

import errno
import io
from typing import Any

import pytest

from oscarcli.errors import OscarError
from oscarcli.output import terminal as module
from oscarcli.output.diagnostics import Diagnostics
from oscarcli.output.terminal import Terminal, clean


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("is_terminal", "environ", "colour"),
    [
        (True, {}, True),
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {}, False),
        (False, {"CLICOLOR_FORCE": "1"}, True),
        (False, {"CLICOLOR_FORCE": "0"}, False),
        (True, {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
        (True, {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    is_terminal: bool, environ: dict[str, str], colour: bool
) -> None:
    stream = Screen() if is_terminal else io.StringIO()
    terminal = Terminal(stream, environ)
    assert terminal.colour is colour
    assert terminal.styled("x", "1") == ("\x1b[1mx\x1b[0m" if colour else "x")


@pytest.mark.parametrize(("columns", "width"), [("42", 42), ("0", 80), ("-3", 80), ("wide", 80), ("", 80)])
def test_the_width_is_the_variables_or_the_usual(columns: str, width: int) -> None:
    assert Terminal(Screen(), {"COLUMNS": columns}).width == width
    assert Terminal(io.StringIO(), {"COLUMNS": columns}).width is None


def test_a_closed_stream_takes_everything_tells_at_the_end_and_is_no_terminal() -> None:
    terminal = Terminal(None, {})
    terminal.flush()
    terminal.write("x")
    terminal.write_bytes(b"x")
    with pytest.raises(OscarError, match="cannot write the answer: standard output is closed"):
        terminal.flush()
    assert (terminal.is_terminal, terminal.width, terminal.colour) == (False, None, False)


def test_an_encoding_without_a_character_does_not_fail() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    Terminal(stream, {}).write("größe ✓")
    assert raw.getvalue() == b"gr\xf6\xdfe \\u2713"


def test_text_before_bytes_stays_before_them() -> None:
    raw = io.BytesIO()
    terminal = Terminal(io.TextIOWrapper(raw, encoding="utf-8"), {})
    terminal.stream.write("head ")  # type: ignore[union-attr]
    terminal.write_bytes(b"\x00\xff")
    assert raw.getvalue() == b"head \x00\xff"


def failing(error: OSError) -> Terminal:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise error

    return Terminal(Full(), {})


def test_a_full_disk_is_an_error_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "discard_output", lambda _: None)
    with pytest.raises(OscarError, match="cannot write the answer: No space left"):
        failing(OSError(errno.ENOSPC, "No space left on device")).write("x")


def test_a_gone_reader_is_told_to_the_caller_but_not_for_diagnostics() -> None:
    gone = BrokenPipeError(errno.EPIPE, "Broken pipe")
    with pytest.raises(BrokenPipeError):
        failing(gone).write("x")
    Diagnostics(failing(gone)).note("x")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain größe 漢字 😀", "plain größe 漢字 😀"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x00\x07\x08\r", "\\x00\\x07\\x08\\r"),
        ("\x7f\x80\x9b", "\\x7f\\x80\\x9b"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\udcff", "\\udcff"),
        ("zero\u200bwidth\u00a0", "zero\u200bwidth\u00a0"),
    ],
)
def test_control_characters_are_made_visible(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_some_controls_can_be_kept() -> None:
    assert clean("a\nb\t\x1b", keep="\n\t") == "a\nb\t\\x1b"


def said(call: Any, environ: dict[str, str] | None = None) -> str:
    stream = Screen() if environ is not None else io.StringIO()
    call(Diagnostics(Terminal(stream, environ or {})))
    return stream.getvalue()


def test_an_error_is_one_line_and_a_hint_another() -> None:
    text = said(lambda voice: voice.error("bad\nthing\x1b[2J", "run\nthis", ["one\n", "two"]))
    assert text == "Error: bad\\nthing\\x1b[2J\none\\n\ntwo\nhint: run\\nthis\n"
    assert said(lambda voice: voice.error("bad"), {}).startswith("\x1b[31mError:\x1b[0m bad")


def test_an_error_in_json_is_one_object_on_one_line() -> None:
    error = OscarError("größe\n\x1b", hint="try", details=["a"])
    text = said(lambda voice: voice.error_document(error))
    assert text == '{"error": "gr\\u00f6\\u00dfe\\n\\u001b", "code": 1, "details": ["a"], "hint": "try"}\n'


def test_notes_may_have_lines_but_no_escapes() -> None:
    assert said(lambda voice: voice.note("a\nb\x1b")) == "a\nb\\x1b\n"
    assert said(lambda voice: voice.warn("careful")) == "warning: careful\n"
