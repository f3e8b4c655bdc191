"""What a trading day came to, read from its journal alone: the last line of ``sise demo --provider kis``.

Nothing here asks the collector. What the journal does not hold is ``None``: it is not there, or not yet.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from sise.collect.completeness import Completeness, VolumeCounter
from sise.collect.hours import TrackHours
from sise.collect.missed import planned_sweeps
from sise.collect.swing import SWEEP_NS
from sise.collect.universe import UniverseDamaged, read_universe, universe_path
from sise.journal.files import partitions, read_lines
from sise.journal.fingerprint import journal_hash
from sise.model.calendar import Calendar
from sise.model.hours import VENUE_OF_MARKET
from sise.model.time import NS_PER_SECOND, parse_iso

Swept = Literal["done", "late", "missed"]


class _Scalp(Struct):
    """What is needed of a trade or sample."""

    kind: str
    symbol: str
    event_time: str
    receive_time: str
    size: float = 0.0
    volume: float | None = None


_scalp = msgspec.json.Decoder(_Scalp)


class Events:
    """What the system events of a day say. Fed in the order in which they were written."""

    def __init__(self) -> None:
        self.began_ns = self.ended_ns = 0
        self.sweeps: dict[int, Swept] = {}
        """What became of each moment of the grid (UTC ns)."""
        self.provider_says: dict[date, bool] = {}
        """Whether a day is a trading day, as the provider told."""
        self.reconnects = 0
        self.entered: dict[str, list[int]] = {}
        """When a symbol got a slot (UTC ns)."""
        self.max_held: int | None = None
        self.swaps = 0
        self.gaps: list[dict[str, Any]] = []
        self._held: frozenset[str] = frozenset()
        self._ledgers: dict[str, dict[str, Any]] = {}

    def fold(self, event: dict[str, Any]) -> None:
        """One event, decoded."""
        at_ns, detail = parse_iso(event["timestamp"]), event.get("detail", {})
        self.began_ns, self.ended_ns = self.began_ns or at_ns, max(self.ended_ns, at_ns)
        match event["event_type"]:
            case "slots":
                self._slots(at_ns, [slot["symbol"] for slot in detail["slots"]])
            case "swing_sweep":
                self.sweeps[parse_iso(detail["planned"])] = "late" if detail["late"] else "done"
            case "sweep_missed":
                self.sweeps.setdefault(parse_iso(detail["planned"]), "missed")
            case "trading_day":
                self.provider_says[date.fromisoformat(detail["day"])] = detail["open"]
            case "reconnection_event":
                self.reconnects += event["result"] == "SUCCESS"
            case "disconnected":
                self._gap(detail["gap_start_ts"], None, detail["scope"], detail["reason"])
            case "gap_marker":
                self._gap(event["gap_start_ts"], event["gap_end_ts"], event["scope"], event["reason"])
            case "checkpoint" | "session_end":
                self._ledgers[event["session_id"]] = detail["ledger"]

    def _slots(self, at_ns: int, symbols: list[str]) -> None:
        held = frozenset(symbols)
        for symbol in held - self._held:
            self.entered.setdefault(symbol, []).append(at_ns)
        self.swaps += len(self._held - held)
        self.max_held = max(self.max_held or 0, len(held))
        self._held = held

    def _gap(self, start: str, end: str | None, scope: str, reason: str) -> None:
        gap = {"start": start, "end": end, "scope": scope, "reason": reason}
        if self.gaps and end is not None:
            for known in self.gaps:
                if known["end"] is None and (known["start"], known["scope"]) == (start, scope):
                    known.update(gap)
                    return
        self.gaps.append(gap)

    def ledger(self) -> dict[str, Any] | None:
        """``{frames, events}`` of all sessions together; None where no session said any."""
        if not self._ledgers:
            return None
        return {
            "frames": _sum([ledger["frames"] for ledger in self._ledgers.values()]),
            "events": _sum([ledger["events"] for ledger in self._ledgers.values()]),
        }

    def sweeps_planned(self, hours: TrackHours) -> int:
        """Moments of the grid, in the market's hours, of which the journal tells or should tell.

        One whose time was not over at the journal's end, and of which nothing is told, is not judged.
        """
        judged = planned_sweeps(hours, self.began_ns + 1, self.ended_ns - SWEEP_NS)
        return len(self.sweeps.keys() | set(judged))


def _sum(sides: list[dict[str, Any]]) -> dict[str, Any]:
    total: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {}
    for side in sides:
        for name, value in side.items():
            if isinstance(value, dict):
                reasons.setdefault(name, Counter()).update(value)
            else:
                total[name] += value
    return {**total, **{name: dict(counts) for name, counts in reasons.items()}}


class Records:
    """What the scalp records say: samples per second and slot, volume heard against the provider's own."""

    def __init__(self, entered: dict[str, list[int]]) -> None:
        """``entered``: when a symbol got a slot. What was traded while it had none is not missing."""
        self._entered = entered
        self._counters: dict[tuple[str, int], VolumeCounter] = {}
        self._samples: dict[tuple[str, int], list[int]] = {}
        self.counts: Counter[str] = Counter()
        """Records by kind."""

    def fold(self, record: _Scalp) -> None:
        """One record, in the order of the journal."""
        self.counts[record.kind] += 1
        at_ns = parse_iso(record.receive_time)
        key = (record.symbol, bisect_right(self._entered.get(record.symbol, []), at_ns))
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = VolumeCounter(record.symbol)
        if record.kind == "trade":
            counter.on_trade(at_ns, record.size)
        elif record.kind == "sample":
            self._sampled(key, parse_iso(record.event_time))
            if record.volume is not None:
                counter.on_cumulative(at_ns, record.volume)

    def _sampled(self, key: tuple[str, int], grid_ns: int) -> None:
        seen = self._samples.setdefault(key, [grid_ns, grid_ns, 0])
        if grid_ns > seen[1]:  # the last of a session may stand outside the grid
            seen[1], seen[2] = grid_ns, seen[2] + 1

    def lowest(self) -> float | None:
        """The least samples per second that a slot had, of those that lasted a minute; None without one."""
        rates = [
            more / ((last - first) / NS_PER_SECOND)
            for first, last, more in self._samples.values()
            if last - first >= 60 * NS_PER_SECOND
        ]
        return round(min(rates), 4) if rates else None

    def rate(self) -> float | None:
        """Samples per second and slot, from the first to the last of each; None without two of any."""
        seconds = sum(last - first for first, last, _ in self._samples.values()) / NS_PER_SECOND
        count = sum(more for _, _, more in self._samples.values())
        return round(count / seconds, 4) if seconds else None

    def completeness(self) -> dict[str, Any] | None:
        """Volume heard in slots against the provider's cumulative volume; None where nothing was checked."""
        results = [counter.result() for counter in self._counters.values()]
        known = [result for result in results if result.missing is not None]
        if not known:
            return None
        heard, missing = sum(each.heard for each in known), sum(each.missing or 0.0 for each in known)
        return {
            "symbols": len({each.symbol for each in known}),
            "heard": heard,
            "missing": missing,
            "ratio": round(heard / (heard + missing), 9) if heard + missing else 1.0,
            "incomplete": sorted({each.symbol for each in known if each.status == "incomplete"}),
            "unknown": sorted(_symbols(results) - _symbols(known)),
        }


