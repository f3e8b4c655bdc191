"""The work: a seeded stream of Upbit SIMPLE frames, made here, ready to be sent as WebSocket messages.

Four of five frames are order books of ``BOOK_LEVELS`` levels, the fifth is a trade, over
``MARKETS`` markets. The file ``FRAMES_FILE`` holds server frames back to back (RFC 6455, binary,
unmasked). Times and trade numbers have a fixed width, and :class:`Stream` writes new ones over them
before they are sent: so trades stay unique when the stream is sent again, and times are now.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

MARKETS: Final = 200
BOOK_LEVELS: Final = 15
BOOKS_SHARE: Final = 0.8
SEED: Final = 20261120
FRAMES_FILE: Final = "frames.bin"
FACTS_FILE: Final = "facts.json"
STARTS_FILE: Final = "starts.bin"

_TIME: Final = b"1790134773006"
_FIRST_ID: Final = 17_300_000_000_000_000
_IDS_PER_PASS: Final = 10_000_000
_SIZES_MADE: Final = 20_000
_BINARY_FINAL: Final = 0x82
_LENGTH_IN_TWO_BYTES: Final = 126
_SHORT_LENGTH_MAX: Final = 125


class Facts(Struct):
    """What a stream holds; ``payload_bytes`` without the WebSocket heads."""

    frames: int
    trades: int
    books: int
    payload_bytes: int
    symbols: list[str]

    @property
    def mean_bytes(self) -> float:
        return self.payload_bytes / self.frames


def make(folder: Path, frames: int, seed: int = SEED) -> Facts:
    """Write a stream of ``frames`` frames into ``folder``; the same seed makes the same bytes."""
    maker = _Maker(Random(seed))
    facts = Facts(frames, 0, 0, 0, maker.symbols)
    starts = array("Q")
    position = 0
    with (folder / FRAMES_FILE).open("wb") as file:
        for number in range(frames):
            payload = maker.frame(number)
            facts.payload_bytes += len(payload)
            message = _head(len(payload)) + payload
            starts.append(position)
            position += len(message)
            file.write(message)
    starts.append(position)
    facts.trades, facts.books = maker.trades, frames - maker.trades
    (folder / STARTS_FILE).write_bytes(starts.tobytes())
    (folder / FACTS_FILE).write_bytes(msgspec.json.encode(facts))
    return facts


def facts_of(folder: Path) -> Facts:
    return msgspec.json.decode((folder / FACTS_FILE).read_bytes(), type=Facts)


def payloads(folder: Path) -> Iterator[bytes]:
    """The frames' payloads as they were made, in order."""
    data, starts = (folder / FRAMES_FILE).read_bytes(), _starts(folder)
    for start, end in pairwise(starts):
        head = 4 if data[start + 1] == _LENGTH_IN_TWO_BYTES else 2
        yield data[start + head : end]


class Stream:
    """A made stream in memory, to be stamped and sent, part by part."""

    def __init__(self, folder: Path) -> None:
        self.data = bytearray((folder / FRAMES_FILE).read_bytes())
        self.starts = _starts(folder)
        self.frames = len(self.starts) - 1
        self._stamps = self._find_stamps()

    def stamp(self, first: int, last: int, now_ms: int, turn: int) -> memoryview:
        """Frames ``[first, last)`` with the time ``now_ms`` and the trade numbers of turn ``turn``."""
        data, time = self.data, b"%013d" % now_ms
        for index in range(first, last):
            id_at, *times_at = self._stamps[index]
            for at in times_at:
                data[at : at + 13] = time
            if id_at:
                data[id_at : id_at + 17] = b"%017d" % (_FIRST_ID + turn * _IDS_PER_PASS + index)
        return memoryview(data)[self.starts[first] : self.starts[last]]

    def _find_stamps(self) -> list[tuple[int, ...]]:
        data = self.data
        stamps: list[tuple[int, ...]] = []
        for start, end in pairwise(self.starts):
            first = data.index(b'"tms":', start, end) + 6
            matched = data.find(b'"ttms":', start, end)
            if matched < 0:
                stamps.append((0, first))
            else:
                stamps.append((data.index(b'"sid":', start, end) + 6, first, matched + 7))
        return stamps


