"""The steering: never a slot too many, swaps that are confirmed, refusals explained, nothing lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from sise.collect.recovery import find_last_session
from sise.collect.session import Session
from sise.collect.steering import STEER_SECONDS
from sise.journal.disk import OsDisk
from sise.journal.stat import stat
from sise.journal.verify import verify
from sise.model.events import Instrument, Quote
from sise.providers.upbit.provider import Upbit
from tests.collect.floor import SWEEP_SECONDS, Floor, read
from tests.providers.test_kis_line import answer, asked, registered

OVERFLOW_FIELDS = {
    "timestamp", "provider", "market", "symbol", "candidate_score", "rank", "cutoff_rank",
    "mitigation_level", "decision_reason", "session_id", "crc",
}  # fmt: skip
BUSY = ("KRW-A", "KRW-B", "KRW-C")


def held(floor: Floor) -> set[str]:
    assert set(floor.session.slots) == set(floor.steering.holders)
    return set(floor.session.slots)


def test_a_surge_in_a_swept_symbol_gets_it_a_slot_within_one_steering_period(tmp_path: Path) -> None:
    floor = Floor(tmp_path, *BUSY, slots=3)
    floor.tick(130)
    floor.surge("KRW-X", 9.0)
    floor.tick(STEER_SECONDS + 1)
    assert held(floor) == {"KRW-A", "KRW-B", "KRW-X"}, "of equals the least busy goes"
    assert floor.changes() == [("unregister", "KRW-C"), ("register", "KRW-X")]
    (change,) = [e for e in floor.lines("system/events") if e["event_type"] == "slot_change"][1:]
    assert change["detail"]["trigger"] == "volume_surge"
    assert change["detail"]["score"] == pytest.approx(0.8)
    told = [e for e in floor.lines("system/events") if e["event_type"] == "slots"][-1]
    assert {slot["symbol"] for slot in told["detail"]["slots"]} == held(floor)
    floor.tick()
    assert floor.session.slots["KRW-X"].heard


def test_a_holder_has_its_slot_for_the_least_time(tmp_path: Path) -> None:
    floor = Floor(tmp_path, *BUSY, slots=3)
    floor.tick(20)
    floor.surge("KRW-X", 9.0)
    floor.tick(80)
    assert floor.changes() == []
    floor.tick(40)
    assert "KRW-X" in held(floor)
    assert [line["decision_reason"] for line in floor.lines("system/overflow")] == ["min_hold"]


def test_a_slot_is_used_again_only_after_its_end_is_confirmed(tmp_path: Path) -> None:
    floor = Floor(tmp_path, *BUSY, slots=3)
    floor.tick(130)
    floor.exchange.obeys = False
    floor.surge("KRW-X", 9.0)
    floor.tick(60)
    assert floor.exchange.wanted == ("KRW-A", "KRW-B")
    assert held(floor) == set(BUSY), "who is still carried is still recorded"
    assert floor.lines("system/overflow") == [], "to wait for a confirmation is no refusal"
    floor.exchange.obeys = True
    floor.tick(1)
    assert held(floor) == {"KRW-A", "KRW-B", "KRW-X"}


@pytest.mark.parametrize("seed", range(5))
def test_never_one_slot_too_many_whatever_surges_and_however_slowly_it_is_confirmed(
    tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    floor = Floor(tmp_path, *(f"KRW-{n}" for n in range(41)), slots=41, limits={"least_hold_seconds": 15.0})
    for number in range(60):
        for _ in range(rng.randrange(4)):
            floor.surge(f"KRW-S{number}-{rng.randrange(1000)}", rng.uniform(2, 60))
        floor.exchange.obeys = rng.random() < 0.6
        floor.tick(rng.choice((0.5, 3, 10)))
        assert len(held(floor)) <= 41
        assert set(floor.exchange.held) <= held(floor), "a carried symbol without a slot loses its frames"
    assert floor.steering.swaps > 10
    floor.end()
    assert stat(tmp_path).balanced


def test_noise_moves_nobody(tmp_path: Path) -> None:
    rng = Random(7)
    floor = Floor(tmp_path, *BUSY, slots=3)
    symbols = [*BUSY, *(f"KRW-N{n}" for n in range(60))]
    for _ in range(12):
        for symbol in symbols:
            floor.sweep(symbol, 100_000 * rng.uniform(0.7, 1.4), price=1_000 * rng.uniform(0.998, 1.002))
        floor.tick(60)
        floor.clock.ns += (SWEEP_SECONDS - 60) * 1_000_000_000
    assert len(floor.changes()) <= 4, "two hours of noise"


def test_two_who_ask_as_much_do_not_take_turns(tmp_path: Path) -> None:
    floor = Floor(tmp_path, "KRW-A", slots=1)
    floor.tick(130)
    floor.surge("KRW-X", 9.0)
    floor.surge("KRW-Y", 9.2)
    floor.tick(600)
    assert floor.steering.swaps == 1
    assert [line["decision_reason"] for line in floor.lines("system/overflow")] in (["slot_full"], ["margin"])


def test_every_refused_candidate_is_explained_once_for_each_decision(tmp_path: Path) -> None:
    floor = Floor(tmp_path, *BUSY, slots=3, pins=("KRW-A",), excluded=("KRW-OUT",))
    floor.tick(130)
    for place, symbol in enumerate(("KRW-V", "KRW-W", "KRW-X", "KRW-Y", "KRW-OUT")):
        floor.surge(symbol, 9.0 + place)
    floor.surge("KRW-FAINT", 2.5)
    floor.tick(60)
    assert held(floor) == {"KRW-A", "KRW-X", "KRW-Y"}
    lines = floor.lines("system/overflow")
    assert all(set(line) == OVERFLOW_FIELDS for line in lines)
    assert {(line["symbol"], line["decision_reason"]) for line in lines} >= {
        ("KRW-OUT", "manual_exclude"),
        ("KRW-FAINT", "low_score"),
    }
    assert {line["symbol"] for line in lines} == {"KRW-V", "KRW-W", "KRW-OUT", "KRW-FAINT"}
    assert all(line["cutoff_rank"] == 3 and line["rank"] >= 2 for line in lines)
    (path,) = (tmp_path / "system" / "overflow" / "upbit").iterdir()
    assert path.name.endswith("_overflow.jsonl")
    floor.tick(120)
    decisions = [(line["symbol"], line["decision_reason"]) for line in floor.lines("system/overflow")]
    assert max(Counter(decisions).values()) == 1, "a decision that stands is not written again"


def test_pins_come_first_and_who_is_excluded_gets_no_slot(tmp_path: Path) -> None:
    floor = Floor(tmp_path, *BUSY, slots=3, pins=("KRW-P", "KRW-C"), excluded=("KRW-A",))
    assert held(floor) == {"KRW-P", "KRW-C", "KRW-B"}
    floor.tick(130)
    for symbol in ("KRW-X", "KRW-Y"):
        floor.surge(symbol, 50.0)
    floor.tick(60)
    assert {"KRW-P", "KRW-C"} < held(floor)
    assert len(floor.changes()) == 2


def test_an_old_sweep_asks_for_nothing_and_nor_does_a_halted_symbol(tmp_path: Path) -> None:
    floor = Floor(tmp_path, *BUSY, slots=3)
    floor.surge("KRW-OLD", 30.0)
    floor.clock.ns += 3 * SWEEP_SECONDS * 1_000_000_000
    floor.surge("KRW-HALTED", 30.0)
    floor.steering.on_quote(Quote(symbol="KRW-HALTED", halted=True), floor.clock.ns)
    floor.tick(30)
    assert floor.changes() == []


def test_live_trades_hold_a_slot(tmp_path: Path) -> None:
    """A holder whose trades come faster than usual is stronger than who asks for less."""
    floor = Floor(tmp_path, "KRW-A", "KRW-B", slots=2)
    floor.tick(200)
    for _ in range(60):
        for _ in range(40):
            floor.hear("KRW-B")
        floor.tick()
    holder = floor.steering.holders["KRW-B"]
    assert holder.trigger == "trade_velocity"
    assert holder.score > 0.7
    floor.surge("KRW-X", 5.0)
    floor.tick(15)
    assert held(floor) == {"KRW-B", "KRW-X"}, "by its place among the busiest KRW-B would have gone"


def test_a_hole_is_not_silence(tmp_path: Path) -> None:
    floor = Floor(tmp_path, "KRW-A", slots=1)
    floor.tick(200)
    floor.session.gaps.begin(floor.clock.ns, "ws_disconnect")
    floor.exchange.held = []
    floor.exchange.unknown = {"KRW-A"}
    floor.tick(100)
    floor.session.gaps.end(floor.clock.ns)
    floor.exchange.unknown = set()
    floor.tick(60)
    assert floor.steering.holders["KRW-A"].score == 0.0, "the usual rate after a hole is no surge"


def test_who_the_provider_does_not_take_gives_way(tmp_path: Path) -> None:
    floor = Floor(tmp_path, "KRW-A", slots=1)
    floor.exchange.unknown = {"KRW-X"}
    floor.tick(130)
    floor.surge("KRW-X", 60.0)
    floor.tick(15)
    assert held(floor) == {"KRW-X"}
    floor.surge("KRW-Y", 9.0)
    floor.tick(140)
    assert held(floor) == {"KRW-Y"}
    floor.tick(200)
    assert held(floor) == {"KRW-Y"}, "and does not come back at once"


def test_a_symbol_that_comes_back_repeats_no_trade(tmp_path: Path) -> None:
    floor = Floor(tmp_path, "KRW-A", slots=1, limits={"least_hold_seconds": 10.0})
    floor.tick(20)
    last = floor.trades
    floor.surge("KRW-X", 5.0)
    floor.tick(20)
    assert held(floor) == {"KRW-X"}
    floor.surge("KRW-A", 60.0)
    floor.tick(20)
    assert held(floor) == {"KRW-A"}
    floor.hear("KRW-A", number=last)
    floor.tick()
    floor.end()
    assert [line["reason"] for line in floor.lines("system/refused")] == ["duplicate"]
    assert stat(tmp_path).balanced


def test_a_session_that_was_killed_is_known_by_all_that_had_a_slot_in_it(tmp_path: Path) -> None:
    floor = Floor(tmp_path, *BUSY, slots=3, limits={"least_hold_seconds": 10.0})
    floor.tick(20)
    last_of_c = str(floor.trades)
    floor.surge("KRW-X", 9.0)
    floor.tick(15)
    assert held(floor) == {"KRW-A", "KRW-B", "KRW-X"}
    floor.writer.flush()
    last = find_last_session(tmp_path, "upbit")
    assert last is not None
    assert [each.symbol for each in last.slots] == ["KRW-A", "KRW-B", "KRW-C", "KRW-X"]
    assert int(last.last_trades["KRW-C"][0]) >= int(last_of_c), "what its guard knew when it left"


async def test_kis_carries_a_symbol_until_it_has_confirmed_its_end() -> None:
    line, rest = await registered(("000001", "000002"))
    line.want(("000001", "000003"))
    assert await asked(line, rest) == "000003"
    assert set(line.carried) == {"000001", "000002", "000003"}, "asked for is as good as carried"
    answer(line, "OPSP0000", "000003")
    assert await asked(line, rest) == "-000002"
    assert "000002" in line.carried
    answer(line, "OPSP0001", "000002")
    assert set(line.carried) == {"000001", "000003"}


def swap_about(floor: Floor, rng: Random, rounds: int) -> None:
    """Swaps, slow confirmations, and frames that come after a symbol has lost its slot."""
    for number in range(rounds):
        floor.surge(f"KRW-S{number}", 5.0 * 1.5 ** (number % 9))
        floor.exchange.obeys = rng.random() < 0.7
        floor.tick(rng.choice((1, 10, 20)))
        floor.hear(f"KRW-S{rng.randrange(number + 1)}")
        if rng.random() < 0.5:
            floor.writer.flush()


def test_the_ledger_balances_through_swaps(tmp_path: Path) -> None:
    floor = Floor(tmp_path, *BUSY, slots=3, limits={"least_hold_seconds": 10.0})
    swap_about(floor, Random(3), 60)
    floor.end()
    found = stat(tmp_path)
    assert floor.steering.swaps > 5
    assert found.balanced
    assert found.counted.events.refused["symbol_not_asked"] > 0
    assert verify(tmp_path).ok


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class MortalDisk(OsDisk):
    """Takes so many bytes; the write that goes beyond is cut, and the process dies in it."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._open: set[int] = set()

    def open(self, path: Path) -> int:
        fd = super().open(path)
        self._open.add(fd)
        return fd

    def close(self, fd: int) -> None:
        self._open.discard(fd)
        super().close(fd)

    def let_go(self) -> None:
        """The system closes what a dead process had open."""
        for fd in list(self._open):
            self.close(fd)

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        if len(data) > self.budget:
            super().pwrite(fd, data[: self.budget], offset)
            raise Killed
        self.budget -= len(data)
        return super().pwrite(fd, data, offset)


