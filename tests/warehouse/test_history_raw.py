"""What a provider answered, kept beside the bars made of it: word for word, provable, without a secret."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sise.model.time import iso
from sise.warehouse.history import History
from sise.warehouse.history_entry import Entry, HistoryDamaged, Origin
from sise.warehouse.history_raw import Answers, RawAnswer, answers_in
from tests.acceptance.processes import pointed_at, pointed_at_kis, simulator, sise_json
from tests.warehouse.test_history import NOW, Breaking, bars

ORIGIN = Origin("upbit KRW-BTC 1m", "0" * 64, 1)
BODIES = [b'[{"a": 1}]', "시세\n".encode(), b"\xff\xfe not text", b""]


def heard(bodies: Sequence[bytes] = BODIES) -> Answers:
    answers = Answers()
    for number, body in enumerate(bodies):
        answers.add(f"/v1/candles?count={number}", 200, NOW + number, body)
    return answers


def kept(history: History) -> tuple[Entry, list[RawAnswer]]:
    (entry,) = history.entries()
    return entry, [answer for file in entry.raw for answer in answers_in(history.files, file)]


@given(st.lists(st.binary(max_size=50) | st.text(max_size=50).map(str.encode), min_size=1, max_size=5))
def test_answers_come_back_byte_for_byte(bodies: list[bytes]) -> None:
    class Memory(dict[str, bytes]):
        write, read = dict.__setitem__, dict.__getitem__

    files: Any = Memory()
    (file,) = heard(bodies).keep(files, "bars_1m", "upbit", "crypto", "a")
    told = list(answers_in(files, file))
    assert [each.content for each in told] == bodies
    assert [each.url for each in told] == [f"/v1/candles?count={at}" for at in range(len(bodies))]
    assert [each.received_at for each in told] == [iso(NOW + at) for at in range(len(bodies))]


def test_the_import_names_its_answers_and_another_source_has_none(tmp_path: Path) -> None:
    history = History.at(str(tmp_path))
    written = history.add("bars_1m", bars("provider", 1.0), ORIGIN, NOW, answers=heard())
    entry, told = kept(history)
    assert written == [entry.files[0].file, entry.raw[0].file]
    assert entry.raw[0].file == f"raw/bars_1m/provider=upbit/market=crypto/{entry.id}.jsonl.zst"
    assert (entry.raw[0].answers, len(told)) == (len(BODIES), len(BODIES))
    assert history.kinds() == ["bars_1m"]
    history.add("bars_1m", bars("import:a", 1.0), Origin("a", "1" * 64, 1), NOW + 1)
    assert [len(each.raw) for each in history.entries()] == [1, 0]
    assert history.bars("KRW-BTC", "1m").height == 1


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_changed_byte_of_an_answer_is_found(tmp_path: Path, damage: str) -> None:
    history = History.at(str(tmp_path))
    history.add("bars_1m", bars("provider", 1.0), ORIGIN, NOW, answers=heard())
    assert list(history.verify()) == []
    file = kept(history)[0].raw[0].file
    content = bytearray((tmp_path / file).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / file).unlink() if damage == "missing" else (tmp_path / file).write_bytes(content)
    assert [(each.file, each.kind) for each in history.verify()] == [(file, damage)]
    with pytest.raises((HistoryDamaged, FileNotFoundError)):
        kept(history)


@pytest.mark.parametrize("writes", [1, 2])
def test_an_import_whose_answers_were_cut_short_is_not_there(tmp_path: Path, writes: int) -> None:
    broken = History(Breaking(tmp_path, writes))
    with pytest.raises(KeyboardInterrupt):
        broken.add("bars_1m", bars("provider", 1.0), ORIGIN, NOW, answers=heard())
    assert History.at(str(tmp_path)).entries() == []


def proven(data: Path) -> tuple[pl.DataFrame, list[RawAnswer], str]:
    """The bars that a command kept, the answers behind them, and all that lies in the answers' file."""
    history = History.at(str(data / "history"))
    entry, answers = kept(history)
    assert list(history.verify()) == []
    return history.bars_of(entry), answers, "".join(each.url + each.body for each in answers)


def test_minutes_of_upbit_are_proven_by_its_own_words(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    start, end = (now - timedelta(minutes=ago) for ago in (400, 100))
    with simulator(tmp_path) as where:
        asked = ("--provider", "upbit", "--symbol", "KRW-BTC", "--size", "1m")
        span = ("--from", start.isoformat(), "--to", end.isoformat())
        sise_json(tmp_path, "candles", "backfill", *asked, *span, "--json", **pointed_at(where))
    bars, answers, _ = proven(tmp_path)
    told = {row["candle_date_time_utc"]: row for each in answers for row in json.loads(each.content)}
    assert len(answers) >= 2
    assert all(each.status == 200 and each.url.startswith("/v1/candles/minutes/1?") for each in answers)
    assert bars.height > 200
    for bar in bars.iter_rows(named=True):
        row = told[f"{bar['start']:%Y-%m-%dT%H:%M:%S}"]
        names = ("opening_price", "high_price", "low_price", "trade_price", "candle_acc_trade_volume")
        assert [row[name] for name in names] == [
            bar[name] for name in ("open", "high", "low", "close", "volume")
        ]


def test_days_of_kis_are_proven_and_no_key_or_token_lies_beside_them(tmp_path: Path) -> None:
    with simulator(tmp_path, provider="kis") as where:
        asked = ("--provider", "kis", "--symbol", "005930", "--size", "1d")
        first, last = (datetime.now(UTC).date() - timedelta(days=ago) for ago in (60, 10))
        span = ("--from", first.isoformat(), "--to", last.isoformat())
        point = pointed_at_kis(where, tmp_path / "tokens")
        sise_json(tmp_path, "candles", "backfill", *asked, *span, "--json", **point)
    bars, answers, everything = proven(tmp_path)
    told = {row["stck_bsop_date"]: row for each in answers for row in json.loads(each.content)["output2"]}
    seoul = ZoneInfo("Asia/Seoul")
    assert bars.height > 20
    for bar in bars.iter_rows(named=True):
        row = told[f"{bar['start'].astimezone(seoul):%Y%m%d}"]
        assert [float(row[name]) for name in ("stck_oprc", "stck_clpr", "acml_vol")] == [
            bar[name] for name in ("open", "close", "volume")
        ]
    tokens = [path.read_text() for path in (tmp_path / "tokens").rglob("*") if path.is_file()]
    secrets = [*where["credentials"].values(), *(word for text in tokens for word in text.split('"'))]
    long = {word for word in secrets if len(word) >= 16}
    assert len(long) >= 3, "no token lies in the folder: the test proves nothing"
    assert not [word for word in long if word in everything]
