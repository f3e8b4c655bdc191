"""The fold of a unit's arrays is the fold of its ticks, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.model.records import SampleRecord, TradeRecord, record_decoder
from sise.model.time import NS_PER_SECOND, iso, parse_iso
from sise.warehouse.bars import Span
from sise.warehouse.etl.hearing import SILENCE_NS
from sise.warehouse.etl.minutefold import MOVES, sort_spans
from sise.warehouse.etl.minutes import DayFold
from sise.warehouse.etl.tickarrays import FLAGS, text_pool, ticks_of
from sise.warehouse.etl.ticks import Tick
from sise.warehouse.rows import RowStore
from tests.warehouse.etl.journals import DAY, KRX, sample, seconds, trade

MINUTE = 60
SYMBOLS = st.sampled_from([("KRW-BTC", "UPBIT"), ("KRW-BTC", "other"), ("KRW-ETH", "UPBIT")])
TIMES = st.integers(0, 200) | st.integers(0, 2) | st.sampled_from([-1, 0, 60, 120, 86_399, 86_400])
SIZES = st.floats(0, 1e6) | st.sampled_from([0.1, 0.2, 0.3, 1e-8, 1e9])
GRAVITY = st.sampled_from([(0, "normal"), (0, "normal"), (1, "degraded"), (2, "gap"), (0, "gap")])


@st.composite
def ticks(draw: st.DrawFn) -> list[Tick]:
    """Trades and samples of some symbols, late, at one moment, of other days, in any order."""
    found = []
    for number in range(draw(st.integers(0, 25))):
        (symbol, venue), at, delay = draw(SYMBOLS), draw(TIMES), draw(st.integers(-1, 40))
        mitigation, flag = draw(GRAVITY)
        said: dict[str, Any] = {"symbol": symbol, "venue": venue, "received": at + delay / 2}
        said |= {"mitigation_level": mitigation, "quality_flag": flag, "session_id": f"s{number % 3}"}
        if draw(st.booleans()):
            said |= {"price": draw(st.floats(1, 1e6)), "size": draw(SIZES), "frame": draw(st.integers(0, 1))}
            body = trade(DAY, at, number, **said)
        else:
            said["receive_time"] = iso(seconds(DAY, said.pop("received")))
            known = {"volume": draw(st.none() | SIZES), "last_price": draw(st.none() | SIZES)}
            body = sample(DAY, at, **said, **known)
        found.append(_tick(body, f"scalp/x:{number + 1}"))
    return found


def _tick(body: bytes, ref: str) -> Tick:
    record = record_decoder.decode(body)
    assert isinstance(record, (TradeRecord, SampleRecord))
    return Tick(record, parse_iso(record.event_time), parse_iso(record.receive_time), ref)


@dataclass
class Note:
    """What a minute's records say beside prices and sizes."""

    flag: int = 0
    mitigation: int = 0
    value: float = 0.0
    session: str = ""
    last_ns: int = -1
    last_frame: int = -1
    receive_ns: int = 0
    ref: str = ""
    sample_session: str = ""
    sampled_ns: int = -1
    volume: float = 0.0
    edge_volume: float | None = None


