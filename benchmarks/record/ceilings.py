"""The ceilings: each step that cannot be left out, alone, as fast as its best tool does it.

``receive`` is picows handing over each message's bytes, ``decode`` is msgspec with the full types and
no rules, ``append`` is a buffered append of the frames to a file. None checks or keeps anything else.

    python -m benchmarks.record.ceilings CORE URL FRAMES_FOLDER DATA_FOLDER receive|decode|append
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.record.measure import Meter, Result, answer, pin
from benchmarks.record.mix import facts_of, payloads

WAIT_SECONDS_MAX: Final = 120.0
APPEND_BYTES: Final = 256 * 1024


class Unit(Struct, gc=False):
    ap: float
    bp: float
    # `as` is a word of the language.
    ask_size: float = msgspec.field(name="as")
    bs: float


class Book(Struct, gc=False, tag_field="ty", tag="orderbook"):
    cd: str
    tms: int
    tas: float
    tbs: float
    obu: list[Unit]
    st: str
    lv: float


class Trade(Struct, gc=False, tag_field="ty", tag="trade"):
    cd: str
    tms: int
    td: str
    ttm: str
    ttms: int
    tp: float
    tv: float
    ab: str
    pcp: float
    c: str
    cp: float
    sid: int
    bap: float
    bas: float
    bbp: float
    bbs: float
    st: str


class _Counter(WSListener):
    def __init__(self, left: int, done: asyncio.Event) -> None:
        super().__init__()
        self._left = left
        self._done = done

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        frame.get_payload_as_bytes()
        self._left -= 1
        if not self._left:
            self._done.set()


async def _receive(url: str, frames: int) -> Result:
    meter, done = Meter(), asyncio.Event()
    transport, _ = await ws_connect(lambda: _Counter(frames, done), url)
    meter.start()
    transport.send(WSMsgType.TEXT, "[]")
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        await done.wait()
    result = meter.stop("picows receive", frames)
    transport.disconnect()
    return result


def _decode(folder: Path) -> Result:
    frames = list(payloads(folder))
    decode = msgspec.json.Decoder(Book | Trade).decode
    meter = Meter()
    meter.start()
    for frame in frames:
        decode(frame)
    return meter.stop("msgspec decode", len(frames))


def _append(folder: Path, data: Path) -> Result:
    frames = list(payloads(folder))
    with (data / "append.bin").open("wb", buffering=APPEND_BYTES) as file:
        write = file.write
        meter = Meter()
        meter.start()
        for frame in frames:
            write(frame)
        file.flush()
        return meter.stop("buffered append", len(frames))


def main() -> None:
    core, url, folder, data, what = sys.argv[1:]
    pin(int(core))
    if what == "receive":
        answer(asyncio.run(_receive(url, facts_of(Path(folder)).frames)))
    elif what == "decode":
        answer(_decode(Path(folder)))
    else:
        answer(_append(Path(folder), Path(data)))


if __name__ == "__main__":
    main()
