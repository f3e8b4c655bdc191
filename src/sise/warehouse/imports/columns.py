"""Which column is what: the headers that files of candles use, as dated rows with where they were seen.

Headers are compared without case, blanks, underscores and byte order mark. A header that is not listed is not
used, and is named in the report. Where two headers mean the same column, the one listed first wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from msgspec import Struct

from sise.model.errors import BadInput


class Header(Struct, frozen=True):
    """The headers ``names`` mean ``column``; seen at ``source`` since ``since``."""

    column: str
    names: tuple[str, ...]
    since: date
    source: str


_SEEN: Final = date(2026, 11, 20)
_UPBIT: Final = "Upbit candle files, pyupbit frames and REST answers"
_KRX: Final = "KRX data portal and HTS exports (Korean headers)"
_MARCAP: Final = "marcap yearly files"
_YAHOO: Final = "Yahoo files (yfinance)"

HEADERS: Final = (
    Header("time", ("timestamp", "datetime", "candle_date_time_utc", "start"), _SEEN, _UPBIT),
    Header("time", ("date", "일자", "날짜", "거래일", "거래일자", "기준일", "일시"), _SEEN, _KRX),
    Header("time_of_day", ("time", "시간", "시각", "체결시간"), _SEEN, _KRX),
    Header("symbol", ("code", "symbol", "종목코드", "단축코드", "ticker", "market_code"), _SEEN, _KRX),
    Header("name", ("name", "종목명", "한글종목약명"), _SEEN, _KRX),
    Header("open", ("open", "시가", "opening_price"), _SEEN, _KRX),
    Header("high", ("high", "고가", "high_price"), _SEEN, _KRX),
    Header("low", ("low", "저가", "low_price"), _SEEN, _KRX),
    Header("close", ("close", "종가", "현재가", "체결가", "trade_price"), _SEEN, _KRX),
    Header("volume", ("volume", "거래량", "candle_acc_trade_volume"), _SEEN, _KRX),
    Header("value", ("value", "거래대금", "amount", "candle_acc_trade_price"), _SEEN, _KRX),
    Header("trades", ("trades", "거래건수", "체결건수"), _SEEN, _KRX),
    Header("change", ("changes", "대비", "전일대비"), _SEEN, _MARCAP),
    Header("dividend", ("dividends", "dividend", "배당금"), _SEEN, _YAHOO),
    Header("split", ("stock splits", "splits", "split"), _SEEN, _YAHOO),
    Header("capital_gain", ("capital gains",), _SEEN, _YAHOO),
)

TEXTS: Final = ("time", "time_of_day", "symbol", "name")


class Columns(Struct, frozen=True):
    """``used``: our column -> the file's header. ``unused``: headers that mean nothing to us."""

    used: dict[str, str]
    unused: list[str]


def plain(header: str) -> str:
    """A header as it is compared."""
    return re.sub(r"[\s_\ufeff]", "", header).casefold()


def columns_of(headers: Sequence[str], file: str) -> Columns:
    """What each header of a file means.

    Raises
    ------
    BadInput
        The file names no time or no close.
    """
    left = {plain(header): header for header in reversed(headers)}
    used: dict[str, str] = {}
    for row in HEADERS:
        for name in row.names:
            if row.column not in used and plain(name) in left:
                used[row.column] = left.pop(plain(name))
    if "time" not in used and "time_of_day" in used:
        used["time"] = used.pop("time_of_day")
    # pandas writes its index, which is the time, without a name.
    if "time" not in used and headers and plain(headers[0]) in ("", "index", "unnamed:0"):
        used["time"] = headers[0]
    if missing := [name for name in ("time", "close") if name not in used]:
        known = ", ".join(name for row in HEADERS if row.column in missing for name in row.names)
        raise BadInput(
            "file", file, f"no column for {' and '.join(missing)} in its header {list(headers)}; use {known}"
        )
    taken = set(used.values())
    return Columns(used, [header for header in headers if header not in taken])
