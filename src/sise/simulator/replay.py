"""Recorded markets as feeds: a capture frame by frame, or candles turned back into trades.

A replay keeps the file's own times in what it says, and paces them by the server's clock: the first
happening is due when the feed is started, the others after it at ``speed`` file seconds per second.
``math.inf`` means as fast as the server steps, in batches of
:data:`~sise.simulator.feed.HAPPENINGS_PER_STEP` so that nobody has to swallow a file at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sise.model.errors import BadInput
from sise.model.time import iso
from sise.simulator.candlefile import read_candles
from sise.simulator.candles import DAY_NS, UNIT_NS, Bar, CandleBook
from sise.simulator.capture import read_capture
from sise.simulator.feed import (
    HAPPENINGS_PER_STEP,
    Happening,
    MarketInfo,
    SimBook,
    SimCandle,
    SimTicker,
    SimTrade,
)
from sise.simulator.listing import info_of
from sise.simulator.path import fills_of
from sise.simulator.tape import Fill, Tape
from sise.simulator.ticks import as_float, as_units, ladder_of

MINUTES_ON_TAPE: Final = 2 * 1_440


class Pace:
    """When a moment of the file is due on the server's clock."""

    def __init__(self, first_ns: int, speed: float) -> None:
        if not speed > 0:
            raise BadInput("speed", speed, "give file seconds per second above 0, or max")
        self._first_ns, self._speed = first_ns, speed
        self._start_ns: int | None = None

    def start(self, now_ns: int) -> None:
        """The first moment is due now; later calls change nothing."""
        if self._start_ns is None:
            self._start_ns = now_ns

    def due_ns(self, file_ns: int) -> int | None:
        """``None`` before the start."""
        if self._start_ns is None:
            return None
        return self._start_ns + int((file_ns - self._first_ns) / self._speed)


class CaptureReplay:
    """A recorded capture: every data frame once, in the file's order, byte for byte.

    Parameters
    ----------
    path
        The capture, ``.gz`` and ``.zst`` by ending; forms in :mod:`sise.simulator.capture`.
    speed
        File seconds per second, or ``math.inf``.

    Raises
    ------
    BadInput
        The file holds no frame or a line that is not a capture's, or ``speed`` is not above 0.
    """

    verbatim: bool = True

    def __init__(self, path: Path, speed: float) -> None:
        capture = read_capture(path)
        if not capture.frames:
            raise BadInput("replay file", str(path), "give a capture with at least one frame")
        self._frames, self._next = capture.frames, 0
        self._markets = [info_of(code) for code in capture.codes]
        self._pace = Pace(self._frames[0].at_ns, speed)

    def markets(self) -> list[MarketInfo]:
        """The codes of the frames and of the recorded requests."""
        return self._markets

    def start(self, now_ns: int) -> None:
        """The first frame is due at ``now_ns``."""
        self._pace.start(now_ns)

    def step(self, now_ns: int) -> list[Happening]:
        """The frames that are due, at most a batch."""
        frames: list[Happening] = []
        while len(frames) < HAPPENINGS_PER_STEP and (due := self.next_ns()) is not None and due <= now_ns:
            frames.append(self._frames[self._next])
            self._next += 1
        return frames

    def next_ns(self) -> int | None:
        """When the next frame is due; ``None``: not started, or all are out."""
        return None if self.finished() else self._pace.due_ns(self._frames[self._next].at_ns)

    def finished(self) -> bool:
        """All frames are out."""
        return self._next == len(self._frames)

    def book(self, code: str) -> SimBook | None:
        """Nothing is invented: ``None``."""
        return None

    def ticker(self, code: str) -> SimTicker | None:
        """Nothing is invented: ``None``."""
        return None

    def last_trade(self, code: str) -> SimTrade | None:
        """Nothing is invented: ``None``."""
        return None

    def trades(
        self, code: str, *, before_id: int | None = None, to_ns: int | None = None, count: int = 1
    ) -> list[SimTrade]:
        """Nothing is invented: empty."""
        return []

    def candles(self, code: str, unit: str, to_ns: int, count: int) -> list[SimCandle]:
        """Nothing is invented: empty."""
        return []