@pytest.mark.parametrize("seed", range(20))
def test_after_a_kill_amid_swaps_recovery_balances_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    disk = MortalDisk(rng.randrange(20_000, 600_000))
    floor = Floor(tmp_path, *BUSY, slots=3, disk=disk, limits={"least_hold_seconds": 10.0})
    with pytest.raises(Killed):
        swap_about(floor, rng, 1_000)
    disk.let_go()

    writer = floor.write_to(OsDisk())
    again = Session(tmp_path, Upbit(), writer, floor.clock)
    again.begin()
    again.end(None)
    assert writer.close()
    found = stat(tmp_path)
    assert [session.how for session in found.sessions] == ["recovered", "clean"]
    assert found.balanced
    assert verify(tmp_path).ok
    trades = [record["trade_id"] for record in read(tmp_path, "scalp") if record["kind"] == "trade"]
    refused = [line for line in read(tmp_path, "system/refused") if line["event"]["kind"] == "trade"]
    told = [line for line in read(tmp_path, "wire") if '"trade"' in line["frame"]]
    assert len(trades) == len(set(trades)), "a trade stands there twice"
    assert len(trades) + len(refused) == len(told)
    assert floor.asked.isdisjoint(line["event"]["trade_id"] for line in refused), "it had a slot then"


