"""Upbit's rate limits: dated rows, and the count of who has spent how much [wire/upbit.md 4].

A limit counts by calendar window of the clock (``sec`` in ``Remaining-Req`` is what this second still
holds). Whoever goes on after 429 is answered 418 for a while that grows; how soon and how fast is
not published, so those numbers are ours.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

from msgspec import Struct

from sise.model.time import NS_PER_SECOND, Clock

MAX_ADDRESSES_KEPT: Final = 4_096
TOO_MANY_BEFORE_BLOCK: Final = 10
TOO_MANY_WITHIN_SECONDS: Final = 10
FIRST_BLOCK_SECONDS: Final = 10
LONGEST_BLOCK_SECONDS: Final = 600


class LimitRule(Struct, frozen=True):
    """``per_window`` requests in each ``window_seconds``; ``shown_min`` is the deprecated constant."""

    group: str
    per_window: int
    window_seconds: int
    shown_min: int
    since: str
    source: str


def _ten_a_second(group: str) -> LimitRule:
    return LimitRule(
        group, 10, 1, 600, "2026-10-07", "docs.upbit.com/kr, rate limits; group name as recorded"
    )


RULES: Final = {
    rule.group: rule
    for rule in (
        _ten_a_second("market"),
        _ten_a_second("candles"),
        _ten_a_second("crix-trades"),
        _ten_a_second("ticker"),
        _ten_a_second("orderbook"),
        LimitRule("origin", 1, 10, 6, "2026-09-23", "measured: group=origin; min=6; sec=0"),
        LimitRule("default", 30, 1, 1800, "2026-06-25", "docs.upbit.com/kr, rate limits"),
        LimitRule("websocket", 5, 1, 300, "2026-09-23", "docs; upgrade reply measured: min=300; sec=3"),
    )
}

WS_MESSAGES_PER_SECOND: Final = 5
WS_MESSAGES_PER_MINUTE: Final = 100


class Verdict(Struct, frozen=True):
    """``status`` 200, 429 or 418; ``blocked_seconds`` is what is left of a block."""

    status: int
    remaining: str
    """The text of ``Remaining-Req``."""
    blocked_seconds: int = 0


class _Address(Struct):
    windows: dict[str, tuple[int, int]]
    too_many: deque[int]
    blocked_until_ns: int = 0
    block_seconds: int = 0


class RateLimiter:
    """Counts requests by address and group."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    def take(self, address: str, group: str) -> Verdict:
        """Spend one request of ``group``."""
        now = self._clock.monotonic_ns()
        known, rule = self._known(address), RULES[group]
        if now < known.blocked_until_ns:
            left = -(-(known.blocked_until_ns - now) // NS_PER_SECOND)
            return Verdict(418, _remaining(rule, 0), left)
        window = now // (rule.window_seconds * NS_PER_SECOND)
        last_window, used = known.windows.get(group, (window, 0))
        used = used if last_window == window else 0
        if used < rule.per_window:
            known.windows[group] = (window, used + 1)
            return Verdict(200, _remaining(rule, rule.per_window - used - 1))
        return self._too_many(known, rule, now)

    def _too_many(self, known: _Address, rule: LimitRule, now: int) -> Verdict:
        known.too_many.append(now)
        oldest = known.too_many[0]
        many = len(known.too_many) == TOO_MANY_BEFORE_BLOCK
        if not many or now - oldest > TOO_MANY_WITHIN_SECONDS * NS_PER_SECOND:
            return Verdict(429, _remaining(rule, 0))
        if now - known.blocked_until_ns > LONGEST_BLOCK_SECONDS * NS_PER_SECOND:
            known.block_seconds = 0
        known.block_seconds = min(max(FIRST_BLOCK_SECONDS, known.block_seconds * 2), LONGEST_BLOCK_SECONDS)
        known.blocked_until_ns = now + known.block_seconds * NS_PER_SECOND
        known.too_many.clear()
        return Verdict(418, _remaining(rule, 0), known.block_seconds)

    def _known(self, address: str) -> _Address:
        known = self._addresses.get(address)
        if known is None:
            known = self._addresses[address] = _Address({}, deque(maxlen=TOO_MANY_BEFORE_BLOCK))
            if len(self._addresses) > MAX_ADDRESSES_KEPT:
                self._addresses.popitem(last=False)
        return known


class MessageLimiter:
    """Counts one line's messages: so many a second, so many a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times: deque[int] = deque(maxlen=WS_MESSAGES_PER_MINUTE)

    def allows(self) -> bool:
        """Spend one message; False where that is one too many."""
        now = self._clock.monotonic_ns()
        while self._times and now - self._times[0] >= 60 * NS_PER_SECOND:
            self._times.popleft()
        last_second = sum(1 for at in self._times if now - at < NS_PER_SECOND)
        if len(self._times) >= WS_MESSAGES_PER_MINUTE or last_second >= WS_MESSAGES_PER_SECOND:
            return False
        self._times.append(now)
        return True


def _remaining(rule: LimitRule, left: int) -> str:
    shown = left if rule.window_seconds == 1 else 0
    return f"group={rule.group}; min={rule.shown_min}; sec={shown}"
