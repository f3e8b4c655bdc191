"""A US day through the ETL: New York's hours, a day over UTC midnight, changes of the clock, a half day.

No provider writes this market yet, so its journal is written here, with the journal's own lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select

from sise.model.time import NS_PER_SECOND, parse_iso, to_ns
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.verify import verify_day
from sise.warehouse.migrate import upgrade
from sise.warehouse.schema import eod_prices, metadata
from tests.warehouse.databases import FRESH, opened
from tests.warehouse.etl.journals import (
    NOW,
    empty,
    etl,
    event,
    gap,
    hashes,
    sample,
    scalp,
    slots,
    swing,
    trade,
    write,
)

NEW_YORK: Final = ZoneInfo("America/New_York")
FRIDAY, HALF = date(2026, 11, 20), date(2026, 11, 27)
OWN: Final[dict[str, Any]] = {"venue": "IEX", "symbol": "SPY"}
"""The name that the wire has for the exchange V."""


def us(day: date) -> MarketDay:
    return MarketDay("alpaca", "us_stocks", day)


def at(day: date, text: str, *, fold: int = 0) -> float:
    """Seconds that have passed since the day's midnight when New York's clocks show ``text``."""
    moment = datetime.combine(day, time.fromisoformat(text), NEW_YORK).replace(fold=fold)
    return (to_ns(moment) - us(day).start_ns) / NS_PER_SECOND


@pytest.fixture(params=list(FRESH))
def engine(request: pytest.FixtureRequest, database_url: Callable[[str], str]) -> Iterator[Engine]:
    with opened(database_url(request.param)) as engine:
        upgrade(engine, NOW)
        empty(engine)
        yield engine


def minutes_of(root: Path, day: date, start: float, minutes: int) -> None:
    """Some minutes that were listened to: a sample a second, and a trade in each minute but the second."""
    lines = [sample(us(day), start + each, volume=100.0 + each, **OWN) for each in range(minutes * 60 + 1)]
    lines += [
        trade(us(day), start + 60 * each + 30, round(start) + each, **OWN)
        for each in range(minutes)
        if each != 1
    ]
    scalp(root, us(day), lines)


def sweeps_of(root: Path, day: date, first: str, last: str, step: int = 600) -> None:
    """A sweep every ten minutes by New York's clock, the last one at the close."""
    moments = [at(day, first), *_grid(at(day, first), at(day, last), step)]
    lines = [
        swing(us(day), moment, 600.0 + number, 1000.0 * number, **OWN)
        for number, moment in enumerate(moments)
    ]
    write(root, f"{us(day).folder('swing')}/{first.replace(':', '_')}.jsonl", lines)


def _grid(first: float, last: float, step: int) -> list[float]:
    return [first + step * number for number in range(1, round((last - first) / step) + 1)]


def bars(engine: Engine, name: str) -> dict[str, Any]:
    """The bars by their beginning."""
    table = metadata.tables[name]
    with engine.connect() as connection:
        found = connection.execute(select(table).order_by(table.c.bar_time)).all()
    return {_text(row.bar_time): row for row in found}


def _text(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / NS_PER_SECOND, ZoneInfo("UTC")).strftime("%Y-%m-%d %H:%M")


def ends(engine: Engine) -> dict[date, Any]:
    with engine.connect() as connection:
        return {row.trade_date: row for row in connection.execute(select(eod_prices))}


def load(engine: Engine, root: Path, *days: date) -> None:
    """Load and prove."""
    for day in days:
        etl(engine, root).load_day(us(day))
    for day in days:
        proof = verify_day(engine, root, us(day))
        assert proof.ok, proof


def test_a_day_over_utc_midnight_is_one_day(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, us(FRIDAY).events, [slots(us(FRIDAY), at(FRIDAY, "09:30"), "SPY")])
    minutes_of(tmp_path, FRIDAY, at(FRIDAY, "18:58"), 4)
    write(tmp_path, us(FRIDAY).events, [gap(us(FRIDAY), at(FRIDAY, "19:00:10"), at(FRIDAY, "19:00:40"))])
    load(engine, tmp_path, FRIDAY)
    found = bars(engine, "scalp_1m_bars")
    assert {name: row.state for name, row in found.items()} == {
        "2026-11-20 23:58": "traded",
        "2026-11-20 23:59": "empty",
        "2026-11-21 00:00": "unknown",
        "2026-11-21 00:01": "traded",
    }
    assert list(bars(engine, "scalp_5m_bars")) == ["2026-11-20 23:55", "2026-11-21 00:00"]
    assert {day: row.source for day, row in ends(engine).items()} == {FRIDAY: "sample"}
    assert ends(engine)[FRIDAY].state == "traded"


@pytest.mark.parametrize(
    ("day", "open_utc", "close_utc"),
    [
        (date(2026, 3, 6), "14:30", "21:00"),
        (date(2026, 3, 9), "13:30", "20:00"),
        (date(2026, 10, 30), "13:30", "20:00"),
        (date(2026, 11, 2), "14:30", "21:00"),
    ],
    ids=str,
)
def test_hours_follow_new_yorks_clock(
    engine: Engine, tmp_path: Path, day: date, open_utc: str, close_utc: str
) -> None:
    sweeps_of(tmp_path, day, "09:30", "16:00")
    load(engine, tmp_path, day)
    tens = bars(engine, "swing_bars_10m")
    assert len(tens) == 39
    assert next(iter(tens)) == f"{day} {open_utc}"
    assert {row.state for row in tens.values()} == {"traded"}
    closing = ends(engine)[day]
    assert (closing.state, closing.coverage_ratio, closing.volume) == ("traded", 1, 39_000)
    assert closing.event_time == parse_iso(f"{day}T{close_utc}:00Z")


