"""Corporate actions as dated facts; the form that imports give and the history keeps."""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

from sise.warehouse.candles import UTC_TIME

ActionKind = Literal["dividend", "capital_gain", "split", "base_price"]

ACTIONS: Final[dict[str, pl.DataType]] = {
    "provider": pl.String(),
    "market": pl.String(),
    "symbol": pl.String(),
    "ex": UTC_TIME,
    "kind": pl.String(),
    "value": pl.Float64(),
    "source": pl.String(),
}
"""``ex``: the start of the first day that trades without. ``value``: money a share (dividend,
capital_gain), new shares for an old one (split), or the day's base price over the close before
(base_price)."""


def no_actions() -> pl.DataFrame:
    """No corporate action."""
    return pl.DataFrame(schema=ACTIONS)
