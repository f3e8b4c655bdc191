"""Which trading day ``sise demo --provider kis`` plays, in which time, where, and with which settings.

Simulator, collector and server live in one time: the clock setting ``START@SPEED@WALL`` that all three are
given. The day lies in a folder that holds nothing else, since a journal's clock must not run backwards.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sise.model.calendar import Calendar
from sise.model.errors import BadInput
from sise.model.time import MARKET_ZONES, NS_PER_SECOND, in_zone, iso, parse_iso

MARKET: Final = "kr_stocks"
DEFAULT_FROM: Final = "08:50"
DEFAULT_SPEED: Final = 60.0
AFTER_CLOSE_SECONDS: Final = 600
"""A day ends by itself so long after the regular close: 15:40, on the day of the exam 16:40."""
TOKENS: Final = "run/tokens"
LOCK: Final = "run/collect-kis.lock"
BACKUP_FOLDER: Final = "backup"
"""Where the day's backup is pulled to when it is over."""
DAY_FOLDERS: Final = (
    "wire",
    "scalp",
    "swing",
    "system",
    "quarantine",
    "universe",
    BACKUP_FOLDER,
    "run/backups",
)


class KisDay(Struct, frozen=True):
    """A stretch of one trading day. Moments are UTC ns; ``wall_ns`` is the real one of ``start_ns``."""

    day: date
    start_ns: int
    end_ns: int
    speed: float
    wall_ns: int

    @property
    def clock(self) -> str:
        """The clock setting (``SISE_CLOCK``) of everyone who lives in this day."""
        return f"{iso(self.start_ns)}@{self.speed:g}@{iso(self.wall_ns)}"

    def seconds_left(self, wall_ns: int) -> float:
        """Real seconds from the real moment ``wall_ns`` to the day's end."""
        return max(0.0, (self.end_ns - self.start_ns) / self.speed - (wall_ns - self.wall_ns)) / NS_PER_SECOND

    def time_at(self, wall_ns: int) -> str:
        """The day's own time (``HH:MM`` in Seoul) at the real moment ``wall_ns``."""
        at_ns = self.start_ns + int((wall_ns - self.wall_ns) * self.speed)
        return f"{in_zone(at_ns, MARKET_ZONES[MARKET]):%H:%M}"


def choose_day(
    calendar: Calendar, wall_ns: int, *, day: str | None, start: str | None, end: str | None, speed: float
) -> KisDay:
    """The stretch to play: ``day`` (without it today's, or the last trading day) from ``start`` to ``end``.

    ``start`` and ``end`` are ``HH:MM`` of Seoul's time; without ``end``, ten minutes after the close.

    Raises
    ------
    BadInput
        No such day or time, no trading on that day, or an end that is not after the start.
    """
    chosen = _day(day) if day is not None else _last_trading_day(calendar, wall_ns)
    regular = calendar.regular(chosen)
    if regular is None:
        why = calendar.verdict(chosen).reason
        last = calendar.previous_trading_day(chosen)
        raise BadInput("--day", str(day), f"the market is closed ({why}); try --day {last}")
    start_ns = _moment("--from", chosen, start or DEFAULT_FROM)
    after = regular.close_ns + AFTER_CLOSE_SECONDS * NS_PER_SECOND
    end_ns = after if end is None else _moment("--to", chosen, end)
    if end_ns <= start_ns:
        raise BadInput("--to", end or "(the close)", f"give a time after --from {start or DEFAULT_FROM}")
    return KisDay(chosen, start_ns, end_ns, speed, wall_ns)


def _last_trading_day(calendar: Calendar, wall_ns: int) -> date:
    today = calendar.day_of(wall_ns)
    return today if calendar.is_trading_day(today) else calendar.previous_trading_day(today)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("--day", text, "write it as 2026-11-19") from None


def _moment(option: str, day: date, text: str) -> int:
    try:
        if len(text) == 5 and text[2] == ":":
            return parse_iso(f"{day}T{text}:00+09:00")
    except BadInput:
        pass
    raise BadInput(option, text, "write the time of Seoul as HH:MM, such as 09:30")


def variables_of(addresses: Mapping[str, Any], data: Path) -> dict[str, str]:
    """What makes a collector speak to the simulator that printed ``addresses``, and to nobody else.

    The test credentials go by the environment: an argument can be read by every user of the machine.
    """
    ours = addresses["credentials"]
    return {
        "SISE_KIS_REST_URL": addresses["rest"],
        "SISE_KIS_WS_URL": addresses["ws"],
        "SISE_KIS_APP_KEY": ours["appkey"],
        "SISE_KIS_APP_SECRET": ours["appsecret"],
        "SISE_KIS_HTS_ID": ours["hts_id"],
        "SISE_KIS_TOKENS_DIR": str(data / TOKENS),
        "SISE_KIS_CONFIG": "",  # the user's own keys are not for a simulator
        "SISE_KIS_MOCK": "false",
        "SISE_HISTORY_CANDLES": "0",
    }


def refuse_own_keys() -> None:
    """Raise :class:`BadInput` where ``sise.toml`` names a ``kis_config``, which no variable takes back."""
    from sise.run.settings import load

    os.environ["SISE_KIS_CONFIG"] = ""
    if (named := load().kis_config) is not None:
        remedy = "the demo has keys of its own: leave that line out, or name another file by SISE_CONFIG"
        raise BadInput("kis_config in sise.toml", str(named), remedy)


def make_room(data: Path, *, ours: bool) -> None:
    """An empty place for the day in ``data``; where the folder is the demo's own, an earlier day goes.

    Raises
    ------
    BadInput
        A journal lies there that is not the demo's own, or another collector records there.
    """
    there = [data / name for name in DAY_FOLDERS if (data / name).exists()]
    if there and not ours:
        remedy = "it holds a journal, and a simulated day must lie alone: name an empty folder"
        raise BadInput("data_dir (SISE_DATA_DIR)", str(data), remedy)
    if is_recorded(data):
        remedy = "another demo records there: end it, or name another folder"
        raise BadInput("data_dir (SISE_DATA_DIR)", str(data), remedy)
    for folder in there:
        shutil.rmtree(folder)
    forget_tokens(data)


def forget_tokens(data: Path) -> None:
    """Remove the tokens of a simulator that is gone."""
    shutil.rmtree(data / TOKENS, ignore_errors=True)


def is_recorded(data: Path) -> bool:
    """Whether a collector holds the lock of the folder."""
    import fcntl  # POSIX only, as is the collector

    try:
        with (data / LOCK).open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
