"""What every provider must hold: a provider's tests inherit this and supply its frames.

Tested is what could falsify data: a decoder that reads a clock, half a frame taken for a whole
one, a number that is not the provider's, an unknown field that stops the record or goes unseen.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sise.model.errors import BadInput, Undecodable
from sise.model.events import Control, Event, UnknownFields
from sise.providers.contract import Provider

# Each provider runs the same test with frames of its own.
_MUTATIONS: Final = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
)


class ProviderContract:
    """Inherit, set the class attributes, and say how your wire takes a new field and names symbols."""

    provider: ClassVar[Provider]
    samples: ClassVar[Sequence[bytes]]
    """Whole frames as the wire sends them, at least one of each kind and spelling."""
    symbols: ClassVar[Sequence[str]]
    """Symbols that the provider would accept."""
    bad_symbols: ClassVar[Sequence[Sequence[str]]]
    """Lists of symbols that the provider would refuse or, worse, ignore."""
    odd_bytes: ClassVar[Sequence[bytes]]
    """What could do harm in the middle of a frame: marks, odd digits, bytes that are no text."""
    too_deep: ClassVar[Sequence[bytes]]
    """Frames nested or counted beyond all measure."""

    def harmless(self, frame: bytes) -> None:
        """Decoding gives events or ``Undecodable``; any other exception fails the test."""
        with contextlib.suppress(Undecodable):
            self.provider.decode(frame, 1)
        if self.provider.without_secrets is not None:
            self.provider.without_secrets(frame)

    def with_unknown_field(self, frame: bytes) -> bytes | None:
        """``frame`` with a field that nobody knows, or ``None`` where it cannot take one."""
        raise NotImplementedError

    def asked(self, symbols: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """What the line asks for so that it carries ``symbols``: the symbols of each kind."""
        raise NotImplementedError

    def numbers_of(self, frame: bytes) -> set[Decimal]:
        """Every number of a frame, exactly as written; for JSON."""
        return set(_decimals(json.loads(frame, parse_float=Decimal, parse_int=Decimal)))

    def test_every_sample_gives_events(self) -> None:
        for frame in self.samples:
            assert self.provider.decode(frame, 1), frame

    def test_decoding_is_pure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = [self.provider.decode(frame, 1) for frame in self.samples]

        def read(*_: object) -> int:
            raise AssertionError("the decoder read a clock")

        for name in ("time", "time_ns", "monotonic", "monotonic_ns"):
            monkeypatch.setattr(time, name, read)
        again = [self.provider.decode(frame, 1) for frame in reversed(self.samples)]
        monkeypatch.undo()
        assert again == first[::-1]

    def test_half_a_frame_is_never_taken_for_a_whole_one(self) -> None:
        for frame in self.samples:
            for length in range(len(frame)):
                with pytest.raises(Undecodable):
                    self.provider.decode(frame[:length], 1)

    def test_every_number_is_one_of_the_frames_own(self) -> None:
        for frame in self.samples:
            written = self.numbers_of(frame)
            for event in self.provider.decode(frame, 1):
                for name, value in _floats(event):
                    assert Decimal(repr(value)) in written, (name, value, frame)

    def test_an_unknown_field_is_told_once_and_costs_nothing(self) -> None:
        tried = 0
        for frame in self.samples:
            changed = self.with_unknown_field(frame)
            if changed is None:
                continue
            tried += 1
            before, after = self.provider.decode(frame, 1), self.provider.decode(changed, 1)
            told = [event for event in after if isinstance(event, UnknownFields)]
            assert [event for event in after if not isinstance(event, UnknownFields)] == before
            assert len(told) == 1
            assert told[0].names
        assert tried

    def test_events_that_are_no_control_name_their_symbol_and_time(self) -> None:
        for frame in self.samples:
            for event in self.provider.decode(frame, 1):
                if not isinstance(event, Control | UnknownFields):
                    assert event.symbol
                    assert event.event_time > 1_000_000_000 * 10**9, "nanoseconds, after 2001"

    def test_a_subscription_asks_for_each_symbol_once_per_kind(self) -> None:
        asked = self.asked([*self.symbols, *self.symbols])
        assert sorted(asked) == sorted(self.provider.kinds)
        for symbols in asked.values():
            assert list(symbols) == list(self.symbols)

    def test_a_symbol_that_would_be_ignored_is_refused(self) -> None:
        for symbols in self.bad_symbols:
            with pytest.raises(BadInput, match="symbols"):
                self.asked(symbols)

    @_MUTATIONS
    @given(data=st.data())
    def test_flipped_cut_and_inserted_bytes_do_no_harm(self, data: st.DataObject) -> None:
        changed = bytearray(data.draw(st.sampled_from(self.samples)))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(changed) - 1))
            how = data.draw(st.sampled_from(("flip", "cut", "insert")))
            if how == "flip":
                changed[at] ^= 1 << data.draw(st.integers(0, 7))
            elif how == "cut" and len(changed) > 2:
                del changed[at : at + data.draw(st.integers(1, 9))]
            else:
                changed[at:at] = data.draw(st.sampled_from(self.odd_bytes))
            if not changed:
                break
        self.harmless(bytes(changed))

    @_MUTATIONS
    @given(payload=st.binary(max_size=200))
    def test_garbage_is_undecodable(self, payload: bytes) -> None:
        self.harmless(payload)

    def test_hostile_depth_is_undecodable(self) -> None:
        for frame in self.too_deep:
            self.harmless(frame)


def _decimals(value: Any) -> Iterator[Decimal]:
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _decimals(each)


def _floats(event: Event) -> Iterator[tuple[str, float]]:
    for name, value in msgspec.structs.asdict(event).items():
        if isinstance(value, float):
            yield name, value
