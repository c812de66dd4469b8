"""QR codes on a terminal."""

from __future__ import annotations

# Black on white by number, so that no theme turns it round: not every reader takes the negative.
BEGIN = "\x1b[38;5;16;48;5;231m"
END = "\x1b[0m"
# Light modules that a reader needs around the code; the standard's four would fill a small terminal.
BORDER = 2
# Two rows of modules in one line, by whether the upper and the lower one are dark.
HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def qr_lines(text: str) -> list[str]:
    """Return a QR code as lines for a terminal, in colours of their own; for their width see `qr_columns`."""
    rows = _modules(text)
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [
        BEGIN + "".join(HALVES[pair] for pair in zip(upper, lower, strict=True)) + END
        for upper, lower in pairs
    ]


def qr_columns(text: str) -> int:
    """Return how many columns the lines take."""
    return len(_modules(text)[0])


def _modules(text: str) -> list[list[bool]]:
    import segno

    code = segno.make_qr(text, error="l")
    return [[bool(module) for module in row] for row in code.matrix_iter(border=BORDER)]
