"""Processor and memory that a collector of KIS takes at 41 slots, at the market's own pace.

    python -m benchmarks.kis.day [--minutes 10] [--start 10:00] [--json]

Simulator and collector are processes of their own, as users start them (2,700 issues, sweeps every ten
minutes, 41 slots at 2 Hz). The first minute, with masters, universe and registrations, is told apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, Final

import psutil
import typer

from sise.run.kis_day import variables_of

DAY: Final = "2026-11-20"
SAMPLE_SECONDS: Final = 5.0
START_SECONDS: Final = 60.0


def main(
    minutes: Annotated[float, typer.Option(min=2)] = 10,
    start: Annotated[str, typer.Option()] = "10:00",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Watch a collector for ``minutes`` after its first one, and print what it took."""
    wall = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    clock = {"SISE_CLOCK": f"{DAY}T{start}:00+09:00@1@{wall}"}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        simulator = _process(["simulate", "kis", "--json"], clock | {"SISE_DATA_DIR": folder})
        try:
            assert simulator.stdout is not None
            addresses = json.loads(simulator.stdout.readline())
            variables = clock | variables_of(addresses, data) | {"SISE_DATA_DIR": folder}
            collector = _process(["collect", "--provider", "kis", "--json"], variables)
            facts = _watch(collector, minutes)
            collector.terminate()
            assert collector.stdout is not None
            ledger = json.loads(collector.stdout.read().splitlines()[-1])
        finally:
            simulator.terminate()
            simulator.wait()
    facts |= {"frames": ledger["frames"]["received"], "gaps": len(ledger["gaps"])}
    typer.echo(json.dumps(facts) if as_json else _sentence(facts))


def _process(command: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SISE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "sise", *command], env=kept | variables, stdout=subprocess.PIPE, text=True
    )


def _watch(collector: subprocess.Popen[str], minutes: float) -> dict[str, Any]:
    process = psutil.Process(collector.pid)
    began = time.monotonic()
    time.sleep(START_SECONDS)
    first = _cpu(process)
    steady = time.monotonic()
    resident = [process.memory_info().rss]
    while time.monotonic() - steady < minutes * 60:
        time.sleep(SAMPLE_SECONDS)
        resident.append(process.memory_info().rss)
    seconds = time.monotonic() - steady
    return {
        "minutes": round(seconds / 60, 2),
        "cpu_percent_of_a_core_first_minute": round(100 * first / (steady - began), 1),
        "cpu_percent_of_a_core": round(100 * (_cpu(process) - first) / seconds, 1),
        "rss_bytes_after_a_minute": resident[0],
        "rss_bytes_max": max(resident),
        "rss_bytes_last": resident[-1],
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _sentence(facts: dict[str, Any]) -> str:
    return (
        f"{facts['minutes']} minutes: {facts['cpu_percent_of_a_core']} % of a core "
        f"({facts['cpu_percent_of_a_core_first_minute']} % in the first minute before), RSS "
        f"{facts['rss_bytes_after_a_minute'] / 2**20:.0f} MiB after it, {facts['rss_bytes_max'] / 2**20:.0f} "
        f"at most, {facts['rss_bytes_last'] / 2**20:.0f} at the end; {facts['frames']:,} frames, "
        f"{facts['gaps']} gaps"
    )


if __name__ == "__main__":
    typer.run(main)
