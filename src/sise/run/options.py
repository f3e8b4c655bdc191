"""Options that several commands share, so that they are spelled the same everywhere."""

from __future__ import annotations

import math
import re
from typing import Annotated, Final

import typer

from sise.model.errors import BadInput

_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
FASTEST_SPEED: Final = 1_000_000.0
LONGEST_DURATION_SECONDS: Final = 366 * 86_400.0


def parse_duration(text: str) -> float:
    """Seconds of ``500ms``, ``60s``, ``5m``, ``1h``, ``2d``; a bare number counts seconds.

    Raises
    ------
    BadInput
        ``text`` is no duration, is zero, or is longer than a year.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _UNIT_SECONDS[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= LONGEST_DURATION_SECONDS:
        raise BadInput("duration", text, "write a number and its unit, such as 500ms, 60s, 5m or 1h")
    return seconds


def parse_speed(text: str) -> float:
    """A factor of real time above 0; ``max`` is as fast as possible (infinity).

    Raises
    ------
    BadInput
        ``text`` is neither.
    """
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= FASTEST_SPEED:
        raise BadInput("speed", text, "write a factor such as 1 or 60, or max")
    return speed


ForOption = Annotated[
    float | None,
    typer.Option(
        "--for", parser=parse_duration, metavar="DURATION", help="End by itself after 60s, 5m, 1h …"
    ),
]
HistoryOption = Annotated[
    str | None,
    typer.Option(
        "--history",
        metavar="PLACE",
        help="A folder or s3://bucket/folder; else SISE_HISTORY, or history in the data folder.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
