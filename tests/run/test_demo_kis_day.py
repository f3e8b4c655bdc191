"""Which day is played, in which time and where, and what the report makes of a journal."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import zstandard

from sise.journal.fingerprint import journal_hash
from sise.journal.line import close_line
from sise.model.calendar import Calendar
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, iso, parse_iso
from sise.run.clocks import clock_of
from sise.run.day_report import day_report
from sise.run.kis_day import KisDay, choose_day, make_room, variables_of

NOW: Final = parse_iso("2026-11-20T06:00:00Z")
NINE: Final = parse_iso("2026-11-18T09:00:00+09:00")


def chosen(
    day: str | None = None, start: str | None = None, end: str | None = None, *, now: int = NOW
) -> KisDay:
    return choose_day(Calendar("krx"), now, day=day, start=start, end=end, speed=60.0)


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (None, "2026-11-20T08:50:00+09:00", "2026-11-20T15:40:00+09:00"),
        ("2026-11-18", "2026-11-18T08:50:00+09:00", "2026-11-18T15:40:00+09:00"),
        ("2026-11-19", "2026-11-19T08:50:00+09:00", "2026-11-19T16:40:00+09:00"),
    ],
)
def test_a_day_lasts_from_before_the_open_to_after_its_own_close(
    day: str | None, start: str, end: str
) -> None:
    played = chosen(day)
    assert (played.start_ns, played.end_ns) == (parse_iso(start), parse_iso(end))


def test_on_a_sunday_the_last_trading_day_is_played() -> None:
    assert chosen(now=parse_iso("2026-11-22T03:00:00Z")).day.isoformat() == "2026-11-20"


def test_the_clock_setting_is_the_time_that_is_shown_and_ends() -> None:
    played = chosen("2026-11-18", "09:00", "10:00")
    clock = clock_of(played.clock)
    assert clock.now_ns() > played.start_ns
    assert played.time_at(NOW + 30 * NS_PER_SECOND) == "09:30"
    assert played.seconds_left(NOW + 30 * NS_PER_SECOND) == 30.0
    assert played.seconds_left(NOW + 90 * NS_PER_SECOND) == 0.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("2026-11-21",), "the market is closed (weekend); try --day 2026-11-20"),
        (("yesterday",), "--day"),
        (("2026-11-18", "9:00"), "--from"),
        (("2026-11-18", "09:61"), "--from"),
        (("2026-11-18", "09:00", "09:00"), "--to"),
        (("2026-11-18", None, "24:30"), "--to"),
    ],
)
def test_what_cannot_be_played_is_said(options: tuple[str | None, ...], said: str) -> None:
    with pytest.raises(BadInput) as refused:
        chosen(*options)
    assert said in str(refused.value)


def test_the_users_own_keys_are_not_for_the_simulator(tmp_path: Path) -> None:
    ours = {"appkey": "a", "appsecret": "s", "account": "n", "hts_id": "h"}
    told = variables_of({"rest": "http://r", "ws": "ws://w", "credentials": ours}, tmp_path)
    assert (told["SISE_KIS_APP_KEY"], told["SISE_KIS_APP_SECRET"]) == ("a", "s")
    assert told["SISE_KIS_CONFIG"] == ""
    assert Path(told["SISE_KIS_TOKENS_DIR"]).is_relative_to(tmp_path)


def test_only_the_demos_own_earlier_day_makes_room(tmp_path: Path) -> None:
    write(tmp_path, "wire/kis/20261118/09", [{"n": 1}])
    with pytest.raises(BadInput, match="it holds a journal"):
        make_room(tmp_path, ours=False)
    (tmp_path / "mine.txt").write_text("kept")
    (tmp_path / "run").mkdir()
    lock = tmp_path / "run" / "collect-kis.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BadInput, match="another demo"):
            make_room(tmp_path, ours=True)
    assert (tmp_path / "wire").exists()
    write(tmp_path, "backup/20261118/data/wire/kis/20261118/09", [{"n": 1}])
    write(tmp_path, "run/backups/20261118.receipt", [{}])
    make_room(tmp_path, ours=True)
    assert not any((tmp_path / name).exists() for name in ("wire", "backup", "run/backups"))
    assert (tmp_path / "mine.txt").exists()


def write(root: Path, partition: str, lines: list[dict[str, Any]]) -> Path:
    path = root / f"{partition}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"".join(close_line(msgspec.json.encode(line)) for line in lines))
    return path


def event(kind: str, seconds: float, **members: Any) -> dict[str, Any]:
    at = iso(NINE + int(seconds * NS_PER_SECOND))
    return {"event_type": kind, "timestamp": at, "session_id": "s", **members}


def slots(seconds: float, *symbols: str) -> dict[str, Any]:
    return event("slots", seconds, detail={"slots": [{"symbol": each} for each in symbols]})


def sweep(seconds: float, *, late: bool = False) -> dict[str, Any]:
    planned = iso(NINE + int(seconds) // 600 * 600 * NS_PER_SECOND)
    return event("swing_sweep", seconds, detail={"planned": planned, "late": late})


def gap(start: int, end: int) -> list[dict[str, Any]]:
    begin, until = iso(NINE + start * NS_PER_SECOND), iso(NINE + end * NS_PER_SECOND)
    lost = {"gap_start_ts": begin, "scope": "scalp", "reason": "ws_disconnect"}
    return [
        event("disconnected", start, detail=lost),
        event("reconnection_event", start + 1, result="FAIL"),
        event("reconnection_event", end, result="SUCCESS"),
        event("gap_marker", end, gap_end_ts=until, **lost),
    ]


def scalp(kind: str, seconds: float, **members: Any) -> dict[str, Any]:
    at = iso(NINE + int(seconds * NS_PER_SECOND))
    return {"kind": kind, "symbol": "A", "event_time": at, "receive_time": at, **members}


def sample(seconds: float, volume: float | None = None) -> dict[str, Any]:
    return scalp("sample", seconds, volume=volume, frames=1)


LEDGER: Final = {
    "frames": {"received": 5, "recorded": 5, "lost": {}},
    "events": {"decoded": 4, "recorded": 3, "refused": {"duplicate": 1}},
}


def report(root: Path) -> dict[str, Any]:
    return day_report(root, "kis", "kr_stocks", chosen("2026-11-18").day, 41)


def test_an_empty_folder_has_nothing_to_say(tmp_path: Path) -> None:
    facts = report(tmp_path)
    unknown = ("universe", "record_rate", "completeness", "ledger")
    assert {name: facts[name] for name in unknown} == dict.fromkeys(unknown)
    assert facts["slots"] == {"limit": 41, "max_held": None, "swaps": None, "overflow": None}
    assert facts["backup"] == {"verified": None}
    assert facts["sweeps"] == {"planned": 0, "done": 0, "late": 0}


def test_events_are_counted_as_they_were(tmp_path: Path) -> None:
    write(
        tmp_path,
        "system/events/kis/20261118",
        [
            event("session_start", -60, detail={}),
            slots(-50, "A", "B"),
            sweep(5),
            *gap(100, 120),
            slots(300, "A", "B", "C"),
            slots(310, "A", "C"),
            slots(320, "A", "C", "B"),
            sweep(1200, late=True),
            event("checkpoint", 1210, detail={"ledger": {"frames": {"received": 1}, "events": {}}}),
            event("disconnected", 1215, detail={"gap_start_ts": iso(NINE), "scope": "scalp", "reason": "x"}),
            event("session_end", 1220, detail={"ledger": LEDGER}),
        ],
    )
    write(tmp_path, "system/overflow/kis/20261118_overflow", [{"symbol": "Z"}, {"symbol": "Y"}])
    facts = report(tmp_path)
    assert facts["sweeps"] == {"planned": 3, "done": 1, "late": 1}, "the one of 09:10 never came"
    assert facts["slots"] == {"limit": 41, "max_held": 3, "swaps": 1, "overflow": 2}
    assert facts["reconnects"] == 1
    assert [(each["start"], each["end"]) for each in facts["gaps"]] == [
        (iso(NINE + 100 * NS_PER_SECOND), iso(NINE + 120 * NS_PER_SECOND)),
        (iso(NINE), None),
    ]
    assert facts["ledger"] == LEDGER


def test_volume_is_held_against_the_providers_own(tmp_path: Path) -> None:
    write(tmp_path, "system/events/kis/20261118", [slots(0, "A"), slots(20, "B"), slots(40, "A")])
    records = [
        scalp("trade", 1, size=10.0),
        sample(1, 110.0),
        scalp("trade", 2, size=5.0),
        sample(2, 115.0),
        # Without a slot from 20 to 40: 1,000 were traded, and nobody was to hear them.
        scalp("trade", 41, size=1.0),
        sample(41, 1116.0),
    ]
    write(tmp_path, "scalp/kis/kr_stocks/20261118/09_00_01", records)
    whole = report(tmp_path)["completeness"]
    assert (whole["heard"], whole["missing"], whole["ratio"], whole["incomplete"]) == (16.0, 0.0, 1.0, [])
    write(tmp_path, "scalp/kis/kr_stocks/20261118/09_00_01", [sample(42, 1120.0)])
    holed = report(tmp_path)["completeness"]
    assert (holed["heard"], holed["missing"], holed["ratio"], holed["incomplete"]) == (16.0, 4.0, 0.8, ["A"])


def test_the_rate_falls_with_every_sample_that_is_missing(tmp_path: Path) -> None:
    path = "scalp/kis/kr_stocks/20261118/09_00_01"
    write(tmp_path, "system/events/kis/20261118", [slots(0, "A")])
    write(tmp_path, path, [sample(second / 2) for second in range(21)])
    assert report(tmp_path)["record_rate"] == 2.0
    write(tmp_path, path, [sample(20)])
    assert report(tmp_path)["record_rate"] == 21 / 20


def test_the_hash_is_of_paths_and_plain_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, "wire/kis/20261118/09", [{"n": 1}])
    write(tmp_path, "wire/upbit/20261118/09", [{"n": 1}])
    first = journal_hash(tmp_path, "kis")
    write(tmp_path, "wire/upbit/20261118/09", [{"n": 2}])
    assert journal_hash(tmp_path, "kis") == first
    path.with_name("09.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(path.read_bytes()))
    path.unlink()
    assert journal_hash(tmp_path, "kis") == first, "sealing changes nothing"
    write(tmp_path, "system/events/kis/20261118", [{"n": 1}])
    second = journal_hash(tmp_path, "kis")
    assert second != first
    (tmp_path / "system/events/kis/20261118.jsonl").rename(tmp_path / "system/events/kis/20261119.jsonl")
    assert journal_hash(tmp_path, "kis") not in {first, second}
