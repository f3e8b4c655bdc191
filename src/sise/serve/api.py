"""The read-only API: what is recorded, what was heard, what is known. No secrets pass here."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from sise import __version__
from sise.model.errors import BadInput
from sise.model.time import NS_PER_SECOND, Clock, iso, parse_iso
from sise.serve import answers
from sise.serve.answering import documented, encoded, problem
from sise.serve.collectors import Collectors
from sise.serve.follow import Following
from sise.serve.live import LiveView
from sise.serve.machine import Machine
from sise.serve.observer import ObserverApi
from sise.serve.socket import SYMBOL_CHARS_MAX
from sise.serve.told import Collector, Disk

BARS_LIMIT_MAX: Final = 5000
GAPS_LIMIT_MAX: Final = 1000
KNOWN_SHOWN_MAX: Final = 100
DISK_FREE_BYTES_MIN: Final = 1024**3

Size = Literal["1s", "10s", "1m", "5m", "15m", "1h"]
Symbol = Annotated[str, Path(max_length=SYMBOL_CHARS_MAX)]


class Api:
    """The answers, from the parts that know."""

    def __init__(
        self,
        view: LiveView,
        following: Following,
        collectors: Collectors,
        machine: Machine,
        observer: ObserverApi,
        clock: Clock,
        *,
        demo: bool,
    ) -> None:
        self._view = view
        self._following = following
        self._collectors = collectors
        self._machine = machine
        self._observer = observer
        self._clock = clock
        self._demo = demo
        self._started_ns = clock.now_ns()
        self.broken: str | None = None
        """Which part of this server ended by a fault of ours."""

    def router(self) -> APIRouter:
        """All paths, without the ``/api`` before them."""
        router = APIRouter(tags=["api"])
        router.get("/health", responses=documented_health(), summary="Is it recording?")(self.health)
        plain = (
            ("/status", self.status, answers.Status, "The state of recording, and of each collector"),
            ("/system", self.system, answers.System, "The machine and this process"),
            ("/collector", self.collector, answers.CollectorAnswer, "How much was collected, how fast"),
            ("/database", self.database, answers.Database, "The trading database"),
            ("/uptime", self.uptime, answers.Uptime, "Since when it runs"),
            ("/quotes", self.quotes, answers.QuotesAnswer, "The latest of every symbol that holds a slot"),
        )
        for path, handler, answer, summary in plain:
            router.get(path, responses=documented(answer), summary=summary)(handler)
        router.get(
            "/bars/{symbol}",
            responses=documented(answers.BarsAnswer, 404, 422),
            summary="Bars that say what is known: traded, empty or unknown",
        )(self.bars)
        router.get(
            "/gaps", responses=documented(answers.GapsAnswer, 422), summary="What was not heard, newest first"
        )(self.gaps)
        self._observer.add_to(router)
        return router

    async def health(self) -> Response:
        status = self._collectors.status(demo=self._demo)
        checks = {"collector": _check_collectors(status), "following": self._check_following()}
        for each in status.collectors:
            fault = each.journal.fault
            what = f"the disk refuses: {fault}" if each.journal.state == "fault" else "written and synced"
            checks[f"{each.provider}.journal"] = answers.Check(each.journal.state == "ok", what)
            checks[f"{each.provider}.disk"] = _check_disk(each.disk)
        is_ok = all(check.ok for check in checks.values())
        health = answers.Health(is_ok, status.state, status.reason, checks)
        return encoded(health, 200 if is_ok else 503)

    def _check_following(self) -> answers.Check:
        wrong = self.broken or self._following.fault
        if wrong:
            return answers.Check(False, wrong)
        lines = f"{self._following.lines} lines of the journal read"
        if self._following.damaged:
            lines += f", {self._following.damaged} damaged ones passed over (see `sise journal verify`)"
        if self._view.unreadable:
            lines += f", {self._view.unreadable} not understood"
        return answers.Check(True, lines if self._following.caught_up else f"{lines}, more to come")

    async def status(self) -> Response:
        return encoded(self._collectors.status(demo=self._demo))

    async def system(self) -> Response:
        return encoded(self._machine.read())

    async def collector(self) -> Response:
        status = self._collectors.status(demo=self._demo)
        return encoded(answers.CollectorAnswer([_collection(each) for each in status.collectors]))

    async def database(self) -> Response:
        return encoded(answers.Database(configured=False))

    async def uptime(self) -> Response:
        now_ns = self._clock.now_ns()
        collectors = [
            answers.CollectorUptime(
                each.provider, each.started_at, _seconds(parse_iso(each.started_at), now_ns)
            )
            for each in self._collectors.status(demo=self._demo).collectors
        ]
        started_ns = self._started_ns
        return encoded(answers.Uptime(iso(started_ns), iso(now_ns), _seconds(started_ns, now_ns), collectors))

    async def quotes(self) -> Response:
        return encoded(answers.QuotesAnswer(self._view.quotes()))

    async def bars(
        self,
        symbol: Symbol,
        size: Size = "1m",
        to: Annotated[
            str | None, Query(description="Bars that start before this; ISO 8601 with offset")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=BARS_LIMIT_MAX)] = 500,
    ) -> Response:
        instrument = self._view.find(symbol)
        if instrument is None:
            known = self._view.symbols()[:KNOWN_SHOWN_MAX]
            remedy = (
                "use one of those in `known`"
                if known
                else "nothing has been recorded yet: run `sise collect`"
            )
            what = answers.Problem(
                f"symbol: {symbol!r} is not known here; {remedy}", "symbol", symbol, remedy, known
            )
            return problem(404, what)
        to_ns = None if to is None else _moment("to", to)
        bars = self._view.bars(instrument, size, self._clock.now_ns(), to_ns=to_ns, limit=limit)
        return encoded(answers.BarsAnswer(symbol, size, bars))

    async def gaps(self, limit: Annotated[int, Query(ge=1, le=GAPS_LIMIT_MAX)] = 200) -> Response:
        return encoded(answers.GapsAnswer(self._view.gaps(self._clock.now_ns(), limit)))


async def root() -> Response:
    """What this is, and where to look."""
    return encoded(answers.Root("sise", __version__, "/dashboard", "/api/docs"))


def documented_health() -> dict[int | str, dict[str, object]]:
    """Health has one shape, whatever its status says."""
    shape = documented(answers.Health)
    return {200: shape[200], 503: {**shape[200], "description": "Not recording, or about to stop"}}


def _moment(field: str, text: str) -> int:
    try:
        return parse_iso(text)
    except BadInput as error:
        raise BadInput(field, text, error.remedy) from None


def _seconds(start_ns: int, end_ns: int) -> float:
    return round((end_ns - start_ns) / NS_PER_SECOND, 3)


def _check_collectors(status: answers.Status) -> answers.Check:
    if status.state == "not_recording":
        return answers.Check(False, f"not recording since {status.since}: {status.reason}")
    why = f": {status.reason}" if status.reason else ""
    if status.next_start:
        why += f", the next hours begin {status.next_start}"
    return answers.Check(True, f"{status.state} since {status.since}{why}")


def _check_disk(disk: Disk) -> answers.Check:
    if disk.free_bytes is None:
        return answers.Check(False, "the disk does not say how much is free")
    days = "" if disk.days_left is None else f", full in {disk.days_left:.1f} days at this rate"
    return answers.Check(disk.free_bytes >= DISK_FREE_BYTES_MIN, f"{disk.free_bytes} bytes free{days}")


def _collection(each: Collector) -> answers.Collection:
    return answers.Collection(
        each.provider,
        each.market,
        each.state,
        each.reason,
        each.ledger.frames.recorded,
        each.ledger.events.recorded,
        each.rate.frames_per_second,
        each.rate.records_per_second,
        each.journal.pending_bytes,
        each.journal.written_bytes,
    )
