"""Many doubles rounded as Python rounds one: to the double next to the decimal next to it.

A value times a power of ten is a whole number and a rest, exactly so as two doubles (Dekker, "A
floating-point technique for extending the available precision", 1971). Where the rest is not next to a half,
that whole number is right; and below 2**53 its quotient by a power of ten up to 10**22 is rounded once, and
right. The few other values are rounded one by one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

_POWER_MAX: Final = 22
_POWERS: Final = np.array([10.0**power for power in range(_POWER_MAX + 1)])
_TENS_FROM: Final = -324
_TENS: Final = np.array([float(f"1e{power}") for power in range(_TENS_FROM, 310)])
"""All that doubles reach, from 0 to infinity; looked up, as raising to a power takes ten times as long."""
_WHOLE_MAX: Final = float(1 << 50)
_NEAR: Final = 0.4999999
"""The rest itself is rounded, by far less than it is away from a half."""
_SPLIT: Final = float((1 << 27) + 1)
"""Times this, a double comes apart into two of half its digits."""


def rounded(values: Any, decimals: int) -> Any:
    """As ``round(value, decimals)``; NaN stays NaN."""
    found, sure = _rounded(values, np.full(len(values), decimals))
    for at in np.flatnonzero(~sure & ~np.isnan(values)):
        found[at] = round(float(values[at]), decimals)
    return found


def to_digits(values: Any, digits: int) -> Any:
    """As ``float(f"{value:.{digits}g}")``. Values are finite and not negative."""
    logarithms = np.zeros(len(values))
    np.log10(values, out=logarithms, where=values > 0)
    places = np.floor(logarithms).astype(np.int64) + 1
    found, sure = _rounded(values, digits - places)
    # the logarithm of a number next to a power of ten may be on the other side of it
    sure &= (_TENS[places - 1 - _TENS_FROM] <= values) & (found < _TENS[places - _TENS_FROM])
    for at in np.flatnonzero(~sure & (values > 0)):
        found[at] = float(f"{values[at]:.{digits}g}")
    return found


def _rounded(values: Any, powers: Any) -> tuple[Any, Any]:
    """The values with as many decimals as each one's power says, and which of them are right for sure."""
    inside = (powers >= 0) & (powers <= _POWER_MAX)
    factors = _POWERS[np.where(inside, powers, 0)]
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = values * factors
        whole = np.rint(scaled)
        rest = scaled - whole + _lost(values, factors, scaled)
        sure = inside & (np.abs(scaled) < _WHOLE_MAX) & (np.abs(rest) < _NEAR)
    return whole / factors, sure


def _lost(some: Any, others: Any, products: Any) -> Any:
    """What rounding took from products; not a number where that is not known."""
    upper, other_upper = _upper(some), _upper(others)
    lower, other_lower = some - upper, others - other_upper
    left = upper * other_upper - products + upper * other_lower + lower * other_upper
    return left + lower * other_lower


def _upper(values: Any) -> Any:
    """The upper half of the digits."""
    far = values * _SPLIT
    return far - (far - values)
