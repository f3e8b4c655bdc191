"""Spans of time as arrays: rows of from and until (not included), UTC ns, in order and apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sise.warehouse.bars import Span
from sise.warehouse.compiled import compiled


def spans_of(spans: Sequence[Span]) -> Any:
    """Any spans; those that overlap or touch are one."""
    found = np.array(sorted(span for span in spans if span[0] < span[1]), np.int64).reshape(-1, 2)
    return found[: _merge(found)]


def both(some: Any, others: Any) -> Any:
    """What lies in spans of each kind."""
    found = np.empty((len(some) + len(others), 2), np.int64)
    return found[: _both(some, others, found)]


def without(some: Any, others: Any) -> Any:
    """What lies in ``some`` and not in ``others``."""
    found = np.empty((len(some) + len(others), 2), np.int64)
    return found[: _without(some, others, found)]


@compiled
def _merge(spans: Any) -> int:
    count = 0
    for at in range(len(spans)):
        if count and spans[at, 0] <= spans[count - 1, 1]:
            spans[count - 1, 1] = max(spans[count - 1, 1], spans[at, 1])
        else:
            spans[count] = spans[at]
            count += 1
    return count


@compiled
def _both(some: Any, others: Any, found: Any) -> int:
    count = one = other = 0
    while one < len(some) and other < len(others):
        start, end = max(some[one, 0], others[other, 0]), min(some[one, 1], others[other, 1])
        if start < end:
            found[count, 0], found[count, 1] = start, end
            count += 1
        if some[one, 1] < others[other, 1]:
            one += 1
        else:
            other += 1
    return count


@compiled
def _without(some: Any, others: Any, found: Any) -> int:
    count = first = 0
    for one in range(len(some)):
        start, end = some[one, 0], some[one, 1]
        while first < len(others) and others[first, 1] <= start:
            first += 1
        other = first
        while other < len(others) and others[other, 0] < end:
            if start < others[other, 0]:
                found[count, 0], found[count, 1] = start, others[other, 0]
                count += 1
            start = max(start, others[other, 1])
            other += 1
        if start < end:
            found[count, 0], found[count, 1] = start, end
            count += 1
    return count
