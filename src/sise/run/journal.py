"""``sise journal``: what lies in the journal, and the proof that it is whole."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, SystemClock, parse_iso
from sise.run.lifetime import begin
from sise.run.options import JsonOption

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sise.journal.files import Line
    from sise.journal.stat import JournalStat

FOLLOW_SECONDS: Final = 0.1
PIPE_COLUMNS: Final = 200

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def journal() -> None:
    """Look into the journal: stat, cat, gaps, verify, seal, retain."""


@app.command()
def stat(as_json: JsonOption = False) -> None:
    """What lies there, and both sides of the ledger. Exit code 1 where they do not balance."""
    from sise.journal.stat import stat as count

    found = count(_root())
    if as_json:
        _print_json(found)
    else:
        _print_stat(found)
    if not found.balanced and not found.open_sessions:
        raise typer.Exit(1)


@app.command()
def cat(
    prefix: Annotated[
        str, typer.Argument(help="Which lines: scalp, wire/upbit, system/events/upbit/20261120 …")
    ] = "scalp",
    start: Annotated[str | None, typer.Option("--from", metavar="ISO", help="Received from then on.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="ISO", help="Received before then.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is being written.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print lines, each with its place; with --json the lines as they are."""
    from_ns, to_ns = _moment("--from", start), _moment("--to", end)
    root, prefix = _root(), prefix.strip("/")
    lines = _followed(root, prefix, from_ns) if follow else _lines(root, prefix, from_ns)
    with suppress(KeyboardInterrupt):
        for line in lines:
            fields = msgspec.json.decode(line.body)
            if _wanted(fields, from_ns, to_ns, symbol):
                _print_line(line, fields, as_json=as_json)


@app.command()
def gaps(as_json: JsonOption = False) -> None:
    """Every hole, as recorded: start, end, seconds, scope, reason, and where it stands."""
    rows = [_gap(line.ref, msgspec.json.decode(line.body)) for line in _gap_lines(_root())]
    if as_json:
        typer.echo(json.dumps({"gaps": rows}, ensure_ascii=False))
        return
    table = _table(_counted(len(rows), "gap"))
    columns = ("start", "end", "seconds", "scope", "reason", "raw_ref")
    for column in columns:
        table.add_column(column, justify="right" if column == "seconds" else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(row[key]) for key in columns))
    _console().print(table)


@app.command()
def verify(as_json: JsonOption = False) -> None:
    """Check every line, sealed file and manifest. Exit code 1 where anything is wrong."""
    from sise.journal.verify import verify as check

    report = check(_root())
    if as_json:
        _print_json(report)
    else:
        for finding in report.findings:
            typer.echo(f"{finding.file}:{finding.line}: {finding.what}")
        verdict = "whole" if report.ok else _counted(len(report.findings), "finding")
        typer.echo(f"{_counted(report.files, 'file')}, {_counted(report.lines, 'line')}: {verdict}")
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def seal(as_json: JsonOption = False) -> None:
    """Compress and hash the partitions that will not be written again."""
    from sise.journal.partition import JOURNAL_FOLDERS
    from sise.journal.seal import seal_finished

    sealed = seal_finished(_root(), list(JOURNAL_FOLDERS), SystemClock().now_ns())
    if as_json:
        typer.echo(msgspec.json.encode({"sealed": sealed}))
        return
    for each in sealed:
        typer.echo(f"{each.file}: {each.lines:,} lines, {each.raw_bytes:,} bytes -> {each.bytes:,}")
    typer.echo(f"{_counted(len(sealed), 'partition')} sealed")


def _root() -> Path:
    root = begin().data_dir
    if not root.is_dir():
        remedy = "there is no such folder; name the one that holds a journal, or make one with sise collect"
        raise BadInput("data_dir (SISE_DATA_DIR)", str(root), remedy)
    return root


def _moment(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text)
    except BadInput as error:
        raise BadInput(option, text, error.remedy) from None


def _lines(root: Path, prefix: str, since_ns: int | None) -> Iterator[Line]:
    from sise.journal.files import partition_stat, partitions, read_lines

    for file in partitions(root, [_folder(root, prefix)]):
        if not file.path.startswith(prefix):
            continue
        if since_ns is None or partition_stat(root, file).st_mtime * NS_PER_SECOND >= since_ns:
            yield from read_lines(root, file)


