"""The history: nothing twice, nothing overwritten, nothing half there, and readable by any tool."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

import sise
from sise.model.errors import BadInput, Unreachable
from sise.warehouse.candles import SCHEMA
from sise.warehouse.candles_export import check_name
from sise.warehouse.candles_store import store
from sise.warehouse.history import History
from sise.warehouse.history_check import check
from sise.warehouse.history_entry import HistoryDamaged, Origin
from sise.warehouse.history_files import LocalFiles
from sise.warehouse.history_raw import Answers, answers_in
from sise.warehouse.history_ticks import Day, keep_ticks, latest, rows_of
from sise.warehouse.imports.read import Wanted, read_candles
from tests.warehouse.candle_files import HEADER, Row, frame, real
from tests.warehouse.tick_rows import ticks

NOW = 1_763_600_000_000_000_000
SECOND = 1_000_000_000
COIN = Wanted(provider="upbit", market="crypto", size="1m", symbol="KRW-BTC", zone="UTC")
BUCKET = "sise-test"


def origin(name: str) -> Origin:
    return Origin(name, f"{name:0<64}", 1)


def bars(source: str, *closes: float, first: int = 0, symbol: str = "KRW-BTC") -> pl.DataFrame:
    rows: list[Row] = [
        (symbol, f"2025-09-01T00:{first + at:02}+00:00", close, close, close, close, 1.0)
        for at, close in enumerate(closes)
    ]
    return frame(rows, source=source)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An S3 server on the loopback interface with one bucket."""
    server_of = pytest.importorskip("moto.server", reason="MOTO ABSENT: the history on S3 was not tested")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    kept = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    try:
        import urllib.request

        urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/{BUCKET}", method="PUT")).close()
        yield f"s3://{BUCKET}"
    finally:
        os.environ.clear()
        os.environ.update(kept)
        server.stop()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "history")
    return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"


def test_what_is_kept_comes_back_equal_and_a_second_time_changes_nothing(place: str, tmp_path: Path) -> None:
    file = tmp_path / "minutes.csv"
    file.write_text(f"{HEADER}\n2025-08-31 23:59:00,1,2,1,2,5\n2025-09-01 00:00:00,2,3,2,3,0.00000001\n")
    imported, history = read_candles(file, COIN), History.at(place)
    written = store(history, imported, COIN, NOW)
    assert [name.split("/")[3] for name in written] == ["period=2025-08", "period=2025-09"]
    before = history.files.names("")
    renamed = read_candles(file.rename(tmp_path / "again.csv"), COIN)
    assert store(history, renamed, COIN, NOW + SECOND) == []
    assert store(history, imported, COIN, NOW + SECOND) == []
    assert History.at(place).files.names("") == before
    assert history.bars("KRW-BTC", "1m").equals(imported.bars)
    assert list(history.verify()) == []
    (entry,) = history.entries()
    assert (entry.made_from.sha256, entry.rows, entry.symbols) == (imported.report.sha256, 2, ["KRW-BTC"])


def test_ticks_and_answers_are_kept_wherever_the_history_lies(place: str) -> None:
    history, day = History.at(place), Day("upbit", "crypto", date(2026, 11, 20))
    trades = ticks(20)
    (name,) = keep_ticks(history, "ticks", day, [trades], NOW)
    assert keep_ticks(history, "ticks", day, [trades], NOW + SECOND) == []
    (entry,) = latest(history.entries("ticks")).values()
    assert entry.files[0].file == name
    (found,) = rows_of(history, entry, pl.col("symbol") == "KRW-BTC")
    assert found.equals(trades)
    answers = Answers()
    answers.add("/v1/candles/minutes/1?count=1", 200, NOW, b"[]")
    history.add("bars_1m", bars("provider", 1.0), origin("p"), NOW, answers=answers)
    (kept,) = history.entries("bars_1m")
    assert [each.content for each in answers_in(history.files, kept.raw[0])] == [b"[]"]
    assert list(history.verify()) == []


