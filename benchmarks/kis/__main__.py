"""KIS trade records a second on one core: split alone, decoded, and recorded whole (row P1k).

    python -m benchmarks.kis [--records 200000] [--rounds 5] [--json]

Frames are made from a seed, of 47 columns a record as since 2026-09-14; a fifth each of 1, 2, 5, 10 and
20 records a frame. *Recorded* is the collector's own path without a socket: wire log, decode,
validation, guard, trade record, group of quotes, journal written, and synced by the collector's own
thread every 30 ms, so that a record is durable within 100 ms, and at the end.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from sise.collect.ledger import Ledger
from sise.collect.observe import Observer
from sise.collect.slots import SessionMeta, Slot
from sise.journal.disk import OsDisk
from sise.journal.partition import quarantine_stream, refused_stream, scalp_stream, wire_stream
from sise.journal.writer import GroupCommit, JournalWriter
from sise.model.time import MARKET_ZONES, SystemClock, parse_iso
from sise.providers.kis.decode import decode
from sise.providers.kis.provider import Kis

SYMBOLS: Final = 41
RECORDS_A_FRAME: Final = (1, 2, 5, 10, 20)
SEED: Final = 20261120
RECEIVED: Final = parse_iso("2026-09-22T10:15:30.050000+09:00")
"""Soon after the frames' own moment: a trade stamped long ago would be noted, which is not what a day is."""
SPACING_NS: Final = 1_000


def make_frames(records: int) -> list[bytes]:
    """Frames that hold ``records`` records together; cumulative volumes grow, so that no trade repeats."""
    rng = Random(SEED)
    volumes = dict.fromkeys((f"{100_000 + n}" for n in range(SYMBOLS)), 0)
    symbols = list(volumes)
    frames, made = [], 0
    while made < records:
        count = rng.choice(RECORDS_A_FRAME)
        symbol = rng.choice(symbols)
        parts = []
        for _ in range(count):
            size = rng.randint(1, 500)
            volumes[symbol] += size
            parts.append(_record(symbol, rng, size, volumes[symbol]))
        frames.append(f"0|H0STCNT0|{count:03d}|{'^'.join(parts)}".encode())
        made += count
    return frames


def _record(symbol: str, rng: Random, size: int, volume: int) -> str:
    price = 70_000 + rng.randint(-20, 20) * 100
    fields = [
        symbol, "101530", str(price), "2", "500", "0.72", "70123.45", "69500", "71000", "69400",
        str(price + 100), str(price), str(size), str(volume), str(volume * price), "1200", "1300", "100",
        "105.20", "600000", "700000", rng.choice("15"), "0.54", "88.10", "090012", "2", "500", "093011",
        "5", "-500", "090533", "2", "600", "20260922", "20", "N", "1234", "4321", "100000", "120000",
        "0.12", "900000", "101.20", "0", "", "69500", "2",
    ]  # fmt: skip
    return "^".join(fields)


def _split(frames: list[bytes]) -> None:
    for frame in frames:
        frame.decode().split("|", 3)[3].split("^")


def _decode(frames: list[bytes]) -> None:
    for frame in frames:
        decode(frame, 1)


def _record_all(frames: list[bytes]) -> None:
    clock, zone = SystemClock(), MARKET_ZONES["kr_stocks"]
    with tempfile.TemporaryDirectory() as folder:
        writer = JournalWriter(
            Path(folder),
            [
                wire_stream("kis", zone),
                scalp_stream("kis", "kr_stocks", zone),
                refused_stream("kis", zone),
                quarantine_stream("kis", zone),
            ],
            disk=OsDisk(),
            clock=clock,
        )
        slots = {f"{100_000 + n}": Slot(f"{100_000 + n}") for n in range(SYMBOLS)}
        ledger = Ledger()
        observer = Observer(
            Kis(), writer, slots, SessionMeta("kis", "kr_stocks", "KRX", "bench"), ledger, first_frame=1
        )
        commits = GroupCommit(writer)
        commits.start()
        now = RECEIVED
        for frame in frames:
            now += SPACING_NS
            observer.on_frame(frame, now)
        observer.sample(now, now, pending_only=True)
        commits.stop()
        if not writer.close() or ledger.events_refused or ledger.quarantined or ledger.held:
            raise SystemExit(f"the ledger does not balance: {ledger.facts()}")


WORKS: Final[dict[str, Callable[[list[bytes]], None]]] = {
    "split alone": _split,
    "decoded": _decode,
    "recorded, durable": _record_all,
}


def main(
    records: Annotated[int, typer.Option(min=1_000)] = 200_000,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Run each work in every round, and print the medians."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    frames = make_frames(records)
    total = sum(int(frame.split(b"|")[2]) for frame in frames)
    rates: dict[str, list[float]] = {name: [] for name in WORKS}
    for _ in range(rounds):
        for name, work in WORKS.items():
            began = time.perf_counter()
            work(frames)
            rates[name].append(total / (time.perf_counter() - began))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    if as_json:
        json.dump({"records": total, "frames": len(frames), "rates": rates, "medians": medians}, sys.stdout)
        return
    table = Table(title=f"{total:,} records in {len(frames):,} frames, median of {rounds} rounds")
    for column in ("work", "records/s", "of split", "rounds"):
        table.add_column(column, justify="left" if column == "work" else "right")
    for name, median in medians.items():
        spread = f"{min(rates[name]):,.0f}-{max(rates[name]):,.0f}"
        table.add_row(name, f"{median:,.0f}", f"{median / medians['split alone']:.2f}", spread)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
