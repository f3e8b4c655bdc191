"""What a rehearsal needs of a provider: its simulator, and the provider as our side speaks to it."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Final, Protocol

from sise.model.time import Clock
from sise.providers.contract import Provider
from sise.providers.kis.keys import KisKeys, Secret
from sise.providers.registry import provider as provider_of
from sise.rehearse.plan import Rehearsal
from sise.simulator.kis.server import Addresses as KisAddresses
from sise.simulator.kis.server import KisSimulator, KisSimulatorConfig
from sise.simulator.market import LiveMarket
from sise.simulator.sent import SentLog
from sise.simulator.upbit.server import Addresses as UpbitAddresses
from sise.simulator.upbit.server import UpbitSimulator, UpbitSimulatorConfig

KIS_BEAT_SECONDS: Final = 0.2
"""Of the market's time, between two looks of the simulator: what it gathers into one frame."""
UPBIT_BEAT_SECONDS: Final = 0.1
"""The grid on which busy books come."""
TOKENS: Final = "run/tokens"


class Parts(Protocol):
    """One provider's parts of one rehearsal."""

    @property
    def sent(self) -> SentLog:
        """The simulator's own account."""

    async def start(self) -> None:
        """The simulator begins."""

    async def stop(self) -> None:
        """It ends."""

    def provider(self, life: int, data_dir: Path) -> Provider:
        """What the collector's life number ``life`` speaks with."""

    def secrets(self) -> tuple[str, ...]:
        """None of these may be in any file."""


class KisParts:
    """KIS: a seeded exchange, with keys."""

    def __init__(self, plan: Rehearsal, clock: Clock) -> None:
        self._seed = plan.seed
        config = KisSimulatorConfig(
            seed=plan.seed,
            issues=plan.issues,
            activity=plan.activity,
            beat_seconds=KIS_BEAT_SECONDS,
            plan=plan.faults,
            holidays=plan.holidays,
        )
        self._simulator = KisSimulator(config, clock)
        self._addresses: KisAddresses | None = None

    @property
    def sent(self) -> SentLog:
        return self._simulator.sent

    async def start(self) -> None:
        self._addresses = await self._simulator.start()

    async def stop(self) -> None:
        await self._simulator.stop()

    def provider(self, life: int, data_dir: Path) -> Provider:
        addresses = self._addresses
        assert addresses is not None  # started before anyone asks
        ours = addresses.credentials
        keys = KisKeys(
            app_key=Secret(ours.appkey),
            app_secret=Secret(ours.appsecret),
            mock=False,
            hts_id=Secret(ours.hts_id),
        )
        return provider_of(
            "kis",
            rest_url=addresses.rest,
            ws_url=addresses.ws,
            keys=keys,
            tokens_dir=data_dir / TOKENS,
            rng=Random(f"provider {self._seed} {life}"),
        )

    def secrets(self) -> tuple[str, ...]:
        return self._simulator.secrets()


class UpbitParts:
    """Upbit: a seeded market that never shuts, without keys."""

    def __init__(self, plan: Rehearsal, clock: Clock) -> None:
        config = UpbitSimulatorConfig(seed=plan.seed, beat_seconds=UPBIT_BEAT_SECONDS, plan=plan.faults)
        market = LiveMarket(plan.seed, plan.issues, plan.activity)
        self._simulator = UpbitSimulator(config, market, clock)
        self._addresses: UpbitAddresses | None = None

    @property
    def sent(self) -> SentLog:
        return self._simulator.sent

    async def start(self) -> None:
        self._addresses = await self._simulator.start()

    async def stop(self) -> None:
        await self._simulator.stop()

    def provider(self, life: int, data_dir: Path) -> Provider:
        addresses = self._addresses
        assert addresses is not None  # started before anyone asks
        return provider_of("upbit", rest_url=addresses.rest, ws_url=addresses.ws)

    def secrets(self) -> tuple[str, ...]:
        return ()
