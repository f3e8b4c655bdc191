"""Options that people type: durations and speeds."""

from __future__ import annotations

import math

import pytest

from sise.model.errors import BadInput
from sise.run.options import parse_duration, parse_speed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("60s", 60),
        ("5m", 300),
        ("1h", 3600),
        ("2d", 172_800),
        ("1.5h", 5400),
        ("8", 8),
        (" 3s ", 3),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "-5s", "5 m", "5x", "m", "1h30m", "nan", "inf", "1e3s", "9999d"])
def test_bad_duration_names_the_remedy(text: str) -> None:
    with pytest.raises(BadInput, match="60s"):
        parse_duration(text)


def test_speed() -> None:
    assert parse_speed("max") == math.inf
    assert parse_speed("60") == 60
    assert parse_speed("0.5") == 0.5


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "fast", ""])
def test_bad_speed_names_the_remedy(text: str) -> None:
    with pytest.raises(BadInput, match="max"):
        parse_speed(text)
