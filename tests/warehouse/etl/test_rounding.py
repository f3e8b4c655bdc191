"""Many doubles are rounded as Python rounds one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sise.warehouse.etl.rounding import rounded, to_digits

NEAR_HALVES = st.builds(
    lambda whole, power: (whole + 0.5) / 10**power, st.integers(0, 10**9), st.integers(0, 12)
)
NEAR_POWERS = st.builds(
    lambda power, ulps: float(np.float64(10.0**power) * (1 + ulps * 2.0**-52)),
    st.integers(-20, 20),
    st.integers(-3, 3),
)
VALUES = st.floats(0, 1e300) | st.floats(0, 1e9).map(lambda n: round(n, 8)) | NEAR_HALVES | NEAR_POWERS


@given(st.lists(VALUES, min_size=1, max_size=30), st.integers(0, 10))
def test_rounded_to_decimals(values: list[float], decimals: int) -> None:
    assert rounded(np.array(values), decimals).tolist() == [round(value, decimals) for value in values]


@given(st.lists(VALUES, min_size=1, max_size=30))
def test_rounded_to_digits(values: list[float]) -> None:
    assert to_digits(np.array(values), 15).tolist() == [float(f"{value:.15g}") for value in values]


def test_what_is_not_known_stays_so() -> None:
    assert np.isnan(rounded(np.array([np.nan, 1.0]), 8)).tolist() == [True, False]
