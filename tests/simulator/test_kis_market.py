"""The market: the same for the same seed however time is cut, and true to its own sums and rules."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import partial

import pytest

from sise.model.time import NS_PER_SECOND, parse_iso
from sise.simulator.kis import rules
from sise.simulator.kis.arrivals import Surge
from sise.simulator.kis.depth import LEVELS
from sise.simulator.kis.issue import Fill, Issue, Vi
from sise.simulator.kis.listing import listings
from sise.simulator.kis.market import Market
from sise.simulator.kis.sessions import Intensity, clock_ms, day_sessions
from sise.simulator.kis.tape import AUCTION, BUY, SELL

_DAY = "20261120"
_EVENING = clock_ms("23:00")


def _issues(seed: int, count: int = 60, date: str = _DAY, activity: float = 0.1) -> list[Issue]:
    day = day_sessions(date)
    intensity = Intensity(day)
    made = listings(seed, 50, date, activity)
    chosen = [one for one in made if one.code == "005930"] + made[:count]
    return [Issue(one, one.base, day, intensity, lambda ms: 0.01 * ms / 86_400_000, seed) for one in chosen]


def _note(fills: list[Fill], _: Issue, fill: Fill) -> None:
    fills.append(fill)


def _played(issue: Issue, until: int = _EVENING) -> list[Fill]:
    fills: list[Fill] = []
    issue.advance(until, partial(_note, fills))
    return fills


def test_the_same_seed_makes_the_same_day_however_it_is_cut() -> None:
    rng = random.Random(1)
    for whole, cut in zip(_issues(3, 20), _issues(3, 20), strict=True):
        fills: list[Fill] = []
        hear = partial(_note, fills)
        ms = 0
        while ms < _EVENING:
            ms += rng.randint(1, 900_000)
            cut.advance(ms, hear)
            cut.expected(ms)  # looking changes nothing
            cut.quotes.depth(ms)
        assert fills == _played(whole)


def test_another_seed_makes_another_day() -> None:
    assert _played(_issues(3, 1)[0]) != _played(_issues(4, 1)[0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sums_are_those_of_the_trades(seed: int) -> None:
    traded = 0
    for issue in _issues(seed):
        fills = _played(issue)
        traded += len(fills)
        for division, venues in (("J", {"KRX"}), ("NX", {"NXT"}), ("UN", {"KRX", "NXT"})):
            tape = issue.tape(division)
            if tape is None:
                continue
            ours = [fill for fill in fills if fill.venue in venues]
            assert tape.volume == sum(fill.size for fill in ours)
            assert tape.value == sum(fill.size * fill.price for fill in ours)
            assert tape.trades == len(ours)
            assert tape.buys == sum(fill.side == BUY for fill in ours)
            assert tape.sell_volume == sum(fill.size for fill in ours if fill.side == SELL)
            if ours:
                prices = [fill.price for fill in ours]
                assert (tape.open, tape.high, tape.low, tape.last) == (
                    prices[0],
                    max(prices),
                    min(prices),
                    prices[-1],
                )
            minutes = tape.minutes(24 * 60, 10_000)
            assert sum(minute.volume for minute in minutes) == tape.volume
            assert not minutes or minutes[0].value == tape.value
    assert traded > 1_000


def test_prices_keep_the_limits_and_the_ladder_but_for_the_middle() -> None:
    off_ladder = trades = 0
    for issue in _issues(5):
        for fill in _played(issue):
            trades += 1
            assert issue.quotes.lower <= fill.price <= issue.quotes.upper
            assert fill.size > 0
            off_ladder += not issue.quotes.ladder.holds(fill.price)
    assert 0 < off_ladder < trades * 0.03


def test_trades_come_in_their_sessions_only() -> None:
    ordinary = _issues(6)
    windows = {
        "KRX": [("09:00", "15:20"), ("15:30", "15:31"), ("16:00", "20:00")],
        "NXT": [("08:00", "08:50"), ("09:00:30", "15:20"), ("15:40", "20:00")],
    }
    seen: dict[str, int] = defaultdict(int)
    for issue in ordinary:
        for fill in _played(issue):
            seen[fill.venue] += 1
            spans = windows[fill.venue]
            assert any(clock_ms(a) <= fill.ms < clock_ms(b) for a, b in spans), fill
            late = fill.venue == "KRX" and fill.ms >= clock_ms("16:00")
            assert not (late and issue.listing.is_fund)
    assert seen["KRX"]
    assert seen["NXT"]


def test_the_day_opens_and_closes_with_an_auction() -> None:
    issue = _issues(7, 0)[0]
    fills = [fill for fill in _played(issue) if fill.venue == "KRX"]
    auctions = [fill for fill in fills if fill.side == AUCTION and fill.ms < clock_ms("16:00")]
    assert fills[0].side == AUCTION
    assert clock_ms("09:00") <= auctions[0].ms < clock_ms("09:00:30")
    assert clock_ms("15:30") <= auctions[-1].ms < clock_ms("15:30:30")
    assert issue.close == auctions[-1].price


def _with_vi() -> tuple[Issue, list[Fill], Vi]:
    for seed in range(1, 30):
        issue = _issues(seed, 0)[0]
        issue.advance(clock_ms("10:00"))
        assert issue.surge(Surge(clock_ms("10:00:01"), clock_ms("10:10"), 20.0, 0.2))
        fills = _played(issue, clock_ms("11:00"))
        if issue.vis and issue.vis[-1].end_ms and issue.vis[-1].start_ms > clock_ms("10:00"):
            return issue, fills, issue.vis[-1]
    raise AssertionError("no surge of 20 % led to a VI")


def test_ten_percent_interrupts_for_two_minutes_and_a_random_end() -> None:
    issue, fills, vi = _with_vi()
    assert abs(vi.price - vi.reference) * 10 >= vi.reference
    assert 120_000 <= vi.end_ms - vi.start_ms < 150_000
    assert not [fill for fill in fills if vi.start_ms < fill.ms < vi.end_ms]
    auction = next(fill for fill in fills if fill.ms == vi.end_ms)
    assert auction.side == AUCTION
    assert issue.vi_reference == auction.price


def test_a_surge_multiplies_the_trades() -> None:
    calm, busy = _issues(8, 0, activity=0.3)[0], _issues(8, 0, activity=0.3)[0]
    for issue in (calm, busy):
        issue.advance(clock_ms("13:00"))
    busy.surge(Surge(clock_ms("13:00") + 1, clock_ms("13:20"), 15.0, 0.0))
    counts = [len(_played(issue, clock_ms("13:20"))) for issue in (calm, busy)]
    assert counts[1] > 4 * counts[0]


def test_halted_and_dead_issues_do_nothing() -> None:
    made = listings(1, 400, _DAY)
    day = day_sessions(_DAY)
    quiet = [one for one in made if one.halted or one.group == "BC"]
    assert any(one.halted for one in quiet)
    for one in quiet:
        assert _played(Issue(one, one.base, day, Intensity(day), lambda ms: 0.0, 1)) == []


def test_the_listing_has_the_proportions_of_the_real_one() -> None:
    made = listings(7, 2_700, _DAY)
    shares = [one for one in made if one.group == "ST"]
    assert len({one.code for one in made}) == len(made) == 2_705
    assert 0.35 < sum(one.base < 4_000 for one in shares) / len(shares) < 0.5
    assert 0.03 < sum(not one.code.isdigit() for one in shares) / len(shares) < 0.08
    assert {one.market for one in shares} == {"KOSPI", "KOSDAQ"}
    assert any(one.group == "EN" and one.code.startswith("Q") and len(one.code) == 7 for one in made)
    assert 0.1 < sum(one.nxt for one in shares) / len(shares) < 0.2
    assert sum(one.trades_per_day < 5 for one in shares) > 20
    assert all(rules.share_ladder(_DAY).holds(one.base) for one in shares)
    assert made == listings(7, 2_700, _DAY)
    for seed in range(20):
        codes = [one.code for one in listings(seed, 2_700, _DAY)]
        assert len(set(codes)) == len(codes)


def test_depths_are_ordered_on_the_ladder_and_add_up() -> None:
    for issue in _issues(9, 30):
        issue.advance(clock_ms("11:00"))
        depth = issue.quotes.depth(issue.now_ms)
        asks, bids = [p for p in depth.asks if p], [p for p in depth.bids if p]
        assert asks == sorted(set(asks))
        assert bids == sorted(set(bids), reverse=True)
        assert not asks or not bids or bids[0] < asks[0]
        assert len(depth.asks) == len(depth.bid_sizes) == LEVELS
        assert (depth.ask_total, depth.bid_total) == (sum(depth.ask_sizes), sum(depth.bid_sizes))
        for price, size in zip((*depth.asks, *depth.bids), (*depth.ask_sizes, *depth.bid_sizes), strict=True):
            assert bool(price) == bool(size)


def test_midnight_makes_closes_the_next_base_prices() -> None:
    market = Market(seed=2, issues=60, activity=0.05)
    market.start(parse_iso("2026-11-20T08:00:00+09:00"))
    first = {one.listing.code: one for one in market.all_issues()}
    market.step(parse_iso("2026-11-20T20:30:00+09:00"))
    market.step(parse_iso("2026-11-21T00:00:01+09:00"))
    assert (market.day.date, market.day.phases) == ("20261121", ())
    market.step(parse_iso("2026-11-23T09:30:00+09:00"))
    assert market.day.date == "20261123"
    for issue in market.all_issues():
        before = first[issue.listing.code]
        assert issue.base == (before.close or before.base)
        bar = market.history.bars(issue.listing)[0]
        assert (bar.date, bar.volume) == ("20261120", before.krx.volume)


def test_asking_rarely_or_often_gives_the_same() -> None:
    start = parse_iso("2026-11-20T08:55:00+09:00")
    often, rarely = Market(3, 50, 0.1), Market(3, 50, 0.1)
    for market in (often, rarely):
        market.start(start)
    for second in range(0, 1_800, 7):
        often.step(start + second * NS_PER_SECOND)
        list(often.all_issues())
    for market in (often, rarely):
        market.step(start + 1_800 * NS_PER_SECOND)
    sums = [[(i.krx.volume, i.krx.value, i.krx.last) for i in m.all_issues()] for m in (often, rarely)]
    assert sums[0] == sums[1]
    assert sum(volume for volume, _, _ in sums[0]) > 0


def test_the_past_ends_at_the_base_price_and_its_minutes_add_up() -> None:
    market = Market(seed=4, issues=60)
    market.start(parse_iso("2026-11-20T08:00:00+09:00"))
    for listing in market.listings():
        bars = market.history.bars(listing)
        assert bars[0].close == listing.base
        assert bars[0].date == "20261119"
        assert market.history.previous(listing) == bars[0]
        for bar in bars[:20]:
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        bar = bars[3]
        minutes = market.history.minutes(listing, bar, clock_ms("09:00"))
        if bar.volume >= 4:
            assert sum(minute.volume for minute in minutes) == bar.volume
            assert (minutes[0].open, minutes[-1].close) == (bar.open, bar.close)
            assert (max(m.high for m in minutes), min(m.low for m in minutes)) == (bar.high, bar.low)
            assert minutes[-1].value == bar.value


def test_at_the_upper_limit_nobody_sells_and_no_price_goes_beyond() -> None:
    issue = _issues(1, 0)[0]
    issue.advance(clock_ms("10:00"))
    assert issue.surge(Surge(clock_ms("10:00:01"), clock_ms("10:30"), 10.0, 1.0))
    fills = _played(issue, clock_ms("10:29"))
    assert max(fill.price for fill in fills) == issue.quotes.upper
    assert (issue.quotes.bid, issue.quotes.ask) == (issue.quotes.upper, 0)
    depth = issue.quotes.depth(issue.now_ms)
    assert (set(depth.asks), depth.ask_total) == ({0}, 0)
    assert issue.krx.last == issue.quotes.upper
    assert {fill.side for fill in fills[-5:]} == {SELL}
