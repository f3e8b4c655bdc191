"""Records and master lines beside captured ones: the same columns, forms and identities."""

from __future__ import annotations

import io
import re
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from sise.simulator.kis.depth import both, thinned
from sise.simulator.kis.masters import LINE_BYTES, isin
from tests.simulator.kis_bench import BUSY, Bench, KoreanClock, apart, bench, until

_TRADE_SAMPLES = (
    "ws_h0stcnt0_20260922_vts_47f.txt",
    "ws_h0stcnt0_20260914_47f.txt",
    "ws_h0stcnt0_20260623_46f_record.txt",
    "ws_h0stcnt0_20230612_46f_record.txt",
)


def _form(text: str) -> str:
    """What kind of text a column holds; signs and lengths of numbers do not matter."""
    if text == "":
        return "empty"
    if re.fullmatch(r"-?\d+\.\d{2}", text):
        return "two decimals"
    if re.fullmatch(r"[012]\d[0-5]\d[0-5]\d", text):
        return "time or whole"
    return "whole" if re.fullmatch(r"-?\d+", text) else "letter"


def _same_form(ours: str, theirs: str) -> bool:
    forms = {_form(ours), _form(theirs)}
    return len(forms) == 1 or forms == {"whole", "time or whole"}


async def _trades(here: Bench) -> list[list[str]]:
    client = await here.connect()
    await client.ask("H0STCNT0", BUSY)
    for _ in range(4):
        await here.pass_time(30)
    await until(lambda: len(client.records("H0STCNT0")) > 50)
    return client.records("H0STCNT0")


@pytest.mark.parametrize("name", _TRADE_SAMPLES)
async def test_trades_have_the_columns_of_captured_ones(shared: Path, name: str) -> None:
    text = (shared / "wire/samples/kis" / name).read_text().strip()
    captured = apart(text).records[0] if "|" in text else text.split("^")
    async with bench(trade_width=len(captured)) as here:
        record = (await _trades(here))[-1]
    assert len(record) == len(captured)
    wrong = [i for i, pair in enumerate(zip(record, captured, strict=True)) if not _same_form(*pair)]
    assert wrong == [], [(i, record[i], captured[i]) for i in wrong]


def _identities(r: list[str], base: int) -> list[str]:
    """The names of the identities of real frames that a record breaks."""
    held = {
        "net count": int(r[17]) == int(r[16]) - int(r[15]),
        "base": int(r[2]) - int(r[4]) == base,
        "sign": r[3] in "1245" if int(r[4]) else r[3] in "134",
        "rate": abs(float(r[5]) - int(r[4]) * 100 / base) <= 0.0051,
        "vwap": abs(float(r[6]) - int(r[14]) / int(r[13])) <= 0.0051,
        "open change": int(r[26]) == int(r[2]) - int(r[7]),
        "high change": int(r[29]) == int(r[2]) - int(r[8]) <= 0,
        "low change": int(r[32]) == int(r[2]) - int(r[9]) >= 0,
        "sides": int(r[19]) + int(r[20]) <= int(r[13]),
        "strength": int(r[19]) == 0 or abs(float(r[18]) - int(r[20]) * 100 / int(r[19])) <= 0.0051,
        "best in totals": int(r[36]) <= int(r[38]) and int(r[37]) <= int(r[39]),
    }
    return [name for name, holds in held.items() if not holds]


async def test_the_identities_of_real_trades_hold_in_every_record(shared: Path) -> None:
    text = (shared / "wire/samples/kis/ws_h0stcnt0_20260922_vts_47f.txt").read_text().strip()
    real = apart(text).records[0]
    assert set(_identities(real, 274_000)) <= {"vwap"}  # the real one lags by some hundredths
    async with bench() as here:
        records = await _trades(here)
        base = here.issue().base
    assert {name for record in records for name in _identities(record, base)} == set()


