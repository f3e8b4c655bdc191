"""One WebSocket, with nothing between the wire and the handler.

``on_frame(payload, received_at)`` is called inside the loop's read callback, once for each whole
message: no queue, so nothing waits and nothing is dropped unseen. Whatever ends the socket ends
the future ``closed``: with a reason, or, when our own handler failed, with its exception.
"""

from __future__ import annotations

import asyncio
import os
import socket as system
import ssl
from collections.abc import Callable, Mapping
from typing import Final, Self

from picows import WSCloseCode, WSError, WSFrame, WSHandshakeError, WSListener, WSMsgType, WSTransport
from picows import ws_connect as open_wire

from sise.model.errors import Unreachable
from sise.model.time import Clock
from sise.providers.address import checked, shown

OnFrame = Callable[[bytes, int], None]

CONNECT_SECONDS_MAX: Final = 10.0
CLOSE_WAIT_SECONDS: Final = 1.0
"""How long a line may take to go down once we have said goodbye; then it is cut."""

FRAME_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of one message, all its fragments together."""

READ_BYTES_MAX: Final = 512 * 1024
"""Of a burst, what one turn of the loop takes: some milliseconds of work."""

_TEXT: Final = WSMsgType.TEXT
_DATA: Final = (WSMsgType.BINARY, _TEXT)
_CONTINUATION: Final = WSMsgType.CONTINUATION
_PING: Final = WSMsgType.PING
_CLOSE: Final = WSMsgType.CLOSE


class Socket(WSListener):
    """An open WebSocket; made by :meth:`connect`. The ``on_ws_…`` methods are for picows."""

    def __init__(self, on_frame: OnFrame, clock: Clock, frame_bytes_max: int) -> None:
        super().__init__()
        self.alive_at: int = clock.now_ns()
        """When anything was last heard (data, ping or pong), UTC ns; at first, when it was made."""
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done when the socket is: its result is the reason, its exception our handler's."""
        self._on_frame = on_frame
        self._now_ns = clock.now_ns
        self._frame_bytes_max = frame_bytes_max
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._reason = ""
        self._failure: Exception | None = None
        self._ending = False
        self._begins_read = True
        self._transport: WSTransport | None = None
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        on_frame: OnFrame,
        clock: Clock,
        connect_timeout_seconds: float = CONNECT_SECONDS_MAX,
        frame_bytes_max: int = FRAME_BYTES_MAX,
        headers: Mapping[str, str] | None = None,
        loops_own: bool = False,
    ) -> Self:
        """Connect and upgrade.

        Parameters
        ----------
        on_frame
            Called with each whole message (TEXT or BINARY) and its receive time in UTC ns.
        headers
            Sent with the upgrade, never logged or shown.
        loops_own
            Connect as the event loop does, not past it, where the loop's network is not the system's.

        Raises
        ------
        Unreachable
            No connection, no upgrade (another HTTP answer), or no answer in time.
        BadInput
            ``url`` is no ``ws://`` or ``wss://`` address.
        """
        address = checked("ws_url", url, ("wss", "ws"))
        socket = cls(on_frame, clock, frame_bytes_max)
        try:
            async with asyncio.timeout(connect_timeout_seconds):
                transport, listener = await open_wire(
                    lambda: socket,
                    address,
                    ssl_context=ssl.create_default_context() if address.startswith("wss:") else None,
                    websocket_handshake_timeout=connect_timeout_seconds,
                    enable_auto_pong=False,  # so that a ping counts as a sign of life
                    max_frame_size=frame_bytes_max,
                    extra_headers=headers,
                    max_redirects=0,
                    use_aiofastnet=False if loops_own else None,
                )
        except TimeoutError:
            raise Unreachable(f"{shown(url)}: no answer within {connect_timeout_seconds:g} s") from None
        except WSHandshakeError as error:
            raise Unreachable(f"{shown(url)}: {_no_upgrade(error)}") from None
        except (OSError, WSError) as error:
            raise Unreachable(f"{shown(url)}: no connection: {_why(error)}") from None
        if listener is None:
            raise Unreachable(f"{shown(url)}: the line was cut before the upgrade")
        socket._transport = transport
        socket._watch = asyncio.create_task(socket._watch_end(transport))
        return socket

    def send(self, text: str) -> None:
        """Send one TEXT frame. On an ended socket, nothing: ``closed`` says that it ended, and why."""
        if self._transport is not None and not self._ended:
            self._transport.send(_TEXT, text)

    def ping(self) -> None:
        """Ask for a sign of life; ``alive_at`` moves when it comes. On an ended socket, nothing."""
        if self._transport is not None and not self._ended:
            self._transport.send_ping()

    async def close(self) -> None:
        """Say goodbye and wait until the line is down, at most twice ``CLOSE_WAIT_SECONDS``."""
        if self._transport is None:
            return
        if not self._ended:
            self._reason = "closed by us"
            self._end(self._transport, WSCloseCode.OK)
        await asyncio.wait((self.closed,), timeout=CLOSE_WAIT_SECONDS)
        if not self.closed.done():
            self._transport.disconnect(graceful=False)
            await asyncio.wait((self.closed,), timeout=CLOSE_WAIT_SECONDS)

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Let the system hold only so much for us: picows reads all of it at once, however much it is,
        and nothing else runs meanwhile, no sample, no flush, no ping."""
        line: system.socket = transport.underlying_transport.get_extra_info("socket")
        line.setsockopt(system.SOL_SOCKET, system.SO_RCVBUF, READ_BYTES_MAX)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._ending:  # what the buffer of an ended socket still held
            return
        if self._begins_read:  # all frames of one read were received at one moment
            self.alive_at = self._now_ns()
        self._begins_read = frame.last_in_buffer
        kind = frame.msg_type
        try:
            if frame.payload_size > self._frame_bytes_max:  # picows refuses its head, then reads on
                self._too_long(transport)
            elif kind in _DATA and frame.fin and not self._parts:
                self._on_frame(frame.get_payload_as_bytes(), self.alive_at)
            elif kind in _DATA or kind == _CONTINUATION:
                self._fragment(transport, frame, self.alive_at)
            elif kind == _PING:
                transport.send_pong(frame.get_payload_as_bytes())
            elif kind == _CLOSE:
                self._closed_by_server(transport, frame)
        except Exception as error:  # ours: ends the socket and reaches whoever waits for `closed`
            self._failure = error
            self._end(transport, WSCloseCode.INTERNAL_ERROR)

    def _fragment(self, transport: WSTransport, frame: WSFrame, now: int) -> None:
        begins = frame.msg_type != _CONTINUATION
        if begins == bool(self._parts):
            self._reason = "closed by us: the server sent fragments out of order"
            self._end(transport, WSCloseCode.PROTOCOL_ERROR)
            return
        self._parts.append(frame.get_payload_as_bytes())
        self._parts_bytes += frame.payload_size
        if self._parts_bytes > self._frame_bytes_max:
            self._too_long(transport)
        elif frame.fin:
            message = b"".join(self._parts)
            self._parts, self._parts_bytes = [], 0
            self._on_frame(message, now)

    def _too_long(self, transport: WSTransport) -> None:
        self._reason = f"closed by us: a message of more than {self._frame_bytes_max} bytes"
        self._end(transport, WSCloseCode.MESSAGE_TOO_BIG)

    def _closed_by_server(self, transport: WSTransport, frame: WSFrame) -> None:
        code = int(frame.get_close_code()) or "without a code"  # type: ignore[call-overload]
        said = (frame.get_close_message() or b"").decode("utf-8", "replace")
        self._reason = f"closed by server {code} {said}".rstrip()
        self._end(transport, WSCloseCode.OK)

    def _end(self, transport: WSTransport, code: WSCloseCode) -> None:
        self._ending = True
        transport.send_close(code)
        transport.disconnect()

    @property
    def _ended(self) -> bool:
        cut = self._transport is None or self._transport.is_disconnected
        return cut or self._ending

    async def _watch_end(self, transport: WSTransport) -> None:
        reason = "connection lost: the line was cut without a close frame"
        try:
            await transport.wait_disconnected()
        except Exception as error:  # the protocol's own: a frame too long or malformed
            reason = f"closed by us: {error.args[-1] if error.args else type(error).__name__}"
        if self.closed.done():  # cancelled by whoever waited for it
            return
        if self._failure is not None:
            self.closed.set_exception(self._failure)
        else:
            self.closed.set_result(self._reason or reason)


def _no_upgrade(error: WSHandshakeError) -> str:
    status = int(error.response.status) if error.response is not None else 0
    if status == 429:
        return "too many connections (HTTP 429 instead of a websocket)"
    if status == 200:
        return "HTTP 200 with a page instead of a websocket (maintenance page?)"
    if status:
        return f"HTTP {status} instead of a websocket"
    return "the answer is no websocket upgrade"


def _why(error: Exception) -> str:
    """The system's own words, without the address that asyncio puts into them."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return type(error).__name__