def test_sources_lie_side_by_side_and_one_goes_before_the_other(place: str) -> None:
    history = History.at(place)
    for number, (source, close) in enumerate(
        [("resample:1m", 1.0), ("journal", 5.0), ("import:b", 3.0), ("import:a", 2.0), ("provider", 4.0)]
    ):
        history.add("bars_1m", bars(source, close), origin(source), NOW + number * SECOND)

    def shown(**asked: str) -> list[tuple[str, float]]:
        return history.bars("KRW-BTC", "1m", **asked).select("source", "close").rows()  # type: ignore[arg-type]

    assert shown() == [("journal", 5.0)]
    assert shown(source="import:b") == [("import:b", 3.0)]
    assert len(history.entries("bars_1m")) == 5


def test_of_two_files_the_one_added_last_is_read_and_only_where_it_has_bars(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    history.add("bars_1m", bars("import:z", 1.0, 1.0, 1.0), origin("z"), NOW)
    history.add("bars_1m", bars("import:a", 2.0, first=1), origin("a"), NOW + SECOND)
    assert history.bars("KRW-BTC", "1m")["close"].to_list() == [1.0, 2.0, 1.0]


def test_what_we_heard_stands_even_where_it_is_unknown(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    hole = bars("journal", 1.0).with_columns(state=pl.lit("unknown"), coverage_ratio=pl.lit(0.5))
    history.add("bars_1m", bars("import:a", 9.0, 9.0), origin("a"), NOW)
    history.add("bars_1m", hole, origin("j"), NOW)
    assert history.bars("KRW-BTC", "1m").select("close", "state").rows() == [
        (1.0, "unknown"),
        (9.0, "traded"),
    ]


class Breaking(LocalFiles):
    """A folder whose machine dies at the ``at``-th write."""

    def __init__(self, root: Path, at: int) -> None:
        super().__init__(root)
        self.left = at

    def write(self, name: str, content: bytes) -> None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        super().write(name, content)


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_an_import_that_is_cut_short_is_not_there_and_is_simply_done_again(
    tmp_path: Path, writes: int
) -> None:
    two_months = pl.concat(
        [bars("import:a", 1.0), bars("import:a", 2.0).with_columns(pl.col("start").dt.offset_by("1mo"))]
    )
    with pytest.raises(KeyboardInterrupt):
        History(Breaking(tmp_path, writes)).add("bars_1m", two_months, origin("a"), NOW)
    history = History.at(str(tmp_path))
    with pytest.raises(BadInput, match="sise candles list"):
        history.bars("KRW-BTC", "1m")
    history.add("bars_1m", two_months, origin("a"), NOW)
    assert history.bars("KRW-BTC", "1m")["close"].to_list() == [1.0, 2.0]
    assert len([name for name in history.files.names("") if name.endswith(".parquet")]) == 2


def test_damage_is_named(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    first, second = (history.add("bars_1m", bars(f"import:{n}", 1.0), origin(n), NOW)[0] for n in "ab")
    (tmp_path / first).unlink()
    content = bytearray((tmp_path / second).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / second).write_bytes(content)
    assert {(each.file, each.kind) for each in history.verify()} == {(first, "missing"), (second, "changed")}


@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_a_reader_is_told_of_damage_and_given_no_bars(tmp_path: Path, kind: str) -> None:
    history = History.at(str(tmp_path))
    history.add("bars_1m", bars("import:a", 1.0), origin("a"), NOW)
    (path,) = tmp_path.rglob(f"*.{kind}")
    path.write_bytes(b"{x")
    with pytest.raises(HistoryDamaged, match="sise candles check"):
        history.bars("KRW-BTC", "1m")


def test_any_tool_reads_it(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    history.add("bars_1m", bars("import:a", 1.0, 2.0), origin("a"), NOW)
    glob = str(tmp_path / "bars_1m" / "**" / "*.parquet")
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        rows = base.execute(
            "SELECT provider, market, period, symbol, epoch_us(start), close "
            f"FROM read_parquet('{glob}', hive_partitioning=true) WHERE market = 'crypto' ORDER BY start"
        ).fetchall()
    at = 1_756_684_800_000_000
    assert rows == [
        ("upbit", "crypto", "2025-09", "KRW-BTC", at, 1.0),
        ("upbit", "crypto", "2025-09", "KRW-BTC", at + 60_000_000, 2.0),
    ]
    read = pl.read_parquet(glob)
    assert list(read.columns)[: len(SCHEMA)] == list(SCHEMA)
    assert read.schema["start"] == pl.Datetime("us", "UTC")


def test_a_reader_asks_for_a_span_some_symbols_or_all(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    both = pl.concat([bars("import:a", 1.0, 2.0, 3.0), bars("import:a", 7.0, symbol="KRW-ETH")])
    history.add("bars_1m", both, origin("a"), NOW)
    start, end = (datetime(2025, 9, 1, 0, minute, tzinfo=UTC) for minute in (1, 2))
    assert history.bars("KRW-BTC", "1m", start=start, end=end)["close"].to_list() == [2.0]
    assert history.bars(None, "1m").height == 4
    assert history.bars(["KRW-ETH"], "1m")["close"].to_list() == [7.0]


def test_several_providers_are_never_mixed(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    history.add("bars_1m", bars("import:a", 1.0), origin("a"), NOW)
    history.add("bars_1m", bars("import:b", 2.0).with_columns(provider=pl.lit("other")), origin("b"), NOW)
    with pytest.raises(
        BadInput, match="--provider other --market crypto or --provider upbit --market crypto"
    ):
        history.bars("KRW-BTC", "1m")
    assert history.bars("KRW-BTC", "1m", provider="other")["close"].to_list() == [2.0]


def at_venues(source: str, **closes: float) -> pl.DataFrame:
    return pl.concat(bars(source, close).with_columns(venue=pl.lit(name)) for name, close in closes.items())


def test_venues_of_one_provider_are_never_mixed(place: str) -> None:
    history = History.at(place)
    history.add("bars_1m", at_venues("journal", KRX=1.0, NXT=2.0), origin("a"), NOW)
    history.add("bars_1m", at_venues("import:b", KRX=3.0), origin("b"), NOW + SECOND)
    late = datetime(2030, 1, 1, tzinfo=UTC)
    for asked in ({}, {"adjusted": True}, {"start": late}):
        with pytest.raises(BadInput, match="several have KRW-BTC: add --venue KRX or --venue NXT"):
            history.bars("KRW-BTC", "1m", **asked)
    with pytest.raises(BadInput, match="--venue"):
        history.bars("KRW-BTC", "1m", venue="ABC")
    assert history.bars("KRW-BTC", "1m", venue="KRX")["close"].to_list() == [1.0]
    assert history.bars("KRW-BTC", "1m", venue="NXT")["close"].to_list() == [2.0]
    # one source alone may be of one venue: then nothing is open
    assert history.bars("KRW-BTC", "1m", source="import:b")["close"].to_list() == [3.0]


def test_symbols_of_different_venues_are_one_answer(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    other = bars("journal", 7.0, symbol="KRW-ETH").with_columns(venue=pl.lit("NXT"))
    history.add("bars_1m", pl.concat([bars("journal", 1.0), other]), origin("a"), NOW)
    assert history.bars(None, "1m")["venue"].to_list() == ["UPBIT", "NXT"]


def test_the_rules_of_quality_look_at_each_venue_alone(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    history.add("bars_1m", at_venues("journal", KRX=1_000.0, NXT=2_000.0), origin("a"), NOW)
    history.add("bars_1m", at_venues("import:b", NXT=2_000.0), origin("b"), NOW + SECOND)
    assert check(history).is_empty()
    history.add("bars_1m", at_venues("import:c", NXT=3_000.0), origin("c"), NOW + SECOND)
    found = check(history)
    assert set(found["rule"]) == {"sources_differ"}
    assert set(found["venue"]) == {"NXT"}


def test_adjusted_prices_are_never_taken_for_raw_ones(shared: Path, tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    for number, (file, adjusted) in enumerate(
        [("us_sector_unadj_div_split_2000_2025", False), ("us_sector_adj_2015_2025", True)]
    ):
        wanted = Wanted(provider="yahoo", market="us_stocks", size="1d", adjusted=adjusted)
        path = shared / "data" / "us_daily" / f"{file}.csv.gz"
        store(history, real(path, wanted), wanted, NOW + number * SECOND)
    raw, derived = (history.bars("SPY", "1d", adjusted=each) for each in (False, True))
    assert raw["source"].unique().to_list() == derived["source"].unique().to_list()
    assert raw.height == derived.height == 6_323
    assert raw["close"][-1] == derived["close"][-1]
    assert derived["close"][0] < 0.75 * raw["close"][0]
    assert raw.equals(history.bars("SPY", "1d"))
    # a span is adjusted by what came after it
    early = datetime(2015, 1, 3, tzinfo=UTC)
    assert history.bars("SPY", "1d", adjusted=True, end=early).equals(derived.filter(pl.col("start") < early))
    with pytest.raises(BadInput, match="only adjusted prices are held"):
        history.bars("XLRE", "1d")


def test_a_fact_that_is_told_anew_is_a_new_version(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    for number, value in enumerate([0.5, 0.6]):
        fact = {"provider": "y", "market": "us_stocks", "symbol": "A", "ex": datetime(2024, 1, 2, tzinfo=UTC)}
        row = pl.DataFrame([{**fact, "kind": "dividend", "value": value, "source": f"import:{number}"}])
        rows = row.with_columns(pl.col("ex").cast(pl.Datetime("us", "UTC")))
        history.add("actions", rows, origin(str(number)), NOW + number * SECOND)
    assert history.actions().select("value", "version").rows() == [(0.6, 2)]
    assert history.actions("import:0").select("value").rows() == [(0.5,)]


@pytest.mark.parametrize(("name", "told"), [("a.xlsx", "end the name with"), ("no/a.csv", "no such folder")])
def test_an_export_that_cannot_be_written_is_refused_before_anything_is_read(
    tmp_path: Path, name: str, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        check_name(tmp_path / name)


def test_a_data_folder_is_asked_with_the_history_that_is_set_for_it(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    History.at(place).add("bars_1m", bars("import:a", 1.0, 2.0), origin("a"), NOW)
    for name in ("data", "other"):
        (tmp_path / name / "scalp").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SISE_HISTORY", place)
    monkeypatch.delenv("SISE_DATA_DIR", raising=False)
    for own in ("data", tmp_path / "data"):
        with sise.connect(own) as reader:
            assert reader.bars("KRW-BTC")["close"].to_list() == [1.0, 2.0]
    with sise.connect("other") as reader, pytest.raises(BadInput, match="no bars at all"):
        reader.bars("KRW-BTC")
    with sise.connect(place) as reader:
        assert reader.symbols()["symbol"].to_list() == ["KRW-BTC"]
    monkeypatch.setenv("SISE_DATA_DIR", "other")
    with sise.connect("other") as reader:
        assert reader.bars("KRW-BTC").height == 2


def test_a_bucket_that_is_not_there_is_said(bucket: str) -> None:
    with pytest.raises(Unreachable, match="bucket"):
        History.at("s3://no-such-bucket/x").files.write("a", b"1")


def test_a_place_of_another_kind_is_refused_without_showing_its_secrets() -> None:
    with pytest.raises(BadInput, match="name a folder or s3://") as refused:
        History.at("https://user:secret@host/x")
    assert "secret" not in str(refused.value)
