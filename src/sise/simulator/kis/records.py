"""Frames' records as KIS writes them: fields joined by carets, widths by their date [wire/kis.md 4.4, 4.5].

Fields that no source explains are written as in captured frames: outside auctions the expected trade of
a book is ``0 0 <last auction's volume> -<base price> 5 -100.00``, and the buyers' rate is rounded up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sise.simulator.kis.depth import Depth, both, mix, thinned
from sise.simulator.kis.issue import Fill, Issue
from sise.simulator.kis.tape import Tape

TRADE_WIDTHS: Final = (46, 47)
BOOK_WIDTHS: Final = (59, 62, 63)
EXPECTED_WIDTH: Final = 45
_NXT_PERCENT: Final = 40
_DEPTH_HOLDS_MS: Final = 200
_DIVISIONS: Final = {"ST": "J", "NX": "NX", "UN": "UN"}


def division_of(tr_id: str) -> str:
    """``J``, ``NX`` or ``UN`` of a stream such as ``H0UNCNT0``."""
    return _DIVISIONS[tr_id[2:4]]


def hhmmss(ms: int) -> str:
    """Time of day; before the first trade KIS has ``000000``."""
    second = ms // 1000 % 86_400
    return f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"


def sign_of(price: int, base: int, lower: int, upper: int) -> str:
    """PRDY_VRSS_SIGN: 1 upper limit, 2 up, 3 even, 4 lower limit, 5 down."""
    if price == upper:
        return "1"
    if price == lower:
        return "4"
    return direction(price - base)


def direction(change: int) -> str:
    """2 up, 3 even, 5 down."""
    return "2" if change > 0 else "5" if change < 0 else "3"


def percent(part: float, whole: float) -> str:
    """``part`` of ``whole`` in percent, two decimals; ``0.00`` where there is no whole."""
    return f"{part * 100 / whole:.2f}" if whole and part else "0.00"


def market_class(issue: Issue) -> str:
    """MARKET_CLS_CODE now."""
    return issue.phase.market_class if issue.phase else "2"


def hour_class(issue: Issue) -> str:
    """HOUR_CLS_CODE now: C in a VI, else the session's."""
    if issue.in_vi:
        return "C"
    return issue.phase.hour_class if issue.phase else "0"


