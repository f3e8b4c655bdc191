"""What must be true of every journal, whatever broke: held against what the simulator knows it sent.

Each check answers sentences, one for each thing that is wrong. None of them uses the collector's code.
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec

from sise.journal.files import partitions, read_lines
from sise.journal.partition import TORN_FOLDER
from sise.journal.stat import stat
from sise.journal.verify import verify
from sise.model.time import NS_PER_SECOND, iso, parse_iso
from sise.rehearse.day import Outcome, Rehearsal
from sise.rehearse.faults import causes
from sise.simulator.sent import MAX_SENT_KEPT

MENDED_SECONDS: Final = 300
"""So long after the last fault data is heard again: the longest wait, and a session that sticks."""
OPENING_SECONDS: Final = 8
SHOWN: Final = 3
"""Of each kind, so many examples."""
END_SECONDS: Final = 3.0
"""Before the end of the hours a silence is no longer seen, and frames may be on their way."""
_CONTROL: Final = {"kis": ("{",), "upbit": ('{"error"', '{"status"')}
"""How a provider's frames begin that are no data."""
_TOO_MANY: Final = {"kis": "OPSP0008", "upbit": '{"error"'}
"""What the provider says who asks for too much. Upbit has one form for all that it does not like."""

_decode = msgspec.json.Decoder().decode


class Journal:
    """A recorded day of ``provider``, read once."""

    def __init__(self, root: Path, provider: str = "kis") -> None:
        self.root, self.provider = root, provider
        self.events = list(self._read("system/events"))
        self.wire = [line for line in self._read("wire") if line["conn"] != "rest"]
        self.scalp = list(self._read("scalp"))
        self.swing = list(self._read("swing"))

    def of(self, *types: str) -> Iterator[dict[str, Any]]:
        """Events of these types, oldest first."""
        return (event for event in self.events if event["event_type"] in types)

    def _read(self, prefix: str) -> Iterator[dict[str, Any]]:
        for file in partitions(self.root, [prefix]):
            for line in read_lines(self.root, file):
                yield _decode(line.body)


def broken(journal: Journal, plan: Rehearsal, outcome: Outcome) -> list[str]:
    """Every invariant that does not hold for ``journal``; empty where all do."""
    if (outcome.sent and outcome.sent[0]["index"] != 1) or len(outcome.left_out) == MAX_SENT_KEPT:
        return ["too much was sent for the simulator to remember it: nothing can be said"]
    findings = verify(journal.root).findings
    return [
        *_some("not whole", (f"{each.file}:{each.line} {each.what}" for each in findings)),
        *ledger_balances(journal.root),
        *never_too_many_slots(journal, plan.slots),
        *records_lie_in_sessions(journal),
        *records_follow_the_wire(journal),
        *lost_frames_lie_in_gaps(journal, outcome),
        *one_gap_a_hole(journal, outcome),
        *gaps_have_causes(journal, plan),
        *no_secret(journal.root, outcome.secrets),
    ]


def ledger_balances(root: Path) -> list[str]:
    """What the sessions say they did is what lies there, and each has ended."""
    found = stat(root)
    wrong = [] if found.balanced else [f"the ledger: {found.said} is said, {found.counted} lies there"]
    return wrong + ([f"{found.open_sessions} sessions have no end"] if found.open_sessions else [])


def never_too_many_slots(journal: Journal, limit: int) -> list[str]:
    """No more symbols than places, by our events and by the provider's word."""
    most = max((len(event["detail"]["slots"]) for event in journal.of("slots")), default=0)
    word = _TOO_MANY[journal.provider]
    refused = sum(word in str(line.get("frame")) for line in journal.wire)
    wrong = [f"{most} slots are held, {limit} there are"] if most > limit else []
    return wrong + ([f"the provider refused {refused} requests as too many"] if refused else [])


def records_lie_in_sessions(journal: Journal) -> list[str]:
    """Every record was received between the start and the end of the session that it names."""
    spans: dict[str, list[int]] = {}
    for event in journal.of("session_start", "session_end"):
        at = parse_iso(event["timestamp"])
        if event["event_type"] == "session_start":
            spans[event["session_id"]] = [at, at]
        elif event["session_id"] in spans:
            spans[event["session_id"]][1] = at
    outside = (
        f"{record['kind']} of {record['symbol']} at {record['receive_time']} in {record['session_id']}"
        for record in (*journal.scalp, *journal.swing)
        if not _lies_in(parse_iso(record["receive_time"]), spans.get(record["session_id"]))
    )
    return _some("outside its session", outside)


def records_follow_the_wire(journal: Journal) -> list[str]:
    """A frame is written before what is made of it: no record names a frame that is not there."""
    there = {line["n"] for line in journal.wire}
    trades = (record for record in journal.scalp if record["kind"] == "trade")
    unfounded = (f"{one['symbol']} {one['trade_id']}" for one in trades if one["frame"] not in there)
    # A kill tears at most the line being written; whole lines are moved away where their frame is missing.
    torn = sorted((journal.root / TORN_FOLDER).rglob("*")) if (journal.root / TORN_FOLDER).is_dir() else []
    early = (path.name for path in torn if b"\n" in path.read_bytes())
    return _some("a trade without its frame", unfounded) + _some("written before its frame", early)


