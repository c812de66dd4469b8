"""Pages of the web in the user's browser."""

from __future__ import annotations

from oscarcli.errors import OscarError


def open_page(address: str) -> None:
    """Show a page in a browser. Raises OscarError when there is none that could."""
    if not has_opened(address):
        raise OscarError("no browser could be opened", hint="open the address yourself")


def has_opened(address: str) -> bool:
    """Tell whether a browser was told to show a page."""
    import webbrowser

    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
