"""What the WebSocket carries as captured: trades, books, widths, events, notices."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sise.simulator.kis.notices import encrypted
from tests.simulator.kis_bench import BUSY, KoreanClock, bench, until

TRADE, BOOK, UNIFIED, NXT = "H0STCNT0", "H0STASP0", "H0UNCNT0", "H0NXCNT0"


async def test_trades_are_complete_and_in_order_and_in_the_sent_log() -> None:
    async with bench() as here:
        client = await here.connect()
        before = here.issue().krx.volume
        assert await client.code(TRADE, BUSY) == "OPSP0000"
        for _ in range(20):
            await here.pass_time(15)
        tape = here.issue().krx
        await until(lambda: bool(client.heard) and client.records(TRADE)[-1][13] == str(tape.volume))
        records = client.records(TRADE)
        assert before + sum(int(record[12]) for record in records) == tape.volume
        volumes = [int(record[13]) for record in records]
        assert volumes == sorted(volumes)
        counts = [len(frame.records) for frame in client.frames(TRADE)]
        assert max(counts) > 1
        assert max(counts) <= 20
        rows = (await here.control("GET", "/control/sent"))["rows"]
        assert [row["crc32"] for row in rows] == [f"{zlib.crc32(text.encode()):08x}" for text in client.heard]
        assert [row["acml_vol"] for row in rows] == [int(f.records[-1][13]) for f in client.frames(TRADE)]
        assert [row["records"] for row in rows] == counts


async def test_records_do_not_depend_on_how_time_is_cut() -> None:
    heard: list[list[str]] = []
    for step in (1.0, 4.0):
        async with bench() as here:
            client = await here.connect()
            await client.ask(TRADE, BUSY)
            await client.ask(BOOK, BUSY)
            for _ in range(int(40 / step)):
                await here.pass_time(step)
            await client.quiet()
            heard.append(client.heard)
    assert sorted(heard[0]) == sorted(heard[1])
    assert len(heard[0]) > 20


async def test_nxt_and_the_unified_feed() -> None:
    async with bench() as here:
        client = await here.connect()
        plain = next(
            one.code
            for one in here.simulator._market.listings()
            if not one.nxt and one.trades_per_day > 500 and len(one.code) == 6
        )
        for tr_id, code in ((TRADE, BUSY), (NXT, BUSY), (UNIFIED, BUSY), (UNIFIED, plain), (TRADE, plain)):
            assert await client.code(tr_id, code) == "OPSP0000"
        for _ in range(10):
            await here.pass_time(30)
        await until(lambda: bool(client.frames(NXT)) and len(client.frames(UNIFIED)) > 20)
        await client.quiet()
        ours, theirs = client.records(TRADE), client.records(NXT)
        unified = client.records(UNIFIED)
        assert {record[0] for record in unified} == {BUSY}  # a plain issue is silent on the unified feed
        assert plain in {record[0] for record in ours}
        mine = [record for record in ours if record[0] == BUSY]
        assert len(unified) == len(mine) + len(theirs)
        assert sorted(r[12] for r in unified) == sorted(r[12] for r in (*mine, *theirs))


@pytest.mark.parametrize(
    ("options", "day", "widths"),
    [
        ({}, "2026-11-20", (47, 63)),
        ({}, "2026-09-11", (46, 62)),
        ({}, "2026-05-29", (46, 59)),
        ({"trade_width": 46, "book_width": 59}, "2026-11-20", (46, 59)),
    ],
)
async def test_widths_by_the_day_or_as_asked(
    options: dict[str, int], day: str, widths: tuple[int, int]
) -> None:
    async with bench(KoreanClock(f"{day}T09:10:00"), **options) as here:
        client = await here.connect()
        await client.ask(TRADE, BUSY)
        await client.ask(BOOK, BUSY)
        await here.pass_time(30)
        await until(lambda: bool(client.frames(TRADE)) and bool(client.frames(BOOK)))
        assert {len(record) for record in client.records(TRADE)} == {widths[0]}
        assert {len(record) for record in client.records(BOOK)} == {widths[1]}
        assert {len(frame.records) for frame in client.frames(BOOK)} == {1}


async def test_before_the_opening_there_are_expected_prices_and_no_trades() -> None:
    async with bench(KoreanClock("2026-11-20T08:52:00")) as here:
        client = await here.connect()
        for tr_id in (TRADE, BOOK, "H0STANC0"):
            await client.ask(tr_id, BUSY)
        await here.pass_time(30)
        await until(lambda: bool(client.frames("H0STANC0")) and bool(client.frames(BOOK)))
        assert client.records(TRADE) == []
        expected = client.records("H0STANC0")[0]
        assert (len(expected), expected[13], expected[43]) == (45, "0", "B")
        assert int(expected[2]) > 0
        book = client.records(BOOK)[0]
        assert (book[2], int(book[47]) > 0) == ("B", True)


async def test_expected_trades_on_the_trade_feed_are_a_switch() -> None:
    async with bench(KoreanClock("2026-11-20T08:52:00"), expected_as_trades=True) as here:
        client = await here.connect()
        await client.ask(TRADE, BUSY)
        await here.pass_time(10)
        await until(lambda: bool(client.frames(TRADE)))
        assert {(record[43], record[13]) for record in client.records(TRADE)} == {("B", "0")}


async def test_an_interruption_is_an_event_and_expected_values() -> None:
    async with bench() as here:
        client = await here.connect()
        for tr_id in (TRADE, BOOK, "H0STMKO0", "H0STANC0"):
            await client.ask(tr_id, BUSY)
        surge = {"code": BUSY, "seconds": 300, "rate": 10, "move_percent": 25}
        await here.control("POST", "/control/surge", surge)
        for _ in range(40):
            await here.pass_time(15)
            if len(client.records("H0STMKO0")) >= 2:
                break
            await asyncio.sleep(0.02)
        events = client.records("H0STMKO0")
        assert [event[8] for event in events[:2]] == ["Y", "N"]
        assert {len(event) for event in events} == {10}
        assert "C" in {record[2] for record in client.records(BOOK)}
        assert "C" in {record[43] for record in client.records("H0STANC0")}


async def test_notices_are_encrypted_with_the_answer_s_keys() -> None:
    async with bench() as here:
        client = await here.connect()
        answer = await client.ask("H0STCNI0", here.addresses.credentials.hts_id)
        assert answer["header"]["encrypt"] == "Y"
        sent = await here.control("POST", "/control/notice", {"code": BUSY, "quantity": 3, "price": 274000})
        await until(lambda: bool(client.heard))
        flag, tr_id, count, payload = client.heard[0].split("|", 3)
        assert (flag, tr_id, count) == ("1", "H0STCNI0", "001")
        output = answer["body"]["output"]
        text = _decrypted(payload, output["key"], output["iv"])
        assert text == sent["plaintext"]
        fields = text.split("^")
        assert (len(fields), fields[8], int(fields[9]), int(fields[10]), fields[13]) == (
            26,
            BUSY,
            3,
            274000,
            "2",
        )


def _decrypted(payload: str, key: str, iv: str) -> str:
    decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).decryptor()
    padded = decryptor.update(base64.b64decode(payload)) + decryptor.finalize()
    return padded[: -padded[-1]].decode()


def test_the_cipher_is_that_of_the_test_vector(shared: Path) -> None:
    vector = json.loads((shared / "wire/samples/kis/SYNTHETIC_h0stcni0_encrypted.json").read_text())
    keys = vector["ack"]["body"]["output"]
    made = encrypted(vector["plaintext"], keys["key"], keys["iv"])
    assert f"1|H0STCNI0|001|{made.decode()}" == vector["frame"]
