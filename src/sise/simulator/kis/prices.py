"""Answers about the price now: one issue, thirty at a time, its book, its last trades [wire/kis.md 2.1, 2.2].

Keys stand in the order of the official examples; every leaf is a string. A halted issue answers a single
price with its base price, and thirty at a time with ``0``, as measured. Figures of companies (PER, EPS …)
are made up from the issue's code: nobody may read anything into them.
"""

from __future__ import annotations

from typing import Final

from sise.simulator.kis.depth import Depth, mix
from sise.simulator.kis.history import DayBar, History
from sise.simulator.kis.issue import Issue
from sise.simulator.kis.listing import Listing
from sise.simulator.kis.records import Writer, direction, hhmmss, percent, sign_of
from sise.simulator.kis.tape import Tape

Row = dict[str, str]
_EOK: Final = 100_000_000
_STATE_OF_WARNING: Final = {"01": "54", "02": "53", "03": "52"}


def change_fields(issue: Issue, price: int, *, prefix: str = "prdy") -> Row:
    """Change against the base price, with its sign."""
    change = price - issue.base
    quotes = issue.quotes
    return {
        f"{prefix}_vrss": str(change),
        f"{prefix}_vrss_sign": sign_of(price, issue.base, quotes.lower, quotes.upper),
        f"{prefix}_ctrt": percent(change, issue.base),
    }


def state_code(listing: Listing) -> str:
    """iscd_stat_cls_code: the gravest that holds."""
    if listing.halted:
        return "58"
    if listing.managed:
        return "51"
    return _STATE_OF_WARNING.get(listing.warning, "55" if listing.group == "ST" else "00")


