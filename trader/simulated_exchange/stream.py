"""The trade_updates websocket: authenticate, listen, then JSON in binary frames. What is missed is not repeated."""

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from trader.simulated_exchange.connections import cut, gone
from trader.simulated_exchange.engine import TradeUpdate
from trader.simulated_exchange.keys import Keys
from trader.simulated_exchange.stream_faults import AUTHENTICATE, DROP, FREEZE, OUT_OF_ORDER, REWRITES, StreamFaults
from trader.simulated_exchange.wire import update_json

Json = dict[str, Any]
_BEAT_S = 20.0


class Hub:
    """The one connection that listens, and what waits to be sent to it."""

    def __init__(self, keys: Keys) -> None:
        """Nobody listens."""
        self._keys = keys
        self._waiting: asyncio.Queue[Json | str] | None = None
        self._held: Json | None = None
        self._socket: web.WebSocketResponse | None = None
        self.listening = False
        self.faults = StreamFaults()

    def publish(self, update: TradeUpdate) -> None:
        """Pass an update on to whoever listens, unless a fault has it otherwise."""
        if self._waiting is None or not self.listening:
            return
        fault, data = self.faults.take(update.kind), update_json(update)
        if fault == OUT_OF_ORDER and self._held is None:
            self._held = data
            return
        for each in REWRITES[fault](data) if fault in REWRITES else [data]:
            self._waiting.put_nowait(fault if fault in {DROP, FREEZE} else _update(each))
        if self._held is not None:
            self._waiting.put_nowait(_update(self._held))
            self._held = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection; a second one at the same time gets 429."""
        if self._socket is not None:
            return web.json_response({"code": 42910000, "message": "connection limit exceeded"}, status=429)
        socket = web.WebSocketResponse()
        self._socket = socket
        try:
            await socket.prepare(request)
            await self._converse(socket, request)
        finally:
            self._socket, self._waiting, self._held, self.listening = None, None, None, False
        return socket

    async def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            await self._socket.close()

    async def _converse(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._waiting = waiting = asyncio.Queue[Json | str]()
        reader = asyncio.create_task(self._hear_all(socket, waiting))
        sender = asyncio.create_task(_send_all(socket, waiting))
        beat = asyncio.create_task(_beat(socket))
        try:
            await asyncio.wait({reader, sender}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reader, sender, beat):
                task.cancel()
        if sender.done() and not sender.cancelled() and sender.exception() is None:
            if sender.result() == FREEZE:
                await gone(request)
            cut(request)

    async def _hear_all(self, socket: web.WebSocketResponse, waiting: asyncio.Queue[Json | str]) -> None:
        authorized = False
        async for message in socket:
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                continue
            answer, authorized = self._answer(_read(message.data), authorized=authorized)
            if answer["data"].get("action") != AUTHENTICATE or self.faults.take(AUTHENTICATE) is None:
                waiting.put_nowait(answer)

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


def _update(data: Json) -> Json:
    return {"stream": "trade_updates", "data": data}


async def _send_all(socket: web.WebSocketResponse, waiting: asyncio.Queue[Json | str]) -> str:
    """Send until a fault ends it: which one."""
    while not isinstance(message := await waiting.get(), str):
        await socket.send_bytes(json.dumps(message).encode())
    return message


async def _beat(socket: web.WebSocketResponse) -> None:
    """Ping, so that a connection to a dead host breaks."""
    while not socket.closed:
        await asyncio.sleep(_BEAT_S)
        await socket.ping()
