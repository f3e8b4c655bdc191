"""``sise candles backfill``: a provider's own candles of the past, asked for and kept in the history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sise.model.errors import BadInput
from sise.model.time import SystemClock
from sise.run.candles_view import print_backfill
from sise.run.history import history_of
from sise.run.lifetime import begin
from sise.run.options import HistoryOption, JsonOption

if TYPE_CHECKING:
    from sise.model.events import Candle
    from sise.model.time import Clock
    from sise.providers.contract import Answer, OnAnswer, Provider
    from sise.warehouse.query.asked import Span

SIZES: Final = ("1m", "1d")
"""Coarser bars are made of these when asked for."""


def backfill(
    provider: Annotated[str, typer.Option(help="Whom to ask: upbit or kis.")],
    symbol: Annotated[str, typer.Option(help="The provider's own name of it: KRW-BTC, 005930.")],
    size: Annotated[str, typer.Option(help="The size of the bars: 1m or 1d.")],
    start: Annotated[
        str, typer.Option("--from", help="A day of the market, or a time such as 2026-11-19T09:00:00+09:00.")
    ],
    to: Annotated[str, typer.Option("--to", help="A day, included whole; or a time, not included.")],
    history: HistoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a provider for its own candles of the past, and keep those that are finished."""
    from sise.run.clocks import clock_of
    from sise.run.providers import make_provider
    from sise.warehouse.candles_backfill import bars_of, store_backfill
    from sise.warehouse.history import History
    from sise.warehouse.history_raw import Answers
    from sise.warehouse.query.asked import Series

    if size not in SIZES:
        remedy = f"use one of {' '.join(SIZES)}; coarser bars are made of these: sise candles resample"
        raise BadInput("--size", size, remedy)
    settings = begin()
    place = History.at(history or history_of(settings))
    clock = clock_of(settings.clock)
    asked = make_provider(provider, settings)
    span = span_of(start, to, asked.market, clock.now_ns())
    answers = Answers()

    def keep(each: Answer) -> None:
        answers.add(each.url, each.status, each.received_at, each.body)

    candles = asyncio.run(_candles(asked, clock, keep, symbol, size, span))
    series = Series(asked.name, asked.market, asked.venue, symbol)
    bars = bars_of(candles, series, size, clock.now_ns())
    stored = store_backfill(place, bars, size, SystemClock().now_ns(), answers)
    print_backfill(f"{asked.name} {symbol} {size}", bars, len(candles) - bars.height, stored, as_json)


async def _candles(
    provider: Provider, clock: Clock, on_answer: OnAnswer, symbol: str, size: str, span: Span
) -> list[Candle]:
    async with provider.rest(clock, on_answer) as client:
        return await client.candles_between(symbol, size, span.start_ns, span.end_ns)


def span_of(start: str, to: str, market: str, now_ns: int) -> Span:
    """``[start, to)`` as far as it is past; a day is the market's own, as ``to`` it is included whole.

    Raises
    ------
    BadInput
        A time without offset, a text that is no time, an end that is not after the start, or a start that
        is still to come.
    """
    from sise.warehouse.candles import zone_of
    from sise.warehouse.query.asked import Span, moment_ns

    zone = zone_of(market)
    start_ns = moment_ns("--from", start, zone)
    end_ns = moment_ns("--to", to, zone, whole_day=True)
    if end_ns <= start_ns:
        raise BadInput("--to", to, f"it is not after --from {start}; give the earlier one first")
    if start_ns >= now_ns:
        raise BadInput("--from", start, "it is still to come; a provider has candles of the past only")
    return Span(start_ns, min(end_ns, now_ns))
