"""Frames about the line, and those that are kept and not read -> Control. Pure."""

from __future__ import annotations

from sise.model.errors import Undecodable
from sise.model.events import Control
from sise.providers.kis import wire


def told(tr_id: str, *, encrypted: bool) -> Control:
    """A data frame that is no price of this market.

    Raises
    ------
    Undecodable
        Nobody knows its TR_ID, or it is encrypted and no notice.
    """
    if tr_id in wire.NOTICE_TR_IDS:
        return Control("status", tr_id, "a notice of one's own orders, kept as a frame")
    if encrypted:
        raise Undecodable("an encrypted frame that is no notice")
    if tr_id in wire.EXPECTED_TR_IDS:
        return Control("status", "expected", f"{tr_id}: expected prices, no trades")
    if tr_id in wire.OTHER_TR_IDS:
        return Control("status", tr_id, "no trade or book of this market, kept as a frame")
    raise Undecodable(f"unknown TR_ID {tr_id[:12]!r}")


def control(payload: bytes) -> Control:
    """A frame of JSON: a PINGPONG, or the answer to a registration.

    Raises
    ------
    Undecodable
        It is neither.
    """
    message = wire.control(payload)
    header = message.get("header")
    if isinstance(header, dict) and header.get("tr_id") == wire.PINGPONG:
        return Control("status", wire.PINGPONG)
    ack = wire.ack_of(message)
    if ack is None:
        raise Undecodable("a message about the line without rt_cd and msg_cd, and no PINGPONG")
    fine = ack.rt_cd == "0" or ack.msg_cd == "OPSP0002"
    return Control("status" if fine else "error", ack.msg_cd or f"rt_cd {ack.rt_cd[:8]}", ack.about())
