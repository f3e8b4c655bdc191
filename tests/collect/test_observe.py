"""The observer: what is heard is recorded once, refused with a reason, or flagged; the ledger balances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.collect.guard import TRADES_REMEMBERED, TradeGuard
from sise.collect.ledger import Ledger
from sise.collect.observe import Observer
from sise.collect.slots import SessionMeta, Slot
from sise.model.events import Trade
from sise.model.records import TradeRecord, record_decoder
from sise.providers.upbit.provider import Upbit
from tests.collect.venue import Venue, book, trade
from tests.collect.virtual import START_NS

Side = Literal["buy", "sell", "unknown"]
SIDES: Final[tuple[Side, ...]] = get_args(Side)
MS = START_NS // 1_000_000

_frames = st.one_of(
    st.builds(
        trade,
        st.sampled_from(["KRW-BTC", "KRW-ETH", "KRW-NOT"]),
        st.integers(1, 5),
        ms=st.integers(MS - 100_000, MS + 100_000),
        price=st.sampled_from([100.0, 0.0, -1.0]),
        size=st.sampled_from([1.0, 0.0]),
    ),
    st.builds(
        book,
        st.sampled_from(["KRW-BTC", "KRW-ETH", "KRW-NOT"]),
        ms=st.just(MS),
        bid=st.sampled_from([100.0, 102.0]),
    ),
    st.binary(max_size=40),
    st.just(b'{"status":"UP"}'),
)


@given(st.lists(_frames, max_size=60), st.sets(st.integers(0, 60)))
def test_the_ledger_balances_whatever_comes(frames: list[bytes], samples: set[int]) -> None:
    venue = Venue("KRW-BTC", "KRW-ETH")
    observer, ledger, lines = venue.observer, venue.ledger, venue.lines.streams
    for number, frame in enumerate(frames):
        observer.on_frame(frame, START_NS + number)
        if number in samples:
            observer.sample(START_NS, START_NS)
        assert ledger.held == sum(slot.frames for slot in observer.slots.values())
    observer.sample(START_NS, START_NS, pending_only=True)
    assert ledger.held == 0
    assert ledger.frames_received == ledger.frames_recorded == len(lines["wire"]) == len(frames)
    assert [line["n"] for line in lines["wire"]] == list(range(1, len(frames) + 1))
    trades = [record for record in lines["scalp"] if record["kind"] == "trade"]
    stood_for = sum(record["frames"] for record in lines["scalp"] if record["kind"] == "sample")
    assert ledger.events_recorded == len(trades) + stood_for
    assert ledger.events_refused == Counter(line["reason"] for line in lines["refused"])
    assert ledger.quarantined == len(lines["quarantine"])
    assert len({(record["symbol"], record["trade_id"]) for record in trades}) == len(trades)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (trade("KRW-BTC", 1, ms=MS, price=0.0), "price_not_positive"),
        (trade("KRW-BTC", 1, ms=MS, size=0.0), "size_not_positive"),
        (trade("KRW-NOT", 1, ms=MS), "symbol_not_asked"),
        (book("KRW-BTC", ms=MS, bid=-1.0), "price_not_positive"),
    ],
)
def test_what_cannot_be_true_is_refused_with_its_reason_and_its_frame(frame: bytes, reason: str) -> None:
    venue = Venue("KRW-BTC")
    venue.observer.on_frame(book("KRW-BTC", ms=MS), START_NS)
    venue.observer.on_frame(frame, START_NS)
    (refusal,) = venue.lines.streams["refused"]
    assert (refusal["reason"], refusal["frame"]) == (reason, 2)


def test_a_repeated_trade_is_refused_and_one_of_another_symbol_is_not() -> None:
    venue = Venue("KRW-BTC", "KRW-ETH")
    for symbol in ("KRW-BTC", "KRW-BTC", "KRW-ETH"):
        venue.observer.on_frame(trade(symbol, 7, ms=MS), START_NS)
    assert [line["symbol"] for line in venue.lines.streams["scalp"]] == ["KRW-BTC", "KRW-ETH"]
    assert [line["reason"] for line in venue.lines.streams["refused"]] == ["duplicate"]


def test_a_wrong_clock_and_a_late_trade_are_recorded_and_noted() -> None:
    venue = Venue("KRW-BTC")
    venue.observer.on_frame(trade("KRW-BTC", 1, ms=MS + 3_600_000), START_NS)
    venue.observer.on_frame(trade("KRW-BTC", 2, ms=MS), START_NS)
    first, second = venue.lines.streams["scalp"]
    assert first["notes"] == ["clock_skew"]
    assert second["notes"] == ["out_of_order"]


def test_a_crossed_book_is_sampled_and_noted() -> None:
    venue = Venue("KRW-BTC")
    venue.observer.on_frame(book("KRW-BTC", ms=MS, bid=105.0), START_NS)
    venue.observer.sample(START_NS, START_NS)
    (sample,) = venue.lines.streams["scalp"]
    assert sample["notes"] == ["crossed_book"]
    assert (sample["bid_price"], sample["ask_price"], sample["last_price"]) == (105.0, 101.0, None)


def test_a_frame_that_the_journal_cannot_take_is_lost_counted_and_not_decoded() -> None:
    venue = Venue("KRW-BTC")
    lost: list[int] = []
    venue.observer._on_lost = lost.append
    venue.lines.full = True
    venue.observer.on_frame(trade("KRW-BTC", 1, ms=MS), START_NS + 5)
    venue.lines.full = False
    venue.observer.on_frame(trade("KRW-BTC", 2, ms=MS), START_NS + 6)
    assert lost == [START_NS + 5]
    assert venue.ledger.frames_lost == {"journal_full": 1}
    assert venue.ledger.frames_received == venue.ledger.frames_recorded + 1
    assert [line["n"] for line in venue.lines.streams["wire"]] == [1], "numbers have no hole"
    assert [line["trade_id"] for line in venue.lines.streams["scalp"]] == ["2"]


def test_bytes_that_are_no_text_are_kept_as_they_are() -> None:
    from base64 import b64decode

    venue = Venue("KRW-BTC")
    venue.observer.on_frame(b"\xff\x00\n", START_NS)
    (line,) = venue.lines.streams["wire"]
    assert b64decode(line["b64"]) == b"\xff\x00\n"
    assert "frame" not in line
    (quarantined,) = venue.lines.streams["quarantine"]
    assert quarantined["frame"] == 1


@given(st.lists(st.integers(1, 3 * TRADES_REMEMBERED), max_size=200))
def test_the_guard_knows_every_recent_trade(numbers: list[int]) -> None:
    guard = TradeGuard()
    seen: set[str] = set()
    for number in map(str, numbers):
        assert guard.is_repeat(number) == (number in seen)
        guard.remember(number, 1)
        seen.add(number)


def test_the_guard_forgets_only_what_is_old() -> None:
    guard = TradeGuard()
    for number in range(5 * TRADES_REMEMBERED):
        guard.remember(str(number), number)
    newest = range(4 * TRADES_REMEMBERED, 5 * TRADES_REMEMBERED)
    assert all(guard.is_repeat(str(number)) for number in newest)
    assert not guard.is_repeat("0")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["005930", '한"글\\']), st.sampled_from(["", "NXT"]), st.integers(-200, 200)
        ),
        max_size=20,
    ),
    st.floats(1e-9, 1e15),
    st.floats(1e-9, 1e15),
    st.sampled_from(SIDES),
)
def test_a_trade_put_together_is_the_record_encoded(
    trades: list[tuple[str, str, int]], price: float, size: float, side: Side
) -> None:
    """The line of a trade, in two parts, is byte for byte what its record would be in one."""
    bodies: list[bytes] = []

    class Kept:
        def append(self, stream: str, body: bytes, at_ns: int, *, always: bool = False) -> bool:
            bodies.append(body)
            return True

        def append_run(self, stream: str, head: bytes, tails: Iterable[bytes], at_ns: int) -> None:
            bodies.extend(b"%b%b}" % (head, tail) for tail in tails)

    symbols = {"005930", '한"글\\'}
    meta = SessionMeta("kis", "kr_stocks", "KRX", "sess_1")
    slots = {symbol: Slot(symbol) for symbol in symbols}
    observer = Observer(Upbit(), Kept(), slots, meta, Ledger(), first_frame=1)
    for number, (symbol, venue, seconds) in enumerate(trades):
        meta.mitigation_level = number % 3
        at = START_NS + seconds * 1_000_000_000
        observer.observe(Trade(symbol, at, price, size, side, f"id{number}", False, venue), START_NS, number)
    assert len(bodies) == len(trades)
    for number, (body, (symbol, venue, _)) in enumerate(zip(bodies, trades, strict=True)):
        record = record_decoder.decode(body)
        assert isinstance(record, TradeRecord)
        assert msgspec.json.encode(record) == body
        assert (record.symbol, record.venue, record.frame) == (symbol, venue or "KRX", number)
        assert (record.price, record.size, record.side) == (price, size, side)
        assert record.mitigation_level == number % 3
        assert (record.quality_flag == "normal") == (number % 3 == 0)
