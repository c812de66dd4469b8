"""The full-screen interface inside a test: driven by keys, and looked at as a person does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx

from oscarcli.api.client import Client
from oscarcli.config.model import Cluster
from oscarcli.tui.access import Access

if TYPE_CHECKING:
    from oscarcli.tui.app import InteractiveApp
    from oscarcli.tui.browser import BrowserScreen

PATIENCE = 120.0


class Screen:
    """A running interface.

    Args:
        app: it.
        pilot: presses its keys.
    """

    def __init__(self, app: InteractiveApp, pilot: Any) -> None:
        self.app, self.pilot = app, pilot

    @property
    def text(self) -> str:
        """Every line that is shown, without the blanks at its end."""
        return "\n".join("".join(part.text for part in strip).rstrip() for strip in self.strips)

    @property
    def strips(self) -> list[Any]:
        """What is drawn, line by line."""
        return self.app.screen._compositor.render_strips()

    @property
    def lines(self) -> list[str]:
        """The lines."""
        return self.text.split("\n")

    def line(self, text: str) -> str:
        """Return the line with a text."""
        return next(line for line in self.lines if text in line)

    def colour(self, text: str) -> tuple[int, int, int]:
        """Return the colour in which a text is drawn: its red, green and blue."""
        parts = (part for strip in self.strips for part in strip if text in part.text)
        red, green, blue = next(part.style.color.triplet for part in parts)
        return red, green, blue

    @property
    def browser(self) -> BrowserScreen:
        """The screen of lists."""
        from oscarcli.tui.browser import BrowserScreen

        browser = self.app.screen
        assert isinstance(browser, BrowserScreen)
        return browser

    async def press(self, *keys: str) -> None:
        """Press keys, and let them have their effect."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if letter == " " else letter for letter in text))

    async def shows(self, *texts: str) -> None:
        """Wait until all of these are on the screen."""
        await self.until(lambda: all(text in self.text for text in texts), f"{texts} on\n", with_screen=True)

    async def until(self, condition: Callable[[], Any], what: str, *, with_screen: bool = False) -> None:
        """Wait for something."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            shown = self.text if with_screen else ""
            assert time.monotonic() < deadline, f"waited in vain for {what}{shown}"
            await self.pilot.pause(0.02)


def drive(
    access: Access, play: Callable[[Screen], Awaitable[None]], size: tuple[int, int] = (100, 30)
) -> InteractiveApp:
    """Run the interface for as long as a play lasts."""
    # Every worker imports this file; few of them show a screen.
    from oscarcli.tui.app import InteractiveApp

    async def run() -> InteractiveApp:
        app = InteractiveApp(access)
        async with app.run_test(size=size, notifications=True) as pilot:
            await play(Screen(app, pilot))
        return app

    return asyncio.run(run())


def access_to(*endpoints: str, start: str | None = "one", **more: Any) -> Access:
    """Return the way to clusters at these addresses, called one, two and three."""
    names = ("one", "two", "three")[: len(endpoints)]
    clusters = {
        name: Cluster(name, endpoint, auth_user="ada", auth_password="x")
        for name, endpoint in zip(names, endpoints, strict=True)
    }
    clients: dict[str, Client] = {}

    def connect(cluster: str) -> Client:
        if cluster not in clients:
            clients[cluster] = Client(clusters[cluster].endpoint, httpx.Auth(), timeout=30, retries=False)
        return clients[cluster]

    given: dict[str, Any] = {"mask": lambda text: text.replace("s3cr3t-pass", "***"), "refresh_seconds": 0}
    return Access(clusters, start, connect, **{**given, **more})
