"""``sise simulate kis`` as a program: prints where it is and who may come in, plays the day asked for."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp

from sise.model.time import NS_PER_SECOND, parse_iso
from sise.run.clocks import FastClock

_START_SECONDS = 30.0


async def _run(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sise",
        "simulate",
        "kis",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_it_announces_itself_plays_the_day_and_ends_cleanly(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"at": 0, "kind": "register_error", "seconds": 60}]')
    process = await _run(
        tmp_path,
        *("--json", "--issues", "60", "--day", "2026-11-19", "--from", "10:30", "--speed", "60"),
        *("--widths", "46,62", "--faults", "faults.json"),
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_SECONDS):
            said: dict[str, Any] = json.loads(await process.stdout.readline())
        assert {*said} == {"rest", "ws", "masters", "control", "credentials"}
        assert {*said["credentials"]} == {"appkey", "appsecret", "account", "hts_id"}
        async with aiohttp.ClientSession() as http:
            state = await (await http.get(said["control"] + "/control/state")).json()
            assert state["day"] == "20261119"
            assert [fault["kind"] for fault in state["faults"]] == ["register_error"]
            market = await (await http.get(said["control"] + "/control/market?code=005930")).json()
            assert market["time"] >= "103000"[:4]
            assert market["sums"]["J"]["trades"] > 0
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def test_bad_widths_are_a_bad_usage(tmp_path: Path) -> None:
    process = await _run(tmp_path, "--widths", "46,64", "--for", "5s")
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert "book_width" in errors.decode()


async def test_a_fast_clock_keeps_one_time_for_reading_and_waiting() -> None:
    start = parse_iso("2026-11-19T07:50:00+09:00")
    clock = FastClock(start, 1_000.0)
    before = clock.monotonic_ns()
    await clock.sleep(20.0)
    passed = clock.monotonic_ns() - before
    assert passed >= 19 * NS_PER_SECOND
    assert clock.now_ns() - start >= passed
    assert clock.now_ns() % 1_000 == 0