class _Maker:
    """Makes payloads; prices walk within each market, sizes come from a pool."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.symbols = [f"KRW-M{number:03d}" for number in range(MARKETS)]
        self._prices = [_round(10 ** rng.uniform(0.9, 8.2)) for _ in self.symbols]
        self._sizes = [_spelled(rng.lognormvariate(2.5, 3.5)) for _ in range(_SIZES_MADE)]
        self.trades = 0

    def frame(self, number: int) -> bytes:
        rng = self._rng
        market = int(MARKETS * rng.random() ** 1.5)
        price = self._prices[market]
        tick = _tick(price)
        if rng.random() < 0.3:
            price = self._prices[market] = max(tick * 40, _round(price + rng.choice((-tick, tick))))
        if rng.random() < BOOKS_SHARE:
            return self._book(market, price, tick)
        self.trades += 1
        return self._trade(number, market, price, tick)

    def _book(self, market: int, price: float, tick: float) -> bytes:
        sizes = self._rng.choices(self._sizes, k=2 * BOOK_LEVELS)
        units = ",".join(
            f'{{"ap":{_text(price + tick * (level + 1))},"bp":{_text(price - tick * level)},'
            f'"as":{sizes[2 * level]},"bs":{sizes[2 * level + 1]}}}'
            for level in range(BOOK_LEVELS)
        )
        return (
            f'{{"ty":"orderbook","cd":"{self.symbols[market]}","tms":{_TIME.decode()},'
            f'"tas":{sizes[0]},"tbs":{sizes[1]},"obu":[{units}],"st":"REALTIME","lv":0}}'
        ).encode()

    def _trade(self, number: int, market: int, price: float, tick: float) -> bytes:
        ask, bid, size = self._rng.choices(self._sizes, k=3)
        taker, change = ("BID", "RISE") if self._rng.random() < 0.5 else ("ASK", "FALL")
        return (
            f'{{"ty":"trade","cd":"{self.symbols[market]}","tms":{_TIME.decode()},"td":"2026-11-20",'
            f'"ttm":"03:39:33","ttms":{_TIME.decode()},"tp":{_text(price)},"tv":{size},"ab":"{taker}",'
            f'"pcp":{_text(price + 3 * tick)},"c":"{change}","cp":{_text(3 * tick)},'
            f'"sid":{_FIRST_ID + number},"bap":{_text(price + tick)},"bas":{ask},'
            f'"bbp":{_text(price)},"bbs":{bid},"st":"REALTIME"}}'
        ).encode()


def _starts(folder: Path) -> array[int]:
    starts = array("Q")
    starts.frombytes((folder / STARTS_FILE).read_bytes())
    return starts


def _head(length: int) -> bytes:
    if length <= _SHORT_LENGTH_MAX:
        return bytes((_BINARY_FINAL, length))
    return bytes((_BINARY_FINAL, _LENGTH_IN_TWO_BYTES)) + length.to_bytes(2, "big")


def _tick(price: float) -> float:
    for above, tick in ((1e6, 1e3), (1e5, 100.0), (1e4, 10.0), (1e3, 1.0), (100.0, 1.0), (10.0, 0.1)):
        if price >= above:
            return tick
    return 0.01


def _round(price: float) -> float:
    tick = _tick(price)
    return round(round(price / tick) * tick, 8)


def _text(price: float) -> str:
    """As SIMPLE spells a price: without a needless fraction."""
    price = round(price, 8)
    return str(int(price)) if price == int(price) else str(price)


def _spelled(size: float) -> str:
    """As SIMPLE spells a size: eight decimals at most, ``7.9276E-4`` where it is small."""
    size = max(round(size, 8), 1e-8)
    if size >= 1e-3:
        return repr(size)
    mantissa, _, exponent = f"{size:E}".partition("E")
    return f"{mantissa.rstrip('0').rstrip('.')}E{int(exponent)}"
