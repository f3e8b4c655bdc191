"""Who gets what: happenings go to the lines that are subscribed, in the form that each asked for.

Snapshots come a little after the request, then REALTIME; candles at most once a second (the grid of
order books is the feed's). A replayed frame goes out as it is, and no snapshot is made up for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from msgspec import structs

from sise.model.time import NS_PER_MS, NS_PER_SECOND, Clock
from sise.simulator.faults import FaultBoard
from sise.simulator.feed import Feed, Happening, RawFrame, SimBook, SimCandle, SimTicker, SimTrade
from sise.simulator.line import ROOM_BYTES, Outgoing
from sise.simulator.upbit import frames
from sise.simulator.upbit.depth import grouped, levels_of
from sise.simulator.upbit.frames import Format, StreamType
from sise.simulator.upbit.line import Line
from sise.simulator.upbit.requests import Stream, Subscribe

CANDLES_SHOWN_AT_ONCE: Final = 2
"""The candle in formation and the one before, whose last trades may not have been sent yet."""

_Key = tuple[str, str]
_Route = tuple[Line, Stream]
Rendered = SimTrade | SimBook | SimTicker | SimCandle


class Hub:
    """The lines and their subscriptions."""

    def __init__(
        self, feed: Feed, clock: Clock, board: FaultBoard, snapshot_delay_ms: tuple[int, int], seed: int
    ) -> None:
        self.lines: dict[int, Line] = {}
        self._feed, self._clock, self._board = feed, clock, board
        self._delay_ms, self._random = snapshot_delay_ms, random.Random(f"snapshots-{seed}")
        self._known = {market.code: market for market in feed.markets()}
        self._routes: dict[_Key, list[_Route]] = {}
        self._candle_kinds: dict[str, list[str]] = {}
        self._grown: dict[_Key, int] = {}
        self._shown: dict[_Key, SimCandle] = {}
        self._candle_slot = 0

    def anyone_subscribed(self) -> bool:
        """Whether any stream of any line is active."""
        return bool(self._routes)

    def has_room(self) -> bool:
        """Whether every line keeps up."""
        return all(line.queued_bytes < ROOM_BYTES for line in self.lines.values())

    def add(self, line: Line) -> None:
        """A line came."""
        self.lines[line.number] = line

    def remove(self, line: Line) -> None:
        """A line went."""
        self.lines.pop(line.number, None)
        self._reroute()

    def subscribe(self, line: Line, request: Subscribe) -> None:
        """Replace what ``line`` has. Streams that go on are not interrupted, new ones begin late."""
        now = self._clock.now_ns()
        line.form = request.form
        served = tuple(stream for stream in dict.fromkeys(request.streams) if self._is_served(stream))
        delayed = tuple(stream for stream in served if stream.snapshot and not self._feed.verbatim)
        going_on = {(stream.kind, stream.code) for stream in line.active}
        line.active = tuple(
            stream
            for stream in served
            if stream.realtime and (stream not in delayed or (stream.kind, stream.code) in going_on)
        )
        line.pending = delayed
        line.pending_due_ns = now + self._random.randint(*self._delay_ms) * NS_PER_MS if delayed else None
        self._reroute()

    def streams_of(self, line: Line) -> tuple[Stream, ...]:
        """What ``line`` has, those included that still wait for their snapshot."""
        return tuple(dict.fromkeys((*line.active, *(one for one in line.pending if one.realtime))))

    def publish(self, happenings: list[Happening]) -> None:
        """Hand on what happened."""
        for happening in happenings:
            match happening:
                case SimTrade():
                    self._send("trade", happening.code, happening, happening.sequential_id)
                    self._note_growth(happening)
                case SimTicker():
                    self._send("ticker", happening.code, happening)
                case SimBook():
                    self._send("orderbook", happening.code, happening)
                case RawFrame():
                    self._send_raw(happening)

    def tick(self) -> None:
        """What is due by the clock: snapshots, and candles once a second."""
        now = self._clock.now_ns()
        for line in list(self.lines.values()):
            if line.pending_due_ns is not None and now >= line.pending_due_ns:
                self._begin(line)
        if (second := now // NS_PER_SECOND) != self._candle_slot:
            self._candle_slot = second
            self._send_candles()

    def _is_served(self, stream: Stream) -> bool:
        if stream.code not in self._known:
            return False
        if not stream.level:
            return True
        book = self._feed.book(stream.code)
        best = max((max(level[0], level[2]) for level in book.levels), default=0.0) if book else 0.0
        return best > 0 and stream.level in levels_of(stream.code, best)

    def _reroute(self) -> None:
        routes: dict[_Key, list[_Route]] = {}
        for line in self.lines.values():
            for stream in line.active:
                routes.setdefault((stream.kind, stream.code), []).append((line, stream))
        self._routes = routes
        self._candle_kinds = {}
        for kind, code in routes:
            if kind.startswith("candle."):
                self._candle_kinds.setdefault(code, []).append(kind)

    def _begin(self, line: Line) -> None:
        streams, line.pending, line.pending_due_ns = line.pending, (), None
        for stream in streams:
            state, sequential_id = self._state_of(stream)
            if state is not None:
                payload = self._render(state, stream, line.form, "SNAPSHOT")
                line.offer(Outgoing(payload, stream.kind, stream.code, sequential_id))
        running = set(line.active)
        line.active += tuple(stream for stream in streams if stream.realtime and stream not in running)
        self._reroute()

    def _state_of(self, stream: Stream) -> tuple[Rendered | None, int | None]:
        match stream.kind:
            case "trade":
                trade = self._feed.last_trade(stream.code)
                return trade, trade.sequential_id if trade else None
            case "orderbook":
                return self._feed.book(stream.code), None
            case "ticker":
                return self._feed.ticker(stream.code), None
            case _:
                unit = stream.kind.removeprefix("candle.")
                rows = self._feed.candles(stream.code, unit, self._clock.now_ns() + 1, 1)
                return (rows[0] if rows else None), None

    def _note_growth(self, trade: SimTrade) -> None:
        for kind in self._candle_kinds.get(trade.code, ()):
            self._grown[kind, trade.code] = trade.trade_time_ns

    def _send_candles(self) -> None:
        grown, self._grown = self._grown, {}
        for (kind, code), traded_ns in grown.items():
            unit = kind.removeprefix("candle.")
            rows = self._feed.candles(code, unit, traded_ns + 1, CANDLES_SHOWN_AT_ONCE)
            last = self._shown.get((kind, code))
            fresh = (
                rows[:1]
                if last is None
                else [row for row in rows if row.start_ns >= last.start_ns and row != last]
            )
            for row in reversed(fresh):
                self._send(kind, code, row)
            if rows:
                self._shown[kind, code] = rows[0]

    def _send(self, kind: str, code: str, happening: Rendered, sequential_id: int | None = None) -> None:
        made: dict[tuple[Format, Stream], bytes] = {}
        for line, stream in self._routes.get((kind, code), ()):
            key = (line.form, stream)
            if key not in made:
                made[key] = self._render(happening, stream, line.form, "REALTIME")
            line.offer(Outgoing(made[key], kind, code, sequential_id))

    def _send_raw(self, frame: RawFrame) -> None:
        for line in {line.number: line for line, _ in self._matching(frame)}.values():
            line.offer(Outgoing(frame.payload, frame.kind or "unknown", frame.code))

    def _matching(self, frame: RawFrame) -> list[_Route]:
        """Who asked for the frame's kind and code; where it does not say, who asked for any."""
        if frame.kind and frame.code:
            return self._routes.get((frame.kind, frame.code), [])
        return [route for routes in self._routes.values() for route in routes]

    def _render(self, happening: Rendered, stream: Stream, form: Format, kind: StreamType) -> bytes:
        shift: Callable[[int], int] = self._board.offset_ns().__add__
        match happening:
            case SimTrade():
                moved = structs.replace(
                    happening,
                    trade_time_ns=shift(happening.trade_time_ns),
                    publish_time_ns=shift(happening.publish_time_ns),
                )
                return frames.trade_frame(moved, form, kind)
            case SimBook():
                book = structs.replace(grouped(happening, stream.level), time_ns=shift(happening.time_ns))
                return frames.book_frame(book, form, kind, stream.depth, stream.level)
            case SimTicker():
                ticker = structs.replace(
                    happening,
                    time_ns=shift(happening.time_ns),
                    last_trade_ns=shift(happening.last_trade_ns),
                )
                warning = self._known[happening.code].warning
                return frames.ticker_frame(ticker, form, kind, warning=warning)
            case SimCandle():
                return frames.candle_frame(stream.kind, stream.code, happening, form, kind)