@pytest.mark.parametrize(
    ("last", "state", "minutes"),
    [("16:00", "traded", 390), ("15:50", "unknown", 380), ("13:00", "unknown", 210)],
)
def test_a_whole_day_ends_at_four(
    engine: Engine, tmp_path: Path, last: str, state: str, minutes: int
) -> None:
    sweeps_of(tmp_path, FRIDAY, "09:30", last)
    load(engine, tmp_path, FRIDAY)
    closing = ends(engine)[FRIDAY]
    assert (closing.state, closing.coverage_ratio) == (state, pytest.approx(minutes / 390, abs=1e-6))


@pytest.mark.parametrize(("last", "state"), [("13:00", "traded"), ("12:50", "unknown")])
def test_a_half_day_ends_at_one(engine: Engine, tmp_path: Path, last: str, state: str) -> None:
    sweeps_of(tmp_path, HALF, "09:30", last)
    load(engine, tmp_path, HALF)
    assert ends(engine)[HALF].state == state
    hours = bars(engine, "swing_bars_1h")
    assert list(hours) == [f"{HALF} {hour}:00" for hour in (14, 15, 16, 17)]
    assert [row.state for row in hours.values()] == ["traded", "traded", "traded", state]


def test_a_day_of_25_hours_has_the_hour_that_is_shown_twice_twice(engine: Engine, tmp_path: Path) -> None:
    sunday = date(2026, 11, 1)
    assert us(sunday).end_ns - us(sunday).start_ns == 25 * 3600 * NS_PER_SECOND
    write(tmp_path, us(sunday).events, [slots(us(sunday), 0, "SPY")])
    minutes_of(tmp_path, sunday, at(sunday, "01:58", fold=0), 4)
    minutes_of(tmp_path, sunday, at(sunday, "01:58", fold=1), 4)
    load(engine, tmp_path, sunday)
    found = bars(engine, "scalp_1m_bars")
    heard = [name for name, row in found.items() if row.state != "unknown"]
    assert heard == [f"2026-11-01 0{hour}:{minute}" for hour, minute in _around((5, 58), (6, 58))]
    assert len(found) == 64
    assert ends(engine)[sunday].state == "unknown"


def _around(*starts: tuple[int, int]) -> Iterator[tuple[int, str]]:
    for hour, minute in starts:
        yield from ((hour + (minute + each) // 60, f"{(minute + each) % 60:02d}") for each in range(4))


def test_a_day_of_23_hours_has_no_hole_where_the_clock_jumps(engine: Engine, tmp_path: Path) -> None:
    sunday = date(2026, 3, 8)
    assert us(sunday).end_ns - us(sunday).start_ns == 23 * 3600 * NS_PER_SECOND
    write(tmp_path, us(sunday).events, [slots(us(sunday), 0, "SPY")])
    minutes_of(tmp_path, sunday, at(sunday, "01:58"), 4)
    load(engine, tmp_path, sunday)
    found = bars(engine, "scalp_1m_bars")
    assert list(found) == [f"2026-03-08 0{hour}:{minute}" for hour, minute in _around((6, 58))]
    assert [row.state for row in found.values()] == ["traded", "empty", "traded", "traded"]


def test_a_trade_around_new_yorks_midnight_is_of_its_own_day(engine: Engine, tmp_path: Path) -> None:
    """Journals roll at New York's midnight, which is 05:00 UTC in November."""
    next_day = date(2026, 11, 21)
    write(tmp_path, us(FRIDAY).events, [slots(us(FRIDAY), 0, "SPY")])
    minutes_of(tmp_path, FRIDAY, 86_400 - 180, 2)
    late = trade(us(FRIDAY), 86_399.5, 1, received=86_400.2, **OWN)
    scalp(tmp_path, us(next_day), [late, trade(us(next_day), 0.5, 2, **OWN)])
    write(tmp_path, us(next_day).events, [event(us(next_day), 1, "connected")])
    load(engine, tmp_path, FRIDAY, next_day)
    found = bars(engine, "scalp_1m_bars")
    assert list(found) == [f"2026-11-21 {minute}" for minute in ("04:57", "04:58", "04:59", "05:00")]
    assert [row.trades for row in found.values()] == [1, 0, 1, 1]
    assert [row.state for row in found.values()] == ["traded", "empty", "unknown", "unknown"]


def test_three_databases_have_the_same_rows(database_url: Callable[[str], str], tmp_path: Path) -> None:
    sweeps_of(tmp_path, HALF, "09:30", "13:00")
    write(tmp_path, us(HALF).events, [slots(us(HALF), at(HALF, "09:30"), "SPY")])
    minutes_of(tmp_path, HALF, at(HALF, "10:00"), 10)
    found = []
    for kind in FRESH:
        with opened(database_url(kind)) as engine:
            upgrade(engine, NOW)
            empty(engine)
            load(engine, tmp_path, HALF)
            found.append(hashes(engine))
    assert found[0]["scalp_ticks"][0] == 610
    assert all(each == found[0] for each in found)
