"""Whatever was ever recorded of KIS for us decodes, and its numbers are unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sise.model.errors import Undecodable
from sise.model.events import Book, Control, MarketState, Snapshot, Trade, UnknownFields
from sise.model.time import in_zone, parse_iso
from sise.providers.kis import answers, master, notices, wire
from sise.providers.kis.charts import KOREA
from sise.providers.kis.decode import decode

RECEIVED = parse_iso("2026-09-22T14:06:11+09:00")


def data_frames(shared: Path) -> Iterator[bytes]:
    for line in (shared / "data/kis_ws/kis_ws_real_frames.jsonl").read_text().splitlines():
        yield json.loads(line)["raw"].encode()
    samples = shared / "wire/samples/kis"
    for path in sorted(samples.glob("ws_*.txt")):
        for line in path.read_text().splitlines():
            if "_record" in path.name and "stcni0" not in path.name:  # the record without its head
                yield f"0|{path.name[3:11].upper()}|001|{line}".encode()
            elif line.startswith("0|"):
                yield line.encode()


def written(text: str) -> Decimal:
    return Decimal(text)


def read(value: float | None) -> Decimal:
    assert value is not None
    return Decimal(repr(value))


def check_trades(frame: bytes, events: list[Any]) -> None:
    head, count, body = frame.decode().split("|", 3)[1:]
    fields = body.split("^")
    width = len(fields) // int(count)
    trades = [event for event in events if isinstance(event, Trade)]
    assert len(trades) == int(count)
    for n, trade in enumerate(trades):
        record = fields[n * width : (n + 1) * width]
        assert (trade.symbol, trade.venue) == (record[0], wire.FEEDS[head].venue)
        assert (read(trade.price), read(trade.size)) == (written(record[2]), written(record[12]))
        assert in_zone(trade.event_time, KOREA).strftime("%Y%m%d%H%M%S") == record[33] + record[1]
        assert trade.side == {"1": "buy", "5": "sell"}[record[21]]
        assert trade.trade_id.endswith(f"-{record[13]}")
    (snapshot,) = (event for event in events if isinstance(event, Snapshot))
    (book,) = (event for event in events if isinstance(event, Book))
    for value, column in zip((snapshot.open, snapshot.high, snapshot.low), (7, 8, 9), strict=True):
        assert read(value) == written(record[column])
    assert (read(snapshot.volume), read(snapshot.value)) == (written(record[13]), written(record[14]))
    assert read(snapshot.prev_close) == written(record[2]) - written(record[4])
    best = (book.ask_price, book.bid_price, book.ask_size, book.bid_size)
    assert [read(value) for value in best] == [written(record[column]) for column in (10, 11, 36, 37)]


def check_book(frame: bytes, events: list[Any]) -> None:
    (book,) = events
    record = frame.decode().split("|", 3)[3].split("^")
    best = (book.ask_price, book.bid_price, book.ask_size, book.bid_size)
    assert [read(value) for value in best] == [written(record[column]) for column in (3, 13, 23, 33)]
    assert in_zone(book.event_time, KOREA).strftime("%H%M%S") == record[1]
    assert book.depth == 10


def test_every_frame(shared: Path) -> None:
    seen: dict[str, int] = {}
    for frame in data_frames(shared):
        events = decode(frame, RECEIVED)
        assert events
        assert not any(isinstance(event, UnknownFields) for event in events), frame
        kind = frame[2:10].decode() if frame[:1] == b"0" else "control"
        seen[kind] = seen.get(kind, 0) + 1
        if kind.endswith("CNT0") and kind in wire.FEEDS:
            check_trades(frame, events)
        elif kind in wire.FEEDS:
            check_book(frame, events)
        else:
            told = [event for event in events if isinstance(event, Control)]
            assert told == events
            assert [event.state is not None for event in told] == [kind in wire.STATE_TR_IDS] * len(told)
    assert seen["H0STCNT0"] >= 9
    assert seen["H0STASP0"] >= 7
    assert seen.keys() >= {"H0STMKO0", "H0UNMKO0", "H0STOAC0", "HDFSCNT0", "HDFSASP0", "control"}


def test_the_states(shared: Path) -> None:
    folder = shared / "wire/samples/kis"
    example = (folder / "ws_h0stmko0_10f.txt").read_bytes().strip()
    live = b"0|H0UNMKO0|001|" + (folder / "ws_h0unmko0_live_202609_record.txt").read_bytes().strip()
    told = [event for frame in (example, live) for event in decode(frame, RECEIVED)]
    assert [event.state for event in told if isinstance(event, Control)] == [
        MarketState("396300", RECEIVED, False, "", "311", "55", "N", "", "KRX"),
        MarketState("100840", RECEIVED, False, "AB1", "112", "55", "N", "", "UN"),
    ]


def test_every_control_frame(shared: Path) -> None:
    names = []
    for sample in json.loads((shared / "wire/samples/kis/ws_control_frames.json").read_text()):
        if "raw" not in sample:
            continue
        (event,) = decode(sample["raw"].encode(), RECEIVED)
        assert isinstance(event, Control)
        names.append((event.kind, event.name))
    assert names == [
        *[("status", "OPSP0000")] * 2,
        ("status", "PINGPONG"),
        *(("error", f"OPSP{code}") for code in ("8996", "0017", "0011", "0011", "0003")),
    ]


def test_the_notice(shared: Path) -> None:
    vector = json.loads((shared / "wire/samples/kis/SYNTHETIC_h0stcni0_encrypted.json").read_text())
    ack = wire.ack(json.dumps(vector["ack"]).encode())
    assert ack is not None
    keys = notices.keys_of(ack)
    assert keys is not None
    frame = vector["frame"].encode()
    (notice,) = notices.open_notice(frame, keys)
    plain = vector["plaintext"].split("^")
    assert notice.account.reveal() == plain[1]
    assert (notice.symbol, notice.side, notice.filled, notice.refused) == ("136480", "buy", True, False)
    assert (notice.order_no, notice.quantity, notice.price, notice.hour) == ("2891", "1", "3190", "094941")
    assert plain[1] not in repr(notice)
    assert plain[1] not in repr(decode(frame, RECEIVED))
    for wrong in (
        frame[:-4],
        frame.replace(b"nFTm", b"nFTn"),
        frame[:-3] + b"***",
        frame.replace(b"001", b"002"),
    ):
        with pytest.raises(Undecodable) as refused:
            notices.open_notice(wrong, keys)
        assert plain[1] not in str(refused.value)
    with pytest.raises(Undecodable):
        notices.open_notice(frame, notices.NoticeKeys(keys.iv, keys.key))


def answer(shared: Path, name: str) -> tuple[bytes, Any]:
    body = (shared / f"wire/samples/kis/{name}.json").read_bytes()
    return body, json.loads(body)


def test_price_and_book(shared: Path) -> None:
    body, found = answer(shared, "rest_inquire_price_FHKST01010100")
    row = found["output"]
    quote = answers.price(body, "000660", "KRX", RECEIVED)
    state = quote.snapshot
    assert state is not None
    for value, name in (
        *((state.last_price, "stck_prpr"), (state.prev_close, "stck_sdpr"), (state.open, "stck_oprc")),
        *((state.volume, "acml_vol"), (state.value, "acml_tr_pbmn"), (quote.upper_limit, "stck_mxpr")),
        (quote.lower_limit, "stck_llam"),
    ):
        assert read(value) == written(row[name]), name
    assert (quote.halted, quote.warning, quote.vi) == (False, "00", "N")

    body, found = answer(shared, "rest_asking_price_FHKST01010200")
    row = found["output1"]
    book = answers.book(body, "000660", "KRX", RECEIVED)
    assert book.depth == 10
    assert read(book.ask_price) == written(row["askp1"])
    assert read(book.bid_size) == written(row["bidp_rsqn1"])


def test_charts(shared: Path) -> None:
    body, found = answer(shared, "rest_daily_chart_FHKST03010100_excerpt")
    (day,) = answers.daily(body, "000660")
    row = found["output2"][0]
    assert in_zone(day.bar_time, KOREA).strftime("%Y%m%d%H%M%S") == row["stck_bsop_date"] + "000000"
    assert (read(day.close), read(day.value)) == (written(row["stck_clpr"]), written(row["acml_tr_pbmn"]))
    body, found = answer(shared, "rest_minute_chart_FHKST03010200_excerpt")
    minutes = answers.minutes(body)
    for minute, row in zip(minutes, found["output2"], strict=True):
        assert minute.hour == row["stck_cntg_hour"]
        assert read(minute.value_so_far) == written(row["acml_tr_pbmn"])


def test_rank_calendar_and_many_prices(shared: Path) -> None:
    (ranked,) = answers.rank(answer(shared, "rest_volume_rank_FHPST01710000_excerpt")[0], "KRX", RECEIVED)
    assert (ranked.rank, ranked.symbol, ranked.snapshot.prev_close) == (2, "122630", 20555.0)
    assert (ranked.prev_volume, ranked.snapshot.value) == (10230019.0, 251128667105.0)
    assert f"{ranked.change_rate:.4f}" == "-0.0151", "prdy_ctrt"
    page = answers.trading_days(answer(shared, "rest_chk_holiday_CTCA0903R_excerpt")[0])
    assert [day.open for day in page.days] == [True] * 3
    assert page.next_key == "20230119".ljust(20)
    item = answer(shared, "rest_multprice_FHKST11300006_item")[1]
    (quote,) = answers.quotes(json.dumps({"rt_cd": "0", "output": [item]}).encode(), "KRX", RECEIVED)
    assert quote.snapshot is not None
    assert (quote.symbol, quote.snapshot.last_price, quote.book) == ("005930", 274500.0, None)


def test_every_refusal(shared: Path) -> None:
    for sample in json.loads((shared / "wire/samples/kis/rest_errors.json").read_text()):
        body = json.dumps(sample["body"]).encode()
        name = sample["body"].get("error_code") or sample["body"]["msg_cd"]
        found = answers.refusal(body)
        assert found is not None
        assert found[0] == name
        assert answers.busy(sample["http"], body) == (name == "EGW00201")
    for name in (
        "rest_tokenP_ok",
        "rest_inquire_price_FHKST01010100",
        "rest_daily_chart_FHKST03010100_excerpt",
    ):
        assert answers.refusal(answer(shared, name)[0]) is None


@pytest.mark.parametrize(
    ("market", "first"),
    [("kospi", ("005930", "삼성전자", 269000.0)), ("kosdaq", ("247540", "에코프로비엠", 103900.0))],
)
def test_the_masters(shared: Path, market: master.Market, first: tuple[str, str, float]) -> None:
    path = shared / f"wire/samples/kis/{market}_code_excerpt.mst"
    issues = master.issues(path.read_bytes(), market)
    names = path.with_suffix(".utf8.txt").read_text().splitlines()
    assert [f"{each.symbol:9}{each.isin}{each.name}" for each in issues] == [
        line[:61].split("  " * 4)[0].rstrip() for line in names if line
    ]
    assert (issues[0].symbol, issues[0].name, issues[0].base_price) == first
    assert all(each.is_share and each.halted is False and each.warning == "00" for each in issues)
    if market == "kosdaq":
        assert issues[1].symbol == "0004Y0"
    else:
        assert (issues[0].listed_on, issues[0].prev_volume) == ("19750611", 22517076.0)
