"""The trade_updates websocket: authenticate, listen, then JSON in binary frames. What is missed is not repeated."""

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from trader.simulated_exchange.engine import TradeUpdate
from trader.simulated_exchange.keys import Keys
from trader.simulated_exchange.wire import update_json

_BEAT_S = 20.0


class Hub:
    """The one connection that listens, and what waits to be sent to it."""

    def __init__(self, keys: Keys) -> None:
        """Nobody listens."""
        self._keys = keys
        self._waiting: asyncio.Queue[dict[str, Any]] | None = None
        self._socket: web.WebSocketResponse | None = None
        self.listening = False

    def publish(self, update: TradeUpdate) -> None:
        """Pass an update on to whoever listens."""
        if self._waiting is not None and self.listening:
            self._waiting.put_nowait({"stream": "trade_updates", "data": update_json(update)})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection; a second one at the same time gets 429."""
        if self._socket is not None:
            return web.json_response({"code": 42910000, "message": "connection limit exceeded"}, status=429)
        socket = web.WebSocketResponse(heartbeat=_BEAT_S)
        self._socket = socket
        try:
            await socket.prepare(request)
            await self._converse(socket)
        finally:
            self._socket, self._waiting, self.listening = None, None, False
        return socket

    async def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            await self._socket.close()

    async def _converse(self, socket: web.WebSocketResponse) -> None:
        self._waiting = waiting = asyncio.Queue[dict[str, Any]]()
        sender = asyncio.create_task(_send_all(socket, waiting))
        authorized = False
        try:
            async for message in socket:
                if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    continue
                answer, authorized = self._answer(_read(message.data), authorized=authorized)
                waiting.put_nowait(answer)
        finally:
            sender.cancel()

    def _answer(self, said: dict[str, Any], *, authorized: bool) -> tuple[dict[str, Any], bool]:
        """The reply to one message, and whether the client is authorized after it."""
        data = said.get("data") if isinstance(said.get("data"), dict) else {}
        assert isinstance(data, dict)
        if said.get("action") in {"authenticate", "auth"}:
            good = self._keys.good(data.get("key_id", said.get("key")), data.get("secret_key", said.get("secret")))
            status = "authorized" if good else "unauthorized"
            return {"stream": "authorization", "data": {"status": status, "action": "authenticate"}}, good
        if said.get("action") == "listen" and authorized:
            streams = [name for name in data.get("streams", []) if name == "trade_updates"]
            self.listening = bool(streams)
            return {"stream": "listening", "data": {"streams": streams}}, True
        refusal = {"status": "unauthorized", "action": str(said.get("action"))}
        return {"stream": "authorization", "data": refusal}, authorized


def _read(data: str | bytes) -> dict[str, Any]:
    """The message, or an empty one for anything that is no JSON object."""
    try:
        said = json.loads(data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


async def _send_all(socket: web.WebSocketResponse, waiting: asyncio.Queue[dict[str, Any]]) -> None:
    while True:
        message = await waiting.get()
        await socket.send_bytes(json.dumps(message).encode())