class Writer:
    """Writes records of the issues of one market.

    Parameters
    ----------
    trade_width, book_width
        Of H0STCNT0 and H0STASP0; the other venues' follow.
    shift_ms
        By how much the provider's clock is wrong.
    previous_volume
        Shares traded the day before.
    """

    def __init__(
        self,
        trade_width: int,
        book_width: int,
        shift_ms: Callable[[], int],
        previous_volume: Callable[[Issue], int],
    ) -> None:
        self._trade_width, self._book_width = trade_width, book_width
        self._shift_ms, self._previous_volume = shift_ms, previous_volume
        self._depths: dict[str, tuple[tuple[int, int, int], Depth]] = {}
        self._totals: dict[tuple[str, str], tuple[int, int]] = {}

    def trade(self, issue: Issue, fill: Fill, division: str) -> str:
        """A trade record, after ``fill`` is in the sums."""
        tape = issue.tape(division)
        assert tape is not None
        fields = self._trade_fields(
            issue, tape, division, fill.ms, fill.price, fill.size, fill.side, hour_class="0"
        )
        return "^".join(fields[: self._trade_width])

    def expected(self, issue: Issue, ms: int, width: int = EXPECTED_WIDTH) -> str:
        """An expected trade of a call auction: as a trade, but nothing is traded."""
        price, size = issue.expected(ms)
        fields = self._trade_fields(issue, issue.krx, "J", ms, price, size, "3", hour_class=hour_class(issue))
        return "^".join(fields[:width])

    def expected_as_trade(self, issue: Issue, ms: int) -> str:
        """As :meth:`expected`, in the width of trades."""
        return self.expected(issue, ms, self._trade_width)

    def depth(self, issue: Issue, ms: int, division: str) -> Depth:
        """The book of a venue."""
        quotes = issue.quotes
        key = (ms // _DEPTH_HOLDS_MS, quotes.bid, quotes.ask)
        cached = self._depths.get(issue.listing.code)
        if cached is None or cached[0] != key:
            cached = self._depths[issue.listing.code] = (key, quotes.depth(ms))
        ours = cached[1]
        ours.set_best(quotes.ask_left if quotes.ask else 0, quotes.bid_left if quotes.bid else 0)
        if division == "J":
            return ours
        theirs = thinned(ours, quotes.salt, _NXT_PERCENT)
        return theirs if division == "NX" else both(ours, theirs)

    def book(self, issue: Issue, ms: int, tr_id: str) -> str:
        """A book record of ``H0STASP0``, ``H0NXASP0`` or ``H0UNASP0``."""
        division = division_of(tr_id)
        tape, depth = issue.tape(division), self.depth(issue, ms, division)
        assert tape is not None
        code = issue.listing.code
        before = self._totals.get((tr_id, code), (depth.ask_total, depth.bid_total))
        self._totals[tr_id, code] = depth.ask_total, depth.bid_total
        fields = [code, hhmmss(ms + self._shift_ms()), hour_class(issue)]
        fields += map(str, (*depth.asks, *depth.bids, *depth.ask_sizes, *depth.bid_sizes))
        fields += [str(depth.ask_total), str(depth.bid_total), "0", "0"]
        fields += _expected_columns(issue, ms)
        fields += [str(tape.volume), str(depth.ask_total - before[0]), str(depth.bid_total - before[1])]
        fields += ["0", "0", "0"]
        fields += self._book_tail(issue, ms, depth, division)
        return "^".join(fields)

    def event(self, issue: Issue) -> str:
        """A record of the market's events (H0STMKO0) as seen live: ten fields."""
        state = "58" if issue.listing.halted else "55"
        vi = "Y" if issue.in_vi else "N"
        halted = "Y" if issue.listing.halted else "N"
        return "^".join([issue.listing.code, halted, "(null)", "", "311", "", "", state, vi, "N"])

    def forget(self) -> None:
        """A new day: no book was published yet."""
        self._depths.clear()
        self._totals.clear()

    def _book_tail(self, issue: Issue, ms: int, depth: Depth, division: str) -> list[str]:
        middle = _middle(issue, ms, depth)
        if self._book_width == 59:
            return []
        dated = self._book_width >= 63
        if division == "J":
            return [*middle, market_class(issue)] if dated else middle
        if division == "NX":
            return middle
        return [*middle, *middle, "1"] if dated else [*middle, *middle]

    def _trade_fields(
        self,
        issue: Issue,
        tape: Tape,
        division: str,
        ms: int,
        price: int,
        size: int,
        side: str,
        *,
        hour_class: str,
    ) -> list[str]:
        base, quotes = issue.base, issue.quotes
        depth = self.depth(issue, ms, division)
        shift = self._shift_ms()
        previous = self._previous_volume(issue)
        same_time = int(previous * issue.intensity.share_until(ms))
        change = price - base
        volume = tape.volume
        phase = issue.phase
        venue_class = phase.market_class if phase else "2"
        return [
            issue.listing.code,
            hhmmss(ms + shift),
            str(price),
            sign_of(price, base, quotes.lower, quotes.upper),
            str(change),
            percent(change, base),
            f"{tape.value / volume:.2f}" if volume else "0.00",
            str(tape.open),
            str(tape.high),
            str(tape.low),
            str(depth.asks[0]),
            str(depth.bids[0]),
            str(size),
            str(volume),
            str(tape.value),
            str(tape.sells),
            str(tape.buys),
            str(tape.buys - tape.sells),
            percent(tape.buy_volume, tape.sell_volume),
            str(tape.sell_volume),
            str(tape.buy_volume),
            side,
            f"{-(-tape.buy_volume * 100 // volume) / 100:.2f}" if volume else "0.00",
            percent(volume, previous),
            hhmmss(tape.open_ms + shift),
            direction(price - tape.open),
            str(price - tape.open),
            hhmmss(tape.high_ms + shift),
            direction(price - tape.high),
            str(price - tape.high),
            hhmmss(tape.low_ms + shift),
            direction(price - tape.low),
            str(price - tape.low),
            issue.day.date,
            _NEW_MKOP.get(venue_class, "20"),
            "Y" if issue.listing.halted else "N",
            str(depth.ask_sizes[0]),
            str(depth.bid_sizes[0]),
            str(depth.ask_total),
            str(depth.bid_total),
            percent(volume, issue.listing.shares),
            str(same_time),
            percent(volume, same_time),
            hour_class,
            "",
            str(issue.vi_reference),
            venue_class,
        ]


_NEW_MKOP: Final = {"1": "10", "3": "30"}


def _expected_columns(issue: Issue, ms: int) -> list[str]:
    if not issue.in_auction:
        return ["0", "0", str(issue.auction_volume), str(-issue.base), "5", "-100.00"]
    price, size = issue.expected(ms)
    change = price - issue.base
    quotes = issue.quotes
    sign = sign_of(price, issue.base, quotes.lower, quotes.upper) if price else "3"
    return [str(price), str(size), str(size), str(change), sign, percent(change, issue.base)]


def _middle(issue: Issue, ms: int, depth: Depth) -> list[str]:
    """MID_PRC, what rests there, and whose it is: 0 nobody's, 1 sellers', 2 buyers'."""
    if not depth.asks[0] or not depth.bids[0]:
        return ["0", "0", "0"]
    noise = mix(issue.quotes.salt, ms // 3_000, 59)
    resting = noise % (issue.quotes.usual_size * 8) if noise % 3 else 0
    side = str(1 + noise // 7 % 2) if resting else "0"
    return [str((depth.asks[0] + depth.bids[0]) // 2), str(resting), side]
