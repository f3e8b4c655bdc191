"""Real processes for the acceptance tests: ``sise`` commands, and a venue that sends without pause."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

PATIENCE_SECONDS = 30.0


def environment(data: Path, **variables: str) -> dict[str, str]:
    """The environment of a child: none of our own ``SISE_`` variables but those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SISE_")}
    return {**clean, "SISE_DATA_DIR": str(data), "SISE_LOG_LEVEL": "warning", **variables}


def sise(data: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sise", *command],
        env=environment(data, **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def sise_json(data: Path, *command: str, **variables: str) -> dict[str, Any]:
    """Run a command that must succeed; its last line as JSON."""
    done = sise(data, *command, **variables)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@contextmanager
def process(data: Path, *command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until the block ends (then it is killed, if it still runs)."""
    child = subprocess.Popen(
        [sys.executable, "-m", "sise", *command],
        env=environment(data, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


@contextmanager
def simulator(data: Path, *options: str, provider: str = "upbit") -> Iterator[dict[str, Any]]:
    """``sise simulate``: the addresses (and credentials) it prints."""
    with process(data, "simulate", provider, "--json", *options) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line, child.communicate()[1]
        yield json.loads(line)
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE_SECONDS) == 0


def pointed_at(addresses: dict[str, Any]) -> dict[str, str]:
    """The variables that make a collector speak to a simulator."""
    return {"SISE_UPBIT_REST_URL": addresses["rest"], "SISE_UPBIT_WS_URL": addresses["ws"]}


def pointed_at_kis(addresses: dict[str, Any], tokens: Path) -> dict[str, str]:
    """The same for KIS, with the simulator's own credentials."""
    return {
        "SISE_KIS_REST_URL": addresses["rest"],
        "SISE_KIS_WS_URL": addresses["ws"],
        "SISE_KIS_APP_KEY": addresses["credentials"]["appkey"],
        "SISE_KIS_APP_SECRET": addresses["credentials"]["appsecret"],
        "SISE_KIS_TOKENS_DIR": str(tokens),
    }


def finish(child: subprocess.Popen[str]) -> dict[str, Any]:
    """Interrupt a collector started with ``--json``; its ledger."""
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 0, err
    ledger: dict[str, Any] = json.loads(out.splitlines()[-1])
    return ledger


def until(what: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until ``what()`` is true, and answer it."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.05)
    return found


def lines(data: Path, prefix: str) -> list[dict[str, Any]]:
    """All complete lines under ``prefix``, in order, read without our own reader."""
    found = []
    for path in sorted((data / prefix).rglob("*.jsonl")):
        if path.name != "MANIFEST.jsonl":
            text = path.read_bytes()
            found += [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]
    return found


def events(data: Path, event_type: str) -> list[dict[str, Any]]:
    return [event for event in lines(data, "system/events") if event["event_type"] == event_type]


class Firehose:
    """A venue that is not ours: numbered trades and books without pause, to whoever subscribes.

    Every frame is unique for ever: its number is the trade's id, or the book's time.
    """

    def __init__(self, frames_per_second: int) -> None:
        self._rate = frames_per_second
        self._number = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = ""

    def __enter__(self) -> Firehose:
        self._thread.start()
        assert self._ready.wait(PATIENCE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_get("/websocket/v1", self._pour)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/websocket/v1"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    async def _pour(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        subscription = json.loads((await socket.receive()).data)
        codes = next(part["codes"] for part in subscription if part.get("type") == "trade")
        try:
            while not socket.closed:
                for _ in range(max(1, self._rate // 100)):
                    await socket.send_bytes(self._frame(codes).encode())
                await asyncio.sleep(0.01)
        except (ConnectionError, aiohttp.ClientError):
            pass
        return socket

    def _frame(self, codes: list[str]) -> str:
        self._number += 1
        code = codes[self._number % len(codes)]
        ms = time.time_ns() // 1_000_000
        if self._number % 3:
            units = '{"ap":101,"bp":100,"as":1.5,"bs":2.5}'
            return (
                f'{{"ty":"orderbook","cd":"{code}","tms":{ms},"tas":1.5,"tbs":{self._number},'
                f'"obu":[{units}],"st":"REALTIME","lv":0}}'
            )
        return (
            f'{{"ty":"trade","cd":"{code}","tms":{ms},"td":"2026-11-20","ttm":"00:00:00","ttms":{ms},'
            f'"tp":100.5,"tv":0.25,"ab":"BID","pcp":100.0,"c":"RISE","cp":0.5,"sid":{self._number},'
            f'"st":"REALTIME"}}'
        )
