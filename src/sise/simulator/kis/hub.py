"""Who gets what: the market's happenings as frames, on the lines that are registered for them.

Trades that fall in one tenth of a second share a frame, at most twenty; books come when they changed,
some times a second for a busy issue; expected trades about once a second while an auction collects.
"""

from __future__ import annotations

from typing import Final

from aiohttp import WSMsgType
from msgspec import Struct

from sise.simulator.kis.depth import unit
from sise.simulator.kis.issue import Fill, Issue
from sise.simulator.kis.line import Line
from sise.simulator.kis.market import BUCKET_MS, Market
from sise.simulator.kis.records import Writer, division_of
from sise.simulator.kis.requests import BOOKS, EVENTS, EXPECTED, TRADES, Registration
from sise.simulator.line import Outgoing

RECORDS_PER_FRAME_MAX: Final = 20
BOOK_GRID_MS: Final = 200
EXPECTED_GRID_MS: Final = 1_000
_BOOKS_PER_SECOND: Final = (0.1, 4.0)
_TRADES_PER_BOOK: Final = 4_000.0


class _Due(Struct):
    """A frame that was made, in the order of the market's time."""

    ms: int
    tr_id: str
    code: str
    records: list[str]
    volume: int


class Hub:
    """The lines and their registrations.

    Parameters
    ----------
    expected_as_trades
        Send the expected trades of auctions on H0STCNT0 too, with their HOUR_CLS_CODE.
    """

    def __init__(self, market: Market, writer: Writer, *, expected_as_trades: bool) -> None:
        self.lines: dict[int, Line] = {}
        self._market, self._writer = market, writer
        self._expected_as_trades = expected_as_trades
        self._routes: dict[tuple[str, str], list[Line]] = {}
        self._streams: dict[str, frozenset[str]] = {}
        self._due: list[_Due] = []
        self._open: dict[tuple[str, str], _Due] = {}
        self._book_trades: dict[tuple[str, str], int] = {}
        self._vis: dict[str, tuple[int, bool]] = {}
        self._ms = 0

    def add(self, line: Line) -> None:
        """A line came."""
        self.lines[line.number] = line

    def remove(self, line: Line) -> None:
        """A line went, and its registrations with it."""
        self.lines.pop(line.number, None)
        line.registered.clear()
        self.reroute()

    def reroute(self) -> None:
        """Registrations have changed: listen to what is registered, and to nothing else."""
        routes: dict[tuple[str, str], list[Line]] = {}
        for line in self.lines.values():
            for one in line.registered:
                routes.setdefault((one.tr_id, one.tr_key), []).append(line)
        streams: dict[str, set[str]] = {}
        for tr_id, code in routes:
            if self._market.listing(code) is not None:
                streams.setdefault(code, set()).add(tr_id)
        for code in self._streams.keys() - streams.keys():
            self._market.hear(code, None)
        for code in streams.keys() - self._streams.keys():
            self._market.hear(code, self._on_fill)
            issue = self._market.issue_unmoved(code)
            assert issue is not None
            self._vis[code] = len(issue.vis), issue.in_vi
        self._routes = routes
        self._streams = {code: frozenset(ids) for code, ids in streams.items()}

    def step(self) -> None:
        """Advance what is listened to up to the market's now, and send what came of it."""
        now_ms = self._market.now_ms
        if now_ms < self._ms:  # a new day
            self._writer.forget()
            self._book_trades.clear()
            self._vis.clear()
        for code, streams in self._streams.items():
            self._advance(code, streams, now_ms)
        self._ms = now_ms
        self._open.clear()
        due, self._due = self._due, []
        due.sort(key=lambda frame: frame.ms)
        for frame in due:
            self._send(frame)

    def notify(self, line: Line, about: Registration, payload: bytes) -> None:
        """Send an encrypted notice."""
        frame = f"1|{about.tr_id}|001|".encode() + payload
        line.offer(Outgoing(frame, about.tr_id, about.tr_key, opcode=WSMsgType.TEXT))

    def _advance(self, code: str, streams: frozenset[str], now_ms: int) -> None:
        issue = self._market.issue_unmoved(code)
        assert issue is not None
        if streams - frozenset(TRADES) or self._expected_as_trades:
            first = ((issue.now_ms + 1) // BOOK_GRID_MS + 1) * BOOK_GRID_MS - 1
            for ms in range(first, now_ms + 1, BOOK_GRID_MS):
                issue.advance(ms, self._on_fill)
                self._look(issue, code, streams, ms)
        issue.advance(now_ms, self._on_fill)

    def _on_fill(self, issue: Issue, fill: Fill) -> None:
        code = issue.listing.code
        for tr_id in self._streams.get(code, ()):
            if tr_id not in TRADES:
                continue
            division = division_of(tr_id)
            if (division == "J" and fill.venue != "KRX") or (division == "NX" and fill.venue != "NXT"):
                continue
            tape = issue.tape(division)
            if tape is not None:
                self._collect(tr_id, code, fill.ms, self._writer.trade(issue, fill, division), tape.volume)

    def _collect(self, tr_id: str, code: str, ms: int, record: str, volume: int) -> None:
        frame = self._open.get((tr_id, code))
        if (
            frame is None
            or frame.ms // BUCKET_MS != ms // BUCKET_MS
            or len(frame.records) == RECORDS_PER_FRAME_MAX
        ):
            frame = self._open[tr_id, code] = _Due(ms, tr_id, code, [], volume)
            self._due.append(frame)
        frame.records.append(record)
        frame.volume = volume

    def _look(self, issue: Issue, code: str, streams: frozenset[str], ms: int) -> None:
        """What is sent on the grid at ``ms``: books, expected trades, interruptions."""
        self._look_for_vi(issue, code, streams, ms)
        second = ms // EXPECTED_GRID_MS
        if issue.in_auction and ms % EXPECTED_GRID_MS == EXPECTED_GRID_MS - 1 and issue.auction_volume:
            if EXPECTED in streams and unit(issue.quotes.salt, second, 2) < 0.7:
                self._put(EXPECTED, code, ms, self._writer.expected(issue, ms), issue.krx.volume)
            if self._expected_as_trades and TRADES[0] in streams:
                record = self._writer.expected_as_trade(issue, ms)
                self._put(TRADES[0], code, ms, record, issue.krx.volume)
        for tr_id in BOOKS:
            if tr_id in streams and self._book_is_due(issue, code, tr_id, ms):
                tape = issue.tape(division_of(tr_id))
                volume = tape.volume if tape else 0
                self._put(tr_id, code, ms, self._writer.book(issue, ms, tr_id), volume)

    def _book_is_due(self, issue: Issue, code: str, tr_id: str, ms: int) -> bool:
        phase, division = issue.phase, division_of(tr_id)
        tape = issue.tape(division)
        if phase is None or tape is None or issue.listing.halted:
            return False
        at_krx, at_nxt = division != "NX" and phase.krx != "shut", division != "J" and phase.nxt
        if not at_krx and not at_nxt:
            return False
        if self._book_trades.get((tr_id, code)) != tape.trades:
            self._book_trades[tr_id, code] = tape.trades
            return True
        low, high = _BOOKS_PER_SECOND
        rate = min(high, low + issue.listing.trades_per_day / _TRADES_PER_BOOK)
        return unit(issue.quotes.salt, ms // BOOK_GRID_MS, 3) < rate * BOOK_GRID_MS / 1000

    def _look_for_vi(self, issue: Issue, code: str, streams: frozenset[str], ms: int) -> None:
        state = len(issue.vis), issue.in_vi
        if state == self._vis.get(code, (0, False)):
            return
        self._vis[code] = state
        for tr_id in EVENTS:
            if tr_id in streams and issue.tape(division_of(tr_id)) is not None:
                self._put(tr_id, code, ms, self._writer.event(issue), issue.krx.volume)

    def _put(self, tr_id: str, code: str, ms: int, record: str, volume: int) -> None:
        self._due.append(_Due(ms, tr_id, code, [record], volume))

    def _send(self, due: _Due) -> None:
        head = f"0|{due.tr_id}|{len(due.records):03d}|"
        payload = (head + "^".join(due.records)).encode()
        out = Outgoing(
            payload, due.tr_id, due.code, due.volume, records=len(due.records), opcode=WSMsgType.TEXT
        )
        for line in self._routes.get((due.tr_id, due.code), ()):
            line.offer(out)
