"""A line by itself, on simulated time: what its account says of frames that come slowly."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from sise.rehearse.loop import LoopClock, RehearsalLoop, rehearse
from sise.rehearse.transport import connect_pair
from sise.simulator.faults import FaultBoard, parse_fault
from sise.simulator.line import Accepted, Line, Outgoing
from sise.simulator.sent import SentLog

PAYLOAD = b'{"ty":'
WHOLE_BYTES = 2 + len(PAYLOAD)
"""With the frame's head."""
DELAY_MS = 300


class Ear(asyncio.Protocol):
    """Notes when it has heard ``until_bytes``, and then says goodbye if asked to."""

    def __init__(self, clock: LoopClock, until_bytes: int, *, leaves: bool) -> None:
        self._clock, self._left, self._leaves = clock, until_bytes, leaves
        self._transport: asyncio.BaseTransport | None = None
        self.heard_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left > 0:
            return
        self.heard_ns = self._clock.now_ns()
        if self._leaves and self._transport is not None:
            self._transport.close()


def _dripped(until_bytes: int, *, leaves: bool) -> tuple[SentLog, Ear]:
    """One frame, a byte at a time, to someone who listens for ``until_bytes``."""

    async def story(loop: RehearsalLoop) -> tuple[SentLog, Ear]:
        clock, sent = LoopClock(0, loop), SentLog()
        board = FaultBoard(clock, 7)
        board.begin(parse_fault({"kind": "drip", "delay_ms": DELAY_MS, "seconds": 40}))
        ear = Ear(clock, until_bytes, leaves=leaves)
        _, theirs = connect_pair(loop, ear, asyncio.Protocol(), 1)
        line = Line(Accepted(1, web.WebSocketResponse(), theirs, clock, board, sent))
        line.offer(Outgoing(PAYLOAD, "trade", "KRW-BTC"))
        sender = asyncio.create_task(line.send_forever())
        await clock.sleep(10)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        return sent, ear

    return rehearse(story)


@pytest.mark.parametrize("leaves", [False, True])
def test_a_frame_that_drips_is_sent_with_its_last_byte(leaves: bool) -> None:
    """Whoever has heard it whole may leave at once: it was sent for all that."""
    sent, ear = _dripped(WHOLE_BYTES, leaves=leaves)
    assert ear.heard_ns > 0
    assert [row["ns"] for row in sent.after(0, 10)] == [ear.heard_ns]
    assert list(sent.left_out) == []


def test_a_frame_whose_last_byte_is_missing_was_not_sent() -> None:
    sent, _ = _dripped(WHOLE_BYTES - 1, leaves=True)
    assert sent.last_index == 0
    assert list(sent.left_out) == [0]
