"""Many doubles rounded as Python rounds one: to the double next to the decimal next to it.

A value times a power of ten is a whole number and a rest. Where the rest is not near a half, rounding errors
cannot have changed which number that is; and below 2**53 its quotient by a power of ten up to 10**22 is
rounded once, and right. The few other values are rounded one by one.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

_POWER_MAX: Final = 22
_POWERS: Final = np.array([10.0**power for power in range(_POWER_MAX + 1)])
_WHOLE_MAX: Final = float(1 << 50)
"""Below, the product's rounding error is less than a tenth."""
_NEAR: Final = 0.4


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
    sure &= (10.0 ** (places - 1) <= values) & (found < 10.0**places)
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
        sure = inside & (np.abs(scaled) < _WHOLE_MAX) & (np.abs(scaled - whole) < _NEAR)
    return whole / factors, sure
