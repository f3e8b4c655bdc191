"""KIS's calendar (CTCA0903R), page after page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final

from sise.providers.kis import answers
from sise.providers.kis.rows import TradingDay
from sise.providers.rest import Reply

CALENDAR_PAGES_MAX: Final = 40

Get = Callable[[str, str, dict[str, str], str], Awaitable[Reply]]
"""Name of the question, TR, query and ``tr_cont`` -> the answer."""


async def trading_days(get: Get, first: date, last: date) -> list[TradingDay]:
    """Each day from ``first`` to ``last`` once; pages by ``tr_cont`` and the keys of the answer."""
    found: dict[str, TradingDay] = {}
    query = {"BASS_DT": f"{first:%Y%m%d}", "CTX_AREA_NK": "", "CTX_AREA_FK": ""}
    tr_cont = ""
    for _ in range(CALENDAR_PAGES_MAX):
        reply = await get("chk-holiday", "CTCA0903R", query, tr_cont)
        page = answers.trading_days(reply.body)
        known = len(found)
        found |= {each.day: each for each in page.days}
        enough = bool(found) and max(found) >= f"{last:%Y%m%d}"
        if enough or len(found) == known or reply.headers.get("tr_cont", "") not in ("F", "M"):
            break
        query, tr_cont = query | {"CTX_AREA_NK": page.next_key, "CTX_AREA_FK": page.filter_key}, "N"
    return [found[day] for day in sorted(found) if f"{first:%Y%m%d}" <= day <= f"{last:%Y%m%d}"]