@pytest.mark.parametrize(
    ("name", "width"),
    [("ws_h0stasp0_20260922_vts_63f.txt", 63), ("ws_h0stasp0_20260629_62f.txt", 62)],
)
async def test_books_have_the_columns_and_sums_of_captured_ones(shared: Path, name: str, width: int) -> None:
    captured = apart((shared / "wire/samples/kis" / name).read_text().strip()).records[0]
    async with bench(book_width=width) as here:
        client = await here.connect()
        await client.ask("H0STASP0", BUSY)
        await here.pass_time(30)
        await until(lambda: len(client.records("H0STASP0")) > 3)
        records, base = client.records("H0STASP0"), here.issue().base
    for record in (captured, *records):
        assert len(record) == width
        assert int(record[43]) == sum(map(int, record[23:33]))
        assert int(record[44]) == sum(map(int, record[33:43]))
    assert all(_same_form(*pair) for pair in zip(records[-1], captured, strict=True))
    assert {tuple(record[i] for i in (47, 48, 50, 51, 52)) for record in records} == {
        ("0", "0", str(-base), "5", "-100.00")
    }
    changes = [int(b[43]) - int(a[43]) for a, b in pairwise(records)]
    assert changes == [int(record[54]) for record in records[1:]]


async def test_books_of_the_other_venues() -> None:
    async with bench() as here:
        client = await here.connect()
        for tr_id in ("H0UNASP0", "H0NXASP0"):
            await client.ask(tr_id, BUSY)
        await here.pass_time(30)
        await until(lambda: bool(client.frames("H0UNASP0")) and bool(client.frames("H0NXASP0")))
        assert {len(record) for record in client.records("H0UNASP0")} == {66}
        assert {len(record) for record in client.records("H0NXASP0")} == {62}
        depth = here.issue().quotes.depth(here.issue().now_ms)
    other = thinned(depth, 1, 40)
    assert both(depth, other).ask_total == depth.ask_total + other.ask_total
    assert all(bool(a) == bool(b) for a, b in zip(depth.ask_sizes, other.ask_sizes, strict=True))


async def test_master_files_have_the_widths_and_places_of_real_lines(shared: Path) -> None:
    async with bench(KoreanClock("2026-11-20T08:00:00"), issues=600) as here:
        files = {}
        for name in ("kospi_code.mst", "kosdaq_code.mst"):
            response = await here.http.get(f"{here.addresses.masters}/{name}.zip")
            with zipfile.ZipFile(io.BytesIO(await response.read())) as archive:
                assert archive.namelist() == [name]
                files[name] = archive.read(name)
        assert (await here.http.get(f"{here.addresses.masters}/konex_code.mst.zip")).status == 404
        issues = {one.listing.code: one for one in here.simulator._market.all_unmoved()}
    names = ("base", "halted", "warning", "volume", "shares")
    places = {
        "kospi_code.mst": ((102, 9), (121, 1), (124, 2), (142, 12), (174, 15)),
        "kosdaq_code.mst": ((97, 9), (116, 1), (119, 2), (137, 12), (169, 15)),
    }
    seen = 0
    for name, data in files.items():
        market = name.partition("_")[0].upper()
        real = (shared / "wire/samples/kis" / name.replace(".mst", "_excerpt.mst")).read_bytes()
        for line in real.splitlines():
            assert len(line) == LINE_BYTES[market]
            assert line[9:21].decode() == isin(line[:9].decode().strip())
        for line in data.splitlines():
            assert len(line) == LINE_BYTES[market]
            code, at = line[:9].decode().strip(), places[name]
            issue = issues[code]
            one = issue.listing
            field = {key: line[a : a + n].decode() for key, (a, n) in zip(names, at, strict=True)}
            assert line[21:61].decode("cp949").rstrip() == one.name
            assert int(field["base"]) == issue.base
            assert (field["halted"], field["warning"]) == ("NY"[one.halted], one.warning)
            assert int(field["shares"]) == one.shares // 1_000
            assert int(field["volume"]) >= 0
            seen += 1
        start = places[name][0][0]
        assert all(line[start : start + 9].isdigit() for line in (*real.splitlines(), *data.splitlines()))
    assert seen == len(issues) == 605
