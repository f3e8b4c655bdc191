"""Asking: what is understood, what is refused in which words, how sizes, days and prices are derived."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sise
from sise.model.errors import BadInput
from sise.model.time import NS_PER_US
from sise.warehouse import migrate
from sise.warehouse.candles_actions import ACTIONS
from sise.warehouse.history import History
from sise.warehouse.history_entry import Origin
from sise.warehouse.load import load
from sise.warehouse.query.parquet import Parquet
from sise.warehouse.query.reader import Reader
from sise.warehouse.schema import corporate_actions, eod_prices, scalp_gaps
from tests.warehouse.databases import opened
from tests.warehouse.query_places import (
    MINUTE_NS,
    OPEN,
    bar,
    frame_of,
    keep_bars,
    reader,
    store_bars,
    store_records,
    trade,
    write_journal,
)

DAY = 1440
MIDNIGHT = OPEN - 9 * 60 * MINUTE_NS


@pytest.fixture
def history(tmp_path: Path) -> Reader:
    """Two hours of Samsung."""
    return reader(Parquet(keep_bars(tmp_path / "history", [bar(minute) for minute in range(120)])))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A trading database that holds a day of everything."""
    found = f"sqlite:///{tmp_path / 'trading.db'}"
    with opened(found) as engine:
        migrate.upgrade(engine, OPEN)
        store_bars(engine, [bar(0), bar(1, venue="NXT"), bar(0, symbol="005935")])
        store_records(engine, [("scalp/a.jsonl:1", trade(OPEN))])
        meta: dict[str, Any] = {
            "schema_version": "1.0",
            "mitigation_level": 0,
            "quality_flag": "normal",
            "session_id": "s",
        }
        hole: dict[str, Any] = {
            "provider": "kis",
            "market": "kr_stocks",
            "id": "e:1",
            "scope": "scalp",
            "reason": "line_cut",
        }
        hole |= {
            "gap_start_ts": OPEN,
            "gap_end_ts": OPEN + MINUTE_NS,
            "gap_seconds": 60.0,
            "event_time": OPEN,
        }
        hole |= meta | {"raw_ref": "e:1"}
        assert load(engine, scalp_gaps, tuple(hole), [tuple(hole.values())]).changed == 1
        day: dict[str, Any] = {
            "provider": "kis",
            "market": "kr_stocks",
            "venue": "KRX",
            "symbol": "005930",
            "close": 70_000,
        }
        day |= {
            "trade_date": date(2026, 11, 20),
            "prev_close": 69_000,
            "state": "traded",
            "source": "provider",
        }
        day |= meta
        assert load(engine, eod_prices, tuple(day), [tuple(day.values())]).changed == 1
    return found


def starts(frame: pl.DataFrame) -> list[int]:
    return (frame["start"].dt.timestamp("us") * NS_PER_US).to_list()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-20T09:10:00+09:00", "2026-11-20T00:20:00Z"),
        (datetime(2026, 11, 20, 0, 10, tzinfo=UTC), datetime(2026, 11, 20, 0, 20, tzinfo=UTC)),
    ],
)
def test_moments_are_understood(history: Reader, start: str, end: str) -> None:
    assert starts(history.bars("005930", "1m", start, end)) == [
        OPEN + minute * MINUTE_NS for minute in range(10, 20)
    ]


