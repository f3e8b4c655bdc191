"""Which call is answered by what: the table of TRs, their parameters and their answers [wire/kis.md 2]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from sise.model.errors import BadInput
from sise.simulator.kis import boards, rules
from sise.simulator.kis.answers import Answer, Refused
from sise.simulator.kis.charts import Charts
from sise.simulator.kis.issue import Issue
from sise.simulator.kis.market import Market
from sise.simulator.kis.prices import Prices
from sise.simulator.kis.records import Writer
from sise.simulator.kis.tape import Tape

MULTI_MAX: Final = 30
_QUOTATIONS: Final = "/uapi/domestic-stock/v1/quotations/"
_DIVISIONS: Final = ("J", "NX", "UN")
_CODE_LENGTH_MAX: Final = 12

Query = Mapping[str, str]
"""Parameters by their names in upper case."""


class Call(Struct, frozen=True):
    """A TR and who answers it; ``mock``: whether the mock host has it."""

    tr_id: str
    answer: Callable[[Query], Answer]
    mock: bool


class Quotation:
    """Answers the calls of a recorder from the market as of its last step."""

    def __init__(self, market: Market, writer: Writer) -> None:
        self._market = market
        self._prices, self._charts = Prices(market.history, writer), Charts(market.history)
        self.calls: dict[str, Call] = {
            _QUOTATIONS + name: Call(tr_id, answer, mock)
            for name, tr_id, answer, mock in (
                ("inquire-price", "FHKST01010100", self._price, True),
                ("intstock-multprice", "FHKST11300006", self._multi, True),
                ("inquire-asking-price-exp-ccn", "FHKST01010200", self._book, True),
                ("inquire-ccnl", "FHKST01010300", self._trades, True),
                ("inquire-daily-itemchartprice", "FHKST03010100", self._daily, True),
                ("inquire-time-itemchartprice", "FHKST03010200", self._minutes_today, True),
                ("inquire-time-dailychartprice", "FHKST03010230", self._minutes_past, False),
                ("volume-rank", "FHPST01710000", self._rank, False),
                ("inquire-vi-status", "FHPST01390000", self._vi, True),
                ("chk-holiday", "CTCA0903R", self._holidays, False),
            )
        }
        """By path."""

    def _price(self, query: Query) -> Answer:
        found = self._issue(query)
        if found is None:
            code = query.get("FID_INPUT_ISCD", "")
            zeros = dict.fromkeys(("stck_prpr", "prdy_vrss", "acml_tr_pbmn", "acml_vol", "stck_sdpr"), "0")
            return Answer({"output": {"iscd_stat_cls_code": "00", **zeros, "stck_shrn_iscd": code}})
        return Answer({"output": self._prices.price(*found)})

    def _multi(self, query: Query) -> Answer:
        rows = []
        for i in range(1, MULTI_MAX + 1):
            code = query.get(f"FID_INPUT_ISCD_{i}", "").strip()
            if not code:
                continue
            division = _division(query.get(f"FID_COND_MRKT_DIV_CODE_{i}", ""))
            issue = self._market.issue(code)
            tape = issue.tape(division) if issue else None
            rows.append(self._prices.multi(issue, code, tape, self._market.now_ms))
        if not rows:
            raise Refused("OPSQ2002")
        return Answer({"output": rows})

    def _book(self, query: Query) -> Answer:
        found = self._issue(query)
        if found is None:
            return Answer({"output1": {}, "output2": {}})
        division = query["FID_COND_MRKT_DIV_CODE"]
        first, second = self._prices.book(*found, self._market.now_ms, division)
        return Answer({"output1": first, "output2": second})

    def _trades(self, query: Query) -> Answer:
        found = self._issue(query)
        return Answer({"output": self._prices.trades(found[0]) if found else []})

    def _daily(self, query: Query) -> Answer:
        period = query.get("FID_PERIOD_DIV_CODE", "D")
        if period not in ("D", "W", "M", "Y"):
            raise Refused("OPSQ2002")
        start, end = _first_date(query), _date(query, "FID_INPUT_DATE_2")
        found = self._issue(query)
        if found is None:
            return Answer({"output1": {}, "output2": []})
        first, second = self._charts.daily(*found, start, end, period, has_today=True)
        return Answer({"output1": first, "output2": second})

    def _minutes_today(self, query: Query) -> Answer:
        hour_ms = _hour_ms(query)
        found = self._issue(query)
        if found is None:
            return Answer({"output1": {}, "output2": []})
        first, second = self._charts.minutes_today(*found, hour_ms, self._market.now_ms)
        return Answer({"output1": first, "output2": second})

    def _minutes_past(self, query: Query) -> Answer:
        date, hour_ms = _date(query, "FID_INPUT_DATE_1"), _hour_ms(query)
        found = self._issue(query)
        if found is None:
            return Answer({"output1": {}, "output2": []})
        first, second = self._charts.minutes_of(*found, date, hour_ms)
        return Answer({"output1": first, "output2": second})

    def _rank(self, query: Query) -> Answer:
        _division(query.get("FID_COND_MRKT_DIV_CODE", ""))
        by = query.get("FID_BLNG_CLS_CODE", "0")
        if by not in ("0", "1", "2", "3", "4"):
            raise Refused("OPSQ2002")
        bounds = [_whole(query, f"FID_{name}") for name in ("INPUT_PRICE_1", "INPUT_PRICE_2", "VOL_CNT")]
        rows = boards.volume_rank(self._market, self._market.history, by, *bounds)
        return Answer({"output": rows})

    def _vi(self, query: Query) -> Answer:
        code = query.get("FID_INPUT_ISCD", "").strip()
        rows = boards.vi_status(self._market, query.get("FID_MRKT_CLS_CODE", "0"), code)
        return Answer({"output": rows})

    def _holidays(self, query: Query) -> Answer:
        start = query.get("CTX_AREA_NK", "").strip() or _date(query, "BASS_DT")
        rows, following = boards.holidays(_valid_date(start), self._market.is_trading_day)
        width = boards.CONTEXT_WIDTH
        return Answer(
            {"ctx_area_nk": following.ljust(width), "ctx_area_fk": start.ljust(width), "output": rows},
            code="KIOK0500",
            cont="F" if not query.get("CTX_AREA_NK", "").strip() else "M",
        )

    def _issue(self, query: Query) -> tuple[Issue, Tape] | None:
        """The issue asked for and its sums at the venue asked for; ``None`` where there is no such one."""
        division = _division(query.get("FID_COND_MRKT_DIV_CODE", ""))
        code = query.get("FID_INPUT_ISCD", "")
        if not 1 <= len(code) <= _CODE_LENGTH_MAX:
            raise Refused("OPSQ2002")
        issue = self._market.issue(code)
        tape = issue.tape(division) if issue else None
        return (issue, tape) if issue and tape else None


def _division(text: str) -> str:
    if text not in _DIVISIONS:
        raise Refused("OPSQ2001")
    return text


def _date(query: Query, name: str) -> str:
    return _valid_date(query.get(name, ""))


def _first_date(query: Query) -> str:
    """Also what is no date but lies before all: python-kis asks from ``00000101`` on by default [3p]."""
    text = query.get("FID_INPUT_DATE_1", "")
    return text if text == "00000101" else _valid_date(text)


def _valid_date(text: str) -> str:
    try:
        rules.as_date(text)
    except BadInput:
        raise Refused("OPSQ2002") from None
    return text


def _hour_ms(query: Query) -> int:
    text = query.get("FID_INPUT_HOUR_1", "")
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        raise Refused("OPSQ2002")
    return (int(text[:2]) * 3_600 + int(text[2:4]) * 60 + int(text[4:])) * 1_000


def _whole(query: Query, name: str) -> int:
    text = query.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else 0
