"""The field map names every column, answer and code that the code knows."""

from __future__ import annotations

import re
from pathlib import Path

import sise.providers.kis
from sise.providers.kis import answers, registrations, wire

FOLDER = Path(sise.providers.kis.__file__ or "").parent
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")


def section(title: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", TEXT.split(f"## {title}")[1].split("\n## ")[0]))


def test_the_map_is_whole() -> None:
    assert set(wire.TRADE_COLUMNS) <= section("Field map: trades")
    books = {*wire.KRX_BOOK_COLUMNS, *wire.UN_BOOK_COLUMNS, *wire.NXT_BOOK_COLUMNS}
    levels = {name for name in books if re.fullmatch(r"(ASKP|BIDP)(_RSQN)?\d+", name)}
    assert books - levels <= section("Field map: books")
    assert {*wire.STATE_COLUMNS, *wire.STATE_TR_IDS} <= section("Field map: states")


def test_every_verdict_is_told() -> None:
    named = section("Messages about the line")
    assert set(registrations.VERDICTS) <= named
    assert named >= wire.NOTICE_TR_IDS
    assert set(re.findall(r"EGW\d+", TEXT)) >= answers.TOKEN_REFUSED


def test_every_key_of_an_answer_is_told() -> None:
    used = set(re.findall(r'"([a-z0-9]+(?:_[a-z0-9]+)+)"', (FOLDER / "answers.py").read_text()))
    ours = {"error_code", "error_description", "rt_cd", "msg_cd", "stck_"}
    missing = used - ours - section("REST") - {f"{side}_rsqn1" for side in ("askp", "bidp")}
    assert not missing, f"the README does not name {sorted(missing)}"
