"""QR codes on a terminal."""

from __future__ import annotations


def qr_lines(text: str) -> list[str]:
    """Return a QR code as lines for a terminal, in colours of its own; for their width see `qr_columns`."""
    raise NotImplementedError


def qr_columns(text: str) -> int:
    """Return how many columns the lines take."""
    raise NotImplementedError
