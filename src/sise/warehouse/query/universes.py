"""The universe of a day, as the collector fixed it in a file of the data folder."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import polars as pl
from msgspec import Struct

from sise.model.errors import BadInput

UNIVERSE: Final[dict[str, pl.DataType]] = {
    "provider": pl.String(),
    "market": pl.String(),
    "day": pl.Date(),
    "symbol": pl.String(),
}


class _File(Struct):
    day: str
    provider: str
    market: str
    symbols: list[str]


class Universes:
    """The files below ``root``, a data folder; None: there is no folder here."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def of(self, day: date, provider: str | None, market: str | None) -> pl.DataFrame:
        """The symbols of the day, in the file's order. Empty: no universe was fixed on that day.

        Raises
        ------
        BadInput
            There is no data folder to look in, or a file of the day cannot be read.
        """
        if self._root is None:
            raise BadInput(
                "universe", day.isoformat(), "it lies in the data folder: sise.connect(…, journal='data')"
            )
        pattern = f"universe/{provider or '*'}/{market or '*'}/{day:%Y%m%d}.json"
        files = [_read(path) for path in sorted(self._root.glob(pattern))]
        rows = [(file.provider, file.market, day, symbol) for file in files for symbol in file.symbols]
        return pl.DataFrame(rows, schema=UNIVERSE, orient="row")


def _read(path: Path) -> _File:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File)
    except msgspec.MsgspecError as error:
        raise BadInput(
            "universe", path.name, f"the file is damaged ({error}); restore it from a backup"
        ) from None
