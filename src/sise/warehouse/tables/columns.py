"""Columns that many tables share, and the rules that a table carries."""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy import CheckConstraint, Column, Double, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import MEDIUMTEXT

from sise.warehouse.tables.types import Number, UtcTime

QUALITY_FLAGS: Final = ("normal", "degraded", "gap")
STATES: Final = ("traded", "empty", "unknown")

metadata: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"}
)
"""Every table of the trading database."""

LONG: Final = Text().with_variant(MEDIUMTEXT(), "mariadb", "mysql")
"""Text of any length: a line of the journal, facts as JSON."""


class Rules(Struct, frozen=True):
    """What the loader and the housekeeping must know of a table."""

    on_repeat: Literal["keep", "replace", "refuse"]
    """What a row does whose key is there: nothing, replace it, or no bulk load at all (serial keys)."""
    time: str | None = None
    """The column that says to which month a row belongs; ``None``: rows are kept for ever."""
    partitioned: bool = False
    """Monthly partitions by ``time``, in databases that have them."""


def rules(table: Table) -> Rules:
    """The rules of one of our tables."""
    found: Rules = table.info["rules"]
    return found


def options(rule: Rules, *, serial: bool = False) -> dict[str, Any]:
    """How a table is made in each database, as keywords of ``Table``."""
    made: dict[str, Any] = {
        "info": {"rules": rule},
        "sqlite_with_rowid": serial,
        "mariadb_engine": "InnoDB",
        "mariadb_charset": "utf8mb4",
        # no padding: 'A' and 'A ' are two symbols, as they are in the other databases
        "mariadb_collate": "utf8mb4_nopad_bin",
    }
    if rule.partitioned:
        made["postgresql_partition_by"] = f"RANGE ({rule.time})"
        made["mariadb_partition_by"] = (
            f"RANGE COLUMNS ({rule.time}) (PARTITION p196912 VALUES LESS THAN ('1970-01-01'))"
        )
    return made


def instrument() -> list[Column[Any]]:
    """Who trades what where: the beginning of most keys."""
    return [
        Column("provider", String(20), primary_key=True),
        Column("market", String(20), primary_key=True),
        Column("venue", String(20), primary_key=True),
        Column("symbol", String(32), primary_key=True),
    ]


def meta(*, session: bool = True) -> list[Column[Any]]:
    """The common meta of 2.14.3 but ``event_time``, which has its own place in each table."""
    return [
        Column("receive_time", UtcTime),
        Column("session_id", String(64), nullable=not session),
        Column("schema_version", String(10), nullable=False),
        Column("mitigation_level", Integer, nullable=False),
        Column("quality_flag", String(20), nullable=False),
        Column("raw_ref", String(200)),
    ]


def prices() -> list[Column[Any]]:
    """Open to close, volume and traded value: ``NULL`` where not known, 0 only where proven."""
    return [Column(name, Number) for name in ("open", "high", "low", "close", "volume", "value")]


def proof() -> list[Column[Any]]:
    """What is known of a bar's time (see :mod:`sise.warehouse.bars`), and who made the bar."""
    return [
        Column("trades", Integer),
        Column("coverage_ratio", Double),
        Column("state", String(10), nullable=False),
        Column("source", String(64), nullable=False),
    ]


def one_of(table: str, column: str, words: tuple[str, ...]) -> CheckConstraint:
    """The column holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"ck_{table}_{column}")
