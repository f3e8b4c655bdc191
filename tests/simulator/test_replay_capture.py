"""Recorded captures: every frame once, in order, byte for byte, at the recorded pace."""

from __future__ import annotations

import ast
import gzip
import json
import math
from base64 import b64encode
from collections import Counter
from pathlib import Path

import pytest
import zstandard

from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, parse_iso
from sise.simulator.feed import HAPPENINGS_PER_STEP, RawFrame
from sise.simulator.replay import CaptureReplay

NOW = parse_iso("2026-11-20T12:00:00Z")
TRADE = '{"ty":"trade","cd":"KRW-LAMB","tms":1618678262712,"tp":127.0,"tv":46.48838371}'
BOOK = '{"type":"orderbook","code":"KRW-WAVES","timestamp":1618678263564}'
CANDLE = '[{"type":"candle.1m","code":"BTC-XTZ"}]'
LINES = [
    "wss://example/websocket/v1 <-> 1618678261.681707",
    'wss://example/websocket/v1 <- 1618678262.670261: [{"ticket":"t"},{"codes":["KRW-LAMB","BTC-ARK.5"]}]',
    f"1618678263.5: b'{TRADE}'",
    f"1618678264.5: b'{BOOK}'",
    "",
    f"1618678264.75: {CANDLE}",
    "1618678266.0: b'\\xff not json'",
    "",
]
PAYLOADS = [TRADE.encode(), BOOK.encode(), CANDLE.encode(), b"\xff not json"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "capture.txt"
    path.write_text("\n".join(LINES))
    return path


def drain(replay: CaptureReplay) -> list[RawFrame]:
    replay.start(NOW)
    frames: list[RawFrame] = []
    while not replay.finished():
        frames += [frame for frame in replay.step(NOW) if isinstance(frame, RawFrame)]
    assert replay.step(NOW) == []
    assert replay.next_ns() is None
    return frames


def test_the_real_capture_comes_whole_and_in_order(shared: Path) -> None:
    path = shared / "data/upbit_ws/upbit_ws_20210417_raw.txt.gz"
    replay = CaptureReplay(path, math.inf)
    frames = drain(replay)
    wanted = [
        ast.literal_eval(line.split(": ", 1)[1])
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        if ": b'" in line
    ]
    assert [frame.payload for frame in frames] == wanted
    assert Counter(frame.kind for frame in frames) == {"trade": 304, "orderbook": 145}
    assert all(json.loads(frame.payload)["cd"] == frame.code for frame in frames)
    codes = [info.code for info in replay.markets()]
    assert len(codes) == 10
    assert set(codes) >= {frame.code for frame in frames}


def test_both_forms_of_the_real_capture_are_the_same_frames(shared: Path) -> None:
    folder = shared / "data/upbit_ws"
    text = drain(CaptureReplay(folder / "upbit_ws_20210417_raw.txt.gz", math.inf))
    objects = drain(CaptureReplay(folder / "upbit_ws_20210417_v3.jsonl.zst", math.inf))
    assert text == objects


def test_frames_of_any_kind_are_kept_as_they_are(small: Path) -> None:
    replay = CaptureReplay(small, math.inf)
    frames = drain(replay)
    assert replay.verbatim
    assert [frame.payload for frame in frames] == PAYLOADS
    assert [(frame.kind, frame.code) for frame in frames] == [
        ("trade", "KRW-LAMB"),
        ("orderbook", "KRW-WAVES"),
        ("candle.1m", "BTC-XTZ"),
        ("", ""),
    ]
    assert [info.code for info in replay.markets()] == ["KRW-LAMB", "KRW-WAVES", "BTC-XTZ", "BTC-ARK"]
    assert frames[0].at_ns == parse_iso("2021-04-17T16:51:03.500000Z")


def test_compressed_captures_are_read_by_their_ending(small: Path, tmp_path: Path) -> None:
    plain = drain(CaptureReplay(small, math.inf))
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(small.read_bytes()))
    (tmp_path / "c.txt.zst").write_bytes(zstandard.compress(small.read_bytes()))
    entries = [
        {"t": "header", "format": 2},
        *(
            {"t": "recv", "ts": frame.at_ns / 1e9, "b64": b64encode(frame.payload).decode()}
            for frame in plain
        ),
    ]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, entries)))
    for name in ("c.txt.gz", "c.txt.zst", "c.jsonl"):
        assert drain(CaptureReplay(tmp_path / name, math.inf)) == plain


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_the_spacing_is_the_recorded_one_divided_by_the_speed(small: Path, speed: float) -> None:
    replay = CaptureReplay(small, speed)
    assert replay.next_ns() is None
    assert replay.step(NOW) == [], "a replay waits for its start"
    replay.start(NOW)
    replay.start(NOW + 99)
    seen: list[float] = []
    while (due_ns := replay.next_ns()) is not None:
        assert due_ns == NOW or replay.step(due_ns - 1) == []
        assert len(replay.step(due_ns)) == 1
        seen.append((due_ns - NOW) / NS_PER_SECOND * speed)
    assert seen == pytest.approx([0.0, 1.0, 1.25, 2.5])
    assert replay.finished()


