"""Serving: the application, the ticker, and an end on SIGTERM or with the parent."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from itertools import chain

from aiohttp import web

from trader.simulated_exchange import (
    handlers_account,
    handlers_activities,
    handlers_control,
    handlers_data,
    handlers_market,
    handlers_orders,
    handlers_positions,
)
from trader.simulated_exchange.config import ExchangeConfig, ExchangeStartError
from trader.simulated_exchange.exchange import EXCHANGE, Exchange, open_exchange
from trader.simulated_exchange.gate import gate

_TICK_S = 0.1
_LONGEST_LINE = 65_536
_PARTS = (
    handlers_orders,
    handlers_positions,
    handlers_account,
    handlers_activities,
    handlers_data,
    handlers_control,
    handlers_market,
)


def serve(config: ExchangeConfig) -> None:
    """Run an exchange until SIGTERM or SIGINT; prints one JSON line with its URL once it listens.

    Raises ExchangeStartError when the state, the market or the port is not to be had.
    """
    # Asked before all else: later the parent may be gone, and its successor would be taken for it.
    parent = os.getppid() if config.with_parent else None
    exchange = open_exchange(config)
    try:
        asyncio.run(_serve(exchange, parent))
    finally:
        exchange.close()


def application(exchange: Exchange) -> web.Application:
    """Every route, each also under a doubled slash: clients with a trailing slash in their base URL send that."""
    app = web.Application(middlewares=[gate])
    app[EXCHANGE] = exchange
    for method, path, handler in chain.from_iterable(part.ROUTES for part in _PARTS):
        app.router.add_route(method, path, handler)
        app.router.add_route(method, "/" + path, handler)
    for path in ("/stream", "/stream/"):
        app.router.add_get(path, exchange.hub.handle)
    return app


async def _serve(exchange: Exchange, parent: int | None) -> None:
    config = exchange.config
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        application(exchange), access_log=None, shutdown_timeout=0.2, max_line_size=_LONGEST_LINE, handle_signals=False
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, config.host, config.port)
        await _start(site, config)
        port = runner.addresses[0][1]
        sys.stdout.write(json.dumps({"url": f"http://{config.host}:{port}", "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await _tick_until(stop, exchange, parent)
    finally:
        await exchange.hub.close()
        await runner.cleanup()


async def _start(site: web.TCPSite, config: ExchangeConfig) -> None:
    try:
        await site.start()
    except OSError as error:
        raise ExchangeStartError(f"cannot listen on {config.host}:{config.port}: {error.strerror}") from error


async def _tick_until(stop: asyncio.Event, exchange: Exchange, parent: int | None) -> None:
    """Move time on in speed mode, and end when told to or when the parent, if one is given, is gone."""
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _TICK_S)
        exchange.tick()
        if parent is not None and os.getppid() != parent:
            return