class CandleReplay:
    """A candle file as a market: its candles by request, and trades that make exactly these candles.

    After the trades of a candle come the ticker and a book of one level, a tick on either side of the
    last price. :meth:`candles` answers from the file's rows over the whole range from the start, with
    the value of the trades they become; units finer than the file's are empty.

    Parameters
    ----------
    path
        CSV, ``.gz`` and ``.zst`` by ending; columns in :mod:`sise.simulator.candlefile`.
    code
        Whose candles they are, such as ``KRW-BTC``.
    speed
        File seconds per second, or ``math.inf``.
    start, end
        Replay rows from ``start`` (included) to ``end`` (excluded), UTC nanoseconds; ``None``: all.
    zone
        The IANA time zone of times that name no offset.

    Raises
    ------
    BadInput
        The file cannot be used, no row lies in the range, or ``speed`` is not above 0.
    """

    verbatim: bool = False

    def __init__(
        self,
        path: Path,
        code: str,
        speed: float,
        start: int | None = None,
        end: int | None = None,
        *,
        zone: str | None = None,
    ) -> None:
        file = read_candles(path, zone)
        bars = [
            bar
            for bar in file.bars
            if (start is None or bar.start_ns >= start) and (end is None or bar.start_ns < end)
        ]
        if not bars:
            held = f"{iso(file.bars[0].start_ns)} to {iso(file.bars[-1].start_ns)}"
            asked = tuple("" if ns is None else iso(ns) for ns in (start, end))
            raise BadInput("start, end", asked, f"choose a range that holds rows of the file: {held}")
        self._code, self._length_ns, self._ladder = code, file.length_ns, ladder_of(code)
        self._rows = _row_book(bars, file.length_ns)
        self._tape = Tape(code, CandleBook(minutes_kept=MINUTES_ON_TAPE), first_price=bars[0].open)
        self._book: SimBook | None = None
        self._todo = self._plan(bars)
        self._next = next(self._todo, None)
        self._pace = Pace(self._next[0] if self._next else 0, speed)

    def markets(self) -> list[MarketInfo]:
        """The one market."""
        return [info_of(self._code)]

    def start(self, now_ns: int) -> None:
        """The first trade is due at ``now_ns``."""
        self._pace.start(now_ns)

    def step(self, now_ns: int) -> list[Happening]:
        """What is due, about a batch at most."""
        happenings: list[Happening] = []
        while len(happenings) < HAPPENINGS_PER_STEP and (due := self.next_ns()) is not None and due <= now_ns:
            assert self._next is not None
            fill = self._next[1]
            happenings += self._quotes() if fill is None else [self._tape.publish(fill, fill.trade_ns)]
            self._next = next(self._todo, None)
        return happenings

    def next_ns(self) -> int | None:
        """When the next happening is due; ``None``: not started, or all are out."""
        return None if self._next is None else self._pace.due_ns(self._next[0])

    def finished(self) -> bool:
        """All trades are out."""
        return self._next is None

    def book(self, code: str) -> SimBook | None:
        """One level around the last price, as of the last whole candle."""
        return self._book if code == self._code else None

    def ticker(self, code: str) -> SimTicker | None:
        """The state as of the last trade."""
        return self._tape.ticker() if code == self._code else None

    def last_trade(self, code: str) -> SimTrade | None:
        """The last trade that was handed out."""
        return self._tape.last_trade() if code == self._code else None

    def trades(
        self, code: str, *, before_id: int | None = None, to_ns: int | None = None, count: int = 1
    ) -> list[SimTrade]:
        """Newest first, of those handed out."""
        known = code == self._code
        return self._tape.trades(before_id=before_id, to_ns=to_ns, count=count) if known else []

    def candles(self, code: str, unit: str, to_ns: int, count: int) -> list[SimCandle]:
        """Newest first, from the file's rows, replayed already or not."""
        if code != self._code or UNIT_NS.get(unit, DAY_NS) < self._length_ns:
            return []
        return self._rows.candles(unit, to_ns, count)

    def _plan(self, bars: list[Bar]) -> Iterator[tuple[int, Fill | None]]:
        for bar in bars:
            for fill in fills_of(bar, self._length_ns):
                yield fill.trade_ns, fill
            yield bar.last_trade_ns, None

    def _quotes(self) -> list[Happening]:
        trade, ticker = self._tape.last_trade(), self._tape.ticker()
        assert trade is not None
        assert ticker is not None
        price = as_units(trade.price)
        bid, ask = as_float(self._ladder.down(price)), as_float(self._ladder.up(price))
        level = (bid, trade.size if bid else 0.0, ask, trade.size)
        self._book = SimBook(self._code, trade.publish_time_ns, [level])
        return [ticker, self._book]


def _row_book(bars: list[Bar], length_ns: int) -> CandleBook:
    book = CandleBook()
    add = book.add_days if length_ns == DAY_NS else book.add_minutes
    for bar in bars:
        add(bar)
    return book
