"""The TCP connection under a request."""

import asyncio

from aiohttp import web


async def gone(request: web.Request) -> None:
    """Wait for the client to hang up."""
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.05)


def cut(request: web.Request) -> None:
    """Hang up without a word."""
    if request.transport is not None:
        request.transport.abort()
