"""Two writings of the same rules, the ETL's and the journal's own, hold each other on random journals.

What is drawn is what the rehearsed days seldom have: rests after the hours, slots that change, a session that
was killed, lines that are no records, of another schema or of somebody else, trades told twice and late.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sqlalchemy import Engine

import sise
from sise.model.errors import BadInput
from sise.warehouse import migrate
from sise.warehouse.etl.days import MarketDay, days_of
from sise.warehouse.query.reader import Reader
from tests.warehouse.databases import opened
from tests.warehouse.etl.journals import (
    DAY,
    KRX,
    NOW,
    empty,
    etl,
    event,
    gap,
    sample,
    scalp,
    slots,
    trade,
    write,
)

AT = 36_000
"""Ten o'clock where the day is Korea's; minutes begin at whole multiples of sixty."""
SPAN = 420
SYMBOLS = ("KRW-BTC", "KRW-ETH")

moment = st.integers(0, SPAN * 4).map(lambda quarters: AT + quarters / 4)
symbol = st.sampled_from(SYMBOLS)
Line = tuple[float, bytes]


def both(url: str) -> Iterator[Engine]:
    with opened(url) as engine:
        migrate.upgrade(engine, NOW)
        yield engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from both(f"sqlite:///{tmp_path_factory.mktemp('differs') / 'trading.db'}")


@st.composite
def trades(draw: st.DrawFn, day: MarketDay) -> Line:
    """Often on a minute's edge; the provider's number may be missing, or come again."""
    at = draw(moment | st.integers(0, SPAN // 60).map(lambda minute: float(AT + minute * 60)))
    late = draw(st.sampled_from((0.0, 0.5, 20.0, 70.0)))
    changed = draw(
        st.fixed_dictionaries(
            {
                "symbol": symbol,
                "price": st.sampled_from((0.00012345, 70_100.5, 123_456_789.125)),
                "size": st.sampled_from((1e-8, 0.1, 3.00000001, 12_345_678.0)),
            },
            optional={
                "trade_id": st.just(""),
                "schema_version": st.just("2.0"),
                "provider": st.just("somebody"),
                "quality_flag": st.just("degraded"),
            },
        )
    )
    return at + late, trade(day, at, draw(st.integers(0, 9)), received=at + late, **changed)


@st.composite
def heard(draw: st.DrawFn, day: MarketDay) -> list[Line]:
    """A symbol's samples for a while, a line every two seconds; now and then one is not there."""
    who, first, last = draw(symbol), draw(st.integers(0, SPAN)), draw(st.integers(0, SPAN))
    counts = draw(st.booleans())
    missed = draw(st.sets(st.integers(0, SPAN), max_size=40))
    return [
        (AT + at, sample(day, AT + at, volume=at * 2.5 if counts else None, symbol=who))
        for at in range(first // 2 * 2, last, 2)
        if at not in missed
    ]


def events(day: MarketDay) -> st.SearchStrategy[Line]:
    return st.one_of(
        st.builds(lambda at, who: (at, slots(day, at, *who)), moment, st.sets(symbol)),
        st.builds(lambda at, long: (at + long, gap(day, at, at + long)), moment, st.integers(1, 90)),
        st.builds(lambda at: (at, gap(day, at - 9, at, scope="swing")), moment),
        st.builds(lambda at: (at, event(day, at, "hours_over", scope="scalp")), moment),
        st.builds(lambda at: (at, event(day, at, "connected", scope="scalp")), moment),
        st.builds(lambda at: (at, event(day, at, "disconnected", scope="scalp")), moment),
        st.builds(lambda at: (at, _of_session(event(day, at, "session_start"), "sess_b")), moment),
        st.builds(lambda at: (at, b'{"event_type":"slots","detail":7}'), moment),
        st.builds(lambda at: (at, event(day, at, "disconnected", gap_start_ts="soon")), moment),
    )


def _of_session(line: bytes, session: str) -> bytes:
    return line.replace(b'"session_id":"sess_a"', b'"session_id":"%s"' % session.encode())


@st.composite
def journals(draw: st.DrawFn) -> tuple[MarketDay, list[bytes], list[bytes]]:
    """A day's scalp lines and events, each in the order of their moments."""
    day = draw(st.sampled_from((DAY, KRX)))
    lines = [line for run in draw(st.lists(heard(day), min_size=1, max_size=5)) for line in run]
    lines += draw(st.lists(trades(day), max_size=25))
    lines += draw(st.lists(moment.map(lambda at: (at, b'{"kind":"trade","symbol":"KRW-BTC"}')), max_size=2))
    told = draw(st.lists(events(day), max_size=8))
    if draw(st.booleans()):
        told.append((AT, slots(day, AT, *SYMBOLS)))
    ordered = [[line for _, line in sorted(each, key=lambda line: line[0])] for each in (lines, told)]
    return day, ordered[0], ordered[1]


@settings(max_examples=25, deadline=None)
@given(drawn=journals())
def test_the_journal_and_the_etl_make_the_same_of_any_journal(
    engine: Engine, drawn: tuple[MarketDay, list[bytes], list[bytes]]
) -> None:
    compare(engine, drawn)


@pytest.mark.long
@settings(max_examples=1_500, deadline=None)
@given(drawn=journals())
def test_many_journals_and_the_etl_make_the_same(
    engine: Engine, drawn: tuple[MarketDay, list[bytes], list[bytes]]
) -> None:
    compare(engine, drawn)


def compare(engine: Engine, drawn: tuple[MarketDay, list[bytes], list[bytes]]) -> None:
    day, lines, told = drawn
    empty(engine)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        scalp(root, day, lines)
        write(root, day.events, [event(day, 0, "checkpoint"), *told])
        etl(engine, root).load_days(days_of(root, [day.day]))
        url = engine.url.render_as_string(hide_password=False)
        with sise.connect(root) as journal, sise.connect(url) as database:
            assert_frame_equal(database.symbols(), journal.symbols())
            for who in journal.symbols()["symbol"].unique().sort():
                for name in ("bars", "ticks", "quotes"):
                    stored, found = (_rows(place, name, who) for place in (database, journal))
                    assert stored == found, (name, who)
            assert_frame_equal(database.gaps(), journal.gaps(), check_exact=True)


def _rows(place: Reader, name: str, who: str) -> list[tuple[object, ...]]:
    """All that is answered. A symbol whose lines prove nothing has no bars: a database need not know it."""
    try:
        found: list[tuple[object, ...]] = getattr(place, name)(who).rows()
    except BadInput as refused:
        if refused.field != "symbol":
            raise
        return []
    return found


def test_what_is_drawn_has_all_that_is_compared() -> None:
    """Each rule that the two share occurs in an example: else the comparison proves less than it says."""
    seen: set[str] = set()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(drawn=journals())
    def look(drawn: tuple[MarketDay, list[bytes], list[bytes]]) -> None:
        for line in drawn[2]:
            seen.add(msgspec.json.decode(line)["event_type"])

    look()
    assert seen >= {"slots", "gap_marker", "hours_over", "connected", "disconnected", "session_start"}
