"""Tick ladders of the venues, as dated rows: a change of rules is a new row, never an edit.

Before a ladder's first row nothing is known here, and no price is judged.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from msgspec import Struct

ShareKind = Literal["stock", "etf", "etn", "elw"]


class TickRow(Struct, frozen=True):
    """From ``since`` on, prices of ``kinds`` below ``below`` (won; None: all) move in steps of ``tick``."""

    kinds: tuple[ShareKind, ...]
    below: int | None
    tick: int
    since: date
    source: str


_LADDER: Final = "KRX, one ladder for KOSPI, KOSDAQ and KONEX, 2023-01-25"
_SINCE: Final = date(2023, 1, 25)
_STOCK: Final[tuple[ShareKind, ...]] = ("stock",)
_PRODUCTS: Final[tuple[ShareKind, ...]] = ("etf", "etn", "elw")

TICKS: Final = (
    TickRow(_STOCK, 2_000, 1, _SINCE, _LADDER),
    TickRow(_STOCK, 5_000, 5, _SINCE, _LADDER),
    TickRow(_STOCK, 20_000, 10, _SINCE, _LADDER),
    TickRow(_STOCK, 50_000, 50, _SINCE, _LADDER),
    TickRow(_STOCK, 200_000, 100, _SINCE, _LADDER),
    TickRow(_STOCK, 500_000, 500, _SINCE, _LADDER),
    TickRow(_STOCK, None, 1_000, _SINCE, _LADDER),
    # One won is the finest step that a source names for a cheap ETF: so nothing is noted wrongly.
    TickRow(_PRODUCTS, 2_000, 1, _SINCE, "KRX, ETF below 2,000 won since 2023-12 (unconfirmed)"),
    TickRow(_PRODUCTS, None, 5, _SINCE, "KRX, ETF, ETN and ELW"),
)


class Step(Struct, frozen=True):
    """From ``since`` on, prices from ``floor`` up (in the quote currency) move in steps of ``step``."""

    floor: float
    step: float
    since: date
    source: str


_UPBIT: Final = "docs.upbit.com/kr, 원화 마켓 호가 단위, page of 2026-05-04"
_KRW_STEPS: Final = (
    (0.0, 0.00000001),
    (0.00001, 0.0000001),
    (0.0001, 0.000001),
    (0.001, 0.00001),
    (0.01, 0.0001),
    (0.1, 0.001),
    (1.0, 0.01),
    (10.0, 0.1),
    (100.0, 1.0),
    (5_000.0, 5.0),
    (10_000.0, 10.0),
    (50_000.0, 50.0),
    (100_000.0, 100.0),
    (500_000.0, 500.0),
    (1_000_000.0, 1_000.0),
)
UPBIT_KRW: Final = tuple(Step(floor, step, date(2025, 7, 31), _UPBIT) for floor, step in _KRW_STEPS)
"""Upbit's markets that are quoted in won."""
