"""Every fault of the line leaves exactly one right gap; no fault of a frame costs the socket.

What was lost is compared with the simulator's own log of what it handed to its sockets: a frame that
is not in the wire log was sent within a recorded gap.
"""

from __future__ import annotations

import json
import time
import urllib.request
import zlib
from base64 import b64decode
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from sise.model.time import parse_iso
from tests.acceptance.processes import (
    environment,
    events,
    finish,
    lines,
    pointed_at,
    process,
    simulator,
    sise_json,
    until,
)

EDGE_NS = 1_000_000_000
"""Frames on their way when a line is cut, or sent before the first frame of the new line arrives."""

LINE_FAULTS: dict[str, tuple[list[dict[str, Any]], set[str], float]] = {
    "drop": ([{"kind": "drop"}], {"ws_disconnect"}, 1),
    "unplug": ([{"kind": "unplug", "seconds": 4}], {"ws_disconnect"}, 4),
    "silent": ([{"kind": "silent", "seconds": 22}], {"silent_socket"}, 15),
    "silent but ponging": ([{"kind": "silent", "pong": True, "seconds": 22}], {"silent_socket"}, 15),
    "half open": ([{"kind": "half_open", "seconds": 22}], {"silent_socket"}, 15),
    "slow drip": ([{"kind": "drip", "delay_ms": 200, "seconds": 22}], {"silent_socket", "ws_disconnect"}, 10),
    "maintenance page": (
        [{"kind": "html", "target": "ws", "seconds": 4}, {"kind": "drop"}],
        {"ws_disconnect"},
        4,
    ),
    "connection refused": ([{"kind": "refuse", "seconds": 4}, {"kind": "drop"}], {"ws_disconnect"}, 3),
}
"""Faults, the reasons that are right for the gap, and how many seconds it lasts at least."""