def test_a_late_step_loses_nothing_and_keeps_the_order(small: Path) -> None:
    replay = CaptureReplay(small, 1.0)
    replay.start(NOW)
    frames = replay.step(NOW + 3_600 * NS_PER_SECOND)
    assert [frame.payload for frame in frames if isinstance(frame, RawFrame)] == PAYLOADS


def test_at_full_speed_steps_are_bounded_and_the_rest_is_due(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    total = HAPPENINGS_PER_STEP * 2 + 7
    path.write_text("".join(f"{1618678263 + n}.0: b'{n}'\n" for n in range(total)))
    replay = CaptureReplay(path, math.inf)
    replay.start(NOW)
    sizes = []
    frames = []
    while not replay.finished():
        assert replay.next_ns() == NOW
        frames += replay.step(NOW)
        sizes.append(len(frames))
    assert sizes == [HAPPENINGS_PER_STEP, HAPPENINGS_PER_STEP * 2, total]
    assert [int(frame.payload) for frame in frames if isinstance(frame, RawFrame)] == list(range(total))


def test_nothing_is_invented(small: Path) -> None:
    replay = CaptureReplay(small, math.inf)
    drain(replay)
    assert replay.book("KRW-LAMB") is None
    assert replay.ticker("KRW-LAMB") is None
    assert replay.last_trade("KRW-LAMB") is None
    assert replay.trades("KRW-LAMB", before_id=None, to_ns=None, count=5) == []
    assert replay.candles("KRW-LAMB", "1m", NOW, 5) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1618678263.5: b'a'\nwhat is this\n", "capture.txt:2"),
        ("1618678263.5: b'torn", "capture.txt:1"),
        ('{"t":"recv","ts":1618678263.5,"b64":"***"}', "capture.txt:1"),
        ('{"t":"recv","ts":1618', "capture.txt:1"),
        ("wss://example <-> 1618678261.681707\n", "at least one frame"),
    ],
)
def test_what_is_no_capture_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "capture.txt"
    path.write_text(text)
    with pytest.raises(BadInput, match=says):
        CaptureReplay(path, 1.0)


@pytest.mark.parametrize("name", ["missing.txt", "not.gz", "not.zst"])
def test_unreadable_files_are_refused(tmp_path: Path, name: str) -> None:
    if name.startswith("not"):
        (tmp_path / name).write_bytes(b"1618678263.5: b'a'")
    with pytest.raises(BadInput, match="readable"):
        CaptureReplay(tmp_path / name, 1.0)


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_goes_nowhere_is_refused(small: Path, speed: float) -> None:
    with pytest.raises(BadInput, match="speed"):
        CaptureReplay(small, speed)
