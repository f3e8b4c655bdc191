"""Loads that are cut, killed or made at once, and the months that their rows lie in: of every database."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table

from sise.model.errors import Unreachable
from sise.model.time import NS_PER_US, parse_iso
from sise.warehouse import load as load_module
from sise.warehouse import schema
from sise.warehouse.load import Batch, load, load_together
from sise.warehouse.load_paths import path_for
from sise.warehouse.partitions import Decision, existing, maintain
from sise.warehouse.partitions_month import Month
from tests.warehouse.database_base import OnDatabase, count, rows_of
from tests.warehouse.rows import BAR, NOON, TICK, bar, tick

DAY_NS = 86_400 * 10**9


class LoadContract(OnDatabase):
    """Inherited by the whole contract."""

    def test_batches_together_are_all_or_nothing(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = ("table_name", "raw_ref", "day", "reason", "line")
        rejects = Batch(schema.rejects, names, [("scalp_ticks", "a:1", date(2026, 11, 20), "why", "{}")])
        batches = [Batch(schema.scalp_ticks, TICK, [tick(1)]), rejects]
        path = type(path_for(engine))
        write = path.write

        def fails_at_the_second(self: Any, connection: Any, rows: Any) -> int:
            if rows.table is schema.rejects:
                raise KeyboardInterrupt
            return write(self, connection, rows)

        with monkeypatch.context() as patch:
            patch.setattr(path, "write", fails_at_the_second)
            with pytest.raises(KeyboardInterrupt):
                load_together(engine, batches)
        assert count(engine, schema.scalp_ticks) == count(engine, schema.rejects) == 0
        assert [loaded.changed for loaded in load_together(engine, batches)] == [1, 1]

    def test_two_loads_of_the_same_rows_at_once(self, engine: Engine) -> None:
        batches = [[tick(number) for number in range(start, start + 300)] for start in range(0, 1200, 100)]
        with ThreadPoolExecutor(4) as pool:
            orders = [batches, batches[::-1], [batch[::-1] for batch in batches], batches]
            done = list(
                pool.map(lambda order: [load(engine, schema.scalp_ticks, TICK, b) for b in order], orders)
            )
        assert sum(loaded.changed for loads in done for loaded in loads) == 1400
        assert [row.event_time for row in rows_of(engine, schema.scalp_ticks)] == [
            NOON + number * NS_PER_US for number in range(1400)
        ]

    def test_two_loads_make_the_partitions_of_new_months_at_once(self, engine: Engine) -> None:
        months = [parse_iso(f"20{year}-{month:02d}-15T00:00:00Z") for year in (18, 30) for month in (1, 4, 7)]

        def one(worker: int) -> None:
            for at in months[worker:] + months[:worker]:
                load(engine, schema.scalp_ticks, TICK, [tick(1, event_time=at)])

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(one, range(3)))
        assert [row.event_time for row in rows_of(engine, schema.scalp_ticks)] == sorted(months)

    def test_a_deadlock_is_tried_again_and_given_up_after_the_stated_number(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = type(path_for(engine))
        write, failures, waits = path.write, [OSError("deadlock")] * 2, list[float]()

        def fails(self: Any, connection: Any, rows: Any) -> int:
            if failures:
                raise failures.pop()
            return write(self, connection, rows)

        monkeypatch.setattr(path, "write", fails)
        monkeypatch.setattr(path, "transient", lambda self, error: isinstance(error, OSError))
        assert load(engine, schema.scalp_ticks, TICK, [tick(1)], wait=waits.append).changed == 1
        assert waits == [load_module.FIRST_WAIT_SECONDS, load_module.FIRST_WAIT_SECONDS * 2]
        failures += [OSError("deadlock")] * load_module.ATTEMPTS
        with pytest.raises(Unreachable, match=f"{load_module.ATTEMPTS} attempts"):
            load(engine, schema.scalp_ticks, TICK, [tick(2)], wait=waits.append)
        assert count(engine, schema.scalp_ticks) == 1

    def test_killed_between_staging_and_insert(self, engine: Engine, url: str) -> None:
        load(engine, schema.scalp_ticks, TICK, [tick(1)])
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, url], cwd=Path(__file__).parents[2], timeout=60, check=False
        )
        assert done.returncode == -signal.SIGKILL
        assert count(engine, schema.scalp_ticks) == 1
        loaded = load(engine, schema.scalp_ticks, TICK, [tick(number) for number in range(50)])
        assert (loaded.changed, loaded.same) == (49, 1)

    def test_rows_lie_in_the_partition_of_their_month(self, engine: Engine) -> None:
        moments = (
            "2024-02-29T23:59:59.999999Z",
            "2024-03-01T00:00:00Z",
            "2026-11-30T23:59:59.999999Z",
            "2031-01-01T00:00:00Z",
        )
        for at in (moments[2], moments[0], moments[3], moments[1]):
            load(engine, schema.scalp_ticks, TICK, [tick(1, event_time=parse_iso(at))])
        assert [row.event_time for row in rows_of(engine, schema.scalp_ticks)] == [
            parse_iso(at) for at in moments
        ]
        months = existing(engine, schema.scalp_ticks)
        assert {(2024, 2), (2024, 3), (2026, 11), (2031, 1)} <= set(months)
        assert months == sorted(months)
        if self.partitions:
            assert {(2026, 12), (2027, 1)} <= set(months)

    def test_old_months_go_when_every_row_is_old_and_backed_up(self, engine: Engine) -> None:
        moments = [
            parse_iso(f"2026-{month:02d}-{day:02d}T12:00:00Z") for month in (8, 9, 10) for day in (1, 30)
        ]
        load(engine, schema.scalp_ticks, TICK, [tick(1, event_time=at) for at in moments])
        load(engine, schema.scalp_1m_bars, BAR, [bar(0, bar_time=at) for at in moments])
        self._load_gaps(engine, moments)
        asked: list[tuple[str, Month]] = []

        def backed_up(table: Table, month: Month) -> bool:
            asked.append((table.name, month))
            return month > (2026, 8)

        decisions = maintain(engine, NOON, backed_up=backed_up)
        for table in (schema.scalp_ticks, schema.scalp_1m_bars, schema.scalp_gaps):
            time = table.c[str(schema.rules(table).time)].name
            left = [getattr(row, time) for row in rows_of(engine, table)]
            assert left == [at for at in moments if not moments[2] <= at <= moments[3]], table.name
            assert (table.name, Month(2026, 10)) not in asked
            assert Decision(table.name, "2026-09", "removed", "old enough, and backed up") in decisions
            assert Decision(table.name, "2026-08", "held", "old enough to go, but not backed up") in decisions
            assert Decision(table.name, "2026-10", "kept", "not every row is old enough") in decisions
        again = maintain(engine, NOON, backed_up=backed_up)
        assert {decision.action for decision in again} == {"kept", "held"}

    def test_the_last_moment_of_a_month_decides(self, engine: Engine) -> None:
        load(engine, schema.scalp_ticks, TICK, [tick(1, event_time=parse_iso("2026-09-01T00:00:00Z"))])
        end = parse_iso("2026-10-01T00:00:00Z")
        maintain(engine, end + 30 * DAY_NS - 1000, backed_up=lambda table, month: True)
        assert count(engine, schema.scalp_ticks) == 1
        maintain(engine, end + 30 * DAY_NS, backed_up=lambda table, month: True)
        assert count(engine, schema.scalp_ticks) == 0

    def _load_gaps(self, engine: Engine, moments: list[int]) -> None:
        names = (
            "provider",
            "market",
            "gap_start_ts",
            "id",
            "gap_end_ts",
            "gap_seconds",
            "event_time",
            "session_id",
        )
        meta = ("schema_version", "mitigation_level", "quality_flag")
        rows = [
            ("kis", "kr_stocks", at, f"x:{at}", at + 10**9, 1.0, at, "s", "1.0", 0, "gap") for at in moments
        ]
        load(engine, schema.scalp_gaps, (*names, *meta), rows)


_KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from sise.warehouse.engine import open_engine
    from sise.warehouse.load import load
    from sise.warehouse.schema import scalp_ticks
    from tests.warehouse.rows import TICK, tick

    def die_before_the_insert(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith(("INSERT INTO scalp_ticks", "RELEASE SAVEPOINT")):
            os.kill(os.getpid(), signal.SIGKILL)

    from sqlalchemy import event
    engine = open_engine(sys.argv[1])
    event.listen(engine, "before_cursor_execute", die_before_the_insert)
    load(engine, scalp_ticks, TICK, [tick(number) for number in range(50)])
    """
)
