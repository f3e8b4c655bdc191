"""What the API answers: each shape once, for the encoder, for OpenAPI and for the tests.

Times are ISO 8601 ``Z``; ``None`` (``null``) means not known, never zero. See
``docs/decisions/0002-page-and-api.md`` and ``docs/serve.md``.
"""

from __future__ import annotations

from msgspec import Struct

from sise.serve.told import Collector, Process, State
from sise.warehouse.bars import Bar


class Status(Struct):
    """Is it recording? The worst of all collectors, and what each says.

    ``stale_seconds`` is the age of the oldest answer that ``collectors`` holds. ``next_start``: when the
    first of them listens again, where all are off hours.
    """

    state: State
    reason: str | None
    since: str
    collectors: list[Collector]
    stale_seconds: float | None
    demo: bool
    next_start: str | None = None


class Check(Struct):
    ok: bool
    what: str


class Health(Struct):
    ok: bool
    state: State
    reason: str | None
    checks: dict[str, Check]


class Usage(Struct):
    """How much of a memory or a disk is used."""

    total_bytes: int
    used_bytes: int
    percent: float


class Cpu(Struct):
    percent: float
    count: int
    load_1m: float


class System(Struct):
    """The machine and this process."""

    cpu: Cpu
    memory: Usage
    disk: Usage
    process: Process


class Collection(Struct):
    """The count of one collector: records and frames so far, their rate, bytes not yet written."""

    provider: str
    market: str
    state: State
    reason: str | None
    frames: int
    records: int
    frames_per_second: float
    records_per_second: float
    pending_bytes: int
    written_bytes: int


class CollectorAnswer(Struct):
    collectors: list[Collection]


class Database(Struct):
    configured: bool


class CollectorUptime(Struct):
    provider: str
    started_at: str
    seconds: float


class Uptime(Struct):
    """``started_at`` and ``seconds`` are those of the process that answers."""

    started_at: str
    now: str
    seconds: float
    collectors: list[CollectorUptime]


class Quote(Struct):
    """The latest that was heard of a symbol; ``volume`` counts from the provider's start of day."""

    provider: str
    market: str
    symbol: str
    name_ko: str = ""
    name_en: str = ""
    last: float | None = None
    prev_close: float | None = None
    change: float | None = None
    change_rate: float | None = None
    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    volume: float | None = None
    event_time: str | None = None
    receive_time: str | None = None
    trade_side: str | None = None


class QuotesAnswer(Struct):
    quotes: list[Quote]


class BarsAnswer(Struct):
    symbol: str
    size: str
    bars: list[Bar]


class Gap(Struct):
    """A hole in what was heard. ``raw_ref`` is the journal's line that says so, where one does yet."""

    start: str
    end: str | None
    seconds: float
    scope: str
    reason: str
    open: bool
    raw_ref: str | None


class GapsAnswer(Struct):
    gaps: list[Gap]


class Root(Struct):
    name: str
    version: str
    dashboard: str
    docs: str


class Done(Struct):
    """The demo's line was cut or joined; ``seconds`` until it is joined by itself."""

    ok: bool
    seconds: float | None = None


class Problem(Struct, omit_defaults=True):
    """Why a request was not answered: a sentence, and for bad input the field, value and remedy."""

    error: str
    field: str | None = None
    value: str | None = None
    remedy: str | None = None
    known: list[str] = []


class HelloMessage(Struct, tag_field="type", tag="hello"):
    demo: bool
    version: str


class QuotesMessage(Struct, tag_field="type", tag="quotes"):
    quotes: list[Quote]


class BarsMessage(Struct, tag_field="type", tag="bars"):
    symbol: str
    size: str
    bars: list[Bar]


class GapMessage(Struct, tag_field="type", tag="gap"):
    gap: Gap


class StatusMessage(Status, tag_field="type", tag="status"):
    """The status, as a message."""
