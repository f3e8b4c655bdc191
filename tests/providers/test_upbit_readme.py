"""The field map names every field that the code knows, in both spellings."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

import sise.providers.upbit
from sise.providers.upbit import rows, wire

README = Path(sise.providers.upbit.__file__ or "").with_name("README.md")

SECTIONS = [
    ("Trade", wire.TradeFrame, wire.TRADE_SHORT, rows.TradeRow),
    ("Book", wire.BookFrame, wire.BOOK_SHORT, rows.BookRow),
    ("Snapshot (ticker)", wire.TickerFrame, wire.TICKER_SHORT, rows.TickerRow),
    ("Candle", wire.CandleFrame, wire.CANDLE_SHORT, rows.CandleRow),
]


@pytest.mark.parametrize(("title", "frame", "short", "row"), SECTIONS)
def test_the_map_is_whole(
    title: str, frame: type[msgspec.Struct], short: dict[str, str], row: type[msgspec.Struct]
) -> None:
    text = README.read_text(encoding="utf-8").split(f"### {title}\n")[1].split("\n##")[0]
    named = set(re.findall(r"`([^`]+)`", text))
    fields = [field.name for field in msgspec.structs.fields(frame) if field.name != "type"]
    known = {*fields, *(short[name] for name in fields)}
    known |= {field.name for field in msgspec.structs.fields(row)}
    assert known <= named, f"{title}: the README does not name {sorted(known - named)}"
