"""The full screen in a browser of this machine: textual-serve, for one browser only."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

from oscarcli.errors import OscarError
from oscarcli.tui.web.guard import COOKIE, OneTimeToken

HOST = "127.0.0.1"
# Screens at once: each is a process.
MAX_SCREENS = 4
SHUTDOWN_SECONDS = 2.0
PAGE, SCRIPT = Path(__file__).with_name("page.html"), Path(__file__).with_name("screen.js")
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebScreen:
    """Serves the screen to one browser.

    Args:
        command: the words that start the screen's program.
        port: where to listen; 0 for a free one.
        announce: given the address when it is open.
    """

    def __init__(self, command: Sequence[str], port: int, announce: Callable[[str], None]) -> None:
        self._port = port
        self._announce = announce
        self._token = OneTimeToken()
        self._screens = 0
        self._served = Server(shlex.join(command), host=HOST, port=port, title="oscar-cli")

    def serve(self) -> None:
        """Serve until Ctrl-C. Raises OscarError when the port cannot be had."""
        # What a screen's program says at its end is not the answer of this one.
        with redirect_stdout(sys.stderr):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._page)
        app.router.add_get("/screen.js", self._script)
        app.router.add_get("/ws", self._screen)
        app.router.add_static("/static", self._served.statics_path)
        app.on_response_prepare.append(self._add_headers)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, self._port)
            try:
                await site.start()
            except OSError as error:
                raise OscarError(f"cannot listen on port {self._port}: {error.strerror}") from error
            self._port = int(runner.addresses[0][1])
            self._announce(f"http://{HOST}:{self._port}/?token={self._token.token}")
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    # -- who may see it ------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serve the browser that sent the token first, and nothing to others, not even a 404."""
        # Another host name that leads here belongs to a foreign page that tries to read this one.
        if request.host not in (f"{HOST}:{self._port}", f"localhost:{self._port}"):
            return _refused()
        if request.path == "/" and "token" in request.query:
            return self._admitted(request.query["token"])
        if not self._token.knows(request.cookies):
            return _refused()
        return await handler(request)

    def _admitted(self, token: str) -> web.Response:
        secret = self._token.admit(token)
        if secret is None:
            return _refused()
        # Without the token in it, the address can be shown and reloaded.
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(COOKIE, secret, httponly=True, samesite="Strict", path="/")
        return answer

    async def _add_headers(self, _request: web.Request, answer: web.StreamResponse) -> None:
        answer.headers.update(HEADERS)
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
            f"img-src 'self' data:; connect-src 'self' ws://{HOST}:{self._port} ws://localhost:{self._port}; "
            "frame-ancestors 'none'"
        )
        answer.headers.pop("Server", None)

    # -- what is served ------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        text = PAGE.read_text(encoding="utf-8").replace("WEBSOCKET", f"ws://{request.host}/ws")
        return web.Response(text=text, content_type="text/html")

    async def _script(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(SCRIPT)

    async def _screen(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") != f"http://{request.host}":
            return _refused()
        if self._screens >= MAX_SCREENS:
            return web.Response(status=503, text=f"{MAX_SCREENS} screens are open already\n")
        self._screens += 1
        try:
            return await self._served.handle_websocket(request)
        finally:
            self._screens -= 1


def _refused() -> web.Response:
    return web.Response(status=403, text="not without a token that was not used before\n")
