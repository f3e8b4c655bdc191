"""A proven day's ticks from the databases into the history: each is a line of the journal, word for word."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from sise.model.records import SampleRecord, TradeRecord, record_decoder
from sise.model.time import parse_iso
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.history import History
from sise.warehouse.history_ticks_day import keep_day_ticks
from sise.warehouse.migrate import upgrade
from tests.run.command_line import in_folder
from tests.warehouse.databases import opened
from tests.warehouse.etl.journals import DAY as COINS
from tests.warehouse.etl.journals import KRX, NOW, empty, etl, sample, scalp, trade
from tests.warehouse.tick_rows import Row, held


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest, database_url: Callable[[str], str]) -> Iterator[Engine]:
    """Each of the three databases, without rows."""
    with opened(database_url(request.param)) as engine:
        upgrade(engine, NOW)
        empty(engine)
        yield engine


def journal_lines(root: Path, day: MarketDay) -> dict[str, TradeRecord | SampleRecord]:
    """Every line of the scalp track by its place, read without any code of the ETL."""
    return {
        f"{file.relative_to(root).as_posix()}:{number}": record_decoder.decode(line)
        for file in sorted((root / day.folder("scalp")).iterdir())
        for number, line in enumerate(file.read_bytes().splitlines(), 1)
    }


def as_recorded(row: Row) -> Row:
    """What a kept row says, under the record's own names."""
    names = {"id": "trade_id", "day_volume": "volume"}
    own = {names.get(name, name): value for name, value in row.items() if name != "raw_ref"}
    own["notes"] = row["notes"].split(",") if row["notes"] else []
    return own | {name: parse_iso(row[name].isoformat()) for name in ("event_time", "receive_time")}


def as_heard(record: TradeRecord | SampleRecord, names: set[str]) -> Row:
    own = {name: value for name, value in msgspec.structs.asdict(record).items() if name in names}
    return own | {name: parse_iso(getattr(record, name)) for name in ("event_time", "receive_time")}


@pytest.mark.parametrize("day", [COINS, KRX], ids=["upbit", "kis"])
def test_every_kept_tick_is_a_line_of_the_journal_word_for_word(
    engine: Engine, tmp_path: Path, day: MarketDay
) -> None:
    dice = random.Random(3)
    lines = [
        trade(
            day,
            at + dice.random(),
            at,
            symbol=f"S{at % 3}",
            size=round(dice.random(), 8),
            notes=["x"] * (at % 2),
        )
        for at in range(60)
    ]
    lines += [sample(day, float(at), volume=at * 0.1, symbol=f"S{at % 3}", frame=at) for at in range(60)]
    dice.shuffle(lines)
    repeated = next(line for line in lines if b'"kind":"trade"' in line)
    tomorrow = trade(day, 86_400 + 5.0, 999, symbol="S0")
    scalp(tmp_path, day, [*lines[:70], repeated, tomorrow])
    scalp(tmp_path, day, lines[70:], "00_01_00")
    etl(engine, tmp_path).load_day(day)
    history = History.at(str(tmp_path / "history"))
    assert len(keep_day_ticks(engine, history, day, NOW)) == 2
    assert keep_day_ticks(engine, history, day, NOW) == []
    heard = journal_lines(tmp_path, day)
    seen: set[str] = set()
    for kind, form in (("ticks", TradeRecord), ("quotes", SampleRecord)):
        rows = held(history, kind)
        assert rows.select("symbol", "event_time").rows() == sorted(
            rows.select("symbol", "event_time").rows()
        )
        for row in rows.iter_rows(named=True):
            record = heard[row["raw_ref"]]
            assert isinstance(record, form)
            assert as_recorded(row) == as_heard(record, set(as_recorded(row)))
        seen |= set(rows["raw_ref"])
    assert len(seen) == len(lines)
    # the repeated trade, and the one that belongs to the next day
    assert set(heard) - seen == {f"{day.folder('scalp')}/00_00_00.jsonl:{line}" for line in (71, 72)}
    assert len(keep_day_ticks(engine, history, day.beside(1), NOW)) == 1


def test_the_command_keeps_ticks_of_a_proven_day_and_check_proves_them(tmp_path: Path) -> None:
    day = MarketDay("upbit", "crypto", date(2024, 11, 20))
    lines = [sample(day, float(at), volume=1.0) for at in range(99)]
    scalp(tmp_path / "data", day, [*lines, trade(day, 5, 1)])
    sise, command = in_folder(tmp_path), ("etl", "2024-11-20", "--json")
    said = [json.loads(sise(*each).stdout)["history"] for each in ((*command, "--no-keep"), command)]
    kinds = [[name.split("/")[0] for name in each] for each in said]
    assert kinds == [[], ["bars_1m", "ticks", "quotes"]]
    assert all((tmp_path / "data" / "history" / name).is_file() for name in said[1])
    changed = tmp_path / "data" / "history" / said[1][1]
    changed.write_bytes(changed.read_bytes()[:-1])
    checked = sise("candles", "check", "--json")
    assert (checked.returncode, json.loads(checked.stdout)["damage"]) == (1, [f"{said[1][1]}: changed"])
