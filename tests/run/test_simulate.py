"""``sise simulate upbit``: its first line is for programs, and it ends cleanly."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.run.command_line import Run, in_folder, start


@pytest.fixture
def sise(tmp_path: Path) -> Run:
    """The command, in an empty folder."""
    return in_folder(tmp_path)


@contextmanager
def simulator(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    with start(folder, "simulate", "upbit", "--json", *arguments) as process:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_line_names_the_addresses(number: signal.Signals, tmp_path: Path) -> None:
    with simulator(tmp_path, "--markets", "5") as (process, addresses):
        assert addresses["rest"].startswith("http://127.0.0.1:")
        assert addresses["ws"] == addresses["rest"].replace("http", "ws") + "/websocket/v1"
        with urllib.request.urlopen(f"{addresses['rest']}/v1/market/all", timeout=10) as answer:
            assert "KRW-BTC" in {market["market"] for market in json.load(answer)}
        with urllib.request.urlopen(f"{addresses['control']}/control/state", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(number)
        assert process.wait(10) == 0


def test_tls_names_its_certificate(tmp_path: Path) -> None:
    with simulator(tmp_path, "--markets", "5", "--tls") as (process, addresses):
        assert addresses["rest"].startswith("https://")
        assert addresses["ws"].startswith("wss://")
        context = ssl.create_default_context(cafile=addresses["ca"])
        url = f"{addresses['rest']}/v1/market/all"
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_candles_are_replayed(tmp_path: Path) -> None:
    rows = "timestamp,open,high,low,close,volume\n2025-09-01 00:00:00,100.0,103.0,99.0,101.0,2.5\n"
    (tmp_path / "x.csv").write_text(rows)
    arguments = ("--replay", "x.csv", "--code", "KRW-BTC", "--speed", "max")
    with simulator(tmp_path, *arguments) as (_, addresses):
        url = f"{addresses['rest']}/v1/candles/minutes/1?market=KRW-BTC&to=2025-09-01T00:01:00Z"
        with urllib.request.urlopen(url, timeout=10) as answer:
            (candle,) = json.load(answer)
    assert (candle["opening_price"], candle["trade_price"]) == (100.0, 101.0)
    assert candle["candle_acc_trade_volume"] == 2.5


def test_people_get_a_table_and_an_end(sise: Run) -> None:
    done = sise("simulate", "upbit", "--markets", "5", "--for", "200ms")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SISE_UPBIT_REST_URL=http://127.0.0.1:" in done.stdout
    assert "/control/unplug" in done.stdout
