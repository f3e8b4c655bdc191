"""A piece of a KIS trading day over real sockets, in fast time: universe, sweeps, slots, trades, secrets.

Simulator and collector are processes that live in the same time. What was recorded is held against the
simulator's own lists and its own log of what it handed to its sockets, read without our decoder.
"""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
import urllib.request
import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from sise.model.time import NS_PER_SECOND, iso, parse_iso
from tests.acceptance.processes import PATIENCE_SECONDS, environment, events, lines, sise_json, until

DAY: Final = "2026-11-18"
FROM, OPEN, SCALP, TO = (parse_iso(f"{DAY}T{at}:00+09:00") for at in ("08:50", "09:00", "09:30", "09:50"))
SPEED: Final = 75.0
SLOTS: Final = 41
TRADES: Final = "H0STCNT0"
PRICE, SIZE, CUMULATIVE = 2, 12, 13
"""Places in a record of trades."""
LEAST_CLOSE: Final = 4_000
POLL_SECONDS: Final = 0.2
EDGE_NS: Final = 30 * NS_PER_SECOND
"""Of the day's time (0.4 s of ours): what is on its way when a line is cut or the collector ends."""

FAULTS: Final = (
    {"at": 2_820, "kind": "drop"},
    {"at": 2_940, "kind": "token_expired"},
    {"at": 3_180, "kind": "silent", "seconds": 20, "target": "ws"},
)
"""09:37 a line is cut, 09:39 the token is void before the next sweep, 09:43 the line is silent for 20 s."""


@dataclass
class Played:
    """What is left of a piece of a day: the folder, both sides' words, and the simulator's own lists."""

    data: Path
    output: str
    credentials: dict[str, str]
    tokens: list[str]
    issues: list[dict[str, Any]]
    sent: list[dict[str, Any]]
    registered: list[int] = field(default_factory=list)
    """How many registrations the simulator held, whenever it was asked."""


