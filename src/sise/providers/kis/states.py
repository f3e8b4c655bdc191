"""H0STMKO0 and its like -> :class:`~sise.model.events.MarketState`: halts, interruptions, phases. Pure.

KIS sends one when something of this changes for a registered issue [off]. The record has no time, so the
moment is the one at which it was received. What the codes mean stands in ``README.md``.
"""

from __future__ import annotations

from typing import Final

from sise.model.errors import Undecodable
from sise.model.events import Control, Event, MarketState, UnknownFields
from sise.providers.kis import wire
from sise.providers.kis.texts import code

HALTED_STATUS: Final = "58"
_NULL: Final = "(null)"
_HALTED: Final[dict[str, bool | None]] = {"Y": True, "N": False}
_AT: Final = {name: at for at, name in enumerate(wire.STATE_COLUMNS)}
_TEXT_CHARACTERS_MAX: Final = 80


def states(tr_id: str, count_text: str, body: str, received_at: int) -> list[Event]:
    """The events of one frame: a Control with a state for each record.

    Raises
    ------
    Undecodable
        It is not so many records of this feed.
    """
    fields = body.split("^")
    count = int(count_text) if len(count_text) == 3 and count_text.isdigit() else 0
    width, rest = divmod(len(fields), count) if count else (0, 1)
    if rest or not wire.STATE_WIDTH_MIN <= width < 2 * wire.STATE_WIDTH_MIN:
        raise Undecodable(
            f"{tr_id}: {len(fields)} fields are no records of this feed, which has ten or eleven"
        )
    events: list[Event] = []
    for at in range(0, len(fields), width):
        state = _state(fields[at : at + width], tr_id, received_at)
        events.append(Control("status", tr_id, _words(state), state))
    if width > len(wire.STATE_COLUMNS):
        names = tuple(f"column {at}" for at in range(len(wire.STATE_COLUMNS), width))
        events.append(UnknownFields(tr_id, names))
    return events


def _state(record: list[str], tr_id: str, received_at: int) -> MarketState:
    def told(name: str) -> str:
        return record[_AT[name]].strip().replace(_NULL, "")[:_TEXT_CHARACTERS_MAX]

    status = told("ISCD_STAT_CLS_CODE")
    return MarketState(
        symbol=code(record[0], tr_id),
        event_time=received_at,
        halted=True if status == HALTED_STATUS else _HALTED.get(told("TRHT_YN")),
        phase=told("MKOP_CLS_CODE"),
        expected_phase=told("ANTC_MKOP_CLS_CODE"),
        status=status,
        vi=told("VI_CLS_CODE"),
        reason=told("TR_SUSP_REAS_CNTT"),
        venue=wire.STATE_TR_IDS[tr_id],
    )


def _words(state: MarketState) -> str:
    """For people: what is not usual first."""
    halted = {True: "halted", False: "not halted", None: "halt not told"}[state.halted]
    named = (
        *(("VI", state.vi), ("status", state.status), ("phase", state.phase)),
        *(("expected phase", state.expected_phase), ("reason", state.reason)),
    )
    return ", ".join([f"{state.symbol} {halted}", *(f"{name} {said}" for name, said in named if said)])