class OneByOne:
    """What the fold is to give: written as it is told, a tick at a time."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], RowStore] = {}
        self.notes: dict[tuple[str, str], dict[int, Note]] = {}
        self.dirty: dict[tuple[str, str], int] = {}
        self.proven: dict[str, list[int]] = {}
        self.last: dict[tuple[str, str, int], Tick] = {}

    def add(self, tick: Tick) -> None:
        record, event_ns, receive_ns, _ = tick
        key, minute = (record.symbol, record.venue), event_ns // NS_PER_SECOND // MINUTE * MINUTE
        is_sample = isinstance(record, SampleRecord)
        proof = max(event_ns, receive_ns) if is_sample else receive_ns
        self.proven.setdefault(record.symbol, []).append(proof)
        self._soil(key, proof // NS_PER_SECOND // MINUTE * MINUTE)
        self.rows.setdefault(key, RowStore(MINUTE, 1_600))
        self.notes.setdefault(key, {})
        if not DAY.holds(event_ns):
            return
        self._soil(key, minute)
        note = self.notes[key].setdefault(minute, Note())
        note.mitigation = max(note.mitigation, record.mitigation_level)
        note.flag = max(note.flag, FLAGS.index(record.quality_flag))
        if isinstance(record, SampleRecord):
            self._sample(key, note, tick, record)
        else:
            self._trade(key, note, tick, record)

    def _soil(self, key: tuple[str, str], minute: int) -> None:
        self.dirty[key] = min(self.dirty.get(key, minute), minute)

    def _trade(self, key: tuple[str, str], note: Note, tick: Tick, record: TradeRecord) -> None:
        self.rows[key].add(tick.event_ns, record.frame, record.price, record.size)
        note.value += record.price * record.size
        if (tick.event_ns, record.frame) >= (note.last_ns, note.last_frame):
            note.last_ns, note.last_frame = tick.event_ns, record.frame
            note.session, note.receive_ns, note.ref = record.session_id, tick.receive_ns, tick.ref

    def _sample(self, key: tuple[str, str], note: Note, tick: Tick, record: SampleRecord) -> None:
        note.sample_session = record.session_id
        if record.volume is not None:
            if tick.event_ns % (MINUTE * NS_PER_SECOND) == 0:
                note.edge_volume = record.volume
            if tick.event_ns >= note.sampled_ns:
                note.sampled_ns, note.volume = tick.event_ns, record.volume
        if record.last_price is not None:
            self.last[(*key, DAY.calendar().day_of(tick.event_ns).toordinal())] = tick

    def spans(self, symbol: str) -> list[Span]:
        found: list[Span] = []
        for at in sorted(self.proven[symbol]):
            if found and at - found[-1][1] <= SILENCE_NS:
                found[-1] = (found[-1][0], at)
            else:
                found.append((at, at))
        return found


def minutes_of(fold: DayFold, key: tuple[str, str]) -> list[Any]:
    """The fold's minutes of a symbol and venue, in time's order."""
    places = fold.places[fold.series[key].number]
    return list(fold.minutes[places[places >= 0]])


def note_of(fold: DayFold, here: Any) -> Note:
    texts = list(fold.texts)
    found = Note(
        flag=here["flag"],
        mitigation=here["mitigation"],
        value=here["value"],
        sample_session=texts[here["sample_session"]],
        sampled_ns=here["sampled_ns"],
        volume=here["cumulative"],
        edge_volume=None if np.isnan(here["edge"]) else here["edge"],
    )
    if here["trades"]:
        found.session, found.last_ns, found.last_frame = (
            *(texts[here["session"]], here["closed_ns"], here["close_frame"]),
        )
        found.receive_ns, found.ref = here["receive_ns"], f"{texts[here['path']]}:{here['line']}"
    return found


ROW = ("minute", "trades", "open", "high", "low", "close", "volume", "rest")
ROW_ENDS = ("opened_ns", "open_frame", "closed_ns", "close_frame")


def columns_of(rows: RowStore) -> list[list[float]]:
    return [list(column) for column in rows._columns()]


@settings(deadline=None, max_examples=80)
@given(ticks(), st.integers(1, 26))
def test_units_of_any_size_give_what_ticks_one_by_one_give(given: list[Tick], size: int) -> None:
    fold, wanted = DayFold(DAY), OneByOne()
    for start in range(0, len(given), size):
        fold.fold(ticks_of(given[start : start + size]))
    for tick in given:
        wanted.add(tick)
    assert fold.series.keys() == wanted.rows.keys()
    for key, series in fold.series.items():
        minutes = minutes_of(fold, key)
        traded = [here for here in minutes if here["trades"]]
        assert [[here[name] for here in traded] for name in (*ROW, *ROW_ENDS)] == columns_of(wanted.rows[key])
        assert {here["minute"]: note_of(fold, here) for here in minutes} == wanted.notes[key]
        assert fold.dirty[series.number] == wanted.dirty[key]
    proofs = fold.proofs()
    assert proofs.keys() == wanted.proven.keys()
    for symbol in wanted.proven:
        assert [tuple(span) for span in proofs[symbol].tolist()] == wanted.spans(symbol)
    assert fold.last_samples == wanted.last


@settings(deadline=None, max_examples=30)
@given(ticks(), st.integers(1, 26))
def test_proofs_may_be_asked_for_at_any_time(given: list[Tick], size: int) -> None:
    often, once = DayFold(DAY), DayFold(DAY)
    for start in range(0, len(given), size):
        for fold in (often, once):
            fold.fold(ticks_of(given[start : start + size]))
            fold.prove("KRW-BTC", DAY.start_ns - start)
        often.proofs()
    assert {s: p.tolist() for s, p in often.proofs().items()} == {
        s: p.tolist() for s, p in once.proofs().items()
    }


@settings(deadline=None)
@given(ticks(), st.integers(1, 26))
def test_units_may_share_a_pool_of_texts(given: list[Tick], size: int) -> None:
    shared, own, texts = DayFold(DAY), DayFold(DAY), text_pool()
    for start in range(0, len(given), size):
        part = given[start : start + size]
        shared.fold(ticks_of(part, texts=texts))
        own.fold(ticks_of(part))
    assert list(shared.series) == list(own.series)
    for key in own.series:
        for here, wanted in zip(minutes_of(shared, key), minutes_of(own, key), strict=True):
            assert note_of(shared, here) == note_of(own, wanted)
            names = ["minute", "trades"] + [*ROW, *ROW_ENDS] * bool(wanted["trades"])
            assert [here[name] for name in names] == [wanted[name] for name in names]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9) | st.integers(), st.integers(0, 5)), max_size=60)
)
def test_spans_are_sorted_by_symbol_and_time(given: list[tuple[int, int, int]]) -> None:
    spans = np.array([each for each in given if abs(each[1]) < 1 << 60], np.int64).reshape(-1, 3)
    found = np.empty_like(spans)
    in_order = sort_spans(spans, 4, found)
    assert in_order or len(spans) > 2 * MOVES
    if in_order:
        assert found.tolist() == spans[np.lexsort((spans[:, 1], spans[:, 0]))].tolist()


def test_spans_far_from_their_order_are_left_to_another_sort() -> None:
    backwards = np.array([(0, -at, 0) for at in range(100)], np.int64)
    assert not sort_spans(backwards, 1, np.empty_like(backwards))


def test_of_two_trades_of_one_moment_the_first_opens_and_the_last_closes() -> None:
    bodies = [trade(DAY, 1, number, frame=1, price=float(number)) for number in range(4)]
    for size in range(1, 5):
        fold = DayFold(DAY)
        given = [_tick(body, f"scalp/x:{at}") for at, body in enumerate(bodies)]
        for start in range(0, len(given), size):
            fold.fold(ticks_of(given[start : start + size]))
        (here,) = minutes_of(fold, ("KRW-BTC", "UPBIT"))
        assert (here["open"], here["close"]) == (0.0, 3.0)
        assert note_of(fold, here).ref == "scalp/x:3"


def test_strays_are_trades_of_the_day_and_prove_nothing() -> None:
    fold = DayFold(KRX)
    mine = trade(KRX, 1, 1)
    fold.fold_strays([_tick(body, "scalp/y:1") for body in (mine, trade(KRX, 86_400, 2), sample(KRX, 5))])
    (here,) = minutes_of(fold, ("KRW-BTC", "UPBIT"))
    assert here["trades"] == 1
    assert fold.proofs() == {}
    assert msgspec.json.decode(mine)["price"] == here["close"]
