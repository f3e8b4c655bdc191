"""KIS holds what every provider must hold, where its wire can, and no mutation of a frame does harm."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sise.model.errors import Undecodable
from sise.model.events import Control, UnknownFields
from sise.providers.kis import wire
from sise.providers.kis.letters import Letters
from sise.providers.kis.provider import Kis
from tests.contract.provider_suite import ProviderContract
from tests.providers import kis_frames as frames

KIS = Kis()
TAIL_FIELDS = 14
"""The last columns of a record are new or not ours: without them it is an older record, not half a one."""


class TestKis(ProviderContract):
    provider = KIS
    samples = (*frames.MARKET_FRAMES, *frames.CONTROL_FRAMES)
    symbols = ("005930", "0004Y0", "Q500001")
    bad_symbols = ([], ["5930"], ["00593a"], ["KRW-BTC"], ["005930", ""], ["삼성전자"])

    odd_bytes = (
        *(b"^", b"|", b"\xff", b"9" * 400, b"nan", "７".encode(), "²".encode(), b"-", b" 1", b"1_0"),
        b"(null)",
    )
    too_deep = (
        *(b'{"header":' * 100_000, b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"),
        b"0|H0STCNT0|999|" * 999,
    )

    def harmless(self, frame: bytes) -> None:
        """Also for all else that looks at a frame."""
        super().harmless(frame)
        wire.pingpong(frame)
        wire.ack(frame)
        self.letters.heard(frame, frames.MORNING_NS)

    letters = Letters(None)

    def with_unknown_field(self, frame: bytes) -> bytes | None:
        if frame[2:10] not in (b"H0STCNT0", b"H0STASP0") or frame.split(b"|")[2] != b"001":
            return None
        newest = 46 if b"CNT0" in frame[:10] else 62
        return frame + b"^brand-new" if frame.count(b"^") == newest else None

    def asked(self, symbols: Sequence[str]) -> Mapping[str, Sequence[str]]:
        by_kind: dict[str, list[str]] = {}
        for key in KIS.registration_keys(symbols):
            by_kind.setdefault(key.tr_id, []).append(key.tr_key)
        return by_kind

    def numbers_of(self, frame: bytes) -> set[Decimal]:
        """The numbers as written; and price less difference, which is how KIS tells the previous close."""
        found = set()
        for field in frame.decode().replace("|", "^").split("^"):
            with contextlib.suppress(InvalidOperation):
                found.add(Decimal(field))
        return found | {Decimal(72000)}

    def test_half_a_frame_is_never_taken_for_a_whole_one(self) -> None:
        """A frame does not tell its length: what is certain is that no column of ours is cut unseen."""
        for frame in self.samples:
            tail = len(b"^".join(frame.split(b"^")[-TAIL_FIELDS:])) if b"^" in frame else 0
            for length in range(len(frame) - tail):
                if frame[:1] == b"1" and length > len(b"1|H0STCNI0|"):
                    continue  # whether a notice is whole, its padding says
                with pytest.raises(Undecodable):
                    self.provider.decode(frame[:length], 1)

    def test_events_that_are_no_control_name_their_symbol_and_time(self) -> None:
        for frame in self.samples:
            for event in self.provider.decode(frame, frames.MORNING_NS):
                if not isinstance(event, Control | UnknownFields):
                    assert event.symbol
                    assert event.event_time // 10**9 in (1_790_037_600, 1_790_037_601)

    def test_books_and_states_are_registrations_of_their_own(self) -> None:
        asked = Kis(books=True, states=True).registration_keys(self.symbols)
        kinds = ("H0STCNT0", "H0STASP0", "H0STMKO0")
        assert asked == [(kind, symbol) for kind in kinds for symbol in self.symbols]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TestKis.samples), st.integers(0, 900))
def test_a_frame_cut_anywhere_is_undecodable_or_an_older_record(frame: bytes, length: int) -> None:
    TestKis().harmless(frame[:length])
