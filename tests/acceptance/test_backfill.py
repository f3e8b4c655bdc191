"""``sise candles backfill`` against both simulated venues: what is stored is what their own answers say."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import sise as library
from sise.model.errors import BadInput
from sise.model.time import SystemClock, parse_iso
from sise.providers.contract import Answer
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.kis.provider import Kis
from sise.run.backfill import span_of
from sise.warehouse.query.asked import Span
from tests.acceptance.processes import pointed_at, pointed_at_kis, simulator, sise, sise_json

SHARE = "005930"
FOREVER = "2199-01-01"

Venue = tuple[dict[str, Any], dict[str, str]]


@pytest.fixture(scope="module")
def upbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    with simulator(tmp_path_factory.mktemp("upbit")) as where:
        yield where, pointed_at(where)


@pytest.fixture(scope="module")
def kis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    folder = tmp_path_factory.mktemp("kis")
    with simulator(folder, provider="kis") as where:
        yield where, pointed_at_kis(where, folder / "tokens")


def backfill(data: Path, venue: Venue, *options: str) -> dict[str, Any]:
    return sise_json(data, "candles", "backfill", *options, "--json", **venue[1])


def told_by_upbit(where: dict[str, Any], path: str, query: str) -> list[dict[str, Any]]:
    """Oldest first, asked without any code of ours."""
    with urllib.request.urlopen(f"{where['rest']}/v1/candles/{path}?{query}", timeout=10) as answer:
        rows: list[dict[str, Any]] = json.load(answer)
    return rows[::-1]


def quietest(where: dict[str, Any]) -> str:
    """The market with the fewest trades: some of its minutes have no candle."""
    with urllib.request.urlopen(f"{where['rest']}/v1/ticker/all?quote_currencies=KRW", timeout=10) as answer:
        return str(min(json.load(answer), key=lambda row: row["acc_trade_price_24h"])["market"])


def held(data: Path, symbol: str, size: str, **choice: Any) -> pl.DataFrame:
    return library.connect(data / "history").bars(symbol, size, **choice)


def as_upbit_says(bars: pl.DataFrame) -> list[tuple[Any, ...]]:
    columns = ("start", "open", "high", "low", "close", "volume", "value")
    return [(f"{row[0]:%Y-%m-%dT%H:%M:%S}", *row[1:]) for row in bars.select(columns).iter_rows()]


UPBIT_FIELDS = (
    *("candle_date_time_utc", "opening_price", "high_price", "low_price", "trade_price"),
    *("candle_acc_trade_volume", "candle_acc_trade_price"),
)


def test_minutes_of_upbit_with_a_gap_in_between(tmp_path: Path, upbit: Venue) -> None:
    symbol = quietest(upbit[0])
    asked = ("--provider", "upbit", "--symbol", symbol, "--size", "1m")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    spans = [
        (now - timedelta(hours=ago), now - timedelta(hours=ago) + timedelta(minutes=90)) for ago in (6, 3)
    ]
    listed: list[dict[str, Any]] = []
    for start, end in spans:
        options = (*asked, "--from", start.isoformat(), "--to", end.isoformat())
        first = backfill(tmp_path, upbit, *options)
        again = backfill(tmp_path, upbit, *options)
        assert len(first["stored"]) >= 1
        assert again == {**first, "stored": []}
        page = told_by_upbit(upbit[0], "minutes/1", f"market={symbol}&count=200&to={end:%Y-%m-%dT%H:%M:%S}Z")
        listed += [row for row in page if row["candle_date_time_utc"] >= f"{start:%Y-%m-%dT%H:%M:%S}"]
    assert 0 < len(listed) < 2 * 90, "no minute without a trade: the test proves nothing of those"

    bars = held(tmp_path, symbol, "1m", source="provider").filter(pl.col("state") != "unknown")
    assert as_upbit_says(bars) == [tuple(row[name] for name in UPBIT_FIELDS) for row in listed]
    assert set(bars["state"]) == {"traded"}
    assert set(bars["coverage_ratio"]) == {1.0}
    assert bars["volume"].min() > 0  # type: ignore[operator] # a number
    assert {*bars["provider"], *bars["venue"]} == {"upbit"}
    between = bars.filter(pl.col("start").is_between(spans[0][1], spans[1][0], closed="left"))
    assert between.is_empty()


def test_days_of_upbit_without_the_one_that_is_forming(tmp_path: Path, upbit: Venue) -> None:
    today = datetime.now(UTC).date()
    asked = ("--provider", "upbit", "--symbol", "KRW-BTC", "--size", "1d")
    first = (today - timedelta(days=9)).isoformat()
    told = backfill(tmp_path, upbit, *asked, "--from", first, "--to", FOREVER)
    rows = told_by_upbit(upbit[0], "days", "market=KRW-BTC&count=10")
    assert (told["rows"], told["still_forming"]) == (9, 1)
    bars = held(tmp_path, "KRW-BTC", "1d")
    assert as_upbit_says(bars) == [tuple(row[name] for name in UPBIT_FIELDS) for row in rows[:-1]]


def test_a_provider_goes_before_a_file(tmp_path: Path, upbit: Venue) -> None:
    day = datetime.now(UTC).date() - timedelta(days=3)
    file = tmp_path / "days.csv"
    lines = [f"{day - timedelta(days=ago)},1,1,1,1,1" for ago in (1, 0)]
    file.write_text("\n".join(["date,open,high,low,close,volume", *lines]))
    form = ("--provider", "upbit", "--market", "crypto", "--venue", "upbit", "--size", "1d")
    sise_json(tmp_path, "candles", "import", str(file), "--symbol", "KRW-BTC", *form, "--json")
    said = ("--provider", "upbit", "--symbol", "KRW-BTC", "--size", "1d")
    backfill(tmp_path, upbit, *said, "--from", day.isoformat(), "--to", day.isoformat())
    bars = held(tmp_path, "KRW-BTC", "1d")
    assert [source.partition(":")[0] for source in bars["source"]] == ["import", "provider"]
    assert bars["close"][0] == 1.0 != bars["close"][1]


async def told_by_kis(venue: Venue, size: str, first: date, last: date) -> list[dict[str, str]]:
    """The rows of the charts as they came, newest first within a page."""
    ours, tokens = venue[0]["credentials"], Path(venue[1]["SISE_KIS_TOKENS_DIR"])
    keys = KisKeys(
        app_key=Secret(ours["appkey"]), app_secret=Secret(ours["appsecret"]), mock=False, hts_id=Secret("")
    )
    client = Kis(rest_url=venue[0]["rest"], ws_url=venue[0]["ws"], keys=keys, tokens_dir=tokens)
    answers: list[Answer] = []
    start, end = (parse_iso(f"{day}T00:00:00+09:00") for day in (first.isoformat(), last + timedelta(days=1)))
    async with client.rest(SystemClock(), answers.append) as rest:
        await rest.candles_between(SHARE, size, start, end)
    return [row for answer in answers for row in json.loads(answer.body).get("output2", [])]


def seoul(bars: pl.DataFrame, form: str) -> list[str]:
    return bars["start"].dt.convert_time_zone("Asia/Seoul").dt.strftime(form).to_list()


def test_days_and_minutes_of_kis(tmp_path: Path, kis: Venue) -> None:
    last = datetime.now(UTC).date() - timedelta(days=1)
    first = last - timedelta(days=14)
    asked = ("--provider", "kis", "--symbol", SHARE)
    span = ("--from", first.isoformat(), "--to", last.isoformat())
    told = backfill(tmp_path, kis, *asked, "--size", "1d", *span)
    assert backfill(tmp_path, kis, *asked, "--size", "1d", *span) == {**told, "stored": []}
    rows = asyncio.run(told_by_kis(kis, "1d", first, last))[::-1]
    bars = held(tmp_path, SHARE, "1d", source="provider").filter(pl.col("state") == "traded")
    assert len(rows) >= 5
    assert seoul(bars, "%Y%m%d") == [row["stck_bsop_date"] for row in rows]
    for ours, theirs in (("open", "stck_oprc"), ("close", "stck_clpr"), ("volume", "acml_vol")):
        assert bars[ours].to_list() == [float(row[theirs]) for row in rows]
    assert {*bars["venue"]} == {"KRX"}

    day = datetime.strptime(rows[-1]["stck_bsop_date"], "%Y%m%d").date()  # noqa: DTZ007 # a day has no zone
    span = ("--from", day.isoformat(), "--to", day.isoformat())
    told = backfill(tmp_path, kis, *asked, "--size", "1m", *span)
    listed = {
        row["stck_cntg_hour"]: row
        for row in asyncio.run(told_by_kis(kis, "1m", day, day))
        if row["stck_bsop_date"] == f"{day:%Y%m%d}"
    }
    bars = held(tmp_path, SHARE, "1m", source="provider").filter(pl.col("state") != "unknown")
    hours = seoul(bars, "%H%M%S")
    assert told["rows"] == len(hours) > 300
    assert bars["close"].to_list() == [float(listed[hour]["stck_prpr"]) for hour in hours]
    assert bars["volume"].to_list() == [float(listed[hour]["cntg_vol"]) for hour in hours]


@pytest.mark.parametrize(
    ("field", "remedy", "options"),
    [
        ("--from: '2026-11-19T09:00:00'", "offset", {"--from": "2026-11-19T09:00:00"}),
        ("--size: '1h'", "sise candles resample", {"--size": "1h"}),
    ],
)
def test_what_cannot_be_asked_is_said(
    tmp_path: Path, field: str, remedy: str, options: dict[str, str]
) -> None:
    plain = {"--provider": "upbit", "--symbol": "KRW-BTC", "--size": "1m"}
    said = {**plain, "--from": "2026-11-01", "--to": "2026-11-02", **options}
    # port 9 answers nobody: a refusal that comes after asking would be another error
    done = sise(
        tmp_path,
        *("candles", "backfill", *(word for pair in said.items() for word in pair)),
        SISE_UPBIT_REST_URL="http://127.0.0.1:9",
    )
    assert (done.returncode, field in done.stderr, remedy in done.stderr) == (2, True, True), done.stderr
    assert not (tmp_path / "history").exists()


NOW = parse_iso("2026-11-20T12:00:00Z")


@pytest.mark.parametrize(
    ("start", "to", "field"),
    [
        ("2026-11-01", "2026-11-01T09:00:00", "--to"),
        ("2026-11-01", "yesterday", "--to"),
        ("2026-11-03", "2026-11-02", "--to"),
        ("2026-11-20T12:00:00Z", "2026-11-21", "--from"),
    ],
)
def test_a_span_that_cannot_be(start: str, to: str, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        span_of(start, to, "crypto", NOW)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("market", "midnight"), [("crypto", "T00:00:00+00:00"), ("kr_stocks", "T00:00:00+09:00")]
)
def test_a_day_is_the_markets(market: str, midnight: str) -> None:
    asked = span_of("2026-11-01", "2026-11-02", market, NOW)
    assert asked == Span(parse_iso(f"2026-11-01{midnight}"), parse_iso(f"2026-11-03{midnight}"))
    assert span_of("2026-11-01", FOREVER, market, NOW).end_ns == NOW


def test_a_symbol_that_the_provider_does_not_know(tmp_path: Path, upbit: Venue) -> None:
    said = ("--provider", "upbit", "--symbol", "KRW-NONE", "--size", "1d")
    done = sise(
        tmp_path, "candles", "backfill", *said, "--from", "2026-11-01", "--to", "2026-11-02", **upbit[1]
    )
    assert (done.returncode, "upbit refused" in done.stderr) == (1, True)
    assert not (tmp_path / "history").exists()
