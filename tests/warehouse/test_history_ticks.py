"""Ticks in the history: every value as it was, a day whole or not at all, small, and readable by any tool."""

from __future__ import annotations

import random
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.warehouse import history_ticks, history_ticks_file
from sise.warehouse.candles import UTC_TIME
from sise.warehouse.history import History
from sise.warehouse.history_ticks import Day, NotExact, keep_ticks
from sise.warehouse.history_ticks_file import decoded, encoded
from sise.warehouse.history_ticks_form import stored, told
from tests.warehouse.etl.journals import NOW
from tests.warehouse.test_history import Breaking
from tests.warehouse.tick_rows import BEGIN, Row, frame, held, tick, ticks

DAY = Day("upbit", "crypto", date(2026, 11, 20))


times = st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
prices = st.decimals("0.00000001", 10**12, places=8).map(float) | st.integers(0, 10**9).map(float)
sizes = (
    st.integers(0, 10**15).map(lambda units: float(Decimal(units).scaleb(-8)))
    | st.integers(0, 2**53).map(float)
    | st.sampled_from([1e17, 123_456_789_012.0, 9e7 + 0.5])
)
ids = st.sampled_from(
    ["0", "7", "007", "", "20261120093000-704091", "9" * 18, "9" * 19, "-1", "scalp/a:1", "가"]
)
rows = st.builds(
    tick,
    st.integers(0, 99),
    symbol=st.sampled_from(["KRW-BTC", "005930", "0001A0"]),
    event_time=times,
    receive_time=st.none() | times,
    id=ids,
    price=st.none() | prices,
    size=st.none() | sizes,
    side=st.none() | st.sampled_from(["buy", "sell"]),
    notes=st.none() | st.sampled_from(["snapshot", "out_of_order,clock_skew", ""]),
    frame=st.none() | st.integers(0, 2**62),
    raw_ref=st.none() | st.sampled_from(["a:b/c.jsonl:1", "scalp/x.jsonl:2147483647"]),
)


@settings(deadline=None)  # the first one imports pyarrow
@given(st.lists(rows, min_size=1, max_size=20))
def test_every_value_comes_back_as_it_was(some: list[Row]) -> None:
    asked = frame(some)
    assert told("ticks", decoded(encoded(stored(asked)))).equals(asked)


def test_without_pyarrow_the_rows_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ticks(500)
    small = encoded(stored(asked))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    plain = encoded(stored(asked))
    assert told("ticks", decoded(plain)).equals(asked)
    assert len(small) < len(plain)


def test_each_column_lies_in_the_encoding_that_makes_it_smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = stored(ticks(3_000))
    small = len(encoded(rows))
    for only in ("PLAIN", "DICTIONARY"):
        monkeypatch.setattr(history_ticks_file, "_smallest", lambda _, only=only: only)
        assert small < 0.9 * len(encoded(rows))


def test_a_size_that_would_be_rounded_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    some = pl.concat([ticks(3), frame([tick(3, size=0.123456789)])])
    with pytest.raises(NotExact, match=r"size 0\.123456789 .*00_00_00\.jsonl:4.*--no-keep"):
        keep_ticks(history, "ticks", DAY, [some], NOW)
    assert history.files.names("") == []