def test_what_follows_a_surge_is_heard_before_a_smaller_one_takes_its_place(tmp_path: Path) -> None:
    """KRW-X came with 0.8. When it is calm again its slot is worth half of that after 15 minutes."""
    floor = Floor(tmp_path, "KRW-A", slots=1, limits={"least_hold_seconds": 10.0})
    floor.tick(20)
    floor.surge("KRW-X", 9.0)
    floor.tick(20)
    assert held(floor) == {"KRW-X"}
    floor.sweep("KRW-X", 1_000.0, at_ns=floor.clock.ns + 1)
    floor.surge("KRW-Y", 6.0)  # 0.71
    floor.tick(60)
    assert held(floor) == {"KRW-X"}
    refused = [line for line in floor.lines("system/overflow") if line["symbol"] == "KRW-Y"]
    assert [line["decision_reason"] for line in refused] == ["slot_full"]
    floor.tick(300)
    assert held(floor) == {"KRW-Y"}, "0.71 is by a margin more than what is left of 0.8"


def test_who_asks_in_vain_is_named_where_the_provider_has_named_it(tmp_path: Path) -> None:
    floor = Floor(tmp_path, "A", slots=1)
    floor.steering.know([Instrument("B", "비", "Bee")])
    floor.tick(1)
    for symbol in ("B", "C"):
        floor.surge(symbol, 5.0)
    floor.tick(20)
    asking = {each["symbol"]: each for each in floor.steering.facts()["overflow"]["first"]}
    assert (asking["B"]["name_ko"], asking["B"]["name_en"]) == ("비", "Bee")
    assert (asking["C"]["name_ko"], asking["C"]["name_en"]) == ("", "")
    floor.end()
