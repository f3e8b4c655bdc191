"""Charts, walked backwards: KIS pages no chart, it answers with what lies just before a date or hour.

A walk asks for what lies before the oldest row that is known, until a page brings nothing older.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, Protocol

from sise.model.errors import BadInput, Undecodable
from sise.model.events import Candle
from sise.model.time import MARKET_ZONES, Clock, in_zone, iso, to_ns
from sise.providers.kis import answers
from sise.providers.kis.rows import MinuteRow

DAYS_PER_CALL_MAX: Final = 30_000
MINUTE_PAGES_MAX: Final = 60
"""Of one day: 48 pages of thirty minutes are all there can be."""

KOREA: Final = MARKET_ZONES["kr_stocks"]
DAY: Final = timedelta(days=1)


class Asking(Protocol):
    """What a walk needs of a client."""

    def of(self, symbol: str) -> dict[str, str]:
        """The part of a query that names the issue and its market."""

    async def ask(self, name: str, tr_id: str, query: dict[str, str]) -> bytes:
        """The body of one answer."""


async def daily(
    client: Asking, symbol: str, first: date, last: date, *, adjusted: bool = False
) -> list[Candle]:
    """The days from ``first`` to ``last``, oldest first; ``adjusted`` for splits and rights."""
    if (last - first).days > DAYS_PER_CALL_MAX:
        raise BadInput("first", first.isoformat(), f"ask for at most {DAYS_PER_CALL_MAX} days at once")
    found: dict[int, Candle] = {}
    while last >= first:
        query = client.of(symbol) | {
            "FID_INPUT_DATE_1": f"{first:%Y%m%d}",
            "FID_INPUT_DATE_2": f"{last:%Y%m%d}",
            "FID_PERIOD_DIV_CODE": "D",
            "FID_ORG_ADJ_PRC": "0" if adjusted else "1",
        }
        page = answers.daily(await client.ask("inquire-daily-itemchartprice", "FHKST03010100", query), symbol)
        if not page:
            break
        oldest = in_zone(min(each.bar_time for each in page), KOREA).date()
        if oldest > last:
            raise Undecodable(f"daily chart: asked for days until {last}, got {oldest}")
        found |= {each.bar_time: each for each in page}
        last = oldest - DAY
    return [found[start] for start in sorted(found)]


async def minutes(client: Asking, symbol: str, day: date, clock: Clock) -> list[Candle]:
    """The minutes of one day in which something was traded, oldest first.

    KIS tells the traded value from the start of the day; a minute's own is the difference to
    the one before. Where there is none, nothing was traded: such rows repeat the last minute.
    """
    now = in_zone(clock.now_ns(), KOREA)
    today = day == now.date()
    # Asked for a minute to come, KIS repeats the present one.
    hour = f"{now:%H%M%S}" if today else "235959"
    rows: dict[str, MinuteRow] = {}
    for _ in range(MINUTE_PAGES_MAX):
        page = await _minute_page(client, symbol, day, hour, today=today)
        of_day = [row for row in page if row.day == f"{day:%Y%m%d}"]
        oldest = min((row.hour for row in of_day), default="000000")
        if oldest > hour:
            raise Undecodable(f"minute chart: asked for minutes until {hour}, got {oldest}")
        rows |= {row.hour: row for row in of_day}
        before = _minute_before(oldest)
        if before is None or any(row.day < f"{day:%Y%m%d}" for row in page):
            break
        hour = before
    return _minute_candles(symbol, [rows[hour] for hour in sorted(rows)])


async def _minute_page(client: Asking, symbol: str, day: date, hour: str, *, today: bool) -> list[MinuteRow]:
    query = client.of(symbol) | {"FID_INPUT_HOUR_1": hour, "FID_PW_DATA_INCU_YN": "Y"}
    if today:
        query["FID_ETC_CLS_CODE"] = ""
        return answers.minutes(await client.ask("inquire-time-itemchartprice", "FHKST03010200", query))
    query |= {"FID_INPUT_DATE_1": f"{day:%Y%m%d}", "FID_FAKE_TICK_INCU_YN": ""}
    return answers.minutes(await client.ask("inquire-time-dailychartprice", "FHKST03010230", query))


def to_ns_of(day: date) -> int:
    """The Korean midnight with which ``day`` begins, in UTC ns."""
    return to_ns(datetime(day.year, day.month, day.day, tzinfo=KOREA))


def _minute_candles(symbol: str, rows: list[MinuteRow]) -> list[Candle]:
    found = []
    so_far = 0.0
    for row in rows:
        value, start = row.value_so_far - so_far, row.start
        if value < 0:
            raise Undecodable(f"minute chart: the traded value runs backwards at {iso(start)}")
        # The oldest row that KIS still has need not be the first of its day: then its own value is not known.
        if value and (so_far or value <= row.high * row.volume):
            ohlc = (row.open, row.high, row.low, row.close)
            found.append(Candle(symbol, start, start, "1m", *ohlc, row.volume, value))
        so_far = row.value_so_far
    return found


def _minute_before(hour: str) -> str | None:
    """The minute before HHMMSS; None where that is yesterday."""
    minute = int(hour[:2]) * 60 + int(hour[2:4]) - 1
    return f"{minute // 60:02d}{minute % 60:02d}00" if minute >= 0 else None
