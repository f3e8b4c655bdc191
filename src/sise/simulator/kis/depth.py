"""Ten levels a side, seen from an issue's best prices, without keeping a book.

The size at a price follows from the price and the time alone, by a hash that changes every few
seconds, so that a book can be looked at, or not, without changing the market. The best level is the
market's own: what is left of it is what the next trades take.
"""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct

from sise.simulator.ticks import Ladder

LEVELS: Final = 10
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_SIZE_HOLDS_MS: Final = 4_000
_SIZES: Final = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.1, 1.3, 1.5, 1.75, 2.0, 2.4, 2.9, 3.6, 4.8, 7.0)


def mix(*numbers: int) -> int:
    """A 64-bit hash of whole numbers, the same on every machine."""
    state = 0x9E37_79B9_7F4A_7C15
    for number in numbers:
        state = ((state ^ number) * 0xBF58_476D_1CE4_E5B9) & _MASK
        state ^= state >> 29
    return (state * 0x94D0_49BB_1331_11EB & _MASK) >> 11


def unit(*numbers: int) -> float:
    """As :func:`mix`, uniform in [0, 1)."""
    return mix(*numbers) / (1 << 53)


class Depth(Struct):
    """Prices and sizes, best first; where a side ends, 0. Totals are the sums of the levels."""

    asks: list[int]
    bids: list[int]
    ask_sizes: list[int]
    bid_sizes: list[int]
    ask_total: int
    bid_total: int

    def set_best(self, ask_size: int, bid_size: int) -> None:
        """Change the sizes of the best level."""
        self.ask_total += ask_size - self.ask_sizes[0]
        self.bid_total += bid_size - self.bid_sizes[0]
        self.ask_sizes[0], self.bid_sizes[0] = ask_size, bid_size


class Quoted(Protocol):
    """What a depth is made from."""

    salt: int
    ladder: Ladder
    lower: int
    upper: int
    bid: int
    ask: int
    bid_left: int
    ask_left: int
    usual_size: int


def depth_of(quoted: Quoted, ms: int) -> Depth:
    """The book at ``ms``."""
    asks, bids = [quoted.ask], [quoted.bid]
    ladder = quoted.ladder
    while len(asks) < LEVELS:
        price = ladder.up(asks[-1]) if asks[-1] else 0
        asks.append(price if price <= quoted.upper else 0)
    while len(bids) < LEVELS:
        price = ladder.down(bids[-1]) if bids[-1] else 0
        bids.append(price if price >= quoted.lower else 0)
    ask_sizes = [quoted.ask_left if quoted.ask else 0]
    ask_sizes += [_size(quoted, price, ms) for price in asks[1:]]
    bid_sizes = [quoted.bid_left if quoted.bid else 0]
    bid_sizes += [_size(quoted, price, ms) for price in bids[1:]]
    return Depth(asks, bids, ask_sizes, bid_sizes, sum(ask_sizes), sum(bid_sizes))


def _size(quoted: Quoted, price: int, ms: int) -> int:
    if not price:
        return 0
    phase = price * 7_919 % _SIZE_HOLDS_MS
    noise = mix(quoted.salt, price, (ms + phase) // _SIZE_HOLDS_MS)
    return 1 + int(quoted.usual_size * _SIZES[noise & 15]) + (noise >> 8) % 7


def thinned(depth: Depth, salt: int, percent: int) -> Depth:
    """The same prices with about ``percent`` of the sizes: another venue's book."""
    asks = [_part(size, salt, i, percent) for i, size in enumerate(depth.ask_sizes)]
    bids = [_part(size, salt, i + LEVELS, percent) for i, size in enumerate(depth.bid_sizes)]
    return Depth(depth.asks, depth.bids, asks, bids, sum(asks), sum(bids))


def both(one: Depth, other: Depth) -> Depth:
    """Two books of the same prices as one."""
    asks = [a + b for a, b in zip(one.ask_sizes, other.ask_sizes, strict=True)]
    bids = [a + b for a, b in zip(one.bid_sizes, other.bid_sizes, strict=True)]
    return Depth(one.asks, one.bids, asks, bids, sum(asks), sum(bids))


def _part(size: int, salt: int, place: int, percent: int) -> int:
    return 1 + size * (percent // 2 + mix(salt, place) % percent) // 100 if size else 0
