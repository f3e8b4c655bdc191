"""Ticks of a day that only the history has, or that the database has too, are one answer."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete

from sise.warehouse.engine import writing
from sise.warehouse.history import History
from sise.warehouse.history_ticks_day import keep_day_ticks
from sise.warehouse.migrate import upgrade
from sise.warehouse.query.database import Database
from sise.warehouse.query.parquet import Parquet
from sise.warehouse.schema import scalp_ticks
from tests.warehouse.databases import opened
from tests.warehouse.etl.journals import DAY, NOW, etl, sample, scalp, trade
from tests.warehouse.query_places import reader


def test_a_tick_is_told_once_wherever_it_lies(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'a.db'}") as engine:
        upgrade(engine, NOW)
        lines = [trade(DAY, at, at) for at in range(30)] + [
            sample(DAY, float(at), volume=1.0) for at in range(30)
        ]
        scalp(tmp_path, DAY, lines)
        etl(engine, tmp_path).load_day(DAY)
        history = History.at(str(tmp_path / "history"))
        keep_day_ticks(engine, history, DAY, NOW)
        database, kept = Database(engine), Parquet(history)
        for kind in ("ticks", "quotes"):
            asked = [
                getattr(reader(*stores), kind)("KRW-BTC") for stores in ([database], [kept], [database, kept])
            ]
            assert asked[0].height == 30
            assert asked[0].equals(asked[1])
            assert asked[0].equals(asked[2])
        with writing(engine) as connection:
            connection.execute(delete(scalp_ticks))
        assert reader(database, kept).ticks("KRW-BTC").equals(reader(kept).ticks("KRW-BTC"))
        part = reader(kept).ticks("KRW-BTC", "2026-11-19T15:00:05Z", "2026-11-19T15:00:08Z")
        assert part.height == 3
