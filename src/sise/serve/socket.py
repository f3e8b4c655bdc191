"""``/ws/live``: one viewer, from its greeting to its end.

The viewer says what it watches, ``{"watch": {"symbol": "KRW-BTC", "size": "1m"}}``; all else flows
the other way. A viewer that reads slowly holds up nobody: while its socket is full it is simply not
asked, and then told the present state.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from starlette.websockets import WebSocket, WebSocketDisconnect

from sise import __version__
from sise.serve.answers import HelloMessage
from sise.warehouse.bars import SIZE_SECONDS

if TYPE_CHECKING:
    from sise.serve.hub import Hub, Watch

VIEWERS_MAX: Final = 2000
REQUEST_CHARS_MAX: Final = 1024
SYMBOL_CHARS_MAX: Final = 32
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009
TRY_AGAIN_LATER: Final = 1013


class _Wanted(Struct):
    symbol: str
    size: str = "1m"


class _Request(Struct):
    watch: _Wanted | None


class Viewers:
    """Serves every viewer of one hub."""

    def __init__(self, hub: Hub, *, demo: bool) -> None:
        self._hub = hub
        self._hello = msgspec.json.encode(HelloMessage(demo, __version__)).decode()
        self.count = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve one viewer until it goes. Other sites' pages are turned away."""
        if not is_same_origin(socket):
            await socket.close(POLICY_VIOLATION, "only this server's own page may listen")
            return
        await socket.accept()
        if self.count >= VIEWERS_MAX:
            await socket.close(TRY_AGAIN_LATER, "too many viewers")
            return
        self.count += 1
        viewer = _Viewer(socket, self._hub)
        telling = asyncio.create_task(viewer.tell(self._hello))
        try:
            await viewer.listen()
        except WebSocketDisconnect:
            pass
        finally:
            self.count -= 1
            telling.cancel()
            await asyncio.wait({telling})


class _Viewer:
    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._watch: Watch | None = None
        self._watch_is_new = False

    async def listen(self) -> None:
        """Take what the viewer asks for until it goes, or asks for what there is not."""
        while True:
            text = await self._socket.receive_text()
            if len(text) > REQUEST_CHARS_MAX:
                await self._socket.close(TOO_BIG, f"at most {REQUEST_CHARS_MAX} characters")
                return
            refusal = self._take(text)
            if refusal:
                await self._socket.close(POLICY_VIOLATION, refusal)
                return

    def _take(self, text: str) -> str:
        """Begin to watch; the reason where that cannot be. An unknown symbol may still become known."""
        try:
            wanted = msgspec.json.decode(text, type=_Request).watch
        except msgspec.MsgspecError:
            return 'send {"watch": {"symbol": "KRW-BTC", "size": "1m"}}'
        if wanted is None:
            self._watch = None
        elif wanted.size not in SIZE_SECONDS:
            return f"watch.size: use one of {' '.join(SIZE_SECONDS)}"
        elif len(wanted.symbol) > SYMBOL_CHARS_MAX:
            return f"watch.symbol: use at most {SYMBOL_CHARS_MAX} characters"
        else:
            self._watch, self._watch_is_new = (wanted.symbol, wanted.size), True
        return ""

    async def tell(self, hello: str) -> None:
        """Send what changed, at every tick that the viewer is ready for."""
        try:
            await self._socket.send_text(hello)
            seen = 0
            while True:
                tick = await self._hub.after(seen)
                is_new, self._watch_is_new = self._watch_is_new, False
                for text in self._hub.messages(seen, self._watch, watch_is_new=is_new):
                    await self._socket.send_text(text)
                seen = tick
        except (WebSocketDisconnect, RuntimeError):
            return  # it went while we were sending: `listen` ends too


def is_same_origin(socket: WebSocket) -> bool:
    """True for our own page, and for programs, which send no ``Origin``."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == socket.headers.get("host", "").lower()