def ask(control: str, path: str) -> Any:
    with urllib.request.urlopen(f"{control}/control/{path}", timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def sent_frames(control: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while page := ask(control, f"sent?after={rows[-1]['index'] if rows else 0}")["rows"]:
        rows += page
    return rows


@contextmanager
def command(env: dict[str, str], said: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that says what it says into ``<said>.out`` and ``.err``; interrupted at the block's end."""
    with (
        said.with_suffix(".out").open("w") as out,
        said.with_suffix(".err").open("w") as err,
        subprocess.Popen(
            [sys.executable, "-m", "sise", *arguments], env=env, stdout=out, stderr=err
        ) as child,
    ):
        try:
            yield child
            child.send_signal(signal.SIGINT)
            assert child.wait(PATIENCE_SECONDS) == 0, said.with_suffix(".err").read_text()
        finally:
            child.kill()


def play(folder: Path, faults: Sequence[dict[str, Any]] = ()) -> Played:
    """Simulate and record the piece of the day."""
    data, tokens = folder / "data", folder / "tokens"
    plan = folder / "faults.json"
    plan.write_text(json.dumps(faults))
    clock = f"{iso(FROM)}@{SPEED:g}@{datetime.now(UTC).isoformat()}"
    ends = time.monotonic() + (TO - FROM) / NS_PER_SECOND / SPEED
    env = environment(data, SISE_CLOCK=clock)
    arguments = ("simulate", "kis", "--json", "--faults", str(plan))
    with command(env, folder / "simulator", *arguments):
        addresses = json.loads(until((folder / "simulator.out").read_text))
        ours, control = addresses["credentials"], addresses["control"]
        env |= {
            "SISE_LOG_LEVEL": "debug",
            "SISE_LOG_DIR": str(data / "logs"),
            "SISE_HISTORY_CANDLES": "0",
            "SISE_KIS_REST_URL": addresses["rest"],
            "SISE_KIS_WS_URL": addresses["ws"],
            "SISE_KIS_APP_KEY": ours["appkey"],
            "SISE_KIS_APP_SECRET": ours["appsecret"],
            "SISE_KIS_TOKENS_DIR": str(tokens),
        }
        registered = []
        with command(env, folder / "collector", "collect", "--provider", "kis", "--json") as collector:
            while time.monotonic() < ends and collector.poll() is None:
                registered.append(ask(control, "state")["subscriptions"])
                time.sleep(POLL_SECONDS)
        output = (folder / "collector.out").read_text() + (folder / "collector.err").read_text()
        return Played(
            data,
            output,
            ours,
            kept_tokens(tokens),
            ask(control, "issues")["issues"],
            sent_frames(control),
            registered,
        )


def kept_tokens(folder: Path) -> list[str]:
    """Token and approval key, from the file that only its owner may read."""
    (file,) = folder.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    return [kept["token"]["key"], kept["approval"]["key"]]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The piece of the day, without faults."""
    return play(tmp_path_factory.mktemp("kis"))


def gaps_of(data: Path) -> list[tuple[int, int]]:
    return [
        (parse_iso(gap["gap_start_ts"]) - EDGE_NS, parse_iso(gap["gap_end_ts"]) + EDGE_NS)
        for gap in events(data, "gap_marker")
    ]


def universe_of(data: Path) -> dict[str, Any]:
    path = data / "universe" / "kis" / "kr_stocks" / f"{DAY.replace('-', '')}.json"
    universe: dict[str, Any] = json.loads(path.read_text())
    return universe


def check_trades(played: Played) -> None:
    """Every trade sent is recorded once, every record was sent; what is missing was sent within a gap."""
    wire = [line for line in lines(played.data, "wire") if is_data(line)]
    heard = Counter(crc(line) for line in wire)
    sent = Counter(row["crc32"] for row in played.sent)
    last = max(parse_iso(line["t"]) for line in wire) - EDGE_NS
    lost = [row for row in played.sent if row["crc32"] not in heard and row["ns"] < last]
    holes = gaps_of(played.data)
    outside = [row for row in lost if not any(start <= row["ns"] <= end for start, end in holes)]
    assert outside == []
    assert heard.keys() <= sent.keys(), "heard what was never sent"
    trades = [line for line in lines(played.data, "scalp") if line["kind"] == "trade"]
    recorded = [
        (each["symbol"], each["price"], each["size"], int(each["trade_id"].rpartition("-")[2]))
        for each in trades
    ]
    frames = [row for row in played.sent if row["kind"] == TRADES and row["crc32"] in heard]
    assert sum(row["records"] for row in frames) == len(recorded) > 0
    assert Counter(recorded) == Counter(trade for line in wire for trade in told(line.get("frame", "")))
    assert {(row["code"], row["acml_vol"]) for row in frames} <= {(trade[0], trade[3]) for trade in recorded}


def is_data(line: dict[str, Any]) -> bool:
    """A frame of the market's, not a message about the line, nor an answer by REST."""
    return line["conn"] != "rest" and str(line.get("frame", "")).startswith("0|")


def told(frame: str) -> Iterator[tuple[str, float, float, int]]:
    """Symbol, price, size and cumulative volume of each trade in a frame of trades."""
    if not frame.startswith(f"0|{TRADES}|"):
        return
    _, _, count, body = frame.split("|")
    values = body.split("^")
    width = len(values) // int(count)
    for at in range(0, len(values), width):
        one = values[at : at + width]
        yield one[0], float(one[PRICE]), float(one[SIZE]), int(one[CUMULATIVE])


def crc(line: dict[str, Any]) -> str:
    payload = line["frame"].encode() if "frame" in line else b64decode(line["b64"])
    return f"{zlib.crc32(payload):08x}"


def test_the_universe_is_made_before_the_open_by_its_rule(day: Played) -> None:
    made = events(day.data, "universe")
    assert len(made) == 1
    assert parse_iso(made[0]["timestamp"]) < OPEN
    wanted = {
        issue["code"]
        for issue in day.issues
        if issue["group"] == "ST" and issue["base"] >= LEAST_CLOSE and not issue["halted"]
    }
    assert 0 < len(wanted) < len(day.issues)
    assert set(universe_of(day.data)["symbols"]) == wanted


def test_every_symbol_of_the_universe_is_answered_in_every_sweep(day: Played) -> None:
    symbols = universe_of(day.data)["symbols"]
    sweeps = [sweep["detail"] for sweep in events(day.data, "swing_sweep")][:5]
    assert [sweep["planned"][11:16] for sweep in sweeps] == ["00:00", "00:10", "00:20", "00:30", "00:40"]
    swing = lines(day.data, "swing")
    for sweep in sweeps:
        assert (sweep["asked"], sweep["answered"], sweep["late"]) == (len(symbols), len(symbols), False)
        assert sorted(line["symbol"] for line in swing if line["sweep"] == sweep["sweep"]) == symbols


def test_the_scalp_track_keeps_its_hours(day: Played) -> None:
    scalp = lines(day.data, "scalp")
    assert {line["kind"] for line in scalp} == {"trade", "sample"}
    assert min(parse_iso(line["receive_time"]) for line in scalp) >= SCALP
    assert min(parse_iso(line["event_time"]) for line in scalp if line["kind"] == "sample") >= SCALP


def test_all_slots_are_used_and_never_one_more(day: Played) -> None:
    assert max(day.registered) == SLOTS
    assert not [line for line in lines(day.data, "wire") if "OPSP0008" in line.get("frame", "")]


def test_the_trades_recorded_are_the_trades_sent(day: Played) -> None:
    check_trades(day)


def test_the_ledger_balances_and_the_journal_is_whole(day: Played) -> None:
    balance = sise_json(day.data, "journal", "stat", "--json")
    assert balance["balanced"]
    assert balance["open_sessions"] == 0
    assert sise_json(day.data, "journal", "verify", "--json")["ok"]


def test_no_secret_is_in_any_file_or_output(day: Played) -> None:
    secrets = [day.credentials["appkey"], day.credentials["appsecret"], *day.tokens]
    assert all(len(secret) > 16 for secret in secrets)
    assert list((day.data / "logs").rglob("*.log"))
    for secret in secrets:
        assert secret not in day.output
        for path in day.data.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


@pytest.mark.long
def test_each_hole_is_exactly_one_gap(tmp_path: Path) -> None:
    played = play(tmp_path, FAULTS)
    gaps = events(played.data, "gap_marker")
    assert [gap["reason"] for gap in gaps] == ["ws_disconnect", "silent_socket"], gaps
    assert [attempt["result"] for attempt in events(played.data, "reconnection_event")][-1] == "SUCCESS"
    assert all(sweep["detail"]["answered"] for sweep in events(played.data, "swing_sweep"))
    check_trades(played)
    assert max(played.registered) == SLOTS
    assert sise_json(played.data, "journal", "stat", "--json")["balanced"]
