"""Reading a user's file: nothing is guessed, nothing is dropped without being counted."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sise.model.errors import BadInput
from sise.warehouse.imports import files
from sise.warehouse.imports.read import Imported
from tests.warehouse.candle_files import HEADER, imported

ONE = f"{HEADER}\n2025-09-01 00:00:00,1,2,1,2,5\n"
DAYS: dict[str, Any] = {"provider": "krx", "market": "kr_stocks", "size": "1d", "symbol": None, "zone": None}
T0 = datetime(2025, 9, 1, tzinfo=UTC)


def test_a_naive_time_is_refused_until_its_zone_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--tz UTC or --tz Asia/Seoul"):
        imported(tmp_path, ONE, zone=None)
    assert imported(tmp_path, ONE, zone="Asia/Seoul").report.first == "2025-08-31T15:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2025-09-01T00:00:00Z",
        "2025-09-01 09:00:00+09:00",
        "2025-08-31T20:00:00-0400",
        "2025-09-01 00:00:00.000000+00:00",
        "1756684800",
        "1756684800000",
        "1756684800000000",
        "1756684800000000000",
    ],
)
def test_a_time_that_names_its_moment_needs_no_zone(tmp_path: Path, text: str) -> None:
    report = imported(tmp_path, f"{HEADER}\n{text},1,2,1,2,5\n", zone=None).report
    assert report.first == "2025-09-01T00:00:00Z"


@pytest.mark.parametrize(
    "text",
    ["2025-09-01 09:00", "2025/09/01 09:00:00", "2025.09.01 09:00:00", "202509010900", "20250901090000"],
)
def test_local_times_are_read_in_the_named_zone(tmp_path: Path, text: str) -> None:
    report = imported(tmp_path, f"{HEADER}\n{text},1,2,1,2,5\n", zone="Asia/Seoul").report
    assert report.first == "2025-09-01T00:00:00Z"


def test_korean_headers_in_cp949_with_commas_and_lost_zeros(tmp_path: Path) -> None:
    header = "종목코드,일자,시가,고가,저가,종가,거래량,거래대금"
    text = f'{header}\n5930,20240102,"78,200","79,800","78,200","79,600","17,142,847",-\n'
    result = imported(tmp_path, text.encode("cp949"), **DAYS)
    assert result.report.encoding == "cp949"
    assert result.report.flaw("thousands_commas").count == 1
    assert result.report.flaw("code_rewritten").examples == ["symbol_written=5930 symbol=005930"]
    row = result.bars.row(0, named=True)
    assert (row["symbol"], row["close"], row["volume"], row["value"]) == (
        "005930",
        79_600.0,
        17_142_847.0,
        None,
    )
    assert row["start"] == datetime(2024, 1, 1, 15, tzinfo=UTC)  # midnight in Seoul


def test_day_and_time_in_two_columns(tmp_path: Path) -> None:
    text = "일자,시간,시가,고가,저가,종가,거래량\n20250901,0900,1,2,1,2,5\n20250901,090100,2,2,2,2,1\n"
    result = imported(tmp_path, text, **{**DAYS, "size": "1m", "symbol": "005930", "zone": "Asia/Seoul"})
    assert [str(moment) for moment in result.bars["start"]] == [
        "2025-09-01 00:00:00+00:00",
        "2025-09-01 00:01:00+00:00",
    ]


@pytest.mark.parametrize("suffix", ["csv.gz", "csv.zst", "csv"])
def test_compressed_or_not_is_the_same(tmp_path: Path, suffix: str) -> None:
    packs: dict[str, Callable[[bytes], bytes]]
    packs = {"csv": bytes, "csv.gz": gzip.compress, "csv.zst": zstandard.compress}
    pack = packs[suffix]
    assert imported(tmp_path, pack(ONE.encode()), name=f"a.{suffix}").bars["close"].to_list() == [2.0]


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "csv": bytes,
    "csv.gz": gzip.compress,
    "csv.zst": zstandard.compress,
}


@pytest.mark.parametrize("suffix", PACKED)
def test_a_file_of_many_pieces_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """Wherever a piece ends: within a row, in quotes, between two packed parts, on a blank line."""
    prices = ((at, at + 1, at + 9, at + 1, at + 5, at % 10) for at in range(60))
    rows = ['2025-09-01 00:{:02}:00,{},{},{},{},"1,00{}"'.format(*each) for each in prices]
    text = "\n".join([HEADER, *rows[:30], "", *rows[30:], rows[7], "nonsense,1,1,1,1,1"]) + "\n"
    whole = imported(tmp_path, text)
    pack, half = PACKED[suffix], len(text) // 2
    parts = pack(text[:half].encode()) + pack(text[half:].encode())
    for size in (1, 64, 1_000):
        monkeypatch.setattr("sise.warehouse.imports.pieces.PIECE_BYTES", size)
        pieces = imported(tmp_path, parts, name=f"candles.{suffix}")
        assert pieces.bars.drop("source").equals(whole.bars.drop("source"))
        assert pieces.report.dropped == {"unreadable_time": 2, "duplicate_equal": 1}
        assert {flaw.rule: flaw for flaw in pieces.report.flaws} == {
            flaw.rule: flaw for flaw in whole.report.flaws
        }
        assert pieces.report.read == whole.report.read == 63
    assert whole.report.flaw("thousands_commas").count == 61


def test_quotes_may_hold_a_line_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sise.warehouse.imports.pieces.PIECE_BYTES", 16)
    text = 'code,name,date,close\n005930,"Samsung\nElectronics",2024-01-02,5\n000660,x,2024-01-02,7\n'
    done = imported(tmp_path, text, **DAYS)
    assert done.bars.select("symbol", "close").rows() == [("000660", 7.0), ("005930", 5.0)]


def test_what_is_no_text_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    """The first rows say how the file is written; a later one may not be so."""
    rows = "".join(f"005930,삼성,2024-{at // 28 % 12 + 1:02}-{at % 28 + 1:02},5\n" for at in range(20_000))
    text = f"종목코드,종목명,일자,종가\n{rows}".encode("cp949") + b"005930,\xff\xff,2024-01-02,5\n"
    with pytest.raises(BadInput, match=r"cannot be read .*export it again"):
        imported(tmp_path, text, **DAYS)


def test_parquet_in_pieces_knows_days_from_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece whose times are all midnights, of a file whose other times are not."""
    monkeypatch.setattr("sise.warehouse.imports.pieces.PIECE_ROWS", 1)
    starts = [datetime(2025, 9, 1), datetime(2025, 9, 1, 0, 1)]  # noqa: DTZ001

    def read(count: int, **wanted: Any) -> Imported:
        written = io.BytesIO()
        pl.DataFrame({"start": starts[:count], "close": [1.0, 2.0][:count]}).write_parquet(written)
        return imported(tmp_path, written.getvalue(), name="a.parquet", **wanted)

    with pytest.raises(BadInput, match="name their zone"):
        read(2, zone=None)
    assert read(2, zone="Asia/Seoul").report.first == "2025-08-31T15:00:00Z"
    assert read(1, zone=None, size="1d").report.zone == "days of UTC"


