"""The sampling grid: one sample a slot, and what has its turn directly after, while no slot holds events."""

from __future__ import annotations

from sise.collect.accounts import Accounts
from sise.collect.load import Mitigating
from sise.collect.recordrate import RecordRate
from sise.collect.scalping import ScalpTrack
from sise.collect.session import Session
from sise.collect.steering import Steering
from sise.model.time import NS_PER_SECOND, Clock, sleep_until


class Sampling:
    """Samples on the grid of the market's clock, as often as the load allows."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        scalp: ScalpTrack,
        mitigating: Mitigating,
        rates: RecordRate,
        accounts: Accounts,
        steering: Steering | None,
    ) -> None:
        self._session, self._clock, self._scalp = session, clock, scalp
        self._mitigating, self._rates, self._accounts = mitigating, rates, accounts
        self._steering = steering

    async def run(self, hz: float) -> None:
        """At most ``hz`` a second and slot, until cancelled; a moment that was missed is not made up."""
        while True:
            period = round(NS_PER_SECOND / min(hz, self._mitigating.hz))
            now = self._clock.now_ns()
            await sleep_until(self._clock, now - now % period + period)
            now = self._clock.now_ns()
            self._sample(now - now % period, now, period)

    def _sample(self, at_ns: int, now_ns: int, period_ns: int) -> None:
        listening = self._scalp.listening
        if listening:
            self._rates.before(at_ns)
        self._session.observer.sample(at_ns, now_ns)
        if listening:
            self._rates.after(at_ns, period_ns)
            self._accounts.look(now_ns)
        self._session.checkpoint_if_due(self._scalp.proven_ns)
        if self._steering is not None and listening:
            self._steering.step(at_ns)
