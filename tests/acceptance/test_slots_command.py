"""The documents' table of commands about pins, typed in its order at a real collector of a simulated KIS."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests.acceptance.processes import events, finish, pointed_at_kis, process, simulator, sise, until

TRIGGERS = Path(__file__).resolve().parents[2] / "docs" / "triggers.md"


def documented() -> list[list[str]]:
    rows = re.findall(r"^\| `sise (slots [^`]+)` \|", TRIGGERS.read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(row) for row in rows]


def test_the_documented_words_are_obeyed_and_survive_a_restart(tmp_path: Path) -> None:
    commands = documented()
    assert [words[1] for words in commands] == ["pin", "unpin", "exclude", "allow", "show"]
    data = tmp_path / "data"
    address = data / "run" / "collect-kis.json"
    with simulator(tmp_path, provider="kis") as kis:
        where = pointed_at_kis(kis, tmp_path / "tokens")
        with process(data, "collect", "--provider", "kis", "--markets", "3", "--json", **where) as child:
            until(lambda: address.exists() and events(data, "slots"))
            for words in commands:
                done = sise(data, *words)
                assert done.returncode == 0, done.stderr
                assert "005930" in done.stdout or words[1] in ("unpin", "allow", "show")
            unknown = sise(data, "slots", "pin", "999999", "--provider", "kis")
            assert unknown.returncode == 2
            assert "kis does not list it" in unknown.stderr
            assert sise(data, "slots", "exclude", "000660", "--provider", "kis").returncode == 0
            finish(child)
        with process(data, "collect", "--provider", "kis", "--markets", "3", "--json", **where) as child:
            until(address.exists)
            shown = json.loads(sise(data, "slots", "show", "--provider", "kis", "--json").stdout)
            assert shown["excluded"] == ["000660"]
            finish(child)
    said = [
        (event["detail"]["action"], event["detail"]["symbol"]) for event in events(data, "manual_override")
    ]
    assert said == [
        ("pin", "005930"),
        ("unpin", "005930"),
        ("exclude", "005930"),
        ("allow", "005930"),
        ("exclude", "000660"),
    ]
    gone = sise(data, "slots", "show", "--provider", "kis")
    assert gone.returncode == 1
    assert "no collector of kis is running" in gone.stderr
