"""The operator's word: obeyed at the next step, an event, kept over a restart, refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from sise.collect.manual import WORDS_MAX, Manual, ManualFileDamaged, Word
from sise.model.errors import BadInput, SiseError
from tests.collect.stage import Stage


async def test_a_pin_gets_its_slot_at_the_next_step_and_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open()
    await stage.run(30)
    assert await stage.say("pin", "KRW-C", by="kim", why="results today") == {
        "pins": ["KRW-C"],
        "excluded": [],
    }
    await stage.run(15)
    assert "KRW-C" in stage.collector.session.slots
    (event,) = stage.events("manual_override")
    assert event["detail"] == {"action": "pin", "symbol": "KRW-C", "by": "kim", "why": "results today"}
    status = stage.collector.status()
    assert status["pins"] == ["KRW-C"]
    assert [each["trigger"] for each in status["slots"]["held"] if each["symbol"] == "KRW-C"] == ["manual"]
    await stage.close()


async def test_words_survive_a_restart_and_go_before_the_settings(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open(pins=("KRW-A",), excluded=("KRW-C",))
    await stage.run(30)
    await stage.say("unpin", "KRW-A")
    await stage.say("exclude", "KRW-A")
    await stage.say("allow", "KRW-C")
    await stage.run(15)
    assert list(stage.collector.session.slots) == ["KRW-B"]
    await stage.close()
    stage.open(pins=("KRW-A",), excluded=("KRW-C",))
    await stage.run(30)
    assert stage.collector.status()["excluded"] == ["KRW-A"]
    assert stage.collector.status()["pins"] == []
    assert "KRW-A" not in stage.collector.session.slots
    await stage.close()


async def test_what_cannot_be_obeyed_is_refused_with_a_sentence_and_changes_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open()
    await stage.run(30)
    with pytest.raises(BadInput, match="does not list it"):
        await stage.say("pin", "KRW-NONE")
    with pytest.raises(BadInput, match="as the provider does"):
        await stage.say("pin", "../../etc")
    with pytest.raises(BadInput, match="no pin to take back"):
        await stage.say("unpin", "KRW-A")
    await stage.say("pin", "KRW-A")
    await stage.say("pin", "KRW-B")
    with pytest.raises(BadInput, match="all 2 slots are pinned"):
        await stage.say("pin", "KRW-C")
    assert len(stage.events("manual_override")) == 2
    assert stage.collector.status()["pins"] == ["KRW-A", "KRW-B"]
    await stage.close()


async def test_a_provider_that_cannot_be_asked_is_no_yes(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open()
    await stage.run(30)
    stage.answers = False
    with pytest.raises(SiseError, match="cannot be asked whether it knows KRW-C"):
        await stage.say("pin", "KRW-C")
    assert (await stage.say("exclude", "KRW-A"))["excluded"] == ["KRW-A"], "a symbol that is known"
    await stage.close()


async def test_given_symbols_take_no_word(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.open(symbols=("KRW-A",))
    await stage.run(30)
    with pytest.raises(BadInput, match="exactly the symbols it was given"):
        await stage.say("pin", "KRW-A")
    await stage.close()


async def test_a_damaged_file_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "slots-upbit.json"
    path.write_text("{")
    stage = Stage(tmp_path)
    stage.open(pins=("KRW-C",))
    await stage.run(30)
    (event,) = stage.events("manual_override")
    assert (event["level"], event["detail"]["action"]) == ("error", "unreadable")
    assert stage.collector.status()["pins"] == ["KRW-C"]
    assert path.read_text() == "{"
    await stage.close()


def test_a_word_that_only_undoes_leaves_no_trace(tmp_path: Path) -> None:
    manual = Manual(tmp_path, "upbit", (), ())
    manual.say(Word("KRW-A", "pin", "2026-11-20T00:00:00.000000Z"))
    manual.say(Word("KRW-A", "unpin", "2026-11-20T00:00:01.000000Z"))
    assert (tmp_path / "run" / "slots-upbit.json").read_text().strip() == "[]"
    again = Manual(tmp_path, "upbit", (), ())
    again.read()
    assert (again.pins, again.excluded) == ((), ())


def test_a_symbol_pinned_and_excluded_by_the_settings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="choose one"):
        Manual(tmp_path, "upbit", ("KRW-A",), ("KRW-A",))


def test_there_is_a_limit_on_words(tmp_path: Path) -> None:
    manual = Manual(tmp_path, "upbit", (), ())
    manual._words = {f"KRW-{n}": Word(f"KRW-{n}", "exclude", "") for n in range(WORDS_MAX)}
    with pytest.raises(BadInput, match="take some back first"):
        manual.check(Word("KRW-MORE", "exclude", ""), 41)


def test_a_file_of_another_form_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "slots-upbit.json").write_text('[{"symbol": "KRW-A", "action": "love", "at": ""}]')
    with pytest.raises(ManualFileDamaged):
        Manual(tmp_path, "upbit", (), ()).read()
