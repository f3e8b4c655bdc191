"""Codes of instruments as the house writes them; every change of a code is counted.

Korean codes have six places: ``A005930`` and ``069500.KS`` lose what a vendor added, ``5930`` gets back the
zeros that a spreadsheet took (a code with letters, such as ``0001A0``, is a code like any other).
"""

from __future__ import annotations

from typing import Final

import polars as pl

LETTERED: Final = r"^[0-9][0-9A-Z]{0,4}[A-Z][0-9A-Z]{0,4}$"
"""Korean codes that are not all digits."""
_VENDOR: Final = r"^A?([0-9][0-9A-Z]{5})(?:\.(?:KS|KQ|KN))?$"


def house_code(symbol: pl.Expr, market: str) -> pl.Expr:
    """The code as the house writes it; null where there is none."""
    text = symbol.cast(pl.String).str.strip_chars().str.to_uppercase()
    text = pl.when(text != "").then(text)
    if market != "kr_stocks":
        return text
    digits = pl.when(text.str.contains(r"^\d{1,5}(\.0)?$")).then(text.str.strip_suffix(".0").str.zfill(6))
    return pl.coalesce(digits, text.str.extract(_VENDOR), text)
