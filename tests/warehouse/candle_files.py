"""Small files and frames of candles for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import polars as pl

from sise.warehouse.candles import shaped
from sise.warehouse.imports.read import Imported, Wanted, read_candles

HEADER = "timestamp,open,high,low,close,volume"
Row = tuple[str, str, float | None, float | None, float | None, float | None, float | None]


@cache
def real(path: Path, wanted: Wanted) -> Imported:
    """What an import makes of a real file, which is read once for all tests."""
    return read_candles(path, wanted)


def imported(folder: Path, text: str | bytes, name: str = "candles.csv", **wanted: object) -> Imported:
    """What an import makes of a file with that text; Upbit's BTC minutes in UTC unless said otherwise."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = {"provider": "upbit", "market": "crypto", "size": "1m", "symbol": "KRW-BTC", "zone": "UTC"}
    return read_candles(path, Wanted(**{**said, **wanted}))  # type: ignore[arg-type]


def frame(
    rows: Sequence[Row], *, source: str = "import:a", market: str = "crypto", state: str = "traded"
) -> pl.DataFrame:
    """Bars of ``(symbol, start, open, high, low, close, volume)``; a start without offset is UTC."""
    names = ("symbol", "start", "open", "high", "low", "close", "volume")
    kinds = {name: pl.String if name in names[:2] else pl.Float64 for name in names}
    bars = pl.DataFrame(list(rows), kinds, orient="row")
    starts = [datetime.fromisoformat(text).astimezone(UTC) for text in bars["start"]]
    return shaped(
        bars.with_columns(
            pl.Series("start", starts, pl.Datetime("us", "UTC")),
            provider=pl.lit("upbit" if market == "crypto" else "krx"),
            market=pl.lit(market),
            venue=pl.lit("UPBIT" if market == "crypto" else "KRX"),
            value=pl.lit(None, pl.Float64),
            trades=pl.lit(None, pl.Int64),
            state=pl.lit(state),
            coverage_ratio=pl.lit(1.0),
            source=pl.lit(source),
        )
    )
