"""One issue's day: takers in bursts, auctions, interruptions (VI), the sums of what was traded.

The day is a chain of moments, each drawn from the issue's own ``Random``: who advances it in one step
to the evening and who advances it by tenths of a second get the same trades. Whoever listens hears
every trade when it is in the sums. Nothing is drawn for looking (books, expected prices).

Trades are at the best price of the side they take, a few at the middle of the best prices (중간가),
off the ladder. A price ten percent off the last auction's starts a call auction of two minutes and a
random end (static VI). A halted issue does nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final, Literal

from msgspec import Struct

from sise.simulator.kis import rules
from sise.simulator.kis.arrivals import SURGES_MAX, Arrivals, Surge, planned_surges
from sise.simulator.kis.depth import unit
from sise.simulator.kis.listing import Listing
from sise.simulator.kis.quotes import Quotes
from sise.simulator.kis.sessions import Day, Intensity, Phase
from sise.simulator.kis.tape import AUCTION, BUY, SELL, Tape

Venue = Literal["KRX", "NXT"]
_Auction = Literal["opening", "closing", "vi"]

LAST_TRADES_KEPT: Final = 30
FILLS_PER_ORDER_MAX: Final = 20
AUCTION_DELAY_MS: Final = 30_000
VI_MS: Final = 120_000
VI_RANDOM_END_MS: Final = 30_000

_ORDER_PART, _ORDER_POWER, _ORDER_MAX = 0.5, 1.3, 300.0
_MID_SHARE: Final = 0.012
_NXT_SHARE: Final = 0.3
_AUCTION_SHARE: Final = 0.04
_OVERNIGHT: Final = 0.45


class Fill(Struct, frozen=True, gc=False):
    """A trade as it happened; ``strength`` is 체결강도 in hundredths of a percent after it."""

    venue: Venue
    ms: int
    price: int
    size: int
    side: str
    strength: int


class Vi(Struct):
    """An interruption: ``reference`` is what the price was held against; ``end_ms`` 0 while it lasts."""

    start_ms: int
    end_ms: int
    reference: int
    price: int
    count: int


Hear = Callable[["Issue", Fill], None]


class Issue:
    """The state of an issue, advanced by :meth:`advance`; ``base`` is the day's base price."""

    def __init__(
        self,
        listing: Listing,
        base: int,
        day: Day,
        intensity: Intensity,
        mood: Callable[[int], float],
        seed: int,
    ) -> None:
        self.listing, self.base, self.day, self.intensity = listing, base, day, intensity
        self.krx = Tape()
        self.nxt = Tape() if listing.nxt else None
        self.unified = Tape() if listing.nxt else None
        self.last_trades: deque[Fill] = deque(maxlen=LAST_TRADES_KEPT)
        self.close = 0
        """The last price of the regular session, once it has closed with a trade."""
        self.vis: list[Vi] = []
        self.vi_reference = base
        self.auction_volume = 0
        self.now_ms = 0
        self._rng = Random(f"{seed} {day.date} {listing.code}")
        self._phases = day.fund_phases if listing.is_fund else day.phases
        trades, seconds = listing.trades_per_day, (day.close_ms - day.open_ms) / 1000
        size = max(1, int(listing.day_value / trades / base)) if trades else 1
        ladder = rules.fund_ladder(day.date) if listing.is_fund else rules.share_ladder(day.date)
        start_ms = self._phases[0].start_ms if self._phases else 0
        self.surges = planned_surges(listing, day, self._rng)
        self.quotes = Quotes(listing, base, ladder, seconds, size, mood, self.surges, self._rng, start_ms)
        self._arrivals = Arrivals(listing, day, intensity, self.surges, self._rng)
        self._at = -1
        self._auction: _Auction | None = None
        self._auction_ms = 0
        self._due_ms = start_ms if self._phases and trades else None
        self._order_due = False

    @property
    def phase(self) -> Phase | None:
        """The phase that the issue is in."""
        return self._phases[self._at] if 0 <= self._at < len(self._phases) else None

    @property
    def in_vi(self) -> bool:
        """Whether a VI holds the trading."""
        return bool(self.vis) and not self.vis[-1].end_ms

    @property
    def in_auction(self) -> bool:
        """Whether KRX collects orders: before the opening, at the close, in a VI."""
        phase = self.phase
        return phase is not None and (phase.krx == "call" or self._auction is not None)

    def last_price(self) -> int:
        """KRX's last price; the base price before the first trade."""
        return self.krx.last or self.base

    def expected(self, ms: int) -> tuple[int, int]:
        """Price and volume that an auction at ``ms`` would have; zeros where nobody would meet."""
        if not self.auction_volume:
            return 0, 0
        salt, second = self.quotes.salt, ms // 1_000
        price = self.quotes.fair_price((unit(salt, second) - 0.5) * 0.006)
        return price, max(1, int(self.auction_volume * (0.3 + 0.7 * unit(salt, second // 5, 1))))

    def tape(self, division: str) -> Tape | None:
        """The sums of ``J`` (KRX), ``NX`` (NXT) or ``UN`` (both); ``None`` where NXT does not trade it."""
        if division == "J":
            return self.krx
        return self.nxt if division == "NX" else self.unified

    def advance(self, to_ms: int, hear: Hear | None = None) -> None:
        """Let everything happen up to ``to_ms`` (included), and tell ``hear`` of each trade."""
        while self._due_ms is not None and self._due_ms <= to_ms:
            self._happen(self._due_ms, hear)
        self.now_ms = max(self.now_ms, to_ms)

    def surge(self, surge: Surge) -> bool:
        """Add a surge from now on; ``False`` where there are too many or the day is over for it."""
        if len(self.surges) >= SURGES_MAX or self._due_ms is None:
            return False
        self.surges.append(surge)
        if self._auction is None and surge.start_ms < self._due_ms:
            self._due_ms, self._order_due = max(surge.start_ms, self.now_ms + 1), False
        return True

    def _happen(self, ms: int, hear: Hear | None) -> None:
        phase = self.phase
        if phase is None or ms >= phase.end_ms:
            self._enter(ms)
            return
        if self._auction is not None:
            self._hold_auction(ms, phase, hear)
        elif self._order_due:
            self._order(ms, phase, hear)
        self._wait(ms)

    def _enter(self, ms: int) -> None:
        """The next phase begins. After a call phase its auction comes within half a minute."""
        before = self.phase
        self._at += 1
        phase = self.phase
        if phase is None:
            self._end_vi(ms)
            self._due_ms = None
            return
        called = before is not None and before.krx == "call"
        if phase.krx == "call" and not called:
            self._collect(ms, opening=phase.hour_class == "B")
        elif called and phase.krx != "call":
            self._auction = "closing" if phase.krx == "shut" else "opening"
            self._auction_ms = ms + self._rng.randrange(AUCTION_DELAY_MS)
        self._wait(ms)

    def _collect(self, ms: int, *, opening: bool) -> None:
        """A call auction begins; a VI that still lasts ends in it."""
        self._end_vi(ms)
        self._auction = None
        if opening:
            self.quotes.jump(self.listing.volatility * _OVERNIGHT)
        self.auction_volume = self._drawn_volume(1.0 if opening else 0.8)

    def _drawn_volume(self, part: float) -> int:
        trades = self.listing.trades_per_day
        if self._rng.random() > min(1.0, trades / 60):
            return 0
        usual = self.quotes.usual_size * trades * _AUCTION_SHARE * part
        return max(1, int(usual * self._rng.lognormvariate(0, 0.5)))

    def _hold_auction(self, ms: int, phase: Phase, hear: Hear | None) -> None:
        kind, self._auction = self._auction, None
        self.quotes.walk(ms)
        self._end_vi(ms)
        if self.auction_volume:
            price = self.quotes.fair_price()
            self.vi_reference = price
            self.quotes.settle(price)
            at_nxt = kind == "vi" and phase.krx != "open"
            self._trade("NXT" if at_nxt else "KRX", ms, price, self.auction_volume, AUCTION, hear)
        if kind == "closing":
            self.close = self.krx.last

    def _order(self, ms: int, phase: Phase, hear: Hear | None) -> None:
        quotes, rng = self.quotes, self._rng
        quotes.walk(ms)
        quotes.requote()
        venue: Venue = "KRX"
        if self._nxt_open(phase) and (phase.krx != "open" or rng.random() < _NXT_SHARE):
            venue = "NXT"
        orders = min(rng.paretovariate(_ORDER_POWER), _ORDER_MAX)
        shares = max(1, int(quotes.usual_size * _ORDER_PART * orders))
        if rng.random() < _MID_SHARE and (middle := quotes.middle()) and not self._interrupts(middle, phase):
            side = rng.choice((BUY, SELL))
            self._trade(venue, ms, middle, min(shares, quotes.usual_size), side, hear)
            return
        self._take(venue, ms, phase, shares, hear)

    def _take(self, venue: Venue, ms: int, phase: Phase, shares: int, hear: Hear | None) -> None:
        """A taker's order, maker by maker and level by level."""
        quotes, expovariate = self.quotes, self._rng.expovariate
        buys = quotes.next_taker_buys()
        for _ in range(FILLS_PER_ORDER_MAX):
            if shares <= 0:
                return
            price, left = (quotes.ask, quotes.ask_left) if buys else (quotes.bid, quotes.bid_left)
            if not price:
                return
            if self._interrupts(price, phase):
                self._begin_vi(ms, price)
                return
            maker = 1 + int(quotes.usual_size * expovariate(0.7) + shares * 0.1)
            size = min(shares, maker, left)
            gone = quotes.taken(buys=buys, size=size)
            self._trade(venue, ms, price, size, BUY if buys else SELL, hear)
            shares -= size
            if gone:
                quotes.next_level(buys=buys)

    def _trade(self, venue: Venue, ms: int, price: int, size: int, side: str, hear: Hear | None) -> None:
        tape = self.krx if venue == "KRX" else self.nxt
        assert tape is not None
        tape.fold(ms, price, size, side)
        if self.unified is not None:
            self.unified.fold(ms, price, size, side)
        if venue == "NXT" and hear is None:
            return  # nobody would ever see it
        fill = Fill(venue, ms, price, size, side, tape.strength())
        if venue == "KRX":
            self.last_trades.append(fill)
        if hear is not None:
            hear(self, fill)

    def _interrupts(self, price: int, phase: Phase) -> bool:
        """Whether a trade at ``price`` would start a VI; a call auction knows none."""
        off = abs(price - self.vi_reference)
        return off * 100 >= self.vi_reference * rules.VI_PERCENT and phase.krx != "call"

    def _begin_vi(self, ms: int, price: int) -> None:
        self.vis.append(Vi(ms, 0, self.vi_reference, price, len(self.vis) + 1))
        self._auction = "vi"
        self._auction_ms = ms + VI_MS + self._rng.randrange(VI_RANDOM_END_MS)
        self.auction_volume = max(1, self._drawn_volume(0.3))

    def _end_vi(self, ms: int) -> None:
        if self.in_vi:
            self.vis[-1].end_ms = ms

    def _wait(self, ms: int) -> None:
        """When the next thing is due: an auction, an order, or a change of the phase or of the rate."""
        phase = self.phase
        assert phase is not None
        self._order_due = False
        if self._auction is not None:
            self._due_ms = min(self._auction_ms, phase.end_ms)
            return
        is_open = phase.krx == "open" or self._nxt_open(phase)
        self._due_ms, self._order_due = self._arrivals.after(ms, phase, is_open=is_open)

    def _nxt_open(self, phase: Phase) -> bool:
        return phase.nxt and self.nxt is not None
