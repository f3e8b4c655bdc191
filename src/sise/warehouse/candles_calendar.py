"""When a market trades as this installation knows it: built in, its own exceptions, what providers answered.

A temporary holiday is told by the exceptions or by a provider's answer in the journal (``trading_day``); so
a bar of that day is not missing, and the hours of an exam day are not an ordinary day's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sise.journal.files import partitions, read_lines
from sise.model.calendar import Calendar
from sise.model.hours import SpecialDay
from sise.warehouse.candles_expected import calendar_of

log = logging.getLogger(__name__)

EVENTS: Final = "system/events"
_MARK: Final = b'"trading_day"'


class _Answer(Struct):
    day: date
    open: bool


class _Event(Struct):
    event_type: str
    market: str
    detail: msgspec.Raw = msgspec.Raw(b"{}")


_event: Final = msgspec.json.Decoder(_Event).decode
_answer: Final = msgspec.json.Decoder(_Answer).decode


class Calendars:
    """The calendar of each market, made when it is asked for; what the journal holds then is read once.

    ``exceptions`` are this installation's own (``SISE_CALENDAR``), ``journal`` is the data folder whose
    events have the providers' answers; None: there is none here.
    """

    def __init__(self, exceptions: Iterable[SpecialDay] = (), journal: Path | None = None) -> None:
        self._exceptions = tuple(exceptions)
        self._journal = journal
        self._told: dict[str, dict[str, dict[date, bool]]] = {}
        self._made: dict[tuple[str, str | None], Calendar] = {}

    def of(self, market: str, provider: str | None = None) -> Calendar:
        """The calendar of ``market`` (``kr_stocks`` …) for data of ``provider``.

        Its own answers win. A day on which the market is shut is shut for every provider's data: of a day
        that it does not answer for, the others' answers count where they agree.
        """
        key = market, provider
        if key not in self._made:
            self._made[key] = calendar_of(market, self._exceptions, self._answers(market, provider))
        return self._made[key]

    def _answers(self, market: str, provider: str | None) -> dict[date, bool]:
        if self._journal is None:
            return {}
        if market not in self._told:
            names = sorted(path.name for path in (self._journal / EVENTS).glob("*") if path.is_dir())
            self._told[market] = {name: answers_of(self._journal, name, market) for name in names}
        told = self._told[market]
        return agreed(told.values()) | told.get(provider or "", {})


BUILT_IN: Final = Calendars()
"""For who knows of no installation: neither exceptions nor a journal."""


def agreed(answers: Iterable[Mapping[date, bool]]) -> dict[date, bool]:
    """The days on which nobody says otherwise."""
    found: dict[date, bool] = {}
    disputed: set[date] = set()
    for told in answers:
        disputed |= {day for day, is_open in told.items() if found.setdefault(day, is_open) != is_open}
    return {day: is_open for day, is_open in found.items() if day not in disputed}


def answers_of(
    journal: Path, provider: str, market: str, first: date | None = None, last: date | None = None
) -> dict[date, bool]:
    """What ``provider`` answered to whether a day of ``market`` is a trading day; the last answer counts.

    Only events written from ``first`` to ``last`` (both included, None: no bound) are looked at.
    """
    found: dict[date, bool] = {}
    for file in partitions(journal, [f"{EVENTS}/{provider}"]):
        stamp = file.path.rpartition("/")[2].partition(".")[0]
        if (first and stamp < f"{first:%Y%m%d}") or (last and stamp > f"{last:%Y%m%d}"):
            continue
        for line in read_lines(journal, file):
            if _MARK in line.body:
                _take(line.body, line.ref, market, found)
    return found


def _take(body: bytes, ref: str, market: str, found: dict[date, bool]) -> None:
    try:
        event = _event(body)
        if event.event_type == "trading_day" and event.market in ("", market):
            answer = _answer(event.detail)
            found[answer.day] = answer.open
    except msgspec.MsgspecError as error:
        log.warning("a system event is not understood", extra={"ref": ref, "why": str(error)})