def test_parquet_keeps_its_types_and_codes_as_numbers_get_their_zeros_back(tmp_path: Path) -> None:
    columns = {"code": [5930], "date": [datetime(2024, 1, 2)], "close": [79_600], "volume": [1]}  # noqa: DTZ001
    pl.DataFrame(columns).write_parquet(tmp_path / "a.parquet")
    result = imported(tmp_path, (tmp_path / "a.parquet").read_bytes(), name="b.parquet", **DAYS)
    assert result.bars["symbol"].to_list() == ["005930"]
    assert result.bars["open"].to_list() == [None]
    assert result.report.absent_columns == ["open", "high", "low", "value", "trades"]


def test_summer_time_leaves_hours_that_never_were_and_hours_that_were_twice(tmp_path: Path) -> None:
    hours = [f"2024-03-10 {hour:02}:00:00" for hour in (1, 2, 3)] + [
        f"2024-11-03 0{hour}:00:00" for hour in (0, 1, 2)
    ]
    text = "\n".join([HEADER, *(f"{hour},1,2,1,2,5" for hour in hours)])
    report = imported(tmp_path, text, size="1h", zone="America/New_York").report
    assert report.dropped == {"ambiguous_local_time": 1, "nonexistent_local_time": 1}
    assert report.flaw("nonexistent_local_time").examples == ["line=2 time=2024-03-10 02:00:00"]
    assert (report.read, report.kept) == (6, 4)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("yesterday,1,2,1,2,5", "unreadable_time"),
        ("2025-13-01 00:00:00,1,2,1,2,5", "unreadable_time"),
        (",1,2,1,2,5", "unreadable_time"),
        ("2025-09-01 00:01:00,1,2,1,two,5", "unreadable_number"),
        ('2025-09-01 00:01:00,1,2,1,"2,5",5', "unreadable_number"),
        ("2025-09-01 00:01:00,1,2,1,inf,5", "unreadable_number"),
        ("2025-09-01 00:01:00,1,2,1,,5", "no_price"),
        ("2025-09-01 00:01:00,1,2,1,NaN,5", "no_price"),
        ("2025-09-01 00:01:30,1,2,1,2,5", "off_grid"),
        ("2025-09-01 00:00:00,1,2,1,2,5", "duplicate_equal"),
        ("2025-09-01 00:00:00,1,2,1,2,4", "duplicate_conflict"),
    ],
)
def test_a_row_that_is_dropped_is_counted_under_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    result = imported(tmp_path, ONE + row + "\n")
    assert result.report.dropped == {reason: 1}
    assert (result.report.read, result.report.kept) == (2, 1)
    assert result.bars["volume"].to_list() == [5.0]