def post(control: str, path: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(control + path, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status in (200, 201)


def sent_frames(control: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        after = rows[-1]["index"] if rows else 0
        with urllib.request.urlopen(f"{control}/control/sent?after={after}") as answer:
            page = json.load(answer)["rows"]
        if not page:
            return rows
        rows += page


def is_sampling(data: Path) -> bool:
    return any(line["kind"] == "sample" for line in lines(data, "scalp"))


def crc(line: dict[str, Any]) -> str:
    payload = line["frame"].encode() if "frame" in line else b64decode(line["b64"])
    return f"{zlib.crc32(payload):08x}"


def test_each_fault_of_the_line_is_exactly_one_gap_and_only_it_loses_frames(tmp_path: Path) -> None:
    with ExitStack() as stack:
        running = {}
        for number, name in enumerate(LINE_FAULTS):
            data = tmp_path / str(number)
            options = ("--markets", "12", "--seed", str(number))
            addresses = stack.enter_context(simulator(data, *options))
            command = ("collect", "--markets", "8", "--json")
            collector = stack.enter_context(
                process(data, *command, SISE_HISTORY_CANDLES="0", **pointed_at(addresses))
            )
            running[name] = (data, addresses["control"], collector)
        for data, _, _ in running.values():
            until(partial(is_sampling, data))
        time.sleep(1)
        for name, (_, control, _) in running.items():
            for fault in LINE_FAULTS[name][0]:
                post(control, "/control/fault", fault)
        for data, _, _ in running.values():
            until(partial(events, data, "gap_marker"), seconds=70)
        time.sleep(2)
        for name, (data, control, collector) in running.items():
            ledger = finish(collector)
            sent = sent_frames(control)
            _, reasons, seconds_min = LINE_FAULTS[name]
            check_one_gap(name, data, ledger, sent, reasons, seconds_min)


def check_one_gap(
    name: str,
    data: Path,
    ledger: dict[str, Any],
    sent: list[dict[str, Any]],
    reasons: set[str],
    seconds_min: float,
) -> None:
    gaps = events(data, "gap_marker")
    assert len(gaps) == 1, f"{name}: {gaps}"
    assert gaps[0]["reason"] in reasons, f"{name}: {gaps}"
    assert seconds_min * 0.9 <= gaps[0]["gap_seconds"] <= 60, f"{name}: {gaps}"
    assert [(gap["start"], gap["end"]) for gap in ledger["gaps"]] == [
        (gaps[0]["gap_start_ts"], gaps[0]["gap_end_ts"])
    ]
    heard = Counter(crc(line) for line in lines(data, "wire") if line["conn"] != "rest")
    start, end = parse_iso(gaps[0]["gap_start_ts"]) - EDGE_NS, parse_iso(gaps[0]["gap_end_ts"]) + EDGE_NS
    last = max(parse_iso(line["t"]) for line in lines(data, "wire")) - EDGE_NS
    lost = Counter(row["crc32"] for row in sent) - heard
    lost_at = [row["ns"] for row in sent if row["crc32"] in lost and row["ns"] < last]
    outside = [at for at in lost_at if not start <= at <= end]
    assert outside == [], f"{name}: {len(outside)} frames were lost outside the gap"
    assert not heard - Counter(row["crc32"] for row in sent), f"{name}: recorded what was never sent"
    attempts = events(data, "reconnection_event")
    assert [attempt["result"] for attempt in attempts][-1] == "SUCCESS", name
    assert sise_json(data, "journal", "stat", "--json")["balanced"], name


FRAME_FAULTS: list[dict[str, Any]] = [
    {"kind": "duplicate", "count": 40},
    {"kind": "reorder", "count": 10},
    {"kind": "truncate", "count": 3},
    {"kind": "garbage", "count": 3},
    {"kind": "change_fields", "change": "add", "count": 10},
    {"kind": "change_fields", "change": "retype", "count": 4},
    {"kind": "clock_jump", "offset_seconds": 3600, "seconds": 2},
]


def test_no_fault_of_a_frame_costs_the_socket_or_a_byte(tmp_path: Path) -> None:
    with simulator(tmp_path, "--markets", "12") as addresses:
        command = ("collect", "--markets", "8", "--json")
        with process(tmp_path, *command, SISE_HISTORY_CANDLES="0", **pointed_at(addresses)) as collector:
            until(partial(is_sampling, tmp_path))
            for fault in FRAME_FAULTS:
                post(addresses["control"], "/control/fault", fault)
                time.sleep(2.5)
            time.sleep(1)
            ledger = finish(collector)
            sent = sent_frames(addresses["control"])
    assert ledger["gaps"] == []
    wire = [line for line in lines(tmp_path, "wire") if line["conn"] != "rest"]
    assert {line["conn"] for line in wire} == {"ws-1"}, "the socket was given up"
    heard = Counter(crc(line) for line in wire)
    struck = Counter(row["fault"] for row in sent if row["fault"])
    assert struck["truncate"] == 3
    assert struck["garbage"] == 3
    recorded_until = max(parse_iso(line["t"]) for line in wire) - EDGE_NS
    assert not Counter(row["crc32"] for row in sent if row["ns"] < recorded_until) - heard
    assert ledger["quarantined"] >= 6
    assert len(lines(tmp_path, "quarantine")) == ledger["quarantined"]
    assert ledger["events"]["refused"]["duplicate"] > 0
    drift = events(tmp_path, "schema_drift")
    assert drift
    assert len({event["message"] for event in drift}) == len(drift), "a drift is warned about once"
    notes = {note for record in lines(tmp_path, "scalp") for note in record.get("notes", [])}
    assert "clock_skew" in notes
    assert sise_json(tmp_path, "journal", "verify", "--json")["ok"]
    assert sise_json(tmp_path, "journal", "stat", "--json")["balanced"]


def test_a_venue_that_is_down_at_the_start_is_asked_again(tmp_path: Path) -> None:
    nowhere = {"SISE_UPBIT_WS_URL": "ws://127.0.0.1:9", "SISE_UPBIT_REST_URL": "http://127.0.0.1:9"}
    with process(tmp_path, "collect", "--symbols", "KRW-BTC", "--json", **nowhere) as collector:
        until(lambda: len(events(tmp_path, "reconnection_event")) >= 2)
        ledger = finish(collector)
    assert ledger["frames"]["received"] == 0
    assert [gap["end"] for gap in ledger["gaps"]] == [None], "the hole is open, and said to be"
    waits = [event["backoff_seconds"] for event in events(tmp_path, "reconnection_event")]
    assert waits[0] == 0
    assert 0.8 <= waits[1] <= 1.2


def test_two_collectors_do_not_write_over_each_other(tmp_path: Path) -> None:
    import subprocess
    import sys

    nowhere = {"SISE_UPBIT_WS_URL": "ws://127.0.0.1:9", "SISE_UPBIT_REST_URL": "http://127.0.0.1:9"}
    command = ("collect", "--symbols", "KRW-BTC", "--json")
    with process(tmp_path, *command, **nowhere):
        until(lambda: events(tmp_path, "session_start"))
        second = subprocess.run(
            [sys.executable, "-m", "sise", *command],
            env=environment(tmp_path, **nowhere),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert second.returncode == 2
    assert "another collector records upbit there" in second.stderr
