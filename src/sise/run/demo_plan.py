"""What ``sise demo`` was asked for, and what that means for its three children."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sise.model.errors import BadInput

if TYPE_CHECKING:
    from sise.run.kis_day import KisDay

DATA_VARIABLE: Final = "SISE_DATA_DIR"
DEMO_DATA: Final = {"upbit": "data/demo", "kis": "data/demo-kis"}
"""By provider: a journal of Upbit's real time and one of a day of KIS do not lie together."""
SIMULATED_MARKETS: Final = 60
"""More than are recorded, so that choosing them by traded value means something."""


@dataclass(frozen=True)
class Plan:
    """What was asked for."""

    data: Path
    port: int
    seed: int
    markets: int
    seconds: float | None
    faults: Path | None = None
    kis_day: KisDay | None = None
    """The day to play; None: Upbit is played, now."""
    variables: dict[str, str] = field(default_factory=dict)
    """For all three children."""

    @property
    def provider(self) -> str:
        return "upbit" if self.kis_day is None else "kis"

    def simulate(self) -> list[str]:
        """The simulator's command."""
        command = ["simulate", self.provider, "--seed", str(self.seed)]
        if self.kis_day is None:
            command += ["--markets", str(SIMULATED_MARKETS)]
        return command if self.faults is None else [*command, "--faults", str(self.faults)]

    def collector_variables(self, addresses: dict[str, Any]) -> dict[str, str]:
        """What makes the collector record what the simulator at ``addresses`` plays."""
        markets = {"SISE_MARKETS": str(self.markets)}
        if self.kis_day is None:
            return {
                "SISE_UPBIT_REST_URL": addresses["rest"],
                "SISE_UPBIT_WS_URL": addresses["ws"],
                **markets,
            }
        from sise.run.kis_day import variables_of

        return variables_of(addresses, self.data) | markets

    def seconds_left(self) -> float | None:
        """After how many seconds the demo ends by itself; None: never."""
        if self.kis_day is None:
            return self.seconds
        left = self.kis_day.seconds_left(time.time_ns())
        return left if self.seconds is None else min(left, self.seconds)

    def tidy(self) -> None:
        """When all have ended: remove what is of no use without this simulator."""
        if self.kis_day is not None:
            from sise.run.kis_day import forget_tokens

            forget_tokens(self.data)


def make_plan(
    provider: str,
    *,
    port: int,
    seed: int,
    markets: int,
    seconds: float | None,
    faults: Path | None,
    day: str | None,
    start: str | None,
    end: str | None,
    speed: float | None,
) -> Plan:
    """The plan for the command's options; for KIS also an empty place for its day.

    Raises
    ------
    BadInput
        An option cannot be used, or not with this provider; or the day's place is taken.
    """
    if provider not in DEMO_DATA:
        raise BadInput("--provider", provider, "use upbit or kis")
    if faults is not None and not faults.is_file():
        raise BadInput("--faults", str(faults), "name a file that exists")
    given = os.environ.get(DATA_VARIABLE)
    data = Path(given or DEMO_DATA[provider])
    if provider == "upbit":
        _check_only_kis({"--day": day, "--from": start, "--to": end, "--speed": speed})
        return Plan(data, port, seed, markets, seconds, faults)
    from sise.run import kis_day

    chosen = _kis_day(day, start, end, speed)
    if math.isinf(chosen.speed) and seconds is not None:
        raise BadInput("--for", f"{seconds:g} s", "with --speed max the day has its own end: use --to HH:MM")
    kis_day.refuse_own_keys()
    kis_day.make_room(data, ours=not given)
    return Plan(data, port, seed, markets, seconds, faults, chosen, {"SISE_CLOCK": chosen.clock})


def _check_only_kis(options: dict[str, object]) -> None:
    for name, value in options.items():
        if value is not None:
            raise BadInput(name, str(value), "Upbit is played now: add --provider kis, or leave it out")


def _kis_day(day: str | None, start: str | None, end: str | None, speed: float | None) -> KisDay:
    from sise.run.calendars import calendar_of
    from sise.run.kis_day import DEFAULT_SPEED, MARKET, choose_day
    from sise.run.settings import load

    fast = DEFAULT_SPEED if speed is None else speed
    return choose_day(calendar_of(MARKET, load()), time.time_ns(), day=day, start=start, end=end, speed=fast)
