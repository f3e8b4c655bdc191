"""The WebSocket as captured: answers, limits, one session, keep-alive, faults."""

from __future__ import annotations

import asyncio
import json
import zlib
from pathlib import Path

import aiohttp
import pytest
import websockets

from tests.simulator.kis_bench import BUSY, Bench, Client, bench, until

TRADE, BOOK, UNIFIED = "H0STCNT0", "H0STASP0", "H0UNCNT0"


def _codes(here: Bench, count: int) -> list[str]:
    return [listing.code for listing in here.simulator._market.listings() if len(listing.code) == 6][:count]


async def test_a_registration_is_acknowledged_as_captured(shared: Path) -> None:
    samples = json.loads((shared / "wire/samples/kis/ws_control_frames.json").read_text())
    captured = json.loads(samples[0]["raw"])
    async with bench() as here:
        client = await here.connect()
        answer = await client.ask(TRADE, BUSY)
        assert _shape(answer) == _shape(captured)
        assert answer["header"] == {"tr_id": TRADE, "tr_key": BUSY, "encrypt": "N"}
        assert (answer["body"]["msg_cd"], answer["body"]["msg1"]) == ("OPSP0000", "SUBSCRIBE SUCCESS")
        output = answer["body"]["output"]
        assert (len(output["iv"]), len(output["key"])) == (16, 32)
        other = await client.ask(BOOK, BUSY)
        assert other["body"]["output"] != output


def _shape(value: object) -> object:
    return (
        {name: _shape(member) for name, member in value.items()} if isinstance(value, dict) else type(value)
    )


async def test_the_forty_second_is_refused_and_the_others_go_on() -> None:
    async with bench() as here:
        client = await here.connect()
        codes = _codes(here, 42)
        answers = [await client.code(BOOK if i % 2 else TRADE, code) for i, code in enumerate(codes)]
        assert answers == ["OPSP0000"] * 41 + ["OPSP0008"]
        assert await client.code(TRADE, codes[0], "2") == "OPSP0001"
        assert await client.code(TRADE, BUSY) == "OPSP0000"
        await here.pass_time(60)
        await until(lambda: bool(client.frames(TRADE)))


async def test_duplicates_and_what_was_never_registered() -> None:
    async with bench() as here:
        client = await here.connect()
        assert await client.code(TRADE, BUSY) == "OPSP0000"
        twice = await client.ask(TRADE, BUSY)
        assert (twice["body"]["msg_cd"], twice["body"]["rt_cd"]) == ("OPSP0002", "1")
        assert await client.code(BOOK, BUSY, "2") == "OPSP0003"
        assert await client.code(TRADE, BUSY, "2") == "OPSP0001"
        assert await client.code(TRADE, BUSY, "2") == "OPSP0003"
        await here.pass_time(60)
        await client.quiet()
        assert client.heard == []


@pytest.mark.parametrize(
    ("request_text", "code"),
    [
        ("{", "OPSP9999"),
        ("[]", "OPSP9998"),
        ('{"header": {}}', "OPSP9992"),
        ('{"header": {}, "body": {}}', "OPSP9991"),
        ('{"header": {}, "body": {"input": {"tr_id": "H0STCNT0"}}}', "OPSP9990"),
        ('{"header": {}, "body": {"input": {"tr_id": "H0STXXX0", "tr_key": "005930"}}}', "OPSP8991"),
        ('{"header": {}, "body": {"input": {"tr_id": "H0STCNT0", "tr_key": "005 930"}}}', "OPSP8992"),
        ('{"header": {}, "body": {"input": {"tr_id": "H0STCNT0", "tr_key": "005930"}}}', "OPSP9996"),
    ],
)
async def test_what_is_wrong_is_named(request_text: str, code: str) -> None:
    async with bench() as here:
        client = await here.connect()
        await client.socket.send_str(request_text)
        await until(lambda: bool(client.said))
        assert client.said[0]["body"]["msg_cd"] == code


