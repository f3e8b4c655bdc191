"""What the bars say is true: a hole is unknown, and nobody speaks for a slot that was not held."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from sise.journal.etlstate import etl_runs, etl_state
from sise.model.errors import BadInput, Unreachable
from sise.model.time import iso
from sise.warehouse.etl import dayload, units
from sise.warehouse.etl.bookkeeping import Patience
from sise.warehouse.etl.days import MarketDay
from sise.warehouse.etl.retention import keep_house
from sise.warehouse.etl.run import Etl
from sise.warehouse.etl.verify import verify_day
from sise.warehouse.history import History
from sise.warehouse.schema import (
    eod_prices,
    rejects,
    scalp_1m_bars,
    scalp_5m_bars,
    swing_bars_1h,
    swing_bars_10m,
)
from tests.warehouse.etl.journals import (
    DAY,
    KRX,
    NOW,
    empty,
    etl,
    gap,
    hashes,
    sample,
    scalp,
    seconds,
    slots,
    swing,
    trade,
    write,
)

MINUTES = 60
OPEN = 9 * 3600


def bars(engine: Engine, table: Any = scalp_1m_bars, symbol: str = "KRW-BTC") -> dict[str, Any]:
    """By the bar's UTC time, ``HH:MM``."""
    with engine.connect() as connection:
        rows = connection.execute(select(table).where(table.c.symbol == symbol)).all()
    return {iso(row.bar_time)[11:16]: row for row in rows}


def samples(day: MarketDay, start: float, end: float, **changed: Any) -> list[bytes]:
    """A sample a second, whose cumulative volume grows by one a second."""
    return [sample(day, float(at), volume=float(at), **changed) for at in range(int(start), int(end) + 1)]


def test_traded_empty_and_unknown_and_a_hole_is_never_a_flat_bar(lite: Engine, tmp_path: Path) -> None:
    lines = [*samples(DAY, 0, 180), trade(DAY, 5, 1), trade(DAY, 65, 2), *samples(DAY, 240, 300)]
    scalp(tmp_path, DAY, sorted(lines, key=lambda line: line[line.index(b"receive") :][:45]))
    write(tmp_path, DAY.events, [slots(DAY, 0, "KRW-BTC"), gap(DAY, 70, 80), gap(DAY, 10, 20, "swing")])
    etl(lite, tmp_path).load_day(DAY)
    found = bars(lite)
    assert [(at, row.state, row.coverage_ratio) for at, row in found.items()] == [
        ("15:00", "traded", 1.0),
        ("15:01", "unknown", pytest.approx(50 / 60, abs=1e-6)),
        ("15:02", "empty", 1.0),
        ("15:03", "unknown", 0.0),
        ("15:04", "empty", 1.0),
    ]
    hole = found["15:03"]
    assert (hole.open, hole.close, hole.trades, hole.quality_flag) == (None, None, None, "normal")
    assert found["15:01"].quality_flag == "gap"
    assert found["15:02"].volume == 0
    assert bars(lite, scalp_5m_bars)["15:00"].state == "unknown"


def test_volume_of_a_bar_with_a_hole_is_what_the_provider_counted(lite: Engine, tmp_path: Path) -> None:
    lines = [*samples(DAY, 0, 180), trade(DAY, 61, 1, size=4.0), trade(DAY, 62, 2, size=3.0)]
    scalp(tmp_path, DAY, lines)
    write(tmp_path, DAY.events, [slots(DAY, 0, "KRW-BTC"), gap(DAY, 70, 80)])
    etl(lite, tmp_path).load_day(DAY)
    found = bars(lite)
    assert (found["15:01"].volume, found["15:01"].trades, found["15:01"].value) == (Decimal(60), 2, None)
    assert (found["15:00"].volume, found["15:00"].state) == (Decimal(0), "empty")


def test_a_symbol_without_a_slot_is_not_listened_to(lite: Engine, tmp_path: Path) -> None:
    scalp(tmp_path, DAY, samples(DAY, 0, 240))
    write(
        tmp_path,
        DAY.events,
        [slots(DAY, 0, "KRW-BTC"), slots(DAY, 90, "KRW-ETH"), slots(DAY, 150, "KRW-BTC")],
    )
    etl(lite, tmp_path).load_day(DAY)
    assert [row.coverage_ratio for row in bars(lite).values()][:4] == [1.0, 0.5, 0.5, 1.0]


def test_slots_chosen_days_before_hold_until_they_are_chosen_again(lite: Engine, tmp_path: Path) -> None:
    write(tmp_path, DAY.beside(-3).events, [slots(DAY.beside(-3), 5, "KRW-ETH")])
    scalp(tmp_path, DAY, [*samples(DAY, 0, 60), *samples(DAY, 0, 60, symbol="KRW-ETH")])
    etl(lite, tmp_path).load_day(DAY)
    assert bars(lite) == {}
    assert bars(lite, symbol="KRW-ETH")["15:00"].state == "empty"