def test_the_same_day_twice_changes_nothing_and_another_outcome_counts(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    first, other = ticks(5), ticks(6)
    (name,) = keep_ticks(history, "ticks", DAY, [first], NOW)
    assert name.startswith("ticks/provider=upbit/market=crypto/day=2026-11-20/")
    before = history.files.names("")
    assert keep_ticks(history, "ticks", DAY, [first[:2], first[2:]], NOW + 10**9) == []
    assert history.files.names("") == before
    for number, rows in enumerate((other, first, other), 2):
        assert len(keep_ticks(history, "ticks", DAY, [rows], NOW + number * 10**9)) == 1
        assert held(history).equals(rows)
        assert len(history.entries("ticks")) == number
    beside = Day("upbit", "crypto", date(2026, 11, 21))
    keep_ticks(history, "ticks", beside, [first], NOW)
    assert held(history).height == 6 + 5


def test_a_day_without_ticks_is_no_entry(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    assert keep_ticks(history, "ticks", DAY, iter([ticks(1).clear()]), NOW) == []
    assert history.files.names("") == []


def test_a_large_day_lies_in_several_files_and_is_the_same_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (History.at(str(tmp_path / name)) for name in ("whole", "cut"))
    frames = [ticks(10), ticks(3, symbol="KRW-ETH"), ticks(4, symbol="KRW-XRP")]
    keep_ticks(whole, "ticks", DAY, frames, NOW)
    monkeypatch.setattr(history_ticks, "FILE_ROWS_MAX", 4)
    assert len(keep_ticks(cut, "ticks", DAY, frames, NOW)) == 5
    assert held(cut).equals(held(whole))
    (one,), (many,) = whole.entries(), cut.entries()
    assert (one.id, one.made_from) == (many.id, many.made_from)
    assert [file.rows for file in many.files] == [4, 4, 2, 3, 4]
    assert many.symbols == ["KRW-BTC", "KRW-ETH", "KRW-XRP"]


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_day_that_is_cut_short_is_not_there_and_is_simply_done_again(
    tmp_path: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_ticks, "FILE_ROWS_MAX", 3)
    with pytest.raises(KeyboardInterrupt):
        keep_ticks(History(Breaking(tmp_path, writes)), "ticks", DAY, [ticks(6)], NOW)
    history = History.at(str(tmp_path))
    assert history.entries() == []
    keep_ticks(history, "ticks", DAY, [ticks(6)], NOW)
    assert held(history).equals(ticks(6))
    assert len([name for name in history.files.names("") if name.endswith(".parquet")]) == 2


def test_a_changed_byte_of_the_ticks_is_found(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    (name,) = keep_ticks(history, "ticks", DAY, [ticks(50)], NOW)
    assert list(history.verify()) == []
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 3] ^= 1
    (tmp_path / name).write_bytes(content)
    assert [(each.file, each.kind) for each in history.verify()] == [(name, "changed")]


def test_any_tool_reads_the_ticks_and_sums_them_exactly(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    keep_ticks(history, "ticks", DAY, [ticks(200)], NOW)
    glob = str(tmp_path / "ticks" / "**" / "*.parquet")
    exact = sum(Decimal(number + 1).scaleb(-8) for number in range(200))
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        found = base.execute(
            "SELECT day::VARCHAR, symbol, sum(size), max(price), min(id), "
            "max(epoch_us(event_time) + receive_delay_us), max(raw_path || ':' || raw_line), count(*) "
            f"FROM read_parquet('{glob}', hive_partitioning = true) GROUP BY ALL"
        ).fetchone()
    received = ticks(200)["receive_time"].dt.epoch("us").max()
    assert found is not None
    assert found[:5] == ("2026-11-20", "KRW-BTC", exact, 106.0, 17_000_000_000_000_000)
    assert found[5:] == (received, "scalp/upbit/crypto/20261120/00_00_00.jsonl:99", 200)
    read = pl.read_parquet(glob)
    assert read["size"].sum() == exact
    assert (read.schema["event_time"], read.schema["id"], read.schema["price"]) == (
        *(UTC_TIME, pl.Int64(), pl.Float64()),
    )


def test_a_trade_takes_at_most_twelve_bytes_with_all_that_proves_it(tmp_path: Path) -> None:
    """Shares as KIS tells them: whole seconds, prices on the ladder, a receive time of its own."""
    dice = random.Random(11)
    made: list[pl.DataFrame] = []
    for share in range(40):
        at, price, volume, few = BEGIN, 50_000.0 + share * 1_000, 0, []
        for number in range(1_000):
            at += timedelta(seconds=dice.choice((0, 0, 1, 2, 5)))
            price += dice.choice((-100.0, 0.0, 0.0, 100.0))
            size = dice.choice((1, 1, 2, 5, 10, dice.randrange(1, 300)))
            volume += size
            clock = f"{at + timedelta(hours=9):%Y%m%d%H%M%S}"
            received = at + timedelta(milliseconds=200 * dice.randrange(1, 6))
            place = f"scalp/kis/kr_stocks/20261120/{at:%H}_00_00.jsonl:{number * 40 + share + 1}"
            few.append(
                tick(number, symbol=f"{share:06}", event_time=at, receive_time=received, price=price)
                | {
                    "size": float(size),
                    "raw_ref": place,
                    "id": f"{clock}-{volume:06}",
                    "frame": number * 50 + share,
                }
            )
        made.append(frame(few))
    (name,) = keep_ticks(History.at(str(tmp_path)), "ticks", DAY, made, NOW)
    assert (tmp_path / name).stat().st_size / 40_000 <= 12
