"""Amounts as people read them: cores, sizes, shares."""

from __future__ import annotations


def cores(millicores: float) -> str:
    """Return thousandths of a core as cores: 1500 as "1.5"."""
    return f"{millicores / 1000:.2f}".rstrip("0").rstrip(".")


def size(count: float) -> str:
    """Return bytes in the unit that suits them, without a blank: "512B", "1.5GiB"."""
    from oscarcli.output.progress import size_text

    return size_text(count).replace(" ", "")


def share(used: float, whole: float) -> str:
    """Return how much of a whole is used, as "(21%)"; nothing where there is no whole."""
    return f" ({100 * used / whole:.0f}%)" if whole > 0 else ""