@pytest.mark.parametrize("day", ["2026-11-20", date(2026, 11, 20)])
def test_a_day_is_the_markets_and_whole(history: Reader, day: str | date) -> None:
    assert history.bars("005930", "1m", day, day).height == 120
    assert history.bars("005930", "1m", "2026-11-19", "2026-11-19").is_empty()
    assert history.bars("005930", "1m", "2026-11-21").is_empty()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"symbol": "00593"}, r"did you mean 005930\?"),
        ({"symbol": "nothing-like-it"}, "held are 005930"),
        ({"symbol": "005930", "provider": "kiwoom"}, "it is held, but with provider='kis'"),
        ({"symbol": "005930", "market": "korea"}, "kr_stocks crypto us_stocks"),
        ({"symbol": "005930", "size": "7m"}, "1m 3m 5m"),
        ({"symbol": "005930", "states": ["closed"]}, "traded empty unknown"),
        ({"symbol": "005930", "start": "2026-11-20T09:00:00"}, r"start: .* name its offset"),
        ({"symbol": "005930", "end": datetime(2026, 11, 20)}, r"end: .* name its offset"),  # noqa: DTZ001
        ({"symbol": "005930", "start": "20 Nov"}, "write a day as 2026-11-20"),
        ({"symbol": "005930", "start": "2026-11-21", "end": "2026-11-20"}, "not after the start"),
        ({"symbol": "005930", "end": "9999-12-31"}, "from 1900-01-01 to 2199-12-30"),
        ({"symbol": "005930", "start": date(1, 1, 1)}, "from 1900-01-01 to 2199-12-30"),
        ({"symbol": None}, "name one as text"),
        ({"symbol": 5930}, "name one as text"),
        ({"symbol": "005930", "source": "x"}, "nothing of 005930 is held of it"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_remedy(
    history: Reader, asked: dict[str, object], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        history.bars(**asked)  # type: ignore[arg-type]


def test_several_series_are_never_mixed(url: str) -> None:
    with sise.connect(url) as place:
        with pytest.raises(BadInput, match="venue='KRX' or venue='NXT'"):
            place.bars("005930")
        assert place.bars("005930", venue="NXT").height == 1


def test_a_database_answers_every_question(url: str) -> None:
    with sise.connect(url) as place:
        assert place.symbols().rows() == [
            ("kis", "kr_stocks", "KRX", "005930"),
            ("kis", "kr_stocks", "KRX", "005935"),
            ("kis", "kr_stocks", "NXT", "005930"),
        ]
        assert place.ticks("005930")["price"].to_list() == [70_000.0]
        day = place.daily("005930").row(0, named=True)
        assert (day["day"], day["close"], day["prev_close"]) == (date(2026, 11, 20), 70_000.0, 69_000.0)
        assert starts(place.bars("005930", "1d", venue="KRX")) == [MIDNIGHT]
        assert place.gaps("2026-11-20", "2026-11-20")["seconds"].to_list() == [60.0]
        assert place.gaps(end="2026-11-20T00:00:00Z").is_empty()
        assert place.gaps("2026-11-20T00:00:59Z").height == 1
        for source in ("x", "provider"):
            with pytest.raises(BadInput, match="nothing of 005930 is held of it"):
                place.bars("005930", venue="KRX", source=source)
        with pytest.raises(BadInput, match="nothing of 005930 is held of it"):
            place.bars("005930", "1d", venue="KRX", source="sweep")
        with pytest.raises(BadInput, match="use one of ticks quotes"):
            place.records_in_parts("tick", "005930")  # type: ignore[arg-type]
        with pytest.raises(BadInput, match="the database here holds no swing at all"):
            place.swing("005930")
        with pytest.raises(BadInput, match="did you mean 005930"):
            place.ticks("005935")


def test_sessions_are_those_of_the_calendar(history: Reader) -> None:
    day = history.sessions("2026-11-20")
    assert day["kind"].to_list()[0] == "regular"
    assert day["opens"][0] == datetime(2026, 11, 20, tzinfo=UTC)
    assert history.sessions("2026-11-21").is_empty()
    assert history.sessions("2026-11-21", "crypto").height == 1


def test_coverage_counts_every_minute_of_the_sessions(tmp_path: Path) -> None:
    rows = [bar(0), bar(1, "empty"), bar(2, "unknown"), bar(389)]
    found = reader(Parquet(keep_bars(tmp_path, rows))).coverage("005930", "2026-11-19", "2026-11-21").rows()
    assert found[0] == (date(2026, 11, 19), 390, 0, 0, 0, 390, 0.0)
    assert found[1][:6] == (date(2026, 11, 20), 390, 2, 1, 1, 386)
    assert found[1][6] == pytest.approx(3.5 / 390)
    assert len(found) == 2


def test_states_stay_apart_in_coarser_bars(tmp_path: Path) -> None:
    rows = [bar(minute, "empty") for minute in range(5)] + [
        bar(5, "unknown"),
        *map(bar, range(10, 15)),
        bar(30),
    ]
    found = reader(Parquet(keep_bars(tmp_path, rows))).bars("005930", "5m")
    assert found["state"].to_list() == ["empty", "unknown", "traded", *["unknown"] * 4]
    assert found["volume"].to_list()[:2] == [0.0, None]
    assert found["close"].null_count() == 5
    assert found["source"].to_list() == ["journal"] * 3 + [None] * 3 + ["journal"]


minutes = st.lists(st.integers(0, 389), min_size=1, max_size=60, unique=True)


@settings(max_examples=15, deadline=None)
@given(held=minutes, size=st.sampled_from((("5m", "5min"), ("15m", "15min"), ("1h", "1h"), ("1d", "1D"))))
def test_derived_sizes_equal_those_of_others(
    tmp_path_factory: pytest.TempPathFactory, held: list[int], size: tuple[str, str]
) -> None:
    """DuckDB and pandas resample the same minutes, each in its own way."""
    rows = [bar(minute) for minute in held]
    fine = frame_of(rows)
    place = reader(Parquet(keep_bars(tmp_path_factory.mktemp("history"), rows)))
    ours = place.bars("005930", size[0]).drop_nulls("source")
    ours = ours.select("open", "high", "low", "close", "volume", "trades")
    assert ours.rows() == _by_duckdb(fine, size[1]) == _by_pandas(fine, size[1])


Rows = list[tuple[object, ...]]


def _by_duckdb(fine: pl.DataFrame, size: str) -> Rows:
    unit = {"5min": "5 minutes", "15min": "15 minutes", "1h": "1 hour", "1D": "1 day"}[size]
    seoul = fine.select(
        pl.col("start").dt.convert_time_zone("Asia/Seoul").dt.replace_time_zone(None),
        *("open", "high", "low", "close", "volume", "trades"),
    )
    with closing(duckdb.connect()) as base:
        base.register("fine", seoul.to_arrow())
        return base.execute(
            "SELECT first(open ORDER BY start), max(high), min(low), last(close ORDER BY start), "
            f"sum(volume), sum(trades)::BIGINT FROM fine GROUP BY time_bucket(INTERVAL '{unit}', start) "
            f"ORDER BY time_bucket(INTERVAL '{unit}', start)"
        ).fetchall()


def _by_pandas(fine: pl.DataFrame, size: str) -> Rows:
    frame: Any = fine.to_pandas().set_index("start").tz_convert("Asia/Seoul")
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum", "trades": "sum"}
    found = frame.resample(size).agg(how).dropna(subset=["close"])
    return [(*row[:5], int(row[5])) for row in found.itertuples(index=False)]


def test_adjusted_prices_know_actions_and_closes_outside_of_the_span(tmp_path: Path) -> None:
    history: History = keep_bars(tmp_path, [bar(DAY * day, close=100.0, volume=10.0) for day in range(5)])
    ex = MIDNIGHT + 3 * DAY * MINUTE_NS
    rows = [("kis", "kr_stocks", "005930", ex // NS_PER_US, "split", 2.0, "import:a")]
    schema = {name: pl.Int64() if name == "ex" else kind for name, kind in ACTIONS.items()}
    facts = pl.DataFrame(rows, schema, orient="row").cast(ACTIONS)  # type: ignore[arg-type]
    history.add("actions", facts, Origin("a", "a" * 64, 1), OPEN)
    place = reader(Parquet(history))
    whole = place.bars("005930", adjusted=True)
    assert whole["close"].to_list() == [50.0, 50.0, 50.0, 100.0, 100.0]
    assert whole["volume"].to_list() == [20.0, 20.0, 20.0, 10.0, 10.0]
    some = place.bars("005930", "1m", "2026-11-20", "2026-11-20", adjusted=True)
    assert some["close"].to_list() == [50.0]
    assert place.bars("005930")["close"].to_list() == [100.0] * 5


def test_the_last_version_of_a_fact_in_the_database_counts(url: str) -> None:
    with opened(url) as engine:
        fact: dict[str, Any] = {
            "market": "kr_stocks",
            "symbol": "005930",
            "ex_date": date(2026, 11, 21),
            "kind": "split",
        }
        fact |= {"source": "kind", "known_at": OPEN, "ratio": 5, "version": 1}
        rows = [tuple(fact.values()), tuple((fact | {"ratio": 2, "version": 2}).values())]
        assert load(engine, corporate_actions, tuple(fact), rows).changed == 2
    with sise.connect(url) as place:
        raw, derived = (
            place.bars("005930", venue="KRX", adjusted=each)["close"][0] for each in (False, True)
        )
    assert derived == raw / 2


def test_pandas_and_arrow_take_the_frames_over(history: Reader) -> None:
    found = history.bars("005930")
    frame = found.to_pandas()
    assert str(frame["start"].dt.tz) == "UTC"
    assert frame["close"].tolist() == found["close"].to_list()
    assert found.to_arrow().num_rows == 120
    with closing(duckdb.connect()) as base:
        base.register("bars", found.to_arrow())
        assert base.execute("SELECT count(*) FROM bars").fetchone() == (120,)


def test_a_data_folder_is_all_that_lies_in_it(tmp_path: Path, url: str) -> None:
    keep_bars(tmp_path / "history", [bar(-DAY, source="import:f@0")])
    write_journal(tmp_path, [trade(OPEN, symbol="000660")])
    with sise.connect(tmp_path) as place:
        assert place.bars("005930", venue="KRX").height == 2
        assert "000660" not in place.symbols()["symbol"].to_list()
    (tmp_path / "trading.db").unlink()
    with sise.connect(tmp_path) as place:
        assert place.bars("005930")["source"].to_list() == ["import:f@0"]
        assert place.ticks("000660").height == 1
    with sise.connect(tmp_path / "history") as place:
        assert place.symbols()["symbol"].to_list() == ["005930"]


def test_a_universe_is_that_of_its_day(tmp_path: Path) -> None:
    folder = tmp_path / "universe" / "kis" / "kr_stocks"
    folder.mkdir(parents=True)
    (folder / "20261120.json").write_text(
        '{"day":"2026-11-20","provider":"kis","market":"kr_stocks","symbols":["000660","005930"]}'
    )
    (tmp_path / "scalp").mkdir()
    with sise.connect(tmp_path) as place:
        assert place.universe("2026-11-20")["symbol"].to_list() == ["000660", "005930"]
        assert place.universe("2026-11-19").is_empty()
        (folder / "20261120.json").write_text("{")
        with pytest.raises(BadInput, match="restore it"):
            place.universe("2026-11-20")


def test_places_that_cannot_be_asked(
    tmp_path: Path, history: Reader, database_url: Callable[[str], str]
) -> None:
    with pytest.raises(BadInput, match="name a data folder"):
        sise.connect(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="nothing that can be asked"):
        sise.connect(tmp_path / "empty")
    with pytest.raises(BadInput, match="sise db upgrade"):
        sise.connect(f"sqlite:///{tmp_path / 'other.db'}")
    assert not (tmp_path / "other.db").exists()
    (tmp_path / "a 100% file?.db").touch()
    with pytest.raises(BadInput, match="sise db upgrade"):
        sise.connect(tmp_path / "a 100% file?.db")
    with pytest.raises(BadInput, match=r"journal='data'"):
        history.universe("2026-11-20")


def test_the_public_face_loads_nothing_before_it_is_used() -> None:
    heavy = ("polars", "sqlalchemy", "msgspec")
    code = f"import sys, sise; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
