"""Trades that stand in another day's journal: a trade of 23:59:59.9 that came at 00:00:00.1, a replayed one.

A finding ``trade_of_another_day`` names the minute; the trades themselves are read from ``scalp_ticks``.
"""

from __future__ import annotations

from sqlalchemy import Engine, select

from sise.model.records import TradeRecord
from sise.model.time import iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.ticks import Tick, place_of
from sise.warehouse.etl.units import STRAY_RULE
from sise.warehouse.schema import findings, scalp_ticks


def stray_ticks(engine: Engine, day: MarketDay) -> list[Tick]:
    """The trades of the day that other days' journals hold, in the journal's order."""
    told = findings.c
    query = select(told.venue, told.symbol, told.start_time, told.end_time).where(
        told.rule == STRAY_RULE,
        told.provider == day.provider,
        told.market == day.market,
        told.start_time >= day.start_ns,
        told.start_time < day.end_ns,
        told.source != day.folder("scalp"),
    )
    own = day.folder("scalp") + "/"
    found: dict[str, Tick] = {}
    ticks = scalp_ticks.c
    with engine.connect() as connection:
        for minute in connection.execute(query).all():
            trades = select(scalp_ticks).where(
                ticks.provider == day.provider,
                ticks.market == day.market,
                ticks.venue == minute.venue,
                ticks.symbol == minute.symbol,
                ticks.event_time >= minute.start_time,
                ticks.event_time < minute.end_time,
                ticks.kind == "trade",
            )
            for row in connection.execute(trades):
                if not row.raw_ref.startswith(own):
                    found[row.raw_ref] = Tick(_record(row), row.event_time, row.receive_time, row.raw_ref)
    return [found[ref] for ref in sorted(found, key=place_of)]


def _record(row: object) -> TradeRecord:
    value = row._mapping  # type: ignore[attr-defined] # a row's public mapping, whatever its name
    return TradeRecord(
        schema_version=value["schema_version"],
        event_time=iso(value["event_time"]),
        receive_time=iso(value["receive_time"]),
        session_id=value["session_id"],
        mitigation_level=value["mitigation_level"],
        quality_flag=value["quality_flag"],
        provider=value["provider"],
        market=value["market"],
        venue=value["venue"],
        symbol=value["symbol"],
        frame=value["frame"],
        price=float(value["last_price"]),
        size=float(value["volume"]),
        side=value["side"],
        trade_id=value["id"],
    )