def test_no_trade_has_one_form_however_it_is_written(tmp_path: Path) -> None:
    rows = [
        "005930,20240102,0,0,0,500,0",
        "005930,20240103,500,500,500,500,0",
        "005930,20240104,500,510,490,505,7",
    ]
    result = imported(tmp_path, "\n".join(["code,date,open,high,low,close,volume", *rows]), **DAYS)
    assert result.bars["state"].to_list() == ["empty", "empty", "traded"]
    assert result.bars["open"].to_list() == [None, None, 500.0]
    assert result.bars["close"].to_list() == [500.0, 500.0, 505.0]
    assert result.report.no_trade_as == "flat and zeros"


def test_a_price_of_zero_beside_a_volume_is_missing_and_told(tmp_path: Path) -> None:
    result = imported(tmp_path, f"{HEADER}\n2025-09-01 00:00:00,0,2,0,2,5\n")
    assert result.bars.select("open", "high", "low", "close").row(0) == (None, 2.0, None, 2.0)
    assert result.report.flaw("zero_price").count == 1


def test_a_dividend_in_a_row_without_prices_is_a_fact_all_the_same(tmp_path: Path) -> None:
    text = "Date,Close,Dividends,Stock Splits\n2024-01-02,10,0,0\n2024-01-03,,0.5,0\n2024-01-04,5,0,2\n"
    result = imported(tmp_path, text, **{**DAYS, "market": "us_stocks", "symbol": "XLF"})
    assert result.report.dropped == {"no_price": 1}
    assert result.actions.select("kind", "value").rows() == [("dividend", 0.5), ("split", 2.0)]


