"""What every trading database must hold: a database's tests inherit this and say which it is.

Tested is what could lose, double or falsify rows: loads repeated, overlapping, at once, killed half-way;
rows that cannot be stored; partitions; migrations up, down and compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import Engine, insert, inspect

from sise.model.errors import BadInput
from sise.warehouse import migrate, schema
from sise.warehouse.engine import writing
from sise.warehouse.hashing import hash_rows
from sise.warehouse.load import Columns, load, load_together
from tests.warehouse.database_base import count, rows_of
from tests.warehouse.database_loads import LoadContract
from tests.warehouse.rows import BAR, NOON, TICK, bar, tick


def hash_by_hand(rows: list[tuple[Any, ...]]) -> str:
    """What the page says of the hash, for ticks, without the code under test."""
    lines = []
    for row in sorted(rows, key=lambda row: (row[3].encode(), row[4])):
        values: dict[str, Any] = dict.fromkeys(schema.scalp_ticks.c.keys())
        values |= dict(zip(TICK, row, strict=True))
        for name in ("event_time", "receive_time"):
            values[name] //= 1000
        values |= {"last_price": "151000000.5", "volume": "0.00000001"}
        lines.append(json.dumps(list(values.values()), ensure_ascii=False, separators=(",", ":")) + "\n")
    return sha256("".join(lines).encode()).hexdigest()


class DatabaseContract(LoadContract):
    """Inherit, and set ``kind``."""

    def test_the_migrated_tables_are_those_of_the_model(self, engine: Engine) -> None:
        assert migrate.differences(engine) == []
        assert migrate.current(engine) == migrate.head()
        migrate.require_current(engine)

    def test_a_table_that_differs_is_told(self, engine: Engine) -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("ALTER TABLE etl_runs ADD COLUMN more INTEGER")
        assert any("more" in difference for difference in migrate.differences(engine))
        migrate.downgrade(engine, "base")

    def test_down_leaves_nothing_and_up_makes_it_again(self, engine: Engine) -> None:
        load(engine, schema.scalp_ticks, TICK, [tick(1)])
        with pytest.raises(BadInput, match=r"scalp_ticks.*--drop-rows"):
            migrate.downgrade(engine, "base")
        migrate.downgrade(engine, "base", drop_rows=True)
        with engine.connect() as connection:
            assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
        with pytest.raises(BadInput, match="sise db upgrade"):
            migrate.require_current(engine)
        migrate.upgrade(engine, NOON)
        migrate.upgrade(engine, NOON)
        assert migrate.differences(engine) == []

    @pytest.mark.long
    def test_two_upgrades_at_once_are_one_after_the_other(self, engine: Engine, url: str) -> None:
        migrate.downgrade(engine, "base")
        command = [sys.executable, "-m", "sise", "db", "upgrade"]
        variables = {**os.environ, "SISE_DATABASE_URL": url}
        with (
            subprocess.Popen(command, env=variables) as one,
            subprocess.Popen(command, env=variables) as other,
        ):
            assert (one.wait(60), other.wait(60)) == (0, 0)
        assert migrate.differences(engine) == []

    def test_a_newer_database_is_refused(self, engine: Engine) -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        for use in (migrate.require_current, lambda engine: migrate.upgrade(engine, NOON)):
            with pytest.raises(BadInput, match=r"newer sise \(revision 9999"):
                use(engine)
        with writing(engine) as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{migrate.head()}'")

    def test_an_unknown_revision_is_bad_input(self, engine: Engine) -> None:
        with pytest.raises(BadInput, match="0001"):
            migrate.upgrade(engine, NOON, "nonsense")

    def test_loading_again_changes_nothing(self, engine: Engine) -> None:
        rows = [tick(number) for number in range(500)]
        first = load(engine, schema.scalp_ticks, TICK, rows)
        assert (first.given, first.changed, first.same, first.rejected) == (500, 500, 0, [])
        before = rows_of(engine, schema.scalp_ticks)
        again = load(engine, schema.scalp_ticks, TICK, rows[::-1])
        assert (again.changed, again.same) == (0, 500)
        assert rows_of(engine, schema.scalp_ticks) == before

    def test_overlapping_loads_make_the_union(self, engine: Engine) -> None:
        load(engine, schema.scalp_ticks, TICK, [tick(number) for number in range(300)])
        second = load(engine, schema.scalp_ticks, TICK, [tick(number) for number in range(200, 400)])
        assert (second.changed, second.same) == (100, 100)
        assert [row.id for row in rows_of(engine, schema.scalp_ticks)] == [
            str(number) for number in range(400)
        ]

    def test_a_tick_stays_and_a_bar_is_replaced(self, engine: Engine) -> None:
        load(engine, schema.scalp_ticks, TICK, [tick(1, last_price=1.5)])
        assert load(engine, schema.scalp_ticks, TICK, [tick(1, last_price=2.5)]).changed == 0
        assert rows_of(engine, schema.scalp_ticks)[0].last_price == Decimal("1.5")
        load(engine, schema.scalp_1m_bars, BAR, [bar(0, close=1), bar(1, close=1)])
        replaced = load(engine, schema.scalp_1m_bars, BAR, [bar(0, close=None), bar(1, close=1), bar(2)])
        assert (replaced.changed, replaced.same) == (2, 1)
        assert [row.close for row in rows_of(engine, schema.scalp_1m_bars)] == [None, 1, 70_100]

    def test_the_last_of_a_key_counts_where_rows_replace(self, engine: Engine) -> None:
        loaded = load(engine, schema.scalp_1m_bars, BAR, [bar(0, close=1), bar(0, close=2), bar(0, close=3)])
        assert (loaded.changed, loaded.same) == (1, 2)
        assert [row.close for row in rows_of(engine, schema.scalp_1m_bars)] == [3]

    def test_a_row_that_the_database_refuses_costs_only_itself(self, engine: Engine) -> None:
        rows = [tick(number) for number in range(100)]
        rows[7], rows[63] = tick(7, kind="nonsense"), tick(63, quality_flag="fine")
        loaded = load(engine, schema.scalp_ticks, TICK, rows)
        assert [rejected.row for rejected in loaded.rejected] == [7, 63]
        assert "ck_scalp_ticks_kind" in loaded.rejected[0].reason
        assert (loaded.changed, loaded.same) == (98, 0)
        assert count(engine, schema.scalp_ticks) == 98

    def test_a_value_that_cannot_be_stored_is_told_with_its_column(self, engine: Engine) -> None:
        bad = [
            tick(1, last_price=float("nan")),
            tick(2, symbol="x" * 33),
            tick(3, event_time=None),
            tick(4, raw_ref="a\0b"),
            tick(5)[:-1],
            tick(6, last_price=Decimal("12345678901234567.89")),
            tick(7, receive_time=NOON + 1),
        ]
        loaded = load(engine, schema.scalp_ticks, TICK, [*bad, tick(8)])
        reasons = [rejected.reason for rejected in loaded.rejected]
        words = (
            "last_price",
            "symbol",
            "event_time is missing",
            "NUL",
            "15 values for 16",
            "digits",
            "microseconds",
        )
        assert len(reasons) == len(bad)
        assert all(word in reason for word, reason in zip(words, reasons, strict=True)), reasons
        assert [row.id for row in rows_of(engine, schema.scalp_ticks)] == ["8"]

    def test_a_broken_reference_is_a_rejected_row(self, engine: Engine) -> None:
        names = ("policy_id", "market", "symbol", "effective_date", "target_weight")
        load(engine, schema.portfolio_policy, ("policy_id", "name", "created_at"), [("p", "P", NOON)])
        day = date(2026, 11, 20)
        rows = [("p", "kr_stocks", "005930", day, 0.5), ("absent", "kr_stocks", "005930", day, 0.5)]
        loaded = load(engine, schema.target_weights, names, rows)
        assert [rejected.row for rejected in loaded.rejected] == [1]
        assert (loaded.changed, count(engine, schema.target_weights)) == (1, 1)

    def test_columns_are_checked(self, engine: Engine) -> None:
        for names in ((*TICK, "colour"), TICK[1:], (*TICK, "raw_ref")):
            with pytest.raises(BadInput, match="columns"):
                load(engine, schema.scalp_ticks, names, [tick(1)])
        with pytest.raises(BadInput, match="serial"):
            load(engine, schema.rebalance_plan, ("policy_id",), [("p",)])

    def test_whole_columns_load_like_rows(self, engine: Engine) -> None:
        rows = [tick(number) for number in range(10)]
        columns = dict(zip(TICK, zip(*rows, strict=True), strict=True))
        load_together(engine, [Columns(schema.scalp_ticks, columns)])
        assert load(engine, schema.scalp_ticks, TICK, rows).same == 10

    def test_no_rows_are_no_rows(self, engine: Engine) -> None:
        assert load(engine, schema.scalp_ticks, TICK, []).given == 0
        assert load(engine, schema.scalp_ticks, TICK, [tick(1, kind="no")]).changed == 0

    def test_the_hash_is_of_the_rows_and_not_of_their_order(self, engine: Engine) -> None:
        rows = [tick(number, symbol=symbol) for number in range(50) for symbol in ("B", "a", "가", "a ")]
        load(engine, schema.scalp_ticks, TICK, rows[::-1])
        with engine.connect() as connection:
            whole = hash_rows(connection, schema.scalp_ticks)
            part = hash_rows(connection, schema.scalp_ticks, schema.scalp_ticks.c.symbol == "a")
        assert (whole.rows, part.rows) == (200, 50)
        assert whole.sha256 == hash_by_hand(rows)
        with writing(engine) as connection:
            connection.execute(
                schema.scalp_ticks.update().where(schema.scalp_ticks.c.id == "7").values(volume=1)
            )
            assert hash_rows(connection, schema.scalp_ticks).sha256 != whole.sha256

    def test_a_portfolio_is_written_and_read(self, engine: Engine) -> None:
        with writing(engine) as connection:
            connection.execute(
                insert(schema.portfolio_policy).values(policy_id="p", name="세계", created_at=NOON)
            )
            plan = insert(schema.rebalance_plan).values(policy_id="p", created_at=NOON)
            (plan_id,) = connection.execute(plan).inserted_primary_key or (None,)
            order = {"plan_id": plan_id, "market": "kr_stocks", "symbol": "005930", "side": "BUY"}
            connection.execute(insert(schema.rebalance_orders).values(**order, target_qty=Decimal("1.25")))
        assert rows_of(engine, schema.rebalance_orders)[0].target_qty == Decimal("1.25")
        assert rows_of(engine, schema.rebalance_plan)[0].status == "pending"
        assert rows_of(engine, schema.portfolio_policy)[0].created_at == NOON

    def test_a_connection_that_the_server_cut_is_replaced(self, engine: Engine) -> None:
        load(engine, schema.scalp_ticks, TICK, [tick(1)])
        self.cut_connections(engine)
        assert load(engine, schema.scalp_ticks, TICK, [tick(2)]).changed == 1

    def cut_connections(self, engine: Engine) -> None:
        """Let the server end every connection that rests in the pool."""
