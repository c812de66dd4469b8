"""The pages of the issuer: the form of a login with a device, and what it says."""

from __future__ import annotations

import html

from oscarcli.local.http.messages import Response


def form_page(code: str, names: list[str]) -> str:
    """Return the form that asks who logs in.

    Args:
        code: what the device shows; empty when it is to be typed.
        names: the users there are.
    """
    buttons = "".join(
        f'<p><button name="user" value="{html.escape(name)}">Log in as {html.escape(name)}</button></p>'
        for name in names
    )
    return (
        '<form method="post"><p><label>Code <input name="user_code" autocomplete="off" '
        f'value="{html.escape(code)}"></label></p>{buttons}'
        '<p><button name="answer" value="deny">Decline</button></p></form>'
    )


def message_page(text: str) -> str:
    """Return a sentence as a page."""
    return f"<p>{html.escape(text)}</p>"


def html_answer(body: str, status: int = 200) -> Response:
    """Return a page as an answer that runs and loads nothing."""
    page = f'<!doctype html><meta charset="utf-8"><title>Local cluster</title>{body}'
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    }
    return Response(status, headers, page.encode())
