"""The rows of KIS's REST answers, as far as they are no event of the model."""

from __future__ import annotations

from msgspec import Struct

from sise.providers.kis.texts import moment


class MinuteRow(Struct, frozen=True):
    """One minute as KIS tells it; the traded value counts from the start of the day."""

    day: str
    hour: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    value_so_far: float

    @property
    def start(self) -> int:
        """UTC ns."""
        return moment(self.day, self.hour)


class TradingDay(Struct, frozen=True):
    """A day of the exchange's calendar."""

    day: str
    """YYYYMMDD."""
    open: bool
    """``opnd_yn``: the market opens. What the others say is not the same thing."""
    business: bool
    trading: bool
    settlement: bool


class DaysPage(Struct, frozen=True):
    """A page of the calendar, and what the next question must repeat (blanks and all)."""

    days: list[TradingDay]
    next_key: str
    filter_key: str