def test_a_late_trade_replaces_its_bar(lite: Engine, tmp_path: Path) -> None:
    scalp(tmp_path, DAY, [*samples(DAY, 0, 120), trade(DAY, 10, 1, price=50.0)])
    follower = dayload.DayLoad(lite, tmp_path, DAY)
    while follower.step(NOW):
        pass
    follower.store_bars()
    before = bars(lite)["15:00"]
    scalp(
        tmp_path,
        DAY,
        [trade(DAY, 5, 2, price=70.0, received=121, quality_flag="degraded", mitigation_level=1)],
    )
    while follower.step(NOW):
        pass
    follower.store_bars()
    follower.close()
    after = bars(lite)["15:00"]
    assert (before.open, before.trades) == (50, 1)
    assert (after.open, after.close, after.high, after.trades) == (70, 50, 70, 2)
    assert (after.quality_flag, after.mitigation_level) == ("degraded", 1)


def test_midnight_is_no_hole_once_the_next_day_is_there(lite: Engine, tmp_path: Path) -> None:
    following = DAY.beside(1)
    scalp(tmp_path, DAY, samples(DAY, 86_300, 86_399))
    write(tmp_path, DAY.events, [slots(DAY, 80_000, "KRW-BTC")])
    work = etl(lite, tmp_path)
    work.load_day(DAY)
    assert bars(lite)["14:59"].state == "unknown"
    scalp(tmp_path, following, samples(following, 0.0, 30))
    write(tmp_path, following.events, [slots(following, 40, "KRW-BTC")])
    assert work.load_day(following).made_again == [DAY.name]
    assert bars(lite)["14:59"].state == "empty"
    assert verify_day(lite, tmp_path, DAY).ok


def test_sweeps_become_bars_and_the_end_of_the_day(lite: Engine, tmp_path: Path) -> None:
    moments = [OPEN + 600 * number for number in range(40)]
    own = {"venue": "KRX", "symbol": "005930"}
    lines = [
        swing(KRX, at, 100.0 + number, 10.0 * number, high=110.0 + (number > 1), **own)
        for number, at in enumerate(moments)
        if number != 4
    ]
    write(tmp_path, f"{KRX.folder('swing')}/09_00.jsonl", lines)
    etl(lite, tmp_path).load_day(KRX)
    found = bars(lite, swing_bars_10m, "005930")
    assert (found["00:00"].open, found["00:00"].close, found["00:00"].volume) == (100, 101, 10)
    assert (found["00:00"].state, found["00:00"].quality_flag) == ("traded", "degraded")
    assert found["00:10"].high == 111
    assert [found[at].state for at in ("00:20", "00:30", "00:40", "00:50")] == [
        "traded",
        "unknown",
        "unknown",
        "traded",
    ]
    hours = bars(lite, swing_bars_1h, "005930")
    assert (hours["00:00"].volume, hours["00:00"].state) == (60, "traded")
    assert (hours["06:00"].volume, hours["06:00"].close) == (30, 139)
    with lite.connect() as connection:
        day = connection.execute(select(eod_prices)).one()
    assert (day.close, day.high, day.state, day.source, day.trade_date) == (
        139,
        111,
        "traded",
        "sweep",
        KRX.day,
    )


def test_half_a_day_is_no_end_of_day(lite: Engine, tmp_path: Path) -> None:
    own = {"venue": "KRX", "symbol": "005930"}
    write(tmp_path, f"{KRX.folder('swing')}/09_00.jsonl", [swing(KRX, OPEN + 3 * 3600, 100.0, 5.0, **own)])
    etl(lite, tmp_path).load_day(KRX)
    with lite.connect() as connection:
        day = connection.execute(select(eod_prices)).one()
    assert (day.state, day.coverage_ratio) == ("unknown", pytest.approx(3 / 6.5, abs=1e-5))


def test_a_bad_row_is_kept_with_its_reason_and_costs_no_other(engine: Engine, tmp_path: Path) -> None:
    bad = [
        trade(DAY, 1, 1, price=float(10**19)),
        trade(DAY, 2, 2, symbol="S" * 40),
        trade(DAY, 3, 3, provider="kis"),
        trade(DAY, 4, 4, schema_version="2.0"),
        trade(DAY, 5, 5).replace(b'"price"', b'"prize"'),
        trade(DAY, 6, 6).replace(b"2026-11-", b"2026-13-"),
        trade(DAY, 7, 7, trade_id="nul\0"),
        trade(DAY, -90_000, 8, received=8, symbol="S" * 40),
        trade(DAY, 9, 9, provider="nul\0"),
    ]
    good = [trade(DAY, 10 + number, 10 + number) for number in range(20)]
    scalp(tmp_path, DAY, [*good[:10], *bad, *good[10:], good[3]])
    outcome = etl(engine, tmp_path).load_day(DAY)
    assert outcome.counts.rows_rejected == len(bad) + 1
    with engine.connect() as connection:
        kept = {row.raw_ref: row.reason for row in connection.execute(select(rejects))}
    assert len(kept) == len(bad) + 1
    assert all(ref.startswith(DAY.folder("scalp")) for ref in kept)
    proof = verify_day(engine, tmp_path, DAY)
    assert proof.ok, proof
    assert proof.tables["scalp_ticks"].rows == len(good)


