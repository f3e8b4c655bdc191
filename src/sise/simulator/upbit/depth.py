"""Order books seen coarser: which grouping levels a market has, and a book grouped by one.

Only KRW markets have levels: 0 (none) and the tick times 10, 100 … up to the price
[wire/samples/upbit/rest_recorded_quotation_get_orderbook_instruments.json].
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from sise.simulator.feed import SimBook
from sise.simulator.ticks import SCALE, as_units, ladder_of

NO_GROUPING: Final = Decimal(0)


def tick_of(code: str, price: float) -> Decimal:
    """The tick of ``code`` at ``price``."""
    return (Decimal(ladder_of(code).step_at(as_units(price))) / SCALE).normalize()


def levels_of(code: str, price: float) -> list[Decimal]:
    """The grouping levels of ``code`` near ``price``, smallest first; 0 is no grouping."""
    levels = [NO_GROUPING]
    if code.startswith("KRW-"):
        step, limit = tick_of(code, price) * 10, Decimal(repr(price))
        while step <= limit:
            levels.append(step)
            step *= 10
    return levels


def grouped(book: SimBook, level: Decimal) -> SimBook:
    """``book`` with bids rounded down and asks rounded up to ``level``, sizes added up."""
    if not level:
        return book
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}
    for bid, bid_size, ask, ask_size in book.levels:
        for side, price, size, rounding in (
            (bids, bid, bid_size, ROUND_FLOOR),
            (asks, ask, ask_size, ROUND_CEILING),
        ):
            if price:
                at = (Decimal(repr(price)) / level).to_integral_value(rounding) * level
                side[at] = side.get(at, Decimal(0)) + Decimal(repr(size))
    bid_rows = sorted(bids.items(), reverse=True)
    ask_rows = sorted(asks.items())
    nothing = (Decimal(0), Decimal(0))
    rows = []
    for i in range(max(len(bid_rows), len(ask_rows))):
        bid_at, bid_total = bid_rows[i] if i < len(bid_rows) else nothing
        ask_at, ask_total = ask_rows[i] if i < len(ask_rows) else nothing
        rows.append((float(bid_at), float(bid_total), float(ask_at), float(ask_total)))
    return SimBook(book.code, book.time_ns, rows)
