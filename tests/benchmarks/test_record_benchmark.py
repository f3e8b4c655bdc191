"""The benchmark measures what it says: the same work each time, all of it, and checked afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.record import mix
from benchmarks.record.measure import Result
from benchmarks.record.rounds import PEERS, Round, bench, summarize

from sise.model.events import Book, Trade
from sise.providers.upbit.decode import decode

FRAMES = 2_000


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        mix.make(folder, 200, seed)
    made = [(folder / mix.FRAMES_FILE).read_bytes() for folder in folders]
    assert made[0] == made[1] != made[2]


def test_the_mix_is_what_is_promised(tmp_path: Path) -> None:
    facts = mix.make(tmp_path, FRAMES)
    events = [decode(payload, 0) for payload in mix.payloads(tmp_path)]
    assert all(len(each) == 1 for each in events)  # no unknown fields: the fast way is measured
    books = [event for [event] in events if isinstance(event, Book)]
    trades = [event for [event] in events if isinstance(event, Trade)]
    assert (len(books), len(trades)) == (facts.books, facts.trades)
    assert len(books) + len(trades) == FRAMES
    assert len(books) / FRAMES == pytest.approx(mix.BOOKS_SHARE, abs=0.04)
    assert facts.mean_bytes == pytest.approx(855, rel=0.03)
    assert {book.depth for book in books} == {mix.BOOK_LEVELS}
    assert len({trade.trade_id for trade in trades}) == len(trades)


def test_a_stream_sent_again_has_new_trades_and_the_time_of_its_sending(tmp_path: Path) -> None:
    mix.make(tmp_path, FRAMES)
    stream = mix.Stream(tmp_path)
    ids: set[str] = set()
    for turn, now_ms in ((0, 1_800_000_000_000), (1, 1_800_000_060_000)):
        (tmp_path / mix.FRAMES_FILE).write_bytes(stream.stamp(0, FRAMES, now_ms, turn))
        events = [event for payload in mix.payloads(tmp_path) for event in decode(payload, 0)]
        assert {event.event_time for event in events if isinstance(event, Book | Trade)} == {
            now_ms * 1_000_000
        }
        fresh = {event.trade_id for event in events if isinstance(event, Trade)}
        assert not fresh & ids
        ids |= fresh


def test_a_round_records_everything_that_was_sent() -> None:
    with bench(FRAMES, None) as work:
        ours = work.receive("sise")
        limit = work.receive("decode")
        left = list(work.folder.glob("data-*"))
    assert ours.detail["checks"] == {
        "frames_in_wire_log": FRAMES,
        "trades_recorded": work.facts.trades,
        "books_in_samples": work.facts.books,
        "ok": True,
    }
    assert ours.frames == limit.frames == FRAMES
    assert ours.detail["commits"] > 0
    assert 0 < ours.detail["delay_ms"]["p50"] <= ours.detail["delay_ms"]["max"]
    assert not left
    assert not work.folder.exists()


def test_ratios_are_to_the_faster_peer_and_to_the_sum_of_the_steps() -> None:
    def took(name: str, seconds: float) -> Result:
        return Result(name, 1_000, seconds, seconds / 2, 1, {"checks": {"ok": True}})

    seconds = {"sise": 2.0, PEERS[0]: 10.0, PEERS[1]: 8.0, "receive": 0.2, "decode": 0.5, "append": 0.1}
    results = {name: took(name, value) for name, value in seconds.items()}
    summary = summarize(mix.Facts(1_000, 200, 800, 855_000, []), [Round(0.0, results)])
    assert summary.times_peer == pytest.approx(4.0)
    assert summary.limit_per_second == pytest.approx(1_000 / 0.4)
    assert summary.of_limit == pytest.approx(500 / 2_500)
    assert summary.nothing_lost is True
