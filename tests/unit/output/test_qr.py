"""QR codes on a terminal: what is drawn is the code, in colours that no theme turns round."""

from __future__ import annotations

import re

import segno

from oscarcli.output.qr import qr_columns, qr_lines

ADDRESS = "https://aai.example.org/device?user_code=WDJB-MJHT"


def drawn(lines: list[str]) -> list[list[bool]]:
    """Return the modules that a reader sees: half a character each, dark where black is."""
    rows: list[list[bool]] = []
    for line in lines:
        match = re.fullmatch(r"\x1b\[38;5;16;48;5;231m([ ▀▄█]+)\x1b\[0m", line)
        assert match is not None
        rows.append([letter in "▀█" for letter in match.group(1)])
        rows.append([letter in "▄█" for letter in match.group(1)])
    return rows


def test_the_lines_are_the_code_with_a_light_border() -> None:
    rows = drawn(qr_lines(ADDRESS))
    code = [[bool(module) for module in row] for row in segno.make_qr(ADDRESS, error="l").matrix]
    size = len(code)
    assert [row[2 : 2 + size] for row in rows[2 : 2 + size]] == code
    around = [*rows[:2], *rows[2 + size :], *(row[:2] + row[2 + size :] for row in rows)]
    assert not any(dark for row in around for dark in row)


def test_all_lines_take_the_columns_told() -> None:
    for text in ("A", ADDRESS, ADDRESS * 8):
        assert {len(row) for row in drawn(qr_lines(text))} == {qr_columns(text)}
    assert qr_columns(ADDRESS) <= 40