def _followed(root: Path, prefix: str, since_ns: int | None) -> Iterator[Line]:
    from sise.journal.reader import Follower

    follower = Follower(root, [_folder(root, prefix)], since_ns=since_ns)
    while True:
        lines = follower.poll()
        yield from (line for line in lines if line.ref.startswith(prefix))
        if not lines:
            time.sleep(FOLLOW_SECONDS)


def _folder(root: Path, prefix: str) -> str:
    """The deepest folder that holds all of ``prefix``, which may name a file or a part of its name."""
    from sise.journal.partition import JOURNAL_FOLDERS

    if prefix.split("/")[0] not in JOURNAL_FOLDERS or ".." in prefix.split("/"):
        raise BadInput("prefix", prefix, f"begin it with one of {', '.join(JOURNAL_FOLDERS)}")
    return prefix if (root / prefix).is_dir() else prefix.rpartition("/")[0] or prefix


def _print_line(line: Line, fields: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(line.body)
    else:
        fields.pop("crc")
        typer.echo(f"{line.ref}  {json.dumps(fields, ensure_ascii=False)}")


def _wanted(fields: dict[str, Any], from_ns: int | None, to_ns: int | None, symbol: str | None) -> bool:
    if symbol is not None and fields.get("symbol") != symbol:
        return False
    if from_ns is None and to_ns is None:
        return True
    at = parse_iso(fields.get("receive_time") or fields.get("t") or fields["timestamp"])
    return (from_ns is None or at >= from_ns) and (to_ns is None or at < to_ns)


def _gap_lines(root: Path) -> Iterator[Line]:
    return (line for line in _lines(root, "system/events", None) if b'"event_type":"gap_marker"' in line.body)


def _gap(ref: str, event: dict[str, Any]) -> dict[str, Any]:
    return {
        "start": event["gap_start_ts"],
        "end": event["gap_end_ts"],
        "seconds": event["gap_seconds"],
        "scope": event["scope"],
        "reason": event["reason"],
        "detail": event["detail"],
        "session_id": event["session_id"],
        "raw_ref": ref,
    }


def _print_json(value: Any) -> None:
    typer.echo(msgspec.json.encode(value))


def _console() -> Console:
    """As wide as the terminal; in a pipe wide enough that nothing is cut."""
    from rich.console import Console

    return Console(soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def _table(title: str) -> Table:
    from rich.table import Table

    return Table(title=title, title_justify="left")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _print_stat(found: JournalStat) -> None:
    console = _console()
    tracks = _table("What lies there")
    for column in ("folder", "files", "lines", "bytes on disk"):
        tracks.add_column(column, justify="left" if column == "folder" else "right")
    for name, track in sorted(found.tracks.items()):
        tracks.add_row(name, f"{track.files:,}", f"{track.lines:,}", f"{track.disk_bytes:,}")
    console.print(tracks)
    ledger = _table("The ledger, both sides")
    for column in ("", "sessions say", "lines counted"):
        ledger.add_column(column, justify="right" if column else "left")
    for name, said, counted in _ledger_rows(found):
        ledger.add_row(name, said, counted)
    console.print(ledger)
    sessions, gaps = _counted(len(found.sessions), "session"), _counted(found.gaps, "gap")
    console.print(f"{sessions}, {gaps}; the ledger {_verdict(found)}")


def _verdict(found: JournalStat) -> str:
    if found.balanced:
        return "balances"
    if found.open_sessions:
        return (
            f"is not closed: {_counted(found.open_sessions, 'session')} open, the last seconds not summed yet"
        )
    return "does NOT balance"


def _ledger_rows(found: JournalStat) -> Iterator[tuple[str, str, str]]:
    def refused(counts: dict[str, int]) -> str:
        return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items())) or "0"

    said, counted = found.said, found.counted
    yield "frames received", f"{said.frames.received:,}", f"{counted.frames.received:,}"
    yield "frames recorded", f"{said.frames.recorded:,}", f"{counted.frames.recorded:,}"
    yield "frames lost", refused(said.frames.lost), refused(counted.frames.lost)
    yield "events decoded", f"{said.events.decoded:,}", f"{counted.events.decoded:,}"
    yield "events recorded", f"{said.events.recorded:,}", f"{counted.events.recorded:,}"
    yield "events refused", refused(said.events.refused), refused(counted.events.refused)
    yield "frames quarantined", f"{said.quarantined:,}", f"{counted.quarantined:,}"
