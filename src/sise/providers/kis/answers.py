"""An answer of KIS's REST -> events and rows. Pure, like :mod:`sise.providers.kis.decode`.

All of KIS's values are texts, and keys are simply missing where there is nothing to say: what we
need must be there and be a number, everything else may be what it likes. Prices and sizes of
0 that mean "none" become ``None``. Answers about the present carry no date, so their moment is the
one at which they were received.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sise.model.events import Book, Candle, Quote, Ranked, Snapshot
from sise.providers.kis import texts
from sise.providers.kis.reading import (
    above_zero,
    answer_of,
    maybe_number,
    maybe_text,
    number_of,
    object_of,
    rows_of,
    text_of,
    yes_or_no,
)
from sise.providers.kis.rows import DaysPage, MinuteRow, TradingDay
from sise.providers.kis.wire import Venue

BUSY: Final = "EGW00201"
"""Asked too often within a second; comes as HTTP 500."""

TOKEN_REFUSED: Final = frozenset({"EGW00121", "EGW00122", "EGW00123"})
"""The token is invalid, unknown or expired."""

_HALTED: Final = "58"
_MESSAGE_CHARACTERS_MAX: Final = 200


def refusal(body: bytes) -> tuple[str, str] | None:
    """Code and message of a refusal in either of KIS's two envelopes; None where it is none."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    if isinstance(answer.get("error_code"), str):
        return answer["error_code"][:16], _words(answer.get("error_description"))
    if isinstance(answer.get("rt_cd"), str) and answer["rt_cd"] != "0":
        return str(answer.get("msg_cd", ""))[:16] or f"rt_cd {answer['rt_cd'][:8]}", _words(
            answer.get("msg1")
        )
    return None


def busy(status: int, body: bytes) -> bool:
    """Whether KIS says "asked too often": by its code, whatever the HTTP status."""
    if status == 429:
        return True
    found = refusal(body) if status != 200 or BUSY.encode() in body else None
    return found is not None and found[0] == BUSY


def price(body: bytes, symbol: str, venue: Venue, received_at: int) -> Quote:
    """FHKST01010100."""
    row = object_of(body, "output")
    return Quote(
        symbol=symbol,
        snapshot=_snapshot(
            symbol, venue, received_at, row, "stck_prpr", "stck_sdpr", "stck_oprc stck_hgpr stck_lwpr"
        ),
        halted=row.get("temp_stop_yn") == "Y" or row.get("iscd_stat_cls_code") == _HALTED,
        warning=maybe_text(row, "mrkt_warn_cls_code"),
        vi=maybe_text(row, "vi_cls_code"),
        base_price=above_zero(row, "stck_sdpr"),
        upper_limit=above_zero(row, "stck_mxpr"),
        lower_limit=above_zero(row, "stck_llam"),
    )


def quotes(body: bytes, venue: Venue, received_at: int) -> list[Quote]:
    """FHKST11300006, up to thirty issues, in KIS's order."""
    found = []
    for row in rows_of(body, "output"):
        symbol = texts.code(text_of(row, "inter_shrn_iscd"), "multprice")
        ohl = "inter2_oprc inter2_hgpr inter2_lwpr"
        snapshot = _snapshot(symbol, venue, received_at, row, "inter2_prpr", "inter2_prdy_clpr", ohl)
        found.append(
            Quote(
                symbol=symbol,
                name=maybe_text(row, "inter_kor_isnm") or "",
                snapshot=snapshot,
                book=_multi_book(symbol, venue, received_at, row),
                halted=snapshot is None,
                base_price=above_zero(row, "inter2_sdpr"),
                upper_limit=above_zero(row, "inter2_mxpr"),
                lower_limit=above_zero(row, "inter2_llam"),
            )
        )
    return found


def book(body: bytes, symbol: str, venue: Venue, received_at: int) -> Book:
    """FHKST01010200; the time of day is the answer's, the day the one nearest to its arrival."""
    row = object_of(body, "output1")
    when = texts.moment_near(text_of(row, "aspr_acpt_hour"), received_at)
    levels = range(1, 11)
    depth = max(n if above_zero(row, f"askp{n}") or above_zero(row, f"bidp{n}") else 0 for n in levels)
    return _book(symbol, venue, when, row, ("bidp1", "bidp_rsqn1", "askp1", "askp_rsqn1"), depth)


