"""Faults of a rehearsal, as a test writes them down."""

from __future__ import annotations

from collections.abc import Mapping

from sise.simulator.faults import KindRule, PlannedFault, parse_fault


def planned(kinds: Mapping[str, KindRule], at: float, **fault: object) -> PlannedFault:
    """``fault``, of one provider's ``kinds``, ``at`` seconds after the start."""
    return PlannedFault(at, parse_fault(dict(fault), "fault", kinds))
