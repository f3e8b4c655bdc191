"""The hub: five times a second it looks what changed and encodes it once for all who watch the same.

No viewer has a queue. A viewer that is ready asks for the messages since the last tick it saw; one
that was slow gets the present state of all that changed meanwhile, so it costs no memory and misses
nothing that still holds. Viewers in step share one text per message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import structs

from sise.model.time import NS_PER_SECOND, Clock
from sise.serve.answers import BarsMessage, Gap, GapMessage, QuotesMessage, Status, StatusMessage
from sise.serve.follow import Following
from sise.serve.live import LiveView
from sise.warehouse.bars import SIZE_SECONDS

TICK_SECONDS: Final = 0.2
STATUS_EVERY_TICKS: Final = 5
CATCH_UP_BARS_MAX: Final = 500
FIRST_BARS: Final = 2
"""What a viewer gets at once of bars that it begins to watch; the history it asks the API for."""

Watch = tuple[str, str]
"""Symbol and bar size."""
_encode = msgspec.json.Encoder().encode


class Hub:
    """Makes the messages of ``/ws/live``. ``published`` is the last tick that was made known."""

    def __init__(
        self,
        view: LiveView,
        following: Following,
        status: Callable[[], Status],
        clock: Clock,
        machine: Clock,
    ) -> None:
        """``clock`` is the market's time, ``machine`` that of the viewers."""
        self.published = 0
        self._view = view
        self._following = following
        self._status = status
        self._clock, self._machine = clock, machine
        self._now_ns = clock.now_ns()
        self._turn = asyncio.Event()
        self._status_tick = 0
        self._status_text = ""
        self._texts: dict[object, list[str]] = {}
        self._bars_told: dict[Watch, tuple[int, str]] = {}
        """The last bars that viewers in step were told, with the tick: the same is not told again."""

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self.turn()
            await self._machine.sleep(TICK_SECONDS)

    def turn(self) -> None:
        """End the current tick: what changed in it can be told from now on."""
        view = self._view
        self._now_ns = self._clock.now_ns()
        view.end_tick(self._now_ns, is_current=self._following.caught_up)
        self._texts.clear()
        self._bars_told = {
            watch: told for watch, told in self._bars_told.items() if told[0] == self.published
        }
        if view.tick % STATUS_EVERY_TICKS == 1:
            self._status_tick = view.tick
            status = structs.asdict(self._status())
            self._status_text = _encode(StatusMessage(**status)).decode()
        self.published = view.tick
        view.tick += 1
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def after(self, seen: int) -> int:
        """Wait for a tick later than ``seen``; its number."""
        while self.published <= seen:
            await self._turn.wait()
        return self.published

    def messages(self, since: int, watch: Watch | None, *, watch_is_new: bool = False) -> list[str]:
        """What a viewer that last saw tick ``since`` must be told (0: it has seen nothing)."""
        texts = list(self._once(("common", since), lambda: self._common(since)))
        if watch is not None:
            bars_since = 0 if watch_is_new else since
            texts += self._once((watch, bars_since), lambda: self._bars(bars_since, watch))
        return texts

    def _once(self, key: object, make: Callable[[], list[str]]) -> list[str]:
        """The texts of ``key`` in this tick, made by whoever asks first."""
        texts = self._texts.get(key)
        if texts is None:
            texts = self._texts[key] = make()
        return texts

    def _common(self, since: int) -> list[str]:
        """What every viewer is told: status, quotes, gaps."""
        texts = [self._status_text] if self._status_tick > since else []
        quotes = self._view.quotes(since)
        if quotes:
            texts.append(_encode(QuotesMessage(quotes)).decode())
        return texts + [_encode(GapMessage(gap)).decode() for gap in self._gaps(since)]

    def _gaps(self, since: int) -> list[Gap]:
        gaps = self._view.gaps_changed(self._now_ns, since)
        return gaps if since else [gap for gap in gaps if gap.open]

    def _bars(self, since: int, watch: Watch) -> list[str]:
        """The bars that changed after ``since``: as a rule the last one, or two where one ended."""
        symbol, size = watch
        instrument = self._view.find(symbol)
        if instrument is None:
            return []
        limit = FIRST_BARS
        until_ns = instrument.hearing.until_ns(self._now_ns)
        if since:
            changes = (instrument.changes, instrument.hearing.changes)
            moments = [moment for each in changes if (moment := each.since(since)) is not None]
            size_ns = SIZE_SECONDS[size] * NS_PER_SECOND
            limit = (until_ns - 1) // size_ns - min(moments, default=until_ns) // size_ns + 1
        bars = self._view.bars(instrument, size, self._now_ns, limit=min(max(limit, 1), CATCH_UP_BARS_MAX))
        if not bars:
            return []
        text = _encode(BarsMessage(symbol, size, bars)).decode()
        in_step = since == self.published - 1
        if in_step and self._bars_told.get(watch) == (since, text):
            self._bars_told[watch] = (self.published, text)
            return []
        if in_step:
            self._bars_told[watch] = (self.published, text)
        return [text]