def daily(body: bytes, symbol: str) -> list[Candle]:
    """FHKST03010100, newest first. A day begins at its Korean midnight. Empty rows are passed over."""
    found = []
    for row in rows_of(body, "output2"):
        if not row:
            continue
        start = texts.moment(text_of(row, "stck_bsop_date"), "000000")
        open_, high, low = (number_of(row, f"stck_{name}") for name in ("oprc", "hgpr", "lwpr"))
        close, volume, value = (number_of(row, name) for name in ("stck_clpr", "acml_vol", "acml_tr_pbmn"))
        found.append(Candle(symbol, start, start, "1d", open_, high, low, close, volume, value))
    return found


def minutes(body: bytes) -> list[MinuteRow]:
    """FHKST03010200 and FHKST03010230, newest first. ``hour`` is where the minute begins."""
    names = ("stck_oprc", "stck_hgpr", "stck_lwpr", "stck_prpr", "cntg_vol", "acml_tr_pbmn")
    found = []
    for row in rows_of(body, "output2"):
        if row:
            open_, high, low, close, volume, so_far = (number_of(row, name) for name in names)
            day, hour = text_of(row, "stck_bsop_date"), text_of(row, "stck_cntg_hour")
            texts.moment(day, hour)
            found.append(MinuteRow(day, hour, open_, high, low, close, volume, so_far))
    return found


def rank(body: bytes, venue: Venue, received_at: int) -> list[Ranked]:
    """FHPST01710000."""
    found = []
    for row in rows_of(body, "output"):
        symbol = texts.code(text_of(row, "mksc_shrn_iscd"), "volume-rank")
        last = number_of(row, "stck_prpr")
        state = Snapshot(
            symbol,
            received_at,
            last,
            prev_close=last - number_of(row, "prdy_vrss"),
            volume=number_of(row, "acml_vol"),
            value=number_of(row, "acml_tr_pbmn"),
            venue=venue,
        )
        found.append(
            Ranked(
                symbol=symbol,
                rank=int(number_of(row, "data_rank")),
                snapshot=state,
                name=maybe_text(row, "hts_kor_isnm") or "",
                prev_volume=maybe_number(row, "prdy_vol"),
            )
        )
    return found


def trading_days(body: bytes) -> DaysPage:
    """CTCA0903R."""
    days = [
        TradingDay(
            text_of(row, "bass_dt"),
            *(yes_or_no(row, name) for name in ("opnd_yn", "bzdy_yn", "tr_day_yn", "sttl_day_yn")),
        )
        for row in rows_of(body, "output")
    ]
    for each in days:
        texts.moment(each.day, "000000")
    answer = answer_of(body)
    return DaysPage(days, str(answer.get("ctx_area_nk", "")), str(answer.get("ctx_area_fk", "")))


def _snapshot(
    symbol: str, venue: Venue, when: int, row: dict[str, Any], last: str, prev: str, ohl: str
) -> Snapshot | None:
    price = above_zero(row, last)
    if price is None:
        return None
    open_, high, low = (above_zero(row, name) for name in ohl.split())
    return Snapshot(
        symbol,
        when,
        price,
        above_zero(row, prev),
        open_,
        high,
        low,
        maybe_number(row, "acml_vol"),
        maybe_number(row, "acml_tr_pbmn"),
        venue=venue,
    )


def _multi_book(symbol: str, venue: Venue, when: int, row: dict[str, Any]) -> Book | None:
    names = ("inter2_bidp", "shnu_rsqn", "inter2_askp", "seln_rsqn")
    return _book(symbol, venue, when, row, names, 1) if all(name in row for name in names) else None


def _book(
    symbol: str, venue: Venue, when: int, row: dict[str, Any], names: tuple[str, str, str, str], depth: int
) -> Book:
    bid, ask = above_zero(row, names[0]), above_zero(row, names[2])
    bid_size = number_of(row, names[1]) if bid is not None else None
    ask_size = number_of(row, names[3]) if ask is not None else None
    depth = 0 if bid is None and ask is None else depth
    return Book(symbol, when, bid, bid_size, ask, ask_size, depth, venue=venue)


def _words(value: object) -> str:
    return value.strip()[:_MESSAGE_CHARACTERS_MAX] if isinstance(value, str) else ""
