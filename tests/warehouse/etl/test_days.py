"""When a day opens and closes: exceptions, the provider's answer, the track's hours, midnight UTC."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from sise.model.hours import SpecialDay
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.check import told_days
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.rebuild import rebuild_day
from sise.warehouse.etl.run import Etl
from sise.warehouse.etl.verify import verify_day
from sise.warehouse.schema import eod_prices, scalp_1m_bars
from tests.warehouse.etl.journals import (
    DAY,
    KRX,
    NOW,
    etl,
    event,
    sample,
    scalp,
    slots,
    swing,
    write,
)

OPEN = 9 * 3600
OWN = {"venue": "KRX", "symbol": "005930"}
SHORT = SpecialDay(KRX.day, "a short day", "a notice", open=time(9), close=time(12))
LAST_SWEEP = 8 * 3600 + 50 * 60
"""23:50 UTC, in seconds of the day of Seoul."""


def ends(engine: Engine) -> dict[date, Any]:
    with engine.connect() as connection:
        return {row.trade_date: row for row in connection.execute(select(eod_prices))}


def test_an_exception_of_the_installation_says_when_the_day_closes(lite: Engine, tmp_path: Path) -> None:
    write(tmp_path, f"{KRX.folder('swing')}/09_00.jsonl", [swing(KRX, OPEN + 3 * 3600, 100.0, 5.0, **OWN)])
    Etl(lite, tmp_path, lambda: NOW, Patience(0), exceptions=[SHORT]).load_day(KRX)
    assert (ends(lite)[KRX.day].state, ends(lite)[KRX.day].coverage_ratio) == ("traded", 1)
    assert verify_day(lite, tmp_path, KRX, [SHORT]).ok
    assert not verify_day(lite, tmp_path, KRX).ok
    assert rebuild_day(lite, tmp_path, KRX, lambda: NOW, [SHORT]).ok


def test_the_providers_own_answer_wins(lite: Engine, tmp_path: Path) -> None:
    closed = SpecialDay(KRX.day, "a holiday", "a notice", closed=True)
    write(tmp_path, f"{KRX.folder('swing')}/09_00.jsonl", [swing(KRX, OPEN + 23_400, 100.0, 5.0, **OWN)])
    work = Etl(lite, tmp_path, lambda: NOW, Patience(0), exceptions=[closed])
    work.load_day(KRX)
    assert (ends(lite)[KRX.day].state, ends(lite)[KRX.day].coverage_ratio) == ("unknown", None)
    write(tmp_path, KRX.events, [event(KRX, 8 * 3600, "trading_day", day=KRX.day.isoformat(), open=True)])
    work.load_day(KRX)
    assert ends(lite)[KRX.day].state == "traded"
    assert verify_day(lite, tmp_path, KRX, [closed]).ok
    market = MarketDay(KRX.provider, KRX.market, date.min)
    assert told_days(tmp_path, market, None, None) == {KRX.day: True}
    assert told_days(tmp_path, market, None, date(2026, 11, 19)) == {}


def test_lines_after_the_tracks_hours_prove_nothing(lite: Engine, tmp_path: Path) -> None:
    scalp(tmp_path, DAY, [sample(DAY, float(at), volume=1.0) for at in range(301)])
    rest = [event(DAY, 90, "hours_over", scope="scalp"), event(DAY, 210, "connected", scope="scalp")]
    write(tmp_path, DAY.events, [slots(DAY, 0, "KRW-BTC"), *rest])
    etl(lite, tmp_path).load_day(DAY)
    with lite.connect() as connection:
        bars = connection.execute(select(scalp_1m_bars).order_by(scalp_1m_bars.c.bar_time)).all()
    assert [bar.coverage_ratio for bar in bars][:5] == [1, 0.5, 0, 0.5, 1]
    assert {bar.quality_flag for bar in bars} == {"normal"}
    assert verify_day(lite, tmp_path, DAY).ok


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_end_of_a_utc_day(lite: Engine, tmp_path: Path, order: tuple[int, int]) -> None:
    """Of a slot the last sample; of the others the close that the next day's first sweep tells."""
    utc_day = DAY.day
    days = [DAY, DAY.beside(1)]
    evening = [swing(DAY, 80_000 // 600 * 600, 100.0, 40.0, symbol=symbol) for symbol in ("A", "B")]
    morning = [swing(days[1], LAST_SWEEP, 104.0, 50.0, symbol=symbol) for symbol in ("A", "B")]
    first = [swing(days[1], OPEN, 120.0, 1.0, symbol=symbol, prev_close=115.0) for symbol in ("A", "B")]
    write(tmp_path, f"{DAY.folder('swing')}/22_00.jsonl", evening)
    write(tmp_path, f"{days[1].folder('swing')}/08_50.jsonl", morning + first)
    scalp(tmp_path, days[1], [sample(days[1], OPEN - 2, volume=55.0, symbol="A", last_price=115.0)])
    etl(lite, tmp_path).load_days([days[at] for at in order])
    query = select(eod_prices).where(eod_prices.c.trade_date == utc_day)
    with lite.connect() as connection:
        found = {row.symbol: row for row in connection.execute(query)}
    slot, other = found["A"], found["B"]
    assert (slot.state, slot.source, slot.close, slot.volume) == ("traded", "sample", 115, 55)
    assert (slot.open, slot.high, slot.low) == (90, None, None)
    assert (other.state, other.source, other.close, other.volume) == ("unknown", "sweep", 115, 50)
    assert (other.open, other.high, other.low) == (90, 115, 80)
    for day in days:
        proof = verify_day(lite, tmp_path, day)
        assert proof.ok, proof
