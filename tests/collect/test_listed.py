"""Flags of the provider's list of the day in the records of sweeps, with their source."""

from __future__ import annotations

import asyncio
from datetime import date

from sise.collect.listed import Listed
from sise.collect.swing import SwingTrack
from sise.model.errors import Unreachable
from sise.model.events import Instrument, Quote, Snapshot
from tests.collect.test_swing import Source
from tests.collect.venue import Venue
from tests.collect.virtual import START_NS

DAY = date(2026, 11, 20)
RISKY = Instrument("A", warning="02", managed=True, liquidation=False, flags_source="symbol master")
PLAIN = Instrument("B", warning="00", managed=False, liquidation=False, flags_source="symbol master")


async def swept(venue: Venue, source: Source, listed: Listed) -> dict[str, dict[str, object]]:
    swing = SwingTrack(
        source, venue.observer, venue.diary, venue.clock, answer_frame=lambda: (0, 7), listed=listed.of
    )
    task = asyncio.create_task(swing.sweep(["A", "B"], START_NS))
    await venue.clock.run(10)
    await task
    return {record["symbol"]: record for record in venue.lines.streams["swing"]}


async def test_a_record_carries_the_flags_of_the_day_and_names_their_source() -> None:
    venue = Venue()
    source = Source(venue)
    listed = Listed(source, venue.diary)
    listed.take([RISKY, PLAIN], DAY)
    records = await swept(venue, source, listed)
    flags = ("warning", "managed", "liquidation", "flags_source")
    assert [records["A"][name] for name in flags] == ["02", True, False, "symbol master"]
    assert [records["B"][name] for name in flags] == ["00", False, False, "symbol master"]


async def test_without_a_list_flags_are_not_known() -> None:
    venue = Venue()
    source = Source(venue)
    records = await swept(venue, source, Listed(source, venue.diary))
    assert {"warning", "managed", "liquidation", "flags_source"} & records["A"].keys() == set()


async def test_what_the_answer_itself_warns_of_goes_before_the_list() -> None:
    venue = Venue()
    told = Quote(symbol="A", snapshot=Snapshot("A", START_NS, 100.0), halted=False, warning="03")
    assert venue.observer.on_quote(told, START_NS, START_NS, 1, "s", RISKY) is None
    (record,) = venue.lines.streams["swing"]
    assert (record["warning"], record["managed"]) == ("03", True)


async def test_the_list_is_asked_for_once_a_day_and_only_where_there_are_flags() -> None:
    venue = Venue()
    source = Source(venue)
    source.listed = [RISKY]
    listed = Listed(source, venue.diary)
    await listed.refresh(DAY)
    assert listed.of("A") is None, "a provider that has told no flag is not asked for any"
    listed.see([PLAIN])
    source.fail = Unreachable("maintenance page")
    await listed.refresh(DAY)
    await listed.refresh(DAY)
    assert (listed.of("A"), len(venue.lines.events("flags_failed"))) == (None, 1)
    source.fail = None
    await listed.refresh(DAY)
    assert listed.of("A") == RISKY
    source.fail = Unreachable("not asked again")
    await listed.refresh(DAY)
    assert listed.of("A") == RISKY
    await listed.refresh(date(2026, 11, 23))
    assert listed.of("A") is None, "what was so on another day is not known of this one"
