"""``sise etl``: the journal into the trading database, and the proof that it is there."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from typer.core import TyperGroup

from sise.model.errors import BadInput
from sise.model.time import SystemClock
from sise.run.calendars import exceptions_of
from sise.run.etl_follow import follow_journal, keep_and_tell
from sise.run.etl_view import tell
from sise.run.history import history_of
from sise.run.lifetime import begin
from sise.run.options import ForOption, HistoryOption, JsonOption, parse_duration

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from sise.run.settings import Settings
    from sise.warehouse.etl.days import MarketDay
    from sise.warehouse.etl.run import Outcome
    from sise.warehouse.etl.verify import DayProof

DAYS_MAX = 400
GC_AFTER_OBJECTS = 100_000
"""Rows are many small objects without cycles: to look for some every 700 is work for nothing."""


class _DayFirst(TyperGroup):
    """``sise etl 2026-11-20`` is ``sise etl load 2026-11-20``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["load", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="The journal into the trading database. sise etl DATE is sise etl load DATE.",
    cls=_DayFirst,
    no_args_is_help=True,
)

DayArgument = Annotated[str, typer.Argument(metavar="DATE", help="The market's day, such as 2026-11-20.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Up to this day, included.")]


@app.command("load")
def load_(
    day: Annotated[
        str | None, typer.Argument(metavar="[DATE]", help="The market's own day, such as 2026-11-20.")
    ] = None,
    to: ToOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Take what is written, as it is written.")] = False,
    seconds: ForOption = None,
    verify: Annotated[bool, typer.Option(help="Prove each day once it is loaded.")] = True,
    keep: Annotated[bool, typer.Option(help="Finished days into the history, too.")] = True,
    history: HistoryOption = None,
    patience: Annotated[
        float,
        typer.Option(
            parser=parse_duration, metavar="DURATION", help="Try so long while the database is away."
        ),
    ] = "2h",  # type: ignore[assignment] # typer parses a default, too
    as_json: JsonOption = False,
) -> None:
    """Load a day of the journal, or several, or follow it. Exit code 1 where the proof does not hold."""
    from sise.warehouse.etl.bookkeeping import Patience
    from sise.warehouse.etl.run import Etl

    if follow == (day is not None):
        raise BadInput("DATE", day or "", "name a day such as 2026-11-20, or give --follow")
    with _opened(follows=follow) as (settings, engine):
        exceptions = exceptions_of(settings)
        now_ns = SystemClock().now_ns
        etl = Etl(engine, settings.data_dir, now_ns, Patience(patience), exceptions=exceptions)
        if follow:
            asyncio.run(follow_journal(etl, engine, settings.data_dir, seconds))
            tell([], {"days": [_done(each) for each in etl.followed]}, as_json)
            return
        days = _days(settings, str(day), to)
        outcomes = etl.load_days(days)
        proofs = _proofs(engine, settings, days) if verify else []
        differs = {proof.day for proof in proofs if not proof.ok}
        sound = [each for each in days if each.name not in differs]
        kept = _keep(engine, settings, sound, history) if keep else []
        house = keep_and_tell(engine, settings.data_dir)
    told = {"days": [_done(each) for each in outcomes], "history": kept, "retention": house}
    tell(proofs, told, as_json)


