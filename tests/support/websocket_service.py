"""A service that speaks WebSocket by aiohttp, and sends every message back.

Runs by itself: `python websocket_service.py PORT`.
"""

from __future__ import annotations

import sys

from aiohttp import WSMsgType, web


async def healthy(_request: web.Request) -> web.Response:
    """Answer a probe."""
    return web.Response()


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Send every message back until the client closes."""
    connection = web.WebSocketResponse()
    await connection.prepare(request)
    async for message in connection:
        if message.type is WSMsgType.TEXT:
            await connection.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await connection.send_bytes(message.data)
    return connection


if __name__ == "__main__":
    application = web.Application()
    application.add_routes([web.get("/health", healthy), web.get("/echo", echo)])
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None)