class Prices:
    """Answers from the market's state."""

    def __init__(self, history: History, writer: Writer) -> None:
        self._history, self._writer = history, writer

    def price(self, issue: Issue, tape: Tape) -> Row:
        """``output`` of FHKST01010100."""
        listing, quotes = issue.listing, issue.quotes
        price = tape.last or issue.base
        previous, year = self._history.previous(listing), self._history.extremes(listing)
        noise = mix(quotes.salt & 0xFFFF, int.from_bytes(listing.code.encode(), "big"))
        made = {
            "iscd_stat_cls_code": state_code(listing),
            "marg_rate": "100.00" if listing.warning != "00" or listing.managed else "40.00",
            "rprs_mrkt_kor_name": listing.market if listing.group == "ST" else "ETF",
            "bstp_kor_isnm": "",
            "temp_stop_yn": "Y" if listing.halted else "N",
            "oprc_rang_cont_yn": "N",
            "clpr_rang_cont_yn": "N",
            "crdt_able_yn": "Y" if listing.group == "ST" and listing.warning == "00" else "N",
            "grmn_rate_cls_code": "40",
            "elw_pblc_yn": "N",
            "stck_prpr": str(price),
            **change_fields(issue, price),
            "acml_tr_pbmn": str(tape.value),
            "acml_vol": str(tape.volume),
            "prdy_vrss_vol_rate": percent(tape.volume, previous.volume),
            "stck_oprc": str(tape.open),
            "stck_hgpr": str(tape.high),
            "stck_lwpr": str(tape.low),
            "stck_mxpr": str(quotes.upper),
            "stck_llam": str(quotes.lower),
            "stck_sdpr": str(issue.base),
            "wghn_avrg_stck_prc": f"{tape.average():.2f}",
            "hts_frgn_ehrt": f"{noise % 6_000 / 100:.2f}",
            "frgn_ntby_qty": "0",
            "pgtr_ntby_qty": "0",
            **_pivots(previous),
            "cpfn": str(listing.shares * listing.face // _EOK),
            "rstc_wdth_prc": str(issue.base * 30 // 100),
            "stck_fcam": str(listing.face),
            "stck_sspr": str(issue.base * 76 // 100),
            "aspr_unit": str(quotes.ladder.step_at(price)),
            "hts_deal_qty_unit_val": "1",
            "lstn_stcn": str(listing.shares),
            "hts_avls": str(listing.shares * price // _EOK),
            "per": f"{5 + noise % 3_000 / 100:.2f}",
            "pbr": f"{0.3 + noise % 300 / 100:.2f}",
            "stac_month": "12",
            "vol_tnrt": percent(tape.volume, listing.shares),
            "eps": f"{noise % 20_000:.2f}",
            "bps": f"{noise % 200_000:.2f}",
        }
        for name, rate in (("d250", "rate"), ("stck_dryy", ""), ("w52", "ctrt")):
            made |= _extremes_fields(
                name, rate, price, (year.high, year.high_date), (year.low, year.low_date)
            )
        made |= {
            "whol_loan_rmnd_rate": f"{noise % 300 / 100:.2f}",
            "ssts_yn": "Y",
            "stck_shrn_iscd": listing.code,
            "fcam_cnnm": f"{listing.face:,}",
            "cpfn_cnnm": f"{listing.shares * listing.face // _EOK:,} 억",
            "frgn_hldn_qty": str(listing.shares * (noise % 60) // 100),
            "vi_cls_code": "Y" if issue.in_vi else "N",
            "ovtm_vi_cls_code": "N",
            "last_ssts_cntg_qty": "0",
            "invt_caful_yn": "Y" if listing.warning == "01" else "N",
            "mrkt_warn_cls_code": listing.warning,
            "short_over_yn": "N",
            "sltr_yn": "N",
            "mang_issu_cls_code": "Y" if listing.managed else "N",
        }
        if not listing.managed:  # as in the official example: what does not apply is not there
            del made["mang_issu_cls_code"]
        return made

    def multi(self, issue: Issue | None, code: str, tape: Tape | None, now_ms: int) -> Row:
        """One row of FHKST11300006; of a code that is not listed, zeros."""
        if issue is None or tape is None:
            return _no_issue(code)
        listing, quotes = issue.listing, issue.quotes
        price = 0 if listing.halted else tape.last or issue.base
        depth = self._writer.depth(issue, now_ms, "J")
        expected, expected_volume = issue.expected(now_ms) if issue.in_auction else (0, 0)
        change = expected - issue.base if expected else 0
        phase = issue.phase
        asks_open = not listing.halted and phase is not None and phase.krx != "shut"
        return {
            "kospi_kosdaq_cls_name": "코스피" if listing.market == "KOSPI" else "코스닥",
            "mrkt_trtm_cls_name": "",
            "hour_cls_code": "0",
            "inter_shrn_iscd": code,
            "inter_kor_isnm": listing.name,
            "inter2_prpr": str(price),
            "inter2_prdy_vrss": str(price - issue.base if price else 0),
            "prdy_vrss_sign": change_fields(issue, price)["prdy_vrss_sign"] if price else "3",
            "prdy_ctrt": percent(price - issue.base, issue.base) if price else "0.00",
            "acml_vol": str(tape.volume),
            "inter2_oprc": str(tape.open),
            "inter2_hgpr": str(tape.high),
            "inter2_lwpr": str(tape.low),
            "inter2_llam": str(quotes.lower),
            "inter2_mxpr": str(quotes.upper),
            "inter2_askp": str(depth.asks[0] if asks_open else 0),
            "inter2_bidp": str(depth.bids[0] if asks_open else 0),
            "seln_rsqn": str(depth.ask_sizes[0] if asks_open else 0),
            "shnu_rsqn": str(depth.bid_sizes[0] if asks_open else 0),
            "total_askp_rsqn": str(depth.ask_total if asks_open else 0),
            "total_bidp_rsqn": str(depth.bid_total if asks_open else 0),
            "acml_tr_pbmn": str(tape.value),
            "inter2_prdy_clpr": str(issue.base),
            "oprc_vrss_hgpr_rate": percent(tape.high - tape.open, tape.open),
            "intr_antc_cntg_vrss": str(change),
            "intr_antc_cntg_vrss_sign": direction(change),
            "intr_antc_cntg_prdy_ctrt": percent(change, issue.base),
            "intr_antc_vol": str(expected_volume),
            "inter2_sdpr": str(issue.base),
        }

    def book(self, issue: Issue, tape: Tape, now_ms: int, division: str) -> tuple[Row, Row]:
        """``output1`` and ``output2`` of FHKST01010200."""
        depth = self._writer.depth(issue, now_ms, division)
        made = {"aspr_acpt_hour": hhmmss(now_ms), **_levels(depth)}
        made |= {
            "total_askp_rsqn": str(depth.ask_total),
            "total_bidp_rsqn": str(depth.bid_total),
            "total_askp_rsqn_icdc": "0",
            "total_bidp_rsqn_icdc": "0",
            "ovtm_total_askp_icdc": "0",
            "ovtm_total_bidp_icdc": "0",
            "ovtm_total_askp_rsqn": "0",
            "ovtm_total_bidp_rsqn": "0",
            "ntby_aspr_rsqn": str(depth.bid_total - depth.ask_total),
            "new_mkop_cls_code": "20",
        }
        price, volume = issue.expected(now_ms) if issue.in_auction else (0, 0)
        change = price - issue.base if price else 0
        expected = {
            "antc_mkop_cls_code": "311" if issue.in_vi else "112",
            "stck_prpr": str(tape.last or issue.base),
            "stck_oprc": str(tape.open),
            "stck_hgpr": str(tape.high),
            "stck_lwpr": str(tape.low),
            "stck_sdpr": str(issue.base),
            "antc_cnpr": str(price),
            "antc_cntg_vrss_sign": direction(change),
            "antc_cntg_vrss": str(change),
            "antc_cntg_prdy_ctrt": percent(change, issue.base),
            "antc_vol": str(volume),
            "stck_shrn_iscd": issue.listing.code,
            "vi_cls_code": "Y" if issue.in_vi else "N",
        }
        return made, expected

    def trades(self, issue: Issue) -> list[Row]:
        """``output`` of FHKST01010300: the last trades at KRX, newest first."""
        rows = []
        for fill in reversed(issue.last_trades):
            change = change_fields(issue, fill.price)
            rows.append(
                {
                    "stck_cntg_hour": hhmmss(fill.ms),
                    "stck_prpr": str(fill.price),
                    "prdy_vrss": change["prdy_vrss"],
                    "prdy_vrss_sign": change["prdy_vrss_sign"],
                    "cntg_vol": str(fill.size),
                    "tday_rltv": f"{fill.strength / 100:.2f}",
                    "prdy_ctrt": change["prdy_ctrt"],
                }
            )
        return rows


def _levels(depth: Depth) -> Row:
    made: Row = {}
    for name, values in (
        ("askp", depth.asks),
        ("bidp", depth.bids),
        ("askp_rsqn", depth.ask_sizes),
        ("bidp_rsqn", depth.bid_sizes),
    ):
        made |= {f"{name}{i}": str(value) for i, value in enumerate(values, 1)}
    for name in ("askp_rsqn_icdc", "bidp_rsqn_icdc"):
        made |= {f"{name}{i}": "0" for i in range(1, 11)}
    return made


def _pivots(previous: DayBar) -> Row:
    high, low, close = previous.high, previous.low, previous.close
    pivot = (high + low + close) // 3
    return {
        "pvt_scnd_dmrs_prc": str(pivot + high - low),
        "pvt_frst_dmrs_prc": str(2 * pivot - low),
        "pvt_pont_val": str(pivot),
        "pvt_frst_dmsp_prc": str(2 * pivot - high),
        "pvt_scnd_dmsp_prc": str(pivot - high + low),
        "dmrs_val": str((high + close) // 2),
        "dmsp_val": str((low + close) // 2),
    }


def _extremes_fields(name: str, rate: str, price: int, high: tuple[int, str], low: tuple[int, str]) -> Row:
    """``d250`` ``w52`` name their rates differently, and the year's names begin anew (``dryy``)."""
    made: Row = {}
    for kind, (value, date) in (("hgpr", high), ("lwpr", low)):
        made[f"{name}_{kind}"] = str(value)
        fields = {"date": date, "rate": percent(price - value, value)}
        if name == "stck_dryy":
            made |= {f"dryy_{kind}_vrss_prpr_rate": fields["rate"], f"dryy_{kind}_date": date}
        elif name == "w52":
            made |= {f"w52_{kind}_vrss_prpr_{rate}": fields["rate"], f"w52_{kind}_date": date}
        else:
            made |= {f"{name}_{kind}_date": date, f"{name}_{kind}_vrss_prpr_{rate}": fields["rate"]}
    return made


def _no_issue(code: str) -> Row:
    return {
        "inter_shrn_iscd": code,
        "inter_kor_isnm": "",
        "inter2_prpr": "0",
        "inter2_prdy_vrss": "0",
        "prdy_vrss_sign": "3",
        "prdy_ctrt": "0.00",
        "acml_vol": "0",
        "inter2_oprc": "0",
        "inter2_hgpr": "0",
        "inter2_lwpr": "0",
        "acml_tr_pbmn": "0",
        "inter2_prdy_clpr": "0",
        "inter2_sdpr": "0",
    }
