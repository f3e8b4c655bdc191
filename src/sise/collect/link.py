"""The line to a provider: connect, subscribe, prove by data that it works, notice when it does not.

After a subscription the first frame with a market event ends the hole that was open, or, where the
provider confirms each registration, the last of these confirmations. What proves the line from then on,
and when a silent one is given up: :mod:`sise.collect.proof`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Final, Literal, Protocol

from sise.collect.diary import Diary
from sise.collect.gaps import Gaps
from sise.collect.observe import Observer
from sise.collect.proof import CONFIRM_SECONDS, Proof, Watch
from sise.model.errors import ProviderRefused, Undecodable, Unreachable
from sise.model.records import ReconnectionEvent
from sise.model.time import NS_PER_SECOND, Clock, iso
from sise.providers.contract import Line

log = logging.getLogger(__name__)

WAITS_SECONDS: Final = (1, 2, 5, 10, 20, 30, 60)
"""Before each attempt in a row (O13); the last one again and again."""
JITTER: Final = 0.2
STABLE_SECONDS: Final = 60
"""A line that lived so long begins the waits anew."""
LOOK_EVERY_SECONDS: Final = 0.25
PAUSE_AFTER_SECONDS: Final = 300
"""Without success for so long, scalp recording is said to be paused, and the day counts it (O13)."""

State = Literal["connecting", "connected", "waiting", "closed"]


class Socket(Protocol):
    """What a line needs of a socket (:class:`sise.providers.socket.Socket`)."""

    closed: asyncio.Future[str]

    def send(self, text: str) -> None: ...
    def ping(self) -> None: ...
    async def close(self) -> None: ...


Connect = Callable[[Callable[[bytes, int], None]], Awaitable[Socket]]
"""Opens a socket that hands its messages to the given function; may raise ``Unreachable``."""


def wait_seconds(attempt: int, rng: Random) -> float:
    """How long to wait before attempt ``attempt`` (counted from 1) in a row."""
    step = WAITS_SECONDS[min(attempt, len(WAITS_SECONDS)) - 1]
    return step * rng.uniform(1 - JITTER, 1 + JITTER)


class Link:
    """Keeps one socket subscribed to the observer's slots for as long as :meth:`run` runs."""

    def __init__(
        self,
        connect: Connect,
        line: Line,
        observer: Observer,
        gaps: Gaps,
        diary: Diary,
        clock: Clock,
        rng: Random,
    ) -> None:
        self._connect = connect
        self._line = line
        self._observer = observer
        self._gaps = gaps
        self._diary = diary
        self._clock = clock
        self._rng = rng
        self._connections = 0
        self._opening = True
        self._socket: Socket | None = None
        self._paused = False
        self.state: State = "connecting"
        self.since_ns = self._started = clock.now_ns()
        self._proof = Proof(line, observer, self._started)
        self.attempt = 0
        self.reconnects = 0
        self.unconfirmed: list[str] = []

    async def run(self) -> None:
        """Listen until cancelled. Raises only what is our own fault."""
        self._started, self._opening = self._clock.now_ns(), True
        self._proof.renew(self._started)
        self._diary.write("hours_begun", "the scalp track listens", scope="scalp")
        while True:
            waited = await self._wait()
            self._enter("connecting")
            self._connections += 1
            self._observer.conn = f"ws-{self._connections}"
            try:
                await self._line.prepare()
                socket = await self._connect(self._observer.on_frame)
            except (Unreachable, ProviderRefused, Undecodable) as error:
                self._gaps.begin(self.proven_ns, "connect_failed", str(error))
                self._note_attempt(waited, "FAIL", [], str(error))
                self.attempt += 1
                continue
            self._socket = socket
            try:
                lived = await self._listen(socket, waited)
            finally:
                self._socket = None
                await socket.close()
                self._enter("closed")
            self.attempt = 1 if lived >= STABLE_SECONDS else self.attempt + 1

    def check_outage(self, since_ns: int = 0) -> None:
        """Say so, once, when nothing has been heard for ``PAUSE_AFTER_SECONDS``.

        ``since_ns``: when the track began to listen; what lay before is no outage.
        """
        gap = self._gaps.open
        if gap is None or self._paused:
            return
        seconds = (self._clock.now_ns() - max(gap.start_ns, since_ns)) / NS_PER_SECOND
        if seconds >= PAUSE_AFTER_SECONDS:
            self._paused = True
            since = iso(gap.start_ns)
            self._diary.write(
                "recording_paused",
                f"nothing heard since {since} ({gap.reason}); scalp recording is paused until data comes",
                level="critical",
                scope=gap.scope,
                reason=gap.reason,
            )

    async def _wait(self) -> float:
        if self.attempt == 0:
            return 0.0
        seconds = wait_seconds(self.attempt, self._rng)
        self._enter("waiting")
        await self._clock.sleep(seconds)
        return seconds

    async def _listen(self, socket: Socket, waited: float) -> float:
        """Subscribe and watch until the line is lost; answers how many seconds it gave data."""
        observer, clock, line = self._observer, self._clock, self._line
        heard_first: list[int] = []

        def proven(at: int) -> None:
            if not heard_first:
                heard_first.append(at)
                self._heard_again(at, waited)

        def told(payload: bytes, at: int) -> None:
            answers = line.answers
            if (answer := line.heard(payload)) is not None:
                socket.send(answer)
            if line.answers != answers:
                self._proof.renew(at)
            for notice in line.notices():
                self._diary.write(
                    "order_notice",
                    f"{notice.kind} {notice.symbol}".strip(),
                    notice=notice.kind,
                    symbol=notice.symbol,
                    account=notice.account,
                    told_at=iso(notice.event_time),
                )
            self._say(socket)
            if line.proves_itself and line.confirmed:
                proven(at)

        observer.on_heard = None if line.proves_itself else proven
        observer.on_control = told
        line.opened()
        reason = await self._watch(socket, heard_first)
        now = clock.now_ns()
        self._forget(now)
        detail = f"{line.stopped} {_closing_words(socket)}".strip()
        if not heard_first:
            self._note_attempt(waited, "FAIL", [], f"{reason} {detail}".strip())
        self._gaps.begin(self.proven_ns, reason, detail)
        return (now - heard_first[0]) / NS_PER_SECOND if heard_first else 0.0

    @property
    def proven_ns(self) -> int:
        """Where a hole would begin (UTC ns)."""
        return self._proof.proven_ns

    def ask_for_proof(self) -> None:
        """Shortly before the hours end: whoever does not answer by then was perhaps silent for longer."""
        if self._socket is None or not self._line.carried:
            return
        if (text := self._line.probe()) is not None:
            self._socket.send(text)
        self._proof.expect()

    def leave(self, now_ns: int) -> None:
        """The track's hours are over: what is pending is recorded, and what was a hole ends here."""
        if self._proof.unanswered():
            self._gaps.begin(self.proven_ns, "silent_socket", "no answer before the hours were over")
        self._forget(now_ns)
        self._gaps.end(now_ns)
        self._diary.write("hours_over", "the scalp track's hours are over", scope="scalp")

    @property
    def hole_since(self) -> int | None:
        """Where the hole begins that is open now (UTC ns)."""
        return None if self._gaps.open is None else self._gaps.open.start_ns

    def end_hole(self, end_ns: int, again_ns: int | None) -> None:
        """The hole ended with the hours of its day; from ``again_ns`` on, if given, there is another."""
        if (gap := self._gaps.open) is not None:
            self._gaps.end(end_ns)
            if again_ns is not None:
                self._gaps.begin(again_ns, gap.reason)

    def _forget(self, now_ns: int) -> None:
        """Nothing that the line said is known to be so still."""
        observer = self._observer
        observer.on_heard = observer.on_control = None
        observer.sample(now_ns, now_ns, pending_only=True)
        for slot in observer.slots.values():
            slot.forget()

    def _say(self, socket: Socket) -> None:
        """Send what the line has to say."""
        while (text := self._line.next_text()) is not None:
            socket.send(text)

    def watch(self, symbols: Sequence[str]) -> None:
        """From now on exactly these symbols are wanted."""
        self._line.want(symbols)

    @property
    def carried(self) -> tuple[str, ...]:
        """Symbols that take a place at the provider."""
        return self._line.carried

    @property
    def refused(self) -> dict[str, str]:
        """Symbols that the provider does not carry, and why."""
        return self._line.refused

    def _heard_again(self, at: int, waited: float) -> None:
        if self._opening and at - self._started > CONFIRM_SECONDS * NS_PER_SECOND:
            self._gaps.begin(self._started, "starting", "the first data came late")
        self._opening = False
        self._proof.renew(at)
        again = self._gaps.open is not None
        self._enter("connected")
        self._gaps.end(at)
        if self.attempt > 0:
            self.reconnects += 1
            self._note_attempt(waited, "SUCCESS", list(self._observer.slots), "")
        self._diary.write("connected", "data is heard", scope="scalp", conn=self._observer.conn, again=again)
        if self._paused:
            self._paused = False
            self._diary.write("recording_resumed", "data is heard again", level="warning")

    async def _watch(self, socket: Socket, heard_first: list[int]) -> str:
        """Wait until the line is lost, and say why."""
        line = self._line
        watch = Watch(self._clock.monotonic_ns())
        confirmed = False
        while not socket.closed.done():
            self._say(socket)
            await self._look(socket)
            now = self._clock.monotonic_ns()
            verdict = watch.look(now, self._proof.signs, subscribed=bool(heard_first))
            if not confirmed and now - watch.began >= CONFIRM_SECONDS * NS_PER_SECOND:
                confirmed = True
                self._confirm()
            if verdict == "silent":
                return "silent_socket"
            if line.stopped:
                return "silent_socket" if line.unanswered else "provider_refused"
            if verdict == "probe":
                if (text := line.probe()) is not None:
                    socket.send(text)
                else:
                    watch.not_probed()
            if verdict in ("probe", "ping"):
                socket.ping()
        return "ws_disconnect"

    async def _look(self, socket: Socket) -> None:
        """Wait a moment, or until the socket is closed."""
        pause = self._line.pause_seconds
        seconds = min(LOOK_EVERY_SECONDS, pause) if pause > 0 else LOOK_EVERY_SECONDS
        sleep = asyncio.ensure_future(self._clock.sleep(seconds))
        either: set[asyncio.Future[Any]] = {sleep, socket.closed}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()

    def _confirm(self) -> None:
        """Which symbols have answered the subscription; the others are said, not hoped for."""
        if self._line.proves_itself:
            self.unconfirmed = list(self._line.refused)
        else:
            self.unconfirmed = [slot.symbol for slot in self._observer.slots.values() if not slot.heard]
        if self.unconfirmed:
            self._diary.write(
                "subscription_unconfirmed",
                f"no data in {CONFIRM_SECONDS} s for {', '.join(self.unconfirmed)}",
                level="warning",
                symbols=self.unconfirmed,
            )

    def _note_attempt(
        self, waited: float, result: Literal["SUCCESS", "FAIL"], slots: list[str], detail: str
    ) -> None:
        log.log(
            logging.INFO if result == "SUCCESS" else logging.WARNING,
            "connection attempt %d after %.1f s: %s %s", self.attempt, waited, result, detail,
        )  # fmt: skip
        self._diary.record(
            ReconnectionEvent(
                timestamp=iso(self._clock.now_ns()),
                attempt_no=self.attempt,
                backoff_seconds=round(waited, 3),
                result=result,
                recovered_slot_list=slots,
                mitigation_level_after=self._diary.meta.mitigation_level,
                session_id=self._diary.meta.session_id,
                provider=self._diary.meta.provider,
                market=self._diary.meta.market,
                detail=detail,
            )
        )

    def _enter(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self.since_ns = self._clock.now_ns()


def _closing_words(socket: Socket) -> str:
    """How the socket ended; an error of ours is raised."""
    return socket.closed.result() if socket.closed.done() else ""
