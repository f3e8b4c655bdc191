"""Trades of one frame taken as one are what they would be one by one: lines, refusals, counts and memory."""

from __future__ import annotations

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from sise.collect.guard import TRADES_REMEMBERED, TradeGuard
from sise.collect.ledger import Ledger
from sise.collect.observe import Observer
from sise.collect.slots import SessionMeta, Slot
from sise.model.events import Book, Event, Side, Trade
from sise.model.time import NS_PER_SECOND
from tests.collect.venue import Lines
from tests.collect.virtual import START_NS

SYMBOLS: Final = ("005930", "000660")
_odd: Final = st.sampled_from([0.0, -1.0, float("inf"), float("nan"), 1e-9])
_before: Final = st.just(0) | st.integers(TRADES_REMEMBERED - 10, TRADES_REMEMBERED + 3)
"""So many trades are remembered before: none, or as many as fill half of a guard's memory."""
_sides: Final[st.SearchStrategy[Side]] = st.sampled_from(["buy", "sell", "unknown"])


@st.composite
def _trades(draw: st.DrawFn) -> list[Event]:
    """A frame's trades: mostly of one issue, moment and venue, new and true; now and then one is not."""
    symbol, second = draw(st.sampled_from(SYMBOLS)), draw(st.integers(-90, 90))
    trades: list[Event] = []
    for number in draw(st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=draw(st.booleans()))):
        odd = draw(st.integers(0, 30))
        trades.append(
            Trade(
                "035720" if odd == 1 else SYMBOLS[0] if odd == 2 else symbol,
                START_NS + (second + (odd == 3)) * NS_PER_SECOND,
                draw(_odd) if odd == 4 else draw(st.floats(1.0, 1e9)),
                draw(_odd) if odd == 5 else draw(st.floats(1.0, 1e9)),
                draw(_sides),
                f'{number}"}}\n{{' if odd == 6 else str(number),
                odd == 7,
                "NXT" if odd == 8 else "KRX",
            )
        )
        if odd == 9:
            trades.append(Book(symbol, START_NS, 1.0, 1.0, 2.0, 1.0, 1))
    return trades


class _Decoded:
    """Understands each frame as the events that a test has ready."""

    without_secrets = None

    def __init__(self, frames: list[list[Event]]) -> None:
        self._frames = iter(frames)

    def decode(self, payload: bytes, received_at: int) -> list[Event]:
        return next(self._frames)


def _observer(frames: list[list[Event]]) -> tuple[Observer, Lines]:
    lines, meta = Lines(), SessionMeta("kis", "kr_stocks", "KRX", "sess_1")
    slots = {symbol: Slot(symbol) for symbol in SYMBOLS}
    return Observer(_Decoded(frames), lines, slots, meta, Ledger(), first_frame=1), lines


def _memory(observer: Observer) -> list[object]:
    kept: list[object] = []
    for slot in observer.slots.values():
        guard = slot.guard
        kept.append([slot.last_price, slot.trades, slot.traded, slot.frames, slot.heard])
        kept.append([guard._recent, guard._older, guard.last_id, guard.last_time])
    return kept


@settings(max_examples=300)
@given(st.lists(_trades(), max_size=6), _before)
def test_a_frame_is_what_its_events_are_one_by_one(frames: list[list[Event]], before: int) -> None:
    whole, lines = _observer(frames)
    each, lines_of_each = _observer(frames)
    for observer in (whole, each):
        for symbol in SYMBOLS if before else ():
            for number in range(before):
                observer.slots[symbol].guard.remember(f"before {number}" if number > 20 else str(number), 0)
    for number, events in enumerate(frames, 1):
        whole.on_frame(b"{}", START_NS)
        for event in events:
            each.ledger.events_decoded += 1
            assert isinstance(event, Trade | Book)
            each.observe(event, START_NS, number)
    for stream in ("scalp", "refused"):
        # As texts: of what is no number nothing is equal.
        assert list(map(str, lines.streams[stream])) == list(map(str, lines_of_each.streams[stream]))
    assert whole.ledger.facts()["events"] == each.ledger.facts()["events"]
    assert _memory(whole) == _memory(each)


def test_a_run_is_taken_as_one_where_nothing_is_odd() -> None:
    """Else the test above would compare one way with itself."""
    guard = TradeGuard()
    run = [Trade("005930", START_NS, 100.0, 1.0, "buy", str(number)) for number in range(20)]
    assert guard.take_run(run, START_NS)
    assert all(guard.is_repeat(trade.trade_id) for trade in run)
    assert not guard.take_run(run[3:5], START_NS), "repeats"
    assert guard.last_id == "19"


def test_no_run_goes_over_the_place_where_half_of_the_memory_is_forgotten() -> None:
    guard = TradeGuard()
    for number in range(TRADES_REMEMBERED - 1):
        guard.remember(f"before {number}", 0)
    run = [Trade("005930", START_NS, 100.0, 1.0, "buy", str(number)) for number in range(2)]
    assert not guard.take_run(run, START_NS)
    assert not any(guard.is_repeat(trade.trade_id) for trade in run)
    assert guard.take_run(run[:1], START_NS)
