"""The same question to every kind of place gives the same frame."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sqlalchemy import Engine

from sise.model.errors import BadInput
from sise.model.records import TradeRecord
from sise.model.time import NS_PER_SECOND
from sise.warehouse import migrate
from sise.warehouse.history import History
from sise.warehouse.history_entry import Origin
from sise.warehouse.query import deriving
from sise.warehouse.query.journal import Journal
from sise.warehouse.query.parquet import Parquet
from sise.warehouse.query.reader import Reader
from tests.warehouse.databases import FRESH, opened
from tests.warehouse.query_places import (
    MINUTE_NS,
    OPEN,
    BarRow,
    Record,
    bar,
    bars,
    empty,
    frame_of,
    keep_bars,
    reader,
    records,
    store_bars,
    store_records,
    write_journal,
)

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SIZES = st.sampled_from(("1m", "5m", "15m", "1h", "1d"))


@pytest.fixture(scope="module")
def engines(database_url: Callable[[str], str]) -> Iterator[list[Engine]]:
    """One database of each kind, with tables."""
    with ExitStack() as stack:
        found = [stack.enter_context(opened(database_url(kind))) for kind in FRESH]
        for engine in found:
            migrate.upgrade(engine, OPEN)
        yield found


def moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / NS_PER_SECOND, UTC)


def bar_places(engines: list[Engine], folder: Path, rows: list[BarRow]) -> list[Reader]:
    for engine in engines:
        empty(engine)
    stored = [reader(store_bars(engine, rows)) for engine in engines]
    return [*stored, reader(Parquet(keep_bars(folder, rows)))]


@FEW
@given(rows=bars(), size=SIZES, start=st.none() | st.integers(-60, 500), length=st.integers(1, 6_000))
def test_bars_of_any_size_are_equal_everywhere(
    engines: list[Engine], rows: list[BarRow], size: str, start: int | None, length: int
) -> None:
    first = None if start is None else moment(OPEN + start * MINUTE_NS)
    last = None if start is None else moment(OPEN + (start + length) * MINUTE_NS)
    with tempfile.TemporaryDirectory() as folder:
        answers = [
            place.bars("005930", size, first, last) for place in bar_places(engines, Path(folder), rows)
        ]
    for answer in answers[1:]:
        assert_frame_equal(answer, answers[0], check_exact=True)
    if start is None and size == "1m":
        assert_frame_equal(answers[0], frame_of(rows), check_exact=True)


@FEW
@given(told=records(), start=st.none() | st.integers(0, 3_600), length=st.integers(1, 3_600))
def test_records_are_equal_everywhere(
    engines: list[Engine], told: list[Record], start: int | None, length: int
) -> None:
    first = None if start is None else moment(OPEN + start * NS_PER_SECOND)
    last = None if start is None else moment(OPEN + (start + length) * NS_PER_SECOND)
    with tempfile.TemporaryDirectory() as folder:
        lines = write_journal(Path(folder), told)
        for engine in engines:
            empty(engine)
        places = [reader(store_records(engine, lines)) for engine in engines]
        places.append(reader(Journal(Path(folder))))
        asked = {
            ("ticks" if isinstance(record, TradeRecord) else "quotes", record.symbol, record.venue)
            for record in told
        }
        for kind, symbol, venue in sorted(asked):
            answers = [_records(place, kind, symbol, venue, first, last) for place in places]
            for answer in answers[1:]:
                assert_frame_equal(answer, answers[0], check_exact=True)
            if start is None:
                assert answers[0].height > 0
                assert answers[0]["event_time"].is_sorted()


def _records(
    place: Reader, kind: str, symbol: str, venue: str, first: datetime | None, last: datetime | None
) -> pl.DataFrame:
    ask = place.ticks if kind == "ticks" else place.quotes
    return ask(symbol, first, last, venue=venue)


@pytest.fixture
def sqlite(engines: list[Engine]) -> Engine:
    empty(engines[0])
    return engines[0]


@settings(FEW, max_examples=25)
@given(rows=bars(), size=SIZES)
def test_an_answer_in_parts_is_the_whole_answer(tmp_path: Path, rows: list[BarRow], size: str) -> None:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder, pytest.MonkeyPatch.context() as patch:
        place = reader(Parquet(keep_bars(Path(folder), rows)))
        whole = place.bars("005930", size)
        patch.setattr(deriving, "PART_DAYS", 1)
        parts = list(place.bars_in_parts("005930", size))
        assert all(part.height for part in parts)
        assert_frame_equal(pl.concat(parts), whole, check_exact=True)


def test_a_range_over_the_seam_is_one_answer_without_doubles(sqlite: Engine, tmp_path: Path) -> None:
    recent = [bar(minute) for minute in range(60, 120)]
    older = [bar(minute, close=1.0, source="journal") for minute in range(90)]
    file = [bar(minute, close=2.0, source="import:f@0") for minute in range(150)]
    both = reader(store_bars(sqlite, recent), Parquet(keep_bars(tmp_path, [*older, *file])))
    answer = both.bars("005930", "1m")
    starts = answer["start"].dt.timestamp("us") * 1_000
    assert starts.to_list() == [OPEN + minute * MINUTE_NS for minute in range(150)]
    assert answer["source"].to_list() == ["journal"] * 120 + ["import:f@0"] * 30
    assert answer["close"][:60].unique().to_list() == [1.0]
    assert_frame_equal(answer[60:120], frame_of(recent))
    hours = both.bars("005930", "1h")
    assert hours["volume"].to_list() == [
        pytest.approx(answer["volume"][at : at + 60].sum()) for at in (0, 60, 120)
    ]


def test_a_file_never_fills_a_hole_that_we_heard_of(sqlite: Engine, tmp_path: Path) -> None:
    heard = [bar(0), bar(1, "unknown"), bar(2)]
    file = [bar(minute, source="import:f@0") for minute in range(4)]
    both = reader(store_bars(sqlite, heard), Parquet(keep_bars(tmp_path, file)))
    assert both.bars("005930")["state"].to_list() == ["traded", "unknown", "traded", "traded"]
    assert both.bars("005930", source="import:f@0").height == 4


def test_a_day_that_is_held_goes_before_one_made_of_minutes(sqlite: Engine, tmp_path: Path) -> None:
    day_ns = 24 * 60 * MINUTE_NS
    midnight = OPEN - 9 * 60 * MINUTE_NS
    history: History = keep_bars(tmp_path, [bar(0, start=midnight, close=5.0, source="import:d@0")], "1d")
    minutes = [bar(0), *(bar(minute) for minute in range(3 * 1440, 3 * 1440 + 60))]
    both = reader(store_bars(sqlite, minutes), Parquet(history))
    answer = both.bars("005930", "1d")
    starts = (answer["start"].dt.timestamp("us") * 1_000).to_list()
    assert starts == [midnight, midnight + 3 * day_ns]
    assert answer["source"].to_list() == ["import:d@0", "journal"]
    assert answer["state"].to_list() == ["traded", "unknown"]
    assert both.daily("005930")["day"].to_list() == [moment(OPEN).date()]


def test_prices_that_were_adjusted_before_are_read_only_by_name(tmp_path: Path) -> None:
    history = keep_bars(tmp_path, [])
    origin = Origin("a", "a" * 64, 1)
    history.add("bars_1m", frame_of([bar(0, source="import:a@0")]), origin, OPEN, prices="adjusted")
    place = reader(Parquet(history))
    with pytest.raises(BadInput, match=r"only adjusted prices are held: name their source.*import:a@0"):
        place.bars("005930")
    with pytest.raises(BadInput, match="nothing of 005930 is held of it"):
        place.bars("005930", source="journal")
    assert place.bars("005930", source="import:a@0").height == 1
    history.add("bars_1m", frame_of([bar(0, close=9.0, source="import:b@0")]), origin, OPEN)
    assert reader(Parquet(history)).bars("005930")["close"].to_list() == [9.0]