def test_a_database_that_is_away_costs_nothing(
    lite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scalp(tmp_path, DAY, [*samples(DAY, 0, 60), trade(DAY, 5, 1)])
    write(tmp_path, DAY.events, [slots(DAY, 0, "KRW-BTC"), gap(DAY, 20, 30)])
    etl(lite, tmp_path).load_day(DAY)
    wanted = hashes(lite)
    waits: list[float] = []

    def away(real: Callable[..., Any], times: int = 3) -> Callable[..., Any]:
        left = [times]

        def call(*arguments: Any, **named: Any) -> Any:
            if left[0]:
                left[0] -= 1
                raise Unreachable("the database does not answer")
            return real(*arguments, **named)

        return call

    empty(lite)
    for module, name in ((units, "load_together"), (dayload, "load_together"), (dayload, "load")):
        monkeypatch.setattr(module, name, away(getattr(module, name)))
    Etl(lite, tmp_path, lambda: NOW, Patience(3600, wait=waits.append)).load_day(DAY)
    assert hashes(lite) == wanted
    assert len(waits) == 9
    assert etl_state(tmp_path, DAY.stamp) == "ok"


def test_when_patience_is_over_the_day_has_failed_and_a_file_says_so(
    lite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scalp(tmp_path, DAY, [trade(DAY, 5, 1)])

    def away(*_: Any, **__: Any) -> Any:
        raise Unreachable("the database does not answer")

    assert etl_state(tmp_path, DAY.stamp) == "not_run"
    monkeypatch.setattr(units, "load_together", away)
    with pytest.raises(Unreachable):
        etl(lite, tmp_path, patience=5).load_day(DAY)
    assert etl_state(tmp_path, DAY.stamp) == "failed"
    assert etl_runs(tmp_path, DAY.stamp)[0].reason == "the database does not answer"


def test_old_months_go_only_when_every_day_of_them_is_backed_up(
    lite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scalp(tmp_path, DAY, [trade(DAY, 5, 1)])
    etl(lite, tmp_path).load_day(DAY)
    later = seconds(DAY.beside(70), 0)
    held = [each for each in keep_house(lite, tmp_path, later) if each.table == "scalp_ticks"]
    assert [(each.month, each.action) for each in held] == [("2026-11", "held")]
    from sise.warehouse.etl import retention

    monkeypatch.setattr(retention, "backup_state", lambda *_: "verified")
    gone = [each for each in keep_house(lite, tmp_path, later) if each.table == "scalp_ticks"]
    assert [(each.month, each.action) for each in gone] == [("2026-11", "removed")]


def test_a_read_only_data_folder_is_said(lite: Engine, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way")
    with pytest.raises(BadInput, match="cannot be written"):
        etl(lite, tmp_path).load_day(DAY)


def test_a_finished_day_is_kept_in_the_history_once(lite: Engine, tmp_path: Path) -> None:
    from sise.warehouse.etl.keep import keep_day

    scalp(tmp_path, DAY, [*samples(DAY, 0, 60), trade(DAY, 5, 1)])
    etl(lite, tmp_path).load_day(DAY)
    history = History.at(str(tmp_path / "history"))
    assert len(keep_day(lite, history, DAY, NOW)) == 1
    assert keep_day(lite, history, DAY, NOW) == []
    kept = history.bars("KRW-BTC", "1m")
    assert kept["source"].to_list()[0] == "journal"
    assert kept["close"].to_list()[0] == 101.0


def test_a_volume_that_a_double_cannot_hold_to_the_last_digit_is_no_difference(
    lite: Engine, tmp_path: Path
) -> None:
    sizes = (20749139.5289921, 77794698.95497862, 71101969.51812913)  # as of coins that cost a cent
    scalp(tmp_path, DAY, [trade(DAY, 5 + at, at, size=size) for at, size in enumerate(sizes)])
    etl(lite, tmp_path).load_day(DAY)
    stored = bars(lite)["15:00"].volume
    assert stored != sum(Decimal(repr(size)) for size in sizes), "else this shows nothing"
    assert verify_day(lite, tmp_path, DAY).ok
    with lite.begin() as connection:
        connection.execute(scalp_1m_bars.update().values(volume=float(stored) + 1e-6))
    assert not verify_day(lite, tmp_path, DAY).ok
