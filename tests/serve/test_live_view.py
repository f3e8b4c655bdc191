"""The fold of the journal: quotes, bars and gaps, whatever order the journal's tracks are read in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.journal.line import close_line
from sise.journal.reader import Follower
from sise.serve.answers import Gap
from sise.serve.hearing import SILENT_TICKS_MIN, Hearing
from sise.serve.holding import Holding
from sise.serve.live import LiveView
from sise.serve.proofs import SILENCE_SECONDS_MAX, Proofs
from sise.warehouse.bars import Bar
from tests.serve.recording import T0, Recording, at

TRACKS = ("system/events/upbit", "swing/upbit", "scalp/upbit")


def view_of(root: Path, prefixes: Iterable[str] = TRACKS) -> LiveView:
    view = LiveView()
    follow(view, Follower(root, list(prefixes)))
    return view


def follow(view: LiveView, follower: Follower) -> None:
    while lines := follower.poll():
        for line in lines:
            view.fold(line)


def bars(view: LiveView, now: float, size: str = "1m", symbol: str = "KRW-BTC") -> list[Bar]:
    instrument = view.find(symbol)
    assert instrument is not None
    return view.bars(instrument, size, at(now))


def states(found: list[Bar]) -> list[tuple[int, str]]:
    return [(bar.time - T0 // 10**9, bar.state) for bar in found]


def samples(recording: Recording, start: int, end: int, symbol: str = "KRW-BTC") -> None:
    for second in range(start, end + 1):
        recording.sample(second, 100.0, symbol)


def test_a_quote_holds_the_latest_of_sample_and_trade(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    recording.sample(1, 100.0, prev_close=80.0, bid_price=99.0, ask_price=101.0, bid_size=2.0, volume=5.0)
    recording.trade(1.5, 104.0, side="sell")
    btc, eth = view_of(tmp_path).quotes()
    assert (btc.symbol, btc.name_ko, btc.market) == ("KRW-BTC", "비트코인", "crypto")
    assert (btc.last, btc.change, btc.change_rate, btc.trade_side) == (104.0, 24.0, 0.3, "sell")
    assert (btc.bid, btc.ask, btc.bid_size, btc.ask_size, btc.volume) == (99.0, 101.0, 2.0, None, 5.0)
    assert (eth.symbol, eth.last, eth.change, eth.volume) == ("KRW-ETH", None, None, None)


def test_an_older_line_never_takes_a_quote_back(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    recording.trade(5, 104.0)
    recording.trade(6, 90.0, received=3.0)
    recording.sample(4, 80.0)
    assert view_of(tmp_path).quotes()[0].last == 104.0


def test_only_the_slots_of_the_last_session_are_quoted_but_all_keep_their_bars(tmp_path: Path) -> None:
    first = Recording(tmp_path, "sess_a")
    first.start(0)
    first.trade(1, 5.0, symbol="KRW-ETH")
    samples(first, 0, 60)
    second = Recording(tmp_path, "sess_b")
    second.start(90, [{"symbol": "KRW-BTC", "name_ko": "", "name_en": ""}])
    view = view_of(tmp_path)
    assert [quote.symbol for quote in view.quotes()] == ["KRW-BTC"]
    assert view.symbols() == ["KRW-BTC", "KRW-ETH"]
    assert bars(view, 60, symbol="KRW-ETH")[0].close == 5.0


@pytest.mark.parametrize("prefixes", [TRACKS, tuple(reversed(TRACKS))])
def test_a_gap_makes_bars_unknown_while_open_and_after(tmp_path: Path, prefixes: tuple[str, ...]) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    samples(recording, 0, 130)
    recording.trade(10, 5.0)
    recording.disconnected(130, 132)
    view = view_of(tmp_path, prefixes)
    assert states(bars(view, 131)) == [(0, "traded"), (60, "empty"), (120, "unknown")]
    assert states(bars(view, 190))[-1] == (180, "unknown")
    (gap,) = view.gaps(at(140), 10)
    assert (gap.open, gap.end, gap.seconds, gap.reason) == (True, None, 10.0, "ws_disconnect")
    recording.gap(130, 170)
    samples(recording, 170, 240)
    view = view_of(tmp_path, prefixes)
    assert states(bars(view, 240)) == [(0, "traded"), (60, "empty"), (120, "unknown"), (180, "empty")]
    assert [bar.coverage for bar in bars(view, 240)] == [1.0, 1.0, round(20 / 60, 6), 1.0]
    (gap,) = view.gaps(at(240), 10)
    assert gap == Gap(
        "2026-11-20T00:02:10.000000Z",
        "2026-11-20T00:02:50.000000Z",
        40.0,
        "scalp",
        "ws_disconnect",
        False,
        f"{recording.events}:5",
    )


@pytest.mark.parametrize("prefixes", [TRACKS, tuple(reversed(TRACKS))])
def test_a_killed_session_leaves_unknown_time_even_without_a_marker(
    tmp_path: Path, prefixes: tuple[str, ...]
) -> None:
    killed = Recording(tmp_path, "sess_a")
    killed.start(0)
    samples(killed, 0, 60)
    later = Recording(tmp_path, "sess_b")
    later.start(120)
    samples(later, 120, 180)
    view = view_of(tmp_path, prefixes)
    assert states(bars(view, 180)) == [(0, "empty"), (60, "unknown"), (120, "empty")]


def test_a_gap_that_a_dead_session_left_open_ends_with_the_next_session(tmp_path: Path) -> None:
    killed = Recording(tmp_path, "sess_a")
    killed.start(0)
    samples(killed, 0, 60)
    killed.disconnected(60, 61)
    later = Recording(tmp_path, "sess_b")
    later.start(120)
    samples(later, 120, 180)
    view = view_of(tmp_path)
    assert [(gap.open, gap.seconds) for gap in view.gaps(at(180), 10)] == [(False, 60.0)]
    assert states(bars(view, 180))[-1] == (120, "empty")


def test_a_gap_that_the_next_session_takes_over_stays_open(tmp_path: Path) -> None:
    killed = Recording(tmp_path, "sess_a")
    killed.start(0)
    samples(killed, 0, 60)
    killed.disconnected(60, 61)
    later = Recording(tmp_path, "sess_b")
    later.start(120)
    later.disconnected(60, 120, "process_restart")
    assert [(gap.open, gap.end) for gap in view_of(tmp_path).gaps(at(125), 10)] == [(True, None)]
    later.gap(60, 130, "process_restart")
    (gap,) = view_of(tmp_path).gaps(at(140), 10)
    assert (gap.open, gap.seconds, gap.reason) == (False, 70.0, "process_restart")


@pytest.mark.parametrize("prefixes", [TRACKS, tuple(reversed(TRACKS))])
def test_a_collector_that_stood_still_proves_nothing_meanwhile(
    tmp_path: Path, prefixes: tuple[str, ...]
) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    samples(recording, 0, 60)
    samples(recording, 121, 180)
    recording.event("checkpoint", 180)
    found = bars(view_of(tmp_path, prefixes), 180)
    assert states(found) == [(0, "empty"), (60, "unknown"), (120, "unknown")]
    assert [bar.coverage for bar in found] == [1.0, 0.0, round(59 / 60 - 5e-7, 6)]


@given(st.lists(st.integers(0, 200), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_what_was_heard_does_not_depend_on_the_order_of_reading(moments: list[int], random: Random) -> None:
    limit = SILENCE_SECONDS_MAX
    expected: list[tuple[int, int]] = []
    for moment in sorted(moments):
        if expected and moment - expected[-1][1] <= limit:
            expected[-1] = (expected[-1][0], moment)
        else:
            expected.append((moment, moment))
    random.shuffle(moments)
    hearing = Hearing()
    for moment in moments:
        hearing.heard("s", at(moment), 1)
    assert hearing.listening(Holding()).heard == [(at(a), at(b)) for a, b in expected if a < b]


def test_the_end_of_a_killed_session_said_by_the_next_proves_nothing(tmp_path: Path) -> None:
    killed = Recording(tmp_path, "sess_a")
    killed.start(0)
    samples(killed, 0, 55)
    killed.event("session_end", 65, how="recovered")
    later = Recording(tmp_path, "sess_b")
    later.start(65)
    samples(later, 65, 120)
    assert [bar.coverage for bar in bars(view_of(tmp_path), 120)] == [pytest.approx(55 / 60, abs=1e-6)] * 2


def test_a_gap_opened_before_anything_was_heard_is_not_heard(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.event("session_start", 0)
    recording.event("slots", 0, slots=[{"symbol": "KRW-BTC"}])
    recording.disconnected(0, 1, "connect_failed")
    recording.event("checkpoint", 10)
    assert bars(view_of(tmp_path), 12) == []


def test_silence_without_a_word_is_told_as_a_gap_and_ends_when_lines_come_again(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    samples(recording, 0, 60)
    view, follower = LiveView(), Follower(tmp_path, list(TRACKS))
    follow(view, follower)
    view.end_tick(at(70), is_current=True)
    assert view.gaps(at(70), 10) == []
    for _ in range(SILENT_TICKS_MIN):
        assert view.gaps(at(120), 10) == []
        view.tick += 1
        view.end_tick(at(120), is_current=True)
    (gap,) = view.gaps(at(120), 10)
    assert (gap.reason, gap.open, gap.seconds, gap.raw_ref) == ("collector_gone", True, 60.0, None)
    assert states(bars(view, 120)) == [(0, "empty"), (60, "unknown")]
    samples(recording, 130, 131)
    for _ in range(20):
        follow(view, follower)
    view.end_tick(at(131), is_current=True)
    assert [(gap.open, gap.seconds) for gap in view.gaps(at(131), 10)] == [(False, 71.0)]


@pytest.mark.parametrize("order", [1, -1])
def test_when_the_hours_are_over_nothing_is_heard_and_nothing_is_missed(tmp_path: Path, order: int) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    samples(recording, 0, 60)
    recording.event("hours_over", 60.5, scope="scalp")
    for second in range(70, 400, 10):
        recording.event("checkpoint", second)
    view = view_of(tmp_path, TRACKS[::order])
    for _ in range(SILENT_TICKS_MIN + 1):
        view.tick += 1
        view.end_tick(at(400), is_current=True)
    assert view.gaps(at(400), 10) == []
    assert states(bars(view, 400))[0] == (0, "empty")
    assert "empty" not in {state for second, state in states(bars(view, 400)) if second >= 120}
    recording.event("connected", 410)
    samples(recording, 411, 480)
    later = view_of(tmp_path, TRACKS[::order])
    assert states(bars(later, 480))[-1] == (420, "empty"), "the next hours are heard again"


def test_the_past_being_read_is_not_taken_for_silence(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    samples(recording, 0, 3)
    view = view_of(tmp_path)
    view.end_tick(at(5000), is_current=False)
    assert view.gaps(at(5000), 10) == []


def test_candles_fill_the_chart_before_listening_began(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    recording.candle(-180, 40.0)
    recording.candle(-120, 41.0)
    recording.candle(-60, 42.0)
    samples(recording, 0, 60)
    found = bars(view_of(tmp_path), 60)
    assert [(bar.source, bar.close) for bar in found] == [
        ("provider", 40.0),
        ("provider", 41.0),
        ("provider", 42.0),
        ("live", None),
    ]


def test_following_through_rotation_gives_what_reading_it_at_once_gives(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    view, follower = LiveView(), Follower(tmp_path, list(TRACKS))
    recording.start(0)
    for second in range(200):
        if second == 100:
            recording.scalp = "scalp/upbit/crypto/20261120/10_00_00.jsonl"
        recording.trade(second, 100.0 + second % 7, 0.1)
        recording.sample(second, 100.0)
        follow(view, follower)
    for _ in range(20):  # a new partition is looked for every few polls
        follow(view, follower)
    at_once = view_of(tmp_path)
    assert bars(view, 200, "10s") == bars(at_once, 200, "10s")
    assert sum(bar.trades or 0 for bar in bars(view, 200, "10s")) == 200
    assert view.quotes() == at_once.quotes()


def test_a_line_of_another_version_is_counted_and_costs_nothing_else(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.start(0)
    recording.trade(1, 5.0)
    text = (
        (tmp_path / recording.scalp).read_bytes().replace(b'"price":5.0', b'"price":"5"').split(b',"crc"')[0]
    )
    recording.write_raw(recording.scalp, close_line(text + b"}"))
    recording.trade(2, 6.0)
    view = view_of(tmp_path)
    assert view.unreadable == 1
    assert view.quotes()[0].last == 6.0


def test_a_symbol_is_unknown_while_it_has_no_slot(tmp_path: Path) -> None:
    """The line was heard all the time; the symbol only from its first record in a slot to its slot's end."""
    ether = {"symbol": "KRW-ETH"}
    recording = Recording(tmp_path)
    recording.start(0, [{"symbol": "KRW-BTC"}])
    samples(recording, 0, 300)
    recording.event("slots", 60, slots=[{"symbol": "KRW-BTC"}, ether])
    for second in range(90, 241):
        recording.sample(second, 10.0, symbol="KRW-ETH")
    recording.event("slots", 180, slots=[{"symbol": "KRW-BTC"}])
    expected = [(60, "unknown"), (120, "empty"), (180, "unknown"), (240, "unknown")]
    for prefixes in (TRACKS, TRACKS[::-1]):
        view = view_of(tmp_path, prefixes)
        assert states(bars(view, 300, symbol="KRW-ETH")) == expected
        assert all(state == "empty" for _, state in states(bars(view, 300)))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), min_size=1, max_size=6), st.randoms())
def test_first_proof_within_a_span_does_not_depend_on_the_order(
    runs: list[tuple[int, int]], random: Random
) -> None:
    moments = sorted({start + second for start, length in runs for second in range(length)})
    told = [*moments]
    random.shuffle(told)
    proofs = Proofs()
    for moment in told:
        proofs.add(at(moment))
    for start, end in [(0, 500), (moments[-1], 500), (moments[0] + 1, 450)]:
        later = [moment for moment in moments if start <= moment < end]
        found = proofs.first_within(at(start), at(end))
        if found is None:
            assert later == []
        else:
            # Between two near proofs a moment is proven too; never before the first, never after the last.
            assert at(max(start, moments[0])) <= found <= at(later[0] if later else moments[-1])


def test_a_fast_market_is_not_silent_while_lines_come(tmp_path: Path) -> None:
    """A minute of the market may pass within a tick of the machine."""
    recording = Recording(tmp_path)
    recording.start(0)
    view, follower = LiveView(), Follower(tmp_path, list(TRACKS))
    for second in range(0, 600, 60):
        recording.sample(second, 1.0)
        follow(view, follower)
        view.end_tick(at(second + 59), is_current=True)
        view.tick += 1
        assert view.gaps(at(second + 59), 10) == []