async def test_bad_headers_are_named() -> None:
    async with bench() as here:
        client = await here.connect()
        assert await client.code(TRADE, BUSY, "0") == "OPSP8997"
        assert await client.code(TRADE, BUSY, custtype="X") == "OPSP8998"
        refused = await client.ask(TRADE, BUSY, approval_key="no-such-key")
        assert refused["body"]["msg1"] == "invalid approval : no-such-key"
        assert refused["body"]["msg_cd"] == "OPSP0011"


async def test_the_second_session_is_told_so_and_dropped() -> None:
    async with bench() as here:
        first, second = await here.connect(), await here.connect("/")
        assert await first.code(TRADE, BUSY) == "OPSP0000"
        refused = await second.ask(TRADE, BUSY)
        assert refused == {
            "header": {"tr_id": "(null)", "tr_key": "", "encrypt": "N"},
            "body": {"rt_cd": "9", "msg_cd": "OPSP8996", "msg1": "ALREADY IN USE appkey"},
        }
        assert await second.ended()
        await here.pass_time(60)
        await until(lambda: bool(first.heard))


async def test_a_session_that_was_closed_frees_its_place_at_once() -> None:
    async with bench() as here:
        first = await here.connect()
        assert await first.code(TRADE, BUSY) == "OPSP0000"
        await first.close()
        await until(lambda: here.simulator._hub.lines == {})
        again = await here.connect()
        assert await again.code(TRADE, BUSY) == "OPSP0000"


async def test_a_session_that_broke_sticks_and_hammering_makes_it_longer() -> None:
    async with bench(sticky_seconds=15.0) as here:
        first = await here.connect()
        assert await first.code(TRADE, BUSY) == "OPSP0000"
        await here.fault(kind="drop")
        assert await first.ended()
        for _ in range(3):
            here.clock.move(10.0)
            hasty = await here.connect()
            assert await hasty.code(TRADE, BUSY) == "OPSP8996"
        here.clock.move(16.0)
        patient = await here.connect()
        assert await patient.code(TRADE, BUSY) == "OPSP0000"


async def test_a_sticky_slot_is_nobodys_for_a_while() -> None:
    async with bench(sticky_seconds=1.0) as here:
        first = await here.connect()
        assert await first.code(TRADE, BUSY) == "OPSP0000"
        await here.fault(kind="sticky_slot", seconds=60)
        assert await first.ended()
        here.clock.move(50.0)
        hasty = await here.connect()
        assert await hasty.code(TRADE, BUSY) == "OPSP8996"
        assert await hasty.ended()
        here.clock.move(11.0)
        patient = await here.connect()
        assert await patient.code(TRADE, BUSY) == "OPSP0000"


async def test_keep_alive_takes_a_pong_or_an_echo_and_ends_who_gives_neither() -> None:
    async with bench() as here:
        client = await here.connect()
        client.echoes = False
        for answer in ("echo", "pong"):
            client.said.clear()
            await here.pass_time(10.5)
            await until(lambda: bool(client.said))
            said = client.said[0]
            assert said["header"]["tr_id"] == "PINGPONG"
            assert said["header"]["datetime"].startswith("202611200910")
            assert "body" not in said
            if answer == "echo":
                await client.socket.send_str(json.dumps(said))
            else:
                await client.socket.pong(json.dumps(said).encode())
            line = next(iter(here.simulator._hub.lines.values()))
            await until(lambda line=line: line.unanswered_pingpongs == 0)  # type: ignore[misc]
        for _ in range(7):
            await here.pass_time(10.5)
            await asyncio.sleep(0.02)
        assert await client.ended()


async def test_a_wrong_hts_id_ends_the_line() -> None:
    async with bench() as here:
        client = await here.connect()
        answer = await client.ask("H0STCNI0", "SISETEST")  # case matters
        assert (answer["header"]["tr_id"], answer["body"]["msg_cd"]) == ("(null)", "OPSP0017")
        assert await client.ended()


