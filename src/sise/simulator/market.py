"""The live market: many order flows on one time line, published as a venue publishes.

Two heaps. What *happens* (orders, book publications on the grid) lies in the agenda by its time; what
is *published* lies in the outbox by its publish time, some tens of milliseconds later. A step works
off both up to now. Nothing depends on how the steps are cut, as long as no step is longer than
:data:`CATCH_UP_NS`: after a longer pause (a sleeping machine) the market has slept as well.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from random import Random
from typing import Final

from msgspec import structs

from sise.model.time import NS_PER_MS, NS_PER_SECOND
from sise.simulator.feed import Happening, MarketInfo, SimBook, SimCandle, SimTicker, SimTrade
from sise.simulator.history import tape_with_past
from sise.simulator.listing import Listing, listings
from sise.simulator.orderflow import Mood, OrderFlow
from sise.simulator.tape import Fill, Tape

CATCH_UP_NS: Final = 60 * NS_PER_SECOND
BUSY_BOOK_GRID_NS: Final = 100 * NS_PER_MS
TRADE_DELAY_MS: Final = (20, 150)
BOOK_DELAY_MS: Final = (20, 50)
_USUAL_EXTRA_DELAY_MS: Final = 30.0

_ORDER, _BOOK = 0, 1


class LiveMarket:
    """A seeded market, the busiest ``markets`` of KRW and a few quiet ones in BTC and USDT.

    The same seed, start and step times give the same output; no clock is read. ``activity`` multiplies how
    many orders come.

    Raises
    ------
    BadInput
        ``markets`` is more than are listed, or less than 1.
    """

    verbatim: bool = False

    def __init__(self, seed: int, markets: int = 60, activity: float = 1.0) -> None:
        self._seed = seed
        self._listings = [
            structs.replace(listing, orders_per_second=listing.orders_per_second * activity)
            for listing in listings(markets)
        ]
        self._index = {listing.info.code: index for index, listing in enumerate(self._listings)}
        self._rng = Random(f"{seed} delays")
        self._flows: list[OrderFlow] = []
        self._tapes: dict[int, Tape] = {}
        self._books: dict[int, SimBook] = {}
        self._agenda: list[tuple[int, int, int]] = []
        self._outbox: list[tuple[int, int, int, Fill | SimBook]] = []
        self._outbox_count = 0
        self._last_post_ns: dict[tuple[int, type], int] = {}
        self._book_due: set[int] = set()
        self._start_ns = self._now_ns = 0

    def markets(self) -> list[MarketInfo]:
        """All listed markets, the busiest first."""
        return [listing.info for listing in self._listings]

    def start(self, now_ns: int) -> None:
        """Open at ``now_ns``; later calls change nothing."""
        if self._flows:
            return
        self._start_ns = self._now_ns = now_ns
        mood = Mood(Random(f"{self._seed} mood"), now_ns)
        self._mood = mood
        begin_ns = now_ns - now_ns % NS_PER_MS
        for index, listing in enumerate(self._listings):
            flow = OrderFlow(listing, Random(f"{self._seed} flow {listing.info.code}"), begin_ns, mood)
            self._flows.append(flow)
            self._books[index] = flow.book(begin_ns)
            self._agenda.append((flow.due_ns, _ORDER, index))
        heapify(self._agenda)

    def step(self, now_ns: int) -> list[Happening]:
        """Everything published up to ``now_ns``, in the order of publishing."""
        if not self._flows or now_ns <= self._now_ns:
            return []
        if now_ns - self._now_ns > CATCH_UP_NS:
            self._sleep((now_ns - self._now_ns) // NS_PER_SECOND * NS_PER_SECOND)
        self._now_ns = now_ns
        while self._agenda[0][0] <= now_ns:
            at_ns, what, index = heappop(self._agenda)
            if what == _ORDER:
                self._order(index, at_ns)
            else:
                self._book_due.discard(index)
                self._post(index, at_ns, BOOK_DELAY_MS, self._flows[index].book(at_ns))
        happenings: list[Happening] = []
        while self._outbox and self._outbox[0][0] <= now_ns:
            publish_ns, _, index, thing = heappop(self._outbox)
            happenings += self._publish(index, publish_ns, thing)
        return happenings

    def next_ns(self) -> int | None:
        """When the next thing happens or is published."""
        if not self._agenda:
            return None
        return min(self._agenda[0][0], self._outbox[0][0] if self._outbox else self._agenda[0][0])

    def finished(self) -> bool:
        """Never: this market does not close."""
        return False

    def book(self, code: str) -> SimBook | None:
        """The last book published, at first the opening one."""
        return self._books.get(self._index.get(code, -1))

    def ticker(self, code: str) -> SimTicker | None:
        """The state as of the last trade published."""
        tape = self._tape_of(code)
        return tape.ticker() if tape else None

    def last_trade(self, code: str) -> SimTrade | None:
        """The last trade published, at first the past's last."""
        tape = self._tape_of(code)
        return tape.last_trade() if tape else None

    def trades(
        self, code: str, *, before_id: int | None = None, to_ns: int | None = None, count: int = 1
    ) -> list[SimTrade]:
        """Newest first, from a bounded history."""
        tape = self._tape_of(code)
        return tape.trades(before_id=before_id, to_ns=to_ns, count=count) if tape else []

    def candles(self, code: str, unit: str, to_ns: int, count: int) -> list[SimCandle]:
        """Newest first; the past at start, then exactly the trades published."""
        tape = self._tape_of(code)
        return tape.candles.candles(unit, to_ns, count) if tape else []

    def _tape_of(self, code: str) -> Tape | None:
        index = self._index.get(code)
        return None if index is None or not self._flows else self._tape(index)

    def _tape(self, index: int) -> Tape:
        tape = self._tapes.get(index)
        if tape is None:
            tape = self._tapes[index] = tape_with_past(self._listings[index], self._seed, self._start_ns)
        return tape

    def _order(self, index: int, at_ns: int) -> None:
        flow, listing = self._flows[index], self._listings[index]
        for fill in flow.act():
            self._post(index, at_ns, TRADE_DELAY_MS, fill)
        heappush(self._agenda, (flow.due_ns, _ORDER, index))
        if index not in self._book_due:
            self._book_due.add(index)
            heappush(self._agenda, (_book_ns(listing, at_ns), _BOOK, index))

    def _post(self, index: int, at_ns: int, delay_ms: tuple[int, int], thing: Fill | SimBook) -> None:
        shortest, longest = delay_ms
        extra = int(self._rng.expovariate(1 / _USUAL_EXTRA_DELAY_MS))
        publish_ns = at_ns + min(shortest + extra, longest) * NS_PER_MS
        stream = (index, type(thing))  # one stream of one market keeps its order
        publish_ns = self._last_post_ns[stream] = max(publish_ns, self._last_post_ns.get(stream, 0))
        self._outbox_count += 1
        heappush(self._outbox, (publish_ns, self._outbox_count, index, thing))

    def _publish(self, index: int, publish_ns: int, thing: Fill | SimBook) -> list[Happening]:
        if isinstance(thing, SimBook):
            self._books[index] = thing
            return [thing]
        tape = self._tape(index)
        trade = tape.publish(thing, publish_ns)
        ticker = tape.ticker()
        return [trade, ticker] if ticker else [trade]

    def _sleep(self, ns: int) -> None:
        """Let ``ns`` (whole seconds, so that the book grid stays) pass without anything happening."""
        for flow in self._flows:
            flow.skip(ns)
        self._mood.skip(ns)
        self._agenda = [(at_ns + ns, what, index) for at_ns, what, index in self._agenda]


def _book_ns(listing: Listing, at_ns: int) -> int:
    return at_ns - at_ns % -BUSY_BOOK_GRID_NS if listing.busy else at_ns
