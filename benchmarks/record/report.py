"""What was measured, as tables for people."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.record.measure import Result
from benchmarks.record.rounds import CEILINGS, PEERS, Summary, times_peer

WIDTH: Final = 120
"""Characters, where the output is no terminal."""
_MIB: Final = 1024 * 1024


def show(console: Console, summary: Summary) -> None:
    facts = summary.facts
    table = Table(
        title=f"{facts.frames:,} frames, {facts.mean_bytes:.0f} B mean, {facts.books / facts.frames:.0%} "
        f"books, {len(facts.symbols)} markets; median of {len(summary.rounds)} rounds",
        title_justify="left",
    )
    for column in (
        "receiver",
        "frames/s",
        "x cryptofeed",
        "of limit",
        "frames per CPU-s",
        "CPU s",
        "RSS MiB",
    ):
        table.add_column(column, justify="left" if column == "receiver" else "right", no_wrap=True)
    peer = max((summary.per_second[name] for name in PEERS if name in summary.per_second), default=None)
    for name, rate in summary.per_second.items():
        results = [each.results[name] for each in summary.rounds]
        middle = sorted(results, key=lambda result: result.seconds)[len(results) // 2]
        limit = None if name in CEILINGS else summary.limit_per_second
        table.add_row(
            middle.name,
            f"{rate:,.0f}",
            "" if peer is None else f"{rate / peer:.2f}",
            "" if limit is None else f"{rate / limit:.2f}",
            f"{summary.per_cpu_second[name]:,.0f}",
            f"{middle.cpu_seconds:.2f}",
            f"{middle.rss_bytes / _MIB:.0f}",
        )
    if summary.limit_per_second:
        table.add_section()
        table.add_row("computed limit: the three steps", f"{summary.limit_per_second:,.0f}")
    console.print(table)
    if summary.times_peer is not None:
        ratios = ", ".join(f"{times_peer(each):.2f}" for each in summary.rounds)
        console.print(
            f"sise / the faster cryptofeed of each round: {ratios}; median {summary.times_peer:.2f}"
        )
    _show_rounds(console, summary)
    if "sise" in summary.per_second:
        _show_proof(console, summary)


def _show_rounds(console: Console, summary: Summary) -> None:
    for number, each in enumerate(summary.rounds, 1):
        rates = ", ".join(f"{result.name} {result.per_second:,.0f}" for result in each.results.values())
        console.print(f"round {number} (load {each.load:.1f}): {rates}")


def _show_proof(console: Console, summary: Summary) -> None:
    for number, each in enumerate(summary.rounds, 1):
        detail = each.results["sise"].detail
        checks, delay = detail["checks"], detail["delay_ms"]
        console.print(
            f"round {number}: {checks['frames_in_wire_log']:,} frames in the wire log, "
            f"{checks['trades_recorded']:,} trades recorded, {checks['books_in_samples']:,} books in "
            f"samples, journal {'whole' if checks['ok'] else 'NOT WHOLE'}; receipt to durable "
            f"p50 {delay['p50']} ms, p99 {delay['p99']} ms, max {delay['max']} ms; "
            f"{detail['commits']} commits, at most {detail['commit_gap_ms_max']} ms apart"
        )


def show_soak(console: Console, result: Result) -> None:
    detail = result.detail
    share = result.cpu_seconds / result.seconds
    before, after, slope = detail["rss_first"], detail["rss_last"], detail["rss_bytes_per_minute"]
    console.print(
        f"soak: {result.frames:,} frames in {result.seconds:.0f} s ({result.per_second:,.0f}/s, "
        f"{share:.0%} of a core), {detail['journal_bytes']:,} bytes of journal, "
        f"{'nothing lost' if detail['ok'] else 'NOT ALL RECORDED'}; RSS {before / _MIB:.1f} -> "
        f"{after / _MIB:.1f} MiB, slope {slope / 1024:+.1f} KiB a minute; "
        f"receipt to durable p99 {detail['own_delay_ms']['durable_p99']} ms"
    )