@app.command()
def verify(
    day: DayArgument,
    to: ToOption = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Also load it into an empty database, and compare the hashes.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Hold the database against the journal. Exit code 1 where a line, a row or a hash differs."""
    from sise.warehouse.etl.rebuild import rebuild_day

    with _opened() as (settings, engine):
        days = _days(settings, day, to)
        proofs = _proofs(engine, settings, days)
        told: dict[str, Any] = {}
        if rebuild:
            root, exceptions, now_ns = settings.data_dir, exceptions_of(settings), SystemClock().now_ns
            made = {each.name: rebuild_day(engine, root, each, now_ns, exceptions) for each in days}
            told["rebuilt"] = {
                name: {"ok": one.ok, "differ": [table for table, (a, b) in one.tables.items() if a != b]}
                for name, one in made.items()
            }
            told["rebuilt_ok"] = all(one.ok for one in made.values())
    tell(proofs, told, as_json)


@app.command()
def check(
    day: Annotated[
        str | None, typer.Argument(metavar="[DATE]", help="Only this day; else all that is stored.")
    ] = None,
    to: ToOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold the stored bars against the rules of data quality; what is found goes into the table findings."""
    from sise.warehouse.etl.check import check_bars

    first = _date(day) if day else None
    last = _date(to) if to else first
    if first is not None and last is not None and last < first:
        raise BadInput("--to", str(to), f"it is before {first}: write the earlier day first")
    with _opened() as (settings, engine):
        now = SystemClock().now_ns()
        found = check_bars(engine, settings.data_dir, first, last, now, exceptions_of(settings))
    if as_json:
        told = {name: dict(rules) for name, rules in found.items()}
        typer.echo(msgspec.json.encode({"findings": told}))
        return
    for name, rules in found.items():
        counts = ", ".join(f"{count} {rule}" for rule, count in sorted(rules.items()))
        typer.echo(f"{name:<16} {counts or 'nothing found'}")


def _done(each: Outcome) -> dict[str, Any]:
    return {"day": each.day.name, **msgspec.structs.asdict(each.counts), "made_again": each.made_again}


@contextmanager
def _opened(*, follows: bool = False) -> Iterator[tuple[Settings, Engine]]:
    """Settings and database; one without tables gets them. Who ``follows`` may come before the journal."""
    from sise.run.db import database
    from sise.warehouse import migrate

    gc.set_threshold(GC_AFTER_OBJECTS)
    settings = begin()
    if not settings.data_dir.is_dir() and not follows:
        raise BadInput(
            "data_dir (SISE_DATA_DIR)",
            str(settings.data_dir),
            "there is no such folder; name a journal's, or run sise collect first",
        )
    engine = database(settings)
    try:
        if migrate.current(engine) is None:
            migrate.upgrade(engine, SystemClock().now_ns())
        migrate.require_current(engine)
        yield settings, engine
    finally:
        engine.dispose()


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        remedy = "write a day of the market such as 2026-11-20; a day has no time and no zone"
        raise BadInput("DATE", text, remedy) from None


def _days(settings: Settings, text: str, to: str | None) -> list[MarketDay]:
    """The markets' days of the range that the journal has."""
    from sise.warehouse.etl.days import all_days, days_of

    first = _date(text)
    last = _date(to) if to else first
    if last < first:
        raise BadInput("--to", str(to), f"it is before {first}: write the earlier day first")
    if (last - first).days >= DAYS_MAX:
        raise BadInput("--to", str(to), f"load at most {DAYS_MAX} days at once")
    wanted = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    days = days_of(settings.data_dir, wanted)
    if not days:
        known = all_days(settings.data_dir)
        held = f"it has {known[0]} to {known[-1]}" if known else "it has none"
        raise BadInput("DATE", text, f"the journal in {settings.data_dir} has no lines of that day; {held}")
    return days


def _proofs(engine: Engine, settings: Settings, days: list[MarketDay]) -> list[DayProof]:
    from sise.warehouse.etl.verify import verify_day

    exceptions = exceptions_of(settings)
    return [verify_day(engine, settings.data_dir, day, exceptions) for day in days]


def _keep(engine: Engine, settings: Settings, days: list[MarketDay], place: str | None) -> list[str]:
    """Finished days into the history, bars and ticks; the files written."""
    from sise.warehouse.etl.keep import keep_day
    from sise.warehouse.history import History
    from sise.warehouse.history_ticks_day import keep_day_ticks

    history = History.at(place or history_of(settings))
    now = SystemClock().now_ns()
    return [
        file
        for day in days
        if day.end_ns <= now
        for keep in (keep_day, keep_day_ticks)
        for file in keep(engine, history, day, now)
    ]