@pytest.mark.parametrize(
    ("text", "said", "match"),
    [
        ("time,price\n1,2\n", {}, "no column for close"),
        ("1,2\n3,4\n", {}, "no column for time and close"),
        ("open,close\n1,2\n", {}, "no column for time"),
        (HEADER + "\n", {}, "a header and no rows"),
        ("", {}, "0 bytes"),
        (ONE, {"symbol": None}, "name the symbol"),
        (ONE, {"size": "2m"}, "use one of 1m 3m"),
        (ONE, {"market": "moon"}, "use one of"),
        (ONE, {"zone": "Mars/Base"}, "IANA"),
        (ONE, {"size": "1d", "zone": "Asia/Seoul"}, "look at --size, --tz and --market"),
        (ONE.replace(",5", ",5,6,7"), {}, "cannot be read"),
        ("timestamp,close\n2025-09-01 00:00:00,\n", {}, "1 no_price"),
        ("\n\n\n", {}, "(no column|cannot be read)"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_remedy(
    tmp_path: Path, text: str, said: dict[str, Any], match: str
) -> None:
    with pytest.raises(BadInput, match=match):
        imported(tmp_path, text, **said)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", b"no gzip"),
        ("a.csv.gz", gzip.compress(ONE.encode() * 50, mtime=0)[:60]),
        ("a.csv.zst", b"no zstd"),
        ("a.parquet", b"no parquet"),
        ("a.csv", b"\xff\xfe\x00t\x81"),
        ("a.xlsx", b"PK"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(BadInput):
        imported(tmp_path, content, name=name)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zst", "a.parquet"])
def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    rows = 500
    columns = {"timestamp": ["2025-09-01 00:00:00"] * rows, "close": [1.0] * rows}
    text = pl.DataFrame(columns).write_csv().encode()
    packed = io.BytesIO()
    pl.DataFrame(columns).write_parquet(packed)
    contents = {
        "a.csv": text,
        "a.csv.gz": gzip.compress(text),
        "a.csv.zst": zstandard.compress(text),
        "a.parquet": packed.getvalue(),
    }
    unpacked = rows * 2 * files.CELL_BYTES if name == "a.parquet" else len(text)
    monkeypatch.setattr(files, "FILE_BYTES_MAX", unpacked)
    assert imported(tmp_path, contents[name], name=name).report.read == rows
    monkeypatch.setattr(files, "FILE_BYTES_MAX", unpacked - 1)
    assert name == "a.csv" or len(contents[name]) < unpacked
    with pytest.raises(BadInput, match=r"unpacked it has more than .* split it"):
        imported(tmp_path, contents[name], name=name)


def test_an_unknown_symbol_is_answered_with_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="such as 005930"):
        imported(tmp_path, "code,date,close\n005930,20240102,5\n", **{**DAYS, "symbol": "000660"})


minutes = st.integers(0, 12)
prices = st.sampled_from(["1", "2.5", "", "nan", "x", "1,000", "0"])
volumes = st.sampled_from(["0", "1", "3", ""])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(minutes, prices, volumes), min_size=1, max_size=40))
def test_every_row_is_kept_once_or_dropped_for_one_reason(
    tmp_path: Path, rows: list[tuple[int, str, str]]
) -> None:
    rows = [*rows, (20, "7", "1")]
    moments = [(T0 + timedelta(minutes=at)).strftime("%Y-%m-%d %H:%M:%S") for at, _, _ in rows]
    cells = [
        f'{when},2,3,1,"{close}",{volume}' for when, (_, close, volume) in zip(moments, rows, strict=True)
    ]
    result = imported(tmp_path, "\n".join([HEADER, *cells]) + "\n")
    report = result.report
    assert report.read == len(rows) == report.kept + sum(report.dropped.values())
    assert result.bars["start"].is_sorted()
    assert not result.bars["start"].is_duplicated().any()
    # what has a readable price is there, whatever else is written of the same minute
    readable = {at for at, close, _ in rows if close not in ("", "nan", "x", "0")}
    kept = {int((start - T0).total_seconds()) // 60 for start in result.bars["start"]}
    assert readable <= kept
    written = {(at, float(close.replace(",", ""))) for at, close, _ in rows if close not in ("", "nan", "x")}
    for start, close in result.bars.select("start", "close").rows():
        assert (int((start - T0).total_seconds()) // 60, close) in written


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(8)))
def test_the_order_of_rows_changes_no_bar(tmp_path: Path, order: list[int]) -> None:
    rows = [f"2025-09-01 00:0{at}:00,1,3,1,2,{at + 1}" for at in range(8)]
    straight = imported(tmp_path, "\n".join([HEADER, *rows]))
    mixed = imported(tmp_path, "\n".join([HEADER, *(rows[at] for at in order)]))
    assert mixed.bars.drop("source").equals(straight.bars.drop("source"))
    descents = sum(later < earlier for earlier, later in pairwise(order))
    assert mixed.report.flaw("out_of_order").count == descents