def lost_frames_lie_in_gaps(journal: Journal, outcome: Outcome) -> list[str]:
    """What was sent is in the wire log, or was sent within exactly one gap; nothing else is there."""
    heard: dict[str, list[int]] = defaultdict(list)
    for line in journal.wire:
        if not _is_control(line, journal.provider):
            heard[_crc(line)].append(parse_iso(line["t"]))
    sent: dict[str, list[int]] = defaultdict(list)
    for row in outcome.sent:
        sent[str(row["crc32"])].append(int(str(row["ns"])))
    missed, invented = list(outcome.left_out), [crc for crc in heard if crc not in sent]
    for crc, moments in sent.items():
        never_heard, never_sent = _unpaired(moments, heard[crc])
        missed += never_heard
        invented += [crc] * never_sent
    holes = _scalp_gaps(journal) + _openings(journal)
    holes += _rests(journal)
    unsaid = (iso(at) for at in sorted(missed) if not any(start <= at <= end for start, end in holes))
    return _some("heard, but never sent", invented) + _some("lost outside a gap", unsaid)


def one_gap_a_hole(journal: Journal, outcome: Outcome) -> list[str]:
    """Gaps do not overlap, and between two connections that data came through there is exactly one."""
    wrong: list[str] = []
    gaps = _scalp_gaps(journal)
    for (_, end), (start, _) in pairwise(gaps):
        if start < end:
            wrong.append(f"two gaps at {iso(start)}")
    for last, first in pairwise(outcome.sent):
        if last["connection"] != first["connection"]:
            hole = int(str(last["ns"])), int(str(first["ns"]))
            count = sum(start < hole[1] and hole[0] < end for start, end in _joined(gaps))
            if count != 1:
                wrong.append(f"{count} gaps between {iso(hole[0])} and {iso(hole[1])}")
    return wrong


def gaps_have_causes(journal: Journal, plan: Rehearsal) -> list[str]:
    """No gap without something that broke, and each ends soon after that."""
    wrong: list[str] = []
    slack = MENDED_SECONDS * NS_PER_SECOND
    reasons = causes(plan)
    for start, end in _scalp_gaps(journal):
        near = [cause for cause in reasons if cause[0] - slack <= end and start <= cause[1] + slack]
        if not near:
            wrong.append(f"a gap without a cause at {iso(start)}")
        elif end > max(cause[1] for cause in near) + slack:
            wrong.append(f"the gap of {iso(start)} lasts {(end - start) / NS_PER_SECOND:.0f} s")
    return wrong


def no_secret(root: Path, secrets: Iterable[str]) -> list[str]:
    """Nothing but the token file, which is for our eyes only, holds a secret."""
    hidden = [secret.encode() for secret in secrets]
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and "tokens" not in path.parts)
    return _some("a secret", (str(path) for path in files if any(one in path.read_bytes() for one in hidden)))


def _scalp_gaps(journal: Journal) -> list[tuple[int, int]]:
    return sorted(
        (parse_iso(event["gap_start_ts"]), parse_iso(event["gap_end_ts"]))
        for event in journal.of("gap_marker")
        if event["scope"] == "scalp"
    )


def _openings(journal: Journal) -> list[tuple[int, int]]:
    """The seconds of registering before a line is first proven; more than so many are a gap of their own."""
    opened = [
        parse_iso(event["timestamp"]) for event in journal.of("connected") if not event["detail"]["again"]
    ]
    return [(at - OPENING_SECONDS * NS_PER_SECOND, at) for at in opened]


def _joined(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Gaps that touch as one: the line was proven at that moment, and lost before it gave data."""
    joined: list[tuple[int, int]] = []
    for start, end in gaps:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _rests(journal: Journal) -> list[tuple[int, int]]:
    """When no line was wanted: from the end of the hours, or of a session, to the next first data."""
    rests: list[tuple[int, int]] = []
    for event in journal.of("hours_over", "session_end", "connected"):
        at = parse_iso(event["timestamp"])
        if event["event_type"] == "connected":
            rests = [(start, min(end, at)) for start, end in rests]
        elif event["detail"].get("how") != "recovered":
            rests.append((at - round(END_SECONDS * NS_PER_SECOND), 2**63))
    return rests


def _lies_in(at: int, span: list[int] | None) -> bool:
    return span is not None and span[0] <= at <= span[1]


def _unpaired(sent: list[int], heard: list[int]) -> tuple[list[int], int]:
    """Of frames that are all the same: when those were sent that nobody heard, and how many were heard
    that nobody had sent. Each that was heard is the last one sent before it."""
    left = sorted(sent)
    invented = 0
    for at in sorted(heard):
        place = bisect_right(left, at)
        if place:
            del left[place - 1]
        else:
            invented += 1
    return left, invented


def _is_control(line: dict[str, Any], provider: str) -> bool:
    return str(line.get("frame", "")).startswith(_CONTROL[provider])


def _crc(line: dict[str, Any]) -> str:
    payload = line["frame"].encode() if "frame" in line else b64decode(line["b64"])
    return f"{zlib.crc32(payload):08x}"


def _some(what: str, found: Iterable[str]) -> list[str]:
    everything = list(found)
    if not everything:
        return []
    more = f" and {len(everything) - SHOWN} more" if len(everything) > SHOWN else ""
    return [f"{what}: {'; '.join(everything[:SHOWN])}{more}"]
