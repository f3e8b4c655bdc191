"""What ``sise demo`` shows in the terminal: one live line while it runs, and a summary at its end."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

REFRESH_SECONDS: Final = 0.5
ANSWER_SECONDS: Final = 0.5
SHOWN_GAPS: Final = 10

_COLOURS: Final = {"recording": "green", "degraded": "yellow", "not_recording": "red", "off_hours": "cyan"}


class StatusLine:
    """Asks the collector how it is, and rewrites one line of the terminal."""

    def __init__(
        self, data: Path, provider: str, collector_pid: int, head: Callable[[], str] = lambda: ""
    ) -> None:
        """``head`` gives what stands before the status, such as the time that is played."""
        self._address_file, self._pid = data / "run" / f"collect-{provider}.json", collector_pid
        self._head = head

    async def run(self) -> None:
        """Rewrite the line until cancelled."""
        with Live(Text("starting"), console=Console(stderr=True), transient=True, auto_refresh=False) as live:
            while True:
                status = status_text(await asyncio.to_thread(self._ask))
                live.update(Text(self._head()).append_text(status), refresh=True)
                await asyncio.sleep(REFRESH_SECONDS)

    def _ask(self) -> dict[str, Any] | None:
        try:
            address = json.loads(self._address_file.read_text())
            if address["pid"] != self._pid:
                return None
            with urllib.request.urlopen(address["url"], timeout=ANSWER_SECONDS) as answer:
                status: dict[str, Any] = json.load(answer)
                return status
        except (OSError, ValueError, KeyError, TypeError):
            return None


def status_text(status: dict[str, Any] | None) -> Text:
    """The collector's status in one line; ``None``: it does not answer."""
    if status is None:
        return Text("the collector does not answer yet", style="yellow")
    frames, events = status["ledger"]["frames"], status["ledger"]["events"]
    text = Text(status["state"].replace("_", " "), style=_COLOURS.get(status["state"], ""))
    refused = sum(events["refused"].values())
    if status.get("next_start"):
        text.append(f" until {status['next_start'][:16]}Z", style="default")
    text.append(
        f"  frames heard {frames['received']:,}, recorded {frames['recorded']:,}"
        f"  ·  events {events['decoded']:,}, refused {refused:,}"
        f"  ·  {status['rate']['frames_per_second']:,.0f} frames/s",
        style="default",
    )
    gap = status.get("gap_open")
    if gap:
        text.append(f"  ·  gap since {gap['start'][11:19]}Z ({gap['reason']})", style="red")
    return text


def report(ledger: dict[str, Any], data: Path, seconds: float, *, as_json: bool) -> None:
    """The ledger on standard output: its last line for programs, or a table for people."""
    if as_json:
        names = ("frames", "events", "gaps", "url")
        typer.echo(json.dumps({name: ledger[name] for name in names}, ensure_ascii=False))
        return
    console = Console(soft_wrap=True)
    console.print(_summary(ledger, seconds))
    console.print(f"The journal lies in {data}: SISE_DATA_DIR={data} sise journal verify", highlight=False)


def _summary(ledger: dict[str, Any], seconds: float) -> Table:
    frames, events, gaps = ledger["frames"], ledger["events"], ledger["gaps"]
    refused = ", ".join(f"{reason} {count:,}" for reason, count in events["refused"].items()) or "none"
    table = Table(title=f"Recorded in {seconds:,.0f} s", title_justify="left", show_header=False)
    table.add_row("frames", f"received {frames['received']:,} = recorded {frames['recorded']:,}")
    table.add_row(
        "events", f"decoded {events['decoded']:,}, recorded {events['recorded']:,}, refused: {refused}"
    )
    table.add_row("gaps", f"{len(gaps)}")
    for gap in gaps[-SHOWN_GAPS:]:
        table.add_row("", f"{gap['start']} to {gap['end'] or '(open)'}  {gap['scope']}  {gap['reason']}")
    return table


def report_day(facts: dict[str, Any], data: Path, seconds: float, *, as_json: bool) -> None:
    """What a trading day came to: one line for programs, or a table for people; ``None`` is not known."""
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    console = Console(soft_wrap=True)
    console.print(_day_table(facts, seconds))
    console.print(f"The journal lies in {data}: SISE_DATA_DIR={data} sise journal verify", highlight=False)


def _day_table(facts: dict[str, Any], seconds: float) -> Table:
    universe, sweeps, slots = facts["universe"], facts["sweeps"], facts["slots"]
    complete, ledger, gaps = facts["completeness"], facts["ledger"], facts["gaps"]
    title = f"{facts['day']}, recorded in {seconds:,.0f} s"
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_row("universe", f"{universe['count']:,} symbols" if universe else "none")
    missed = sweeps["planned"] - sweeps["done"] - sweeps["late"]
    said = f"{sweeps['done']} of {sweeps['planned']} done, {sweeps['late']} late, {missed} missed"
    table.add_row("sweeps", said)
    table.add_row(
        "slots",
        f"{_number(slots['max_held'])} of {slots['limit']} held, {_number(slots['swaps'])} swaps, "
        f"overflow {_number(slots['overflow'])}",
    )
    lowest = _number(facts["record_rate_lowest"])
    table.add_row("samples per second and slot", f"{_number(facts['record_rate'])} (the lowest {lowest})")
    records = ", ".join(f"{kind} {count:,}" for kind, count in facts["records"].items())
    table.add_row("records", records)
    heard = f"{complete['ratio']:.4%} of what was traded in slots" if complete else "unknown"
    table.add_row("volume heard", heard)
    if ledger:
        frames, events = ledger["frames"], ledger["events"]
        table.add_row("frames", f"received {frames['received']:,} = recorded {frames['recorded']:,}")
        table.add_row("events", f"decoded {events['decoded']:,}, recorded {events['recorded']:,}")
    table.add_row("reconnects, gaps", f"{facts['reconnects']}, {len(gaps)}")
    for gap in gaps[-SHOWN_GAPS:]:
        table.add_row("", f"{gap['start']} to {gap['end'] or '(open)'}  {gap['scope']}  {gap['reason']}")
    table.add_row("files", f"{facts['files']['count']}, {facts['files']['bytes']:,} bytes")
    table.add_row("backup", backup_text(facts["backup"]))
    table.add_row("journal", f"SHA-256 {facts['journal_hash']}")
    return table


def backup_text(backup: dict[str, Any]) -> str:
    """The day's backup in one line."""
    much = f"{backup['files']:,} files, {backup['bytes']:,} bytes, {backup['seconds']:.1f} s"
    if backup["verified"]:
        return f"verified ({much})"
    first = backup["findings"][0]
    return f"NOT verified ({much}): {first['kind']} {first['file']} {first['what']}"


def _number(value: float | None) -> str:
    return "not recorded" if value is None else f"{value:,}"
