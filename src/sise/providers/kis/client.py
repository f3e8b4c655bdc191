"""Questions to KIS: prices, books, charts, ranks, the calendar, the symbol masters.

KIS has few pages: a chart is walked backwards by asking for what lies before the oldest row that
is known, until a page brings nothing older. It keeps no trades to ask for, so a hole in the
ticks can be filled with minutes, never with ticks.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sise.model.errors import BadInput
from sise.model.events import Book, Candle, Instrument, Quote, Ranked, Snapshot, Trade
from sise.model.time import Clock, in_zone
from sise.providers.contract import OnAnswer, Ranking
from sise.providers.governor import Governor
from sise.providers.kis import answers, charts, days, limits, master, ranks
from sise.providers.kis.charts import DAY, KOREA
from sise.providers.kis.encode import checked_code
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.kis.rows import TradingDay
from sise.providers.kis.session import KisSession, MasterHost
from sise.providers.kis.wire import Venue
from sise.providers.rest import Reply

QUOTATIONS: Final = "/uapi/domestic-stock/v1/quotations"
MASTER_PATHS: Final[dict[master.Market, str]] = {
    "kospi": "/common/master/kospi_code.mst.zip",
    "kosdaq": "/common/master/kosdaq_code.mst.zip",
}
DIVISIONS: Final[dict[Venue, str]] = {"KRX": "J", "NXT": "NX", "UN": "UN"}

FLAGS_SOURCE: Final = "symbol master"
"""KIS makes it anew before each trading day; FHKST11300006, thirty prices a request, has no flag at all."""

_SIZES: Final = ("1m", "1d")


class KisRest:
    """See :class:`sise.providers.contract.RestClient` for what every method may raise."""

    def __init__(
        self,
        rest_url: str,
        master_url: str,
        clock: Clock,
        on_answer: OnAnswer,
        *,
        keys: KisKeys,
        tokens_dir: Path,
        venue: Venue = "KRX",
        customer_since: date | None = None,
        rng: random.Random,
    ) -> None:
        self.clock = clock
        self._venue: Venue = venue
        self._mock = keys.mock
        self._session = KisSession(
            rest_url, clock, on_answer, keys, tokens_dir, customer_since=customer_since, rng=rng
        )
        self._masters = MasterHost(master_url, clock, on_answer)

    @property
    def governor(self) -> Governor:
        """Of this app key: also for the group ``ws-connect``."""
        return self._session.governor

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        await self._masters.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._masters.__aexit__(kind, error, trace)
        await self._session.__aexit__(kind, error, trace)

    async def approval(self, refused: Secret | None = None) -> Secret:
        """The approval key for registrations; another one where KIS has just refused ``refused``."""
        return await self._session.tokens.approval(refused)

    async def issues(self, markets: Sequence[master.Market] = ("kospi", "kosdaq")) -> list[master.Issue]:
        """Every issue of the symbol masters, market by market."""
        found: list[master.Issue] = []
        for market in markets:
            archive = await self._masters.file(MASTER_PATHS[market])
            found += master.issues(master.unpacked(archive), market)
        return found

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        """None in the mock market: it has no such question."""
        return () if self._mock else tuple(ranks.ORDERS)

    async def busiest(self, count: int, by: Ranking = "value") -> list[Ranked]:
        """KIS's volume rank, at most thirty issues of every kind, funds too; of the day so far."""
        ranks.checked(count, by, self.rankings)
        return (await ranks.busiest(self, DIVISIONS[self._venue], self._venue, by))[:count]

    async def listings(self) -> list[Instrument]:
        """Every issue of KOSPI and KOSDAQ with its base price, and what was traded on the day before."""
        return [_instrument(each) for each in await self.issues()]

    async def markets(self) -> list[Instrument]:
        """Every share of KOSPI and KOSDAQ."""
        return [Instrument(each.symbol, each.name) for each in await self.issues() if each.is_share]

    async def top_markets(self, count: int, quote: str = "KRW") -> list[Instrument]:
        """The ``count`` shares with the highest value traded on the day before; halted ones are left out.

        The value is volume times base price, as the masters have it: known before the open.
        """
        if count < 1:
            raise BadInput("count", count, "ask for at least one issue")
        _won(quote)
        tradable = [each for each in await self.issues() if each.is_share and not each.halted]
        ranked = sorted(tradable, key=lambda each: (-each.prev_value, each.symbol))
        return [_instrument(each) for each in ranked[:count]]

    @property
    def quotes_per_request(self) -> int:
        """Thirty, by the documents."""
        return limits.PRICES_COUNT_MAX

    async def price(self, symbol: str) -> Quote:
        """One issue, with price limits, halt, warning and VI flags, without a book."""
        reply = await self.ask("inquire-price", "FHKST01010100", self.of(symbol))
        return answers.price(reply, symbol, self._venue, self.clock.now_ns())

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """Many issues, thirty a request, with their best bid and ask."""
        found: list[Quote] = []
        codes = [checked_code(symbol) for symbol in symbols]
        for at in range(0, len(codes), limits.PRICES_COUNT_MAX):
            query: dict[str, str] = {}
            for n, symbol in enumerate(codes[at : at + limits.PRICES_COUNT_MAX], 1):
                query[f"FID_COND_MRKT_DIV_CODE_{n}"] = DIVISIONS[self._venue]
                query[f"FID_INPUT_ISCD_{n}"] = symbol
            reply = await self.ask("intstock-multprice", "FHKST11300006", query)
            found += answers.quotes(reply, self._venue, self.clock.now_ns())
        return found

    async def tickers(self, symbols: Sequence[str]) -> list[Snapshot]:
        """The state of each issue that has a price."""
        if not symbols:
            raise BadInput("symbols", [], "name at least one issue, for example 005930")
        return [each.snapshot for each in await self.quotes(symbols) if each.snapshot is not None]

    async def all_tickers(self, quote: str = "KRW") -> list[Snapshot]:
        """The state of every share of both markets: some ninety requests."""
        _won(quote)
        return await self.tickers([each.symbol for each in await self.markets()])

    async def books(self, symbols: Sequence[str], *, count: int = limits.BOOK_DEPTH) -> list[Book]:
        """The best orders of each issue, one request for each; KIS always sends ten levels."""
        if not 1 <= count <= limits.BOOK_DEPTH:
            raise BadInput("count", count, f"ask for 1 to {limits.BOOK_DEPTH} levels")
        found = []
        for symbol in symbols:
            reply = await self.ask("inquire-asking-price-exp-ccn", "FHKST01010200", self.of(symbol))
            found.append(answers.book(reply, symbol, self._venue, self.clock.now_ns()))
        return found

    async def trades(
        self,
        symbol: str,
        *,
        count: int = 0,
        cursor: str | int | None = None,
        days_ago: int | None = None,
        to: str | None = None,
    ) -> list[Trade]:
        """Refused: the last thirty trades that KIS tells have no cumulative volume, so no identity."""
        raise BadInput("trades", symbol, "KIS keeps no trades to ask for; ask for candles of 1m instead")

    async def all_trades(self, symbol: str, since_ns: int) -> AsyncIterator[Trade]:
        """Refused, as :meth:`trades`."""
        for trade in await self.trades(symbol):
            yield trade

    async def candles(
        self, symbol: str, size: str, *, to_ns: int | None = None, count: int = limits.DAILY_ROWS_MAX
    ) -> list[Candle]:
        """The last ``count`` candles that start before ``to_ns`` (now, if not given), newest first.

        Minutes (``1m``) are those of one day, the one of ``to_ns``; the first may still be forming.
        """
        before = self.clock.now_ns() if to_ns is None else to_ns
        _checked_size(size)
        if count < 1:
            raise BadInput("count", count, "ask for at least one candle")
        # Two calendar days hold at least one day of trading, but for the longest holidays.
        back = (2 * count + 20) * DAY if size == "1d" else timedelta()
        start = charts.to_ns_of(in_zone(before - 1, KOREA).date() - back)
        return (await self.candles_between(symbol, size, start, before))[::-1][:count]

    async def candles_between(self, symbol: str, size: str, start_ns: int, end_ns: int) -> list[Candle]:
        """The candles (``1m`` or ``1d``) that start in ``[start_ns, end_ns)``, oldest first, each once."""
        _checked_size(size)
        if end_ns <= start_ns:
            return []
        first, last = in_zone(start_ns, KOREA).date(), in_zone(end_ns - 1, KOREA).date()
        if size == "1d":
            found = await charts.daily(self, symbol, first, last)
        else:
            found = []
            for ahead in range((last - first).days + 1):
                found += await charts.minutes(self, symbol, first + ahead * DAY, self.clock)
        return [each for each in found if start_ns <= each.bar_time < end_ns]

    async def daily(self, symbol: str, first: date, last: date, *, adjusted: bool = False) -> list[Candle]:
        """The days from ``first`` to ``last``, oldest first; ``adjusted`` for splits and rights."""
        return await charts.daily(self, symbol, first, last, adjusted=adjusted)

    async def minutes(self, symbol: str, day: date) -> list[Candle]:
        """The minutes of one day in which something was traded, oldest first."""
        return await charts.minutes(self, symbol, day, self.clock)

    async def trading_days(self, first: date, last: date) -> list[TradingDay]:
        """The calendar from ``first`` to ``last``. KIS wants this asked at most once a day."""
        return await days.trading_days(self.get, first, last)

    async def trading_day(self, day: date) -> bool | None:
        """``opnd_yn`` of the day; the mock market has no such question. At most once a day, as above."""
        if self._mock:
            return None
        told = await self.trading_days(day, day)
        return told[0].open if told else None

    def of(self, symbol: str) -> dict[str, str]:
        """The part of a query that names the issue and its market."""
        return {
            "FID_COND_MRKT_DIV_CODE": DIVISIONS[self._venue],
            "FID_INPUT_ISCD": checked_code(symbol),
        }

    async def ask(self, name: str, tr_id: str, query: dict[str, str]) -> bytes:
        """The body of the answer to one question about quotations."""
        return (await self.get(name, tr_id, query)).body

    async def get(self, name: str, tr_id: str, query: dict[str, str], tr_cont: str = "") -> Reply:
        """The whole answer, of which paging needs the headers."""
        return await self._session.get(f"{QUOTATIONS}/{name}", tr_id, query, tr_cont)


def _instrument(issue: master.Issue) -> Instrument:
    return Instrument(
        issue.symbol,
        issue.name,
        value_24h=issue.prev_value,
        kind=issue.kind,
        prev_close=issue.base_price,
        halted=bool(issue.halted),
        warning=issue.warning,
        managed=issue.managed,
        liquidation=issue.liquidation,
        flags_source=FLAGS_SOURCE,
    )


def _checked_size(size: str) -> None:
    if size not in _SIZES:
        raise BadInput("size", size, f"choose one of: {', '.join(_SIZES)}")


def _won(quote: str) -> None:
    if quote != "KRW":
        raise BadInput("quote", quote, "Korean shares are quoted in KRW")