async def test_the_mock_host_has_fewer_streams() -> None:
    async with bench(mock=True) as here:
        client = await here.connect()
        assert await client.code(UNIFIED, BUSY) == "OPSP8991"
        assert await client.code("H0STCNI0", here.addresses.credentials.hts_id) == "OPSP8991"
        assert await client.code("H0STCNI9", here.addresses.credentials.hts_id) == "OPSP0000"
        assert await client.code(TRADE, BUSY) == "OPSP0000"


async def _registered(here: Bench) -> Client:
    client = await here.connect()
    assert await client.code(TRADE, BUSY) == "OPSP0000"
    return client


async def test_faults_of_registrations() -> None:
    async with bench() as here:
        client = await _registered(here)
        await here.fault(kind="register_error", code="OPSP0009")
        assert await client.code(BOOK, BUSY) == "OPSP0009"
        assert await client.code(BOOK, BUSY) == "OPSP0000"
        await here.fault(kind="null_header")
        refused = await client.ask(UNIFIED, BUSY)
        assert (refused["header"]["tr_id"], refused["body"]["msg_cd"]) == ("(null)", "OPSP9993")
        await here.fault(kind="session_busy")
        assert await client.code(UNIFIED, BUSY) == "OPSP8996"
        assert await client.ended()


async def test_invalid_utf8_ends_a_strict_client_and_is_in_the_log() -> None:
    async with bench() as here:
        await here.fault(kind="invalid_utf8")
        key = await here.approval()
        async with websockets.connect(here.addresses.ws, ping_interval=None, max_queue=None) as socket:
            head = {"approval_key": key, "custtype": "P", "tr_type": "1", "content-type": "utf-8"}
            body = {"input": {"tr_id": TRADE, "tr_key": BUSY}}
            await socket.send(json.dumps({"header": head, "body": body}))
            assert "OPSP0000" in str(await socket.recv())
            await here.pass_time(30)
            frame = await socket.recv(decode=False)
            assert isinstance(frame, bytes)
            with pytest.raises(UnicodeDecodeError):
                frame.decode()
        rows = (await here.control("GET", "/control/sent"))["rows"]
        assert rows[0]["fault"] == "invalid_utf8"
        assert rows[0]["crc32"] == f"{zlib.crc32(frame):08x}"


async def test_a_silent_line_stays_open_without_a_word() -> None:
    async with bench() as here:
        client = await _registered(here)
        await here.fault(kind="silent", seconds=100)
        await here.pass_time(60)
        await client.quiet()
        assert client.heard == []
        await here.pass_time(60)
        await until(lambda: bool(client.heard))
        assert int(client.records(TRADE)[0][13]) > int(client.records(TRADE)[0][12])


async def test_changed_columns_keep_whole_records() -> None:
    async with bench() as here:
        client = await _registered(here)
        await here.fault(kind="change_fields", count=1000)
        await here.pass_time(60)
        await until(lambda: bool(client.heard))
        assert {len(record) for record in client.records(TRADE)} == {48}
        assert {record[-1] for record in client.records(TRADE)} == {"new"}


async def test_maintenance_answers_the_upgrade_with_a_page() -> None:
    async with bench() as here:
        await here.fault(kind="html", target="ws", count=1)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await here.http.ws_connect(here.addresses.ws)
        await here.connect()


async def test_unplugged_and_plugged_in_again() -> None:
    async with bench(sticky_seconds=0.0) as here:
        client = await _registered(here)
        await here.control("POST", "/control/unplug", {"seconds": 30})
        assert await client.ended()
        with pytest.raises(aiohttp.ClientConnectionError):
            await here.http.ws_connect(here.addresses.ws)
        await here.control("POST", "/control/plug")
        again = await here.connect()
        assert await again.code(TRADE, BUSY) == "OPSP0000"