def _symbols(results: Iterable[Completeness]) -> set[str]:
    return {result.symbol for result in results}


def day_report(
    root: Path, provider: str, market: str, day: date, slots_limit: int, calendar: Calendar | None = None
) -> dict[str, Any]:
    """The facts of ``day`` from the journal under ``root``; ``slots_limit``: what the provider allows.

    ``calendar`` is that of the market; None: the one that is built in.
    """
    events = Events()
    for file in partitions(root, [f"system/events/{provider}"]):
        for line in read_lines(root, file):
            events.fold(json.loads(line.body))
    records = Records(events.entered)
    for file in partitions(root, [f"scalp/{provider}/{market}"]):
        for line in read_lines(root, file):
            records.fold(_scalp.decode(line.body))
    swept = Counter(events.sweeps.values())
    hours = TrackHours(calendar or Calendar(VENUE_OF_MARKET[market]))
    for told, is_open in events.provider_says.items():
        hours.tell(told, is_open=is_open, told_by=provider)
    return {
        "day": day.isoformat(),
        "universe": _universe(root, provider, market, day),
        "sweeps": {
            "planned": events.sweeps_planned(hours),
            "done": swept["done"],
            "late": swept["late"],
        },
        "slots": {
            "limit": slots_limit,
            "max_held": events.max_held,
            "swaps": None if events.max_held is None else events.swaps,
            "overflow": _overflow(root, provider),
        },
        "record_rate": records.rate(),
        "record_rate_lowest": records.lowest(),
        "records": dict(sorted(records.counts.items())) | {"swing": _lines(root, f"swing/{provider}")},
        "reconnects": events.reconnects,
        "gaps": events.gaps,
        "completeness": records.completeness(),
        "ledger": events.ledger(),
        "backup": {"verified": None},
        "files": _files(root, provider),
        "journal_hash": journal_hash(root, provider),
    }


def _files(root: Path, provider: str) -> dict[str, int]:
    """How many partitions there are, and their bytes as they lie there."""
    files = [file for file in partitions(root) if f"/{provider}" in file.path]
    return {"count": len(files), "bytes": sum(file.on_disk(root).stat().st_size for file in files)}


def _lines(root: Path, prefix: str) -> int:
    return sum(1 for file in partitions(root, [prefix]) for _ in read_lines(root, file))


def _universe(root: Path, provider: str, market: str, day: date) -> dict[str, Any] | None:
    try:
        universe = read_universe(universe_path(root, provider, market, day))
    except (UniverseDamaged, OSError):
        return None
    return {"count": universe.count, "sha256": universe.sha256}


def _overflow(root: Path, provider: str) -> int | None:
    """Lines of the overflow ledger; None where there is none."""
    files = partitions(root, [f"system/overflow/{provider}"])
    return sum(1 for file in files for _ in read_lines(root, file)) if files else None
