"""Answers about the whole market: the volume rank, the interruptions of the day, the calendar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sise.simulator.kis import rules
from sise.simulator.kis.history import History
from sise.simulator.kis.issue import Issue
from sise.simulator.kis.market import Market
from sise.simulator.kis.prices import Row, change_fields
from sise.simulator.kis.records import hhmmss, percent

RANKS_PER_ANSWER: Final = 30
HOLIDAYS_PER_PAGE: Final = 24
CONTEXT_WIDTH: Final = 20
RATE_LARGEST: Final = 9_999.99


def volume_rank(
    market: Market, history: History, by: str, lowest: int, highest: int, least: int
) -> list[Row]:
    """``output`` of FHPST01710000.

    Parameters
    ----------
    by
        ``0`` average volume, ``1`` growth, ``2`` turnover, ``3`` traded value, ``4`` value turnover.
    lowest, highest, least
        Bounds of the price and the least volume; 0: none.
    """
    found = [
        issue
        for issue in market.all_issues()
        if issue.krx.trades
        and issue.krx.volume >= least
        and issue.last_price() >= lowest
        and (not highest or issue.last_price() <= highest)
    ]
    key = _rank_keys(history)[by]
    found.sort(key=lambda issue: (-key(issue), issue.listing.code))
    return [_rank_row(issue, i, history) for i, issue in enumerate(found[:RANKS_PER_ANSWER], 1)]


def _rank_keys(history: History) -> dict[str, Callable[[Issue], float]]:
    def growth(issue: Issue) -> float:
        return issue.krx.volume / max(1, history.previous(issue.listing).volume)

    def value_turnover(issue: Issue) -> float:
        return issue.krx.value / (issue.listing.shares * issue.last_price())

    return {
        "0": lambda issue: issue.krx.volume,
        "1": growth,
        "2": lambda issue: issue.krx.volume / issue.listing.shares,
        "3": lambda issue: issue.krx.value,
        "4": value_turnover,
    }


def _rank_row(issue: Issue, rank: int, history: History) -> Row:
    tape, listing, price = issue.krx, issue.listing, issue.last_price()
    previous = history.previous(listing)
    change = change_fields(issue, price)
    return {
        "hts_kor_isnm": listing.name,
        "mksc_shrn_iscd": listing.code,
        "data_rank": str(rank),
        "stck_prpr": str(price),
        "prdy_vrss_sign": change["prdy_vrss_sign"],
        "prdy_vrss": change["prdy_vrss"],
        "prdy_ctrt": change["prdy_ctrt"],
        "acml_vol": str(tape.volume),
        "prdy_vol": str(previous.volume),
        "lstn_stcn": str(listing.shares),
        "avrg_vol": str(tape.volume),
        "n_befr_clpr_vrss_prpr_rate": change["prdy_ctrt"],
        "vol_inrt": f"{min(RATE_LARGEST, tape.volume * 100 / max(1, previous.volume)):.2f}",
        "vol_tnrt": percent(tape.volume, listing.shares),
        "nday_vol_tnrt": percent(tape.volume, listing.shares),
        "avrg_tr_pbmn": str(tape.value),
        "tr_pbmn_tnrt": percent(tape.value, listing.shares * price),
        "nday_tr_pbmn_tnrt": percent(tape.value, listing.shares * price),
        "acml_tr_pbmn": str(tape.value),
    }


def vi_status(market: Market, market_class: str, code: str) -> list[Row]:
    """``output`` of FHPST01390000: the day's interruptions, newest first; empty ``code``: of all issues."""
    wanted = {"K": "KOSPI", "Q": "KOSDAQ"}.get(market_class)
    issues = [market.issue(code)] if code else list(market.all_issues())
    rows = []
    for issue in issues:
        if issue is None or (wanted and issue.listing.market != wanted):
            continue
        for vi in issue.vis:
            row = {
                "hts_kor_isnm": issue.listing.name,
                "mksc_shrn_iscd": issue.listing.code,
                "vi_cls_code": "N" if vi.end_ms else "Y",
                "bsop_date": issue.day.date,
                "cntg_vi_hour": hhmmss(vi.start_ms),
                "vi_cncl_hour": hhmmss(vi.end_ms) if vi.end_ms else "000000",
                "vi_kind_code": "1",
                "vi_prc": str(vi.price),
                "vi_stnd_prc": str(vi.reference),
                "vi_dprt": percent(vi.price - vi.reference, vi.reference),
                "vi_dmc_stnd_prc": "0",
                "vi_dmc_dprt": "0.00",
                "vi_count": str(vi.count),
            }
            rows.append((vi.start_ms, row))
    return [row for _, row in sorted(rows, key=lambda one: -one[0])]


def holidays(
    start: str, is_trading_day: Callable[[str], bool] = rules.is_trading_day
) -> tuple[list[Row], str]:
    """``output`` of CTCA0903R from ``start`` on, and the date the next page begins with."""
    rows, date = [], start
    for _ in range(HOLIDAYS_PER_PAGE):
        open_day = is_trading_day(date)
        weekday = rules.as_date(date).isoweekday() % 7 + 1
        workday = 2 <= weekday <= 6 and (open_day or date[4:] in ("0501", "1231"))
        rows.append(
            {
                "bass_dt": date,
                "wday_dvsn_cd": f"{weekday:02d}",
                "bzdy_yn": "Y" if workday else "N",
                "tr_day_yn": "Y" if workday else "N",
                "opnd_yn": "Y" if open_day else "N",
                "sttl_day_yn": "Y" if open_day else "N",
            }
        )
        date = rules.shifted(date, 1)
    return rows, date
