"""Bars by REST: days, weeks, months, years, and minutes of today and of past days [wire/kis.md 2]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sise.simulator.kis import rules
from sise.simulator.kis.history import DayBar, History
from sise.simulator.kis.issue import Issue
from sise.simulator.kis.prices import Row, change_fields
from sise.simulator.kis.records import direction, hhmmss, percent
from sise.simulator.kis.tape import MS_PER_MINUTE, Minute, Tape

DAYS_PER_ANSWER: Final = 100
MINUTES_TODAY_PER_ANSWER: Final = 30
MINUTES_PAST_PER_ANSWER: Final = 120
MINUTES_KEPT_DAYS: Final = 365


class Charts:
    """Answers from the tapes of today and the history."""

    def __init__(self, history: History) -> None:
        self._history = history

    def daily(
        self, issue: Issue, tape: Tape, start: str, end: str, period: str, *, has_today: bool
    ) -> tuple[Row, list[Row]]:
        """``output1`` and ``output2`` of FHKST03010100: bars from ``start`` to ``end``, newest first."""
        days = self._history.bars(issue.listing)
        if has_today and tape.trades:
            days = [today_bar(issue, tape), *days]
        rows = []
        bars = list(_by_period(days, period))
        for i, bar in enumerate(bars):
            if not start <= bar.date <= end:
                continue
            before = bars[i + 1].close if i + 1 < len(bars) else bar.open
            rows.append(_day_row(bar, bar.close - before))
            if len(rows) == DAYS_PER_ANSWER:
                break
        return self._summary(issue, tape), rows

    def minutes_today(self, issue: Issue, tape: Tape, hour_ms: int, now_ms: int) -> tuple[Row, list[Row]]:
        """FHKST03010200: bars backward from ``hour_ms``; a future hour repeats the current value."""
        rows: list[Row] = []
        last = min(hour_ms, now_ms)
        if hour_ms > now_ms and tape.trades:
            minute = hour_ms // MS_PER_MINUTE
            price = tape.last
            rows.append(
                _minute_row(issue.day.date, Minute(minute, price, price, price, price, 0, tape.value))
            )
        found = tape.minutes(last // MS_PER_MINUTE, MINUTES_TODAY_PER_ANSWER - len(rows))
        rows += [_minute_row(issue.day.date, one) for one in found]
        return self._minute_summary(issue, tape), rows

    def minutes_of(self, issue: Issue, tape: Tape, date: str, hour_ms: int) -> tuple[Row, list[Row]]:
        """FHKST03010230: bars of a past day (or today) backward from ``hour_ms``."""
        if date == issue.day.date:
            found = tape.minutes(hour_ms // MS_PER_MINUTE, MINUTES_PAST_PER_ANSWER)
        else:
            bar = next((one for one in self._history.bars(issue.listing) if one.date == date), None)
            kept = rules.shifted(issue.day.date, -MINUTES_KEPT_DAYS) <= date
            made = self._history.minutes(issue.listing, bar, issue.day.open_ms) if bar and kept else []
            found = [one for one in reversed(made) if one.minute * MS_PER_MINUTE <= hour_ms]
        rows = [_minute_row(date, one) for one in found[:MINUTES_PAST_PER_ANSWER]]
        return self._minute_summary(issue, tape), rows

    def _minute_summary(self, issue: Issue, tape: Tape) -> Row:
        price = tape.last or issue.base
        return {
            **_change(issue, price),
            "stck_prdy_clpr": str(issue.base),
            "acml_vol": str(tape.volume),
            "acml_tr_pbmn": str(tape.value),
            "hts_kor_isnm": issue.listing.name,
            "stck_prpr": str(price),
        }

    def _summary(self, issue: Issue, tape: Tape) -> Row:
        listing, quotes = issue.listing, issue.quotes
        price, previous = tape.last or issue.base, self._history.previous(listing)
        return {
            **_change(issue, price),
            "stck_prdy_clpr": str(issue.base),
            "acml_vol": str(tape.volume),
            "acml_tr_pbmn": str(tape.value),
            "hts_kor_isnm": listing.name,
            "stck_prpr": str(price),
            "stck_shrn_iscd": listing.code,
            "prdy_vol": str(previous.volume),
            "stck_mxpr": str(quotes.upper),
            "stck_llam": str(quotes.lower),
            "stck_oprc": str(tape.open),
            "stck_hgpr": str(tape.high),
            "stck_lwpr": str(tape.low),
            "stck_prdy_oprc": str(previous.open),
            "stck_prdy_hgpr": str(previous.high),
            "stck_prdy_lwpr": str(previous.low),
            "askp": str(quotes.ask),
            "bidp": str(quotes.bid),
            "prdy_vrss_vol": str(tape.volume - previous.volume),
            "vol_tnrt": percent(tape.volume, listing.shares),
            "stck_fcam": str(listing.face),
            "lstn_stcn": str(listing.shares),
            "cpfn": str(listing.shares * listing.face // 100_000_000),
            "hts_avls": str(listing.shares * price // 100_000_000),
            "per": "0.00",
            "eps": "0.00",
            "pbr": "0.00",
            "itewhol_loan_rmnd_ratem name": "0.00",
        }


def today_bar(issue: Issue, tape: Tape) -> DayBar:
    """Today so far."""
    return DayBar(issue.day.date, tape.open, tape.high, tape.low, tape.last, tape.volume, tape.value)


def _change(issue: Issue, price: int) -> Row:
    change = change_fields(issue, price)
    return {name: change[name] for name in ("prdy_vrss", "prdy_vrss_sign", "prdy_ctrt")}


def _by_period(days: Iterable[DayBar], period: str) -> Iterable[DayBar]:
    """Days folded to weeks, months or years, newest first; a bar's date is its first trading day."""
    folded: list[DayBar] = []
    key = ""
    for day in days:
        this = _period_key(day.date, period)
        if folded and this == key:
            last = folded[-1]
            folded[-1] = DayBar(
                day.date,
                day.open or last.open,
                max(last.high, day.high),
                min(low for low in (last.low, day.low) if low) if last.low or day.low else 0,
                last.close,
                last.volume + day.volume,
                last.value + day.value,
            )
        else:
            folded.append(day)
        key = this
    return folded


def _period_key(date: str, period: str) -> str:
    if period == "W":
        year, week, _ = rules.as_date(date).isocalendar()
        return f"{year}{week:02d}"
    return date[: {"M": 6, "Y": 4}.get(period, 8)]


def _day_row(bar: DayBar, change: int) -> Row:
    return {
        "stck_bsop_date": bar.date,
        "stck_clpr": str(bar.close),
        "stck_oprc": str(bar.open),
        "stck_hgpr": str(bar.high),
        "stck_lwpr": str(bar.low),
        "acml_vol": str(bar.volume),
        "acml_tr_pbmn": str(bar.value),
        "flng_cls_code": "00",
        "prtt_rate": "0.00",
        "mod_yn": "N",
        "prdy_vrss_sign": direction(change),
        "prdy_vrss": str(change),
        "revl_issu_reas": "",
    }


def _minute_row(date: str, minute: Minute) -> Row:
    return {
        "stck_bsop_date": date,
        "stck_cntg_hour": hhmmss(minute.minute * MS_PER_MINUTE),
        "stck_prpr": str(minute.close),
        "stck_oprc": str(minute.open),
        "stck_hgpr": str(minute.high),
        "stck_lwpr": str(minute.low),
        "cntg_vol": str(minute.volume),
        "acml_tr_pbmn": str(minute.value),
    }
