"""``sise slots`` against the door of a running collector: obeyed, refused, and shut to foreign pages."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from sise.collect.manual import Action
from sise.model.errors import BadInput, SiseError
from sise.run.cli import cli
from sise.run.collector_address import address_file, stated_url
from sise.run.collector_server import CollectorServer

STATUS = {
    "slots": {
        "limit": 2,
        "held": [
            {
                "symbol": "005930", "name_ko": "삼성전자", "since": "2026-11-20T00:30:00.000000Z",
                "trigger": "volume_surge", "score": 0.81, "leaving": False, "record_rate": 1.0,
            },
            {"symbol": "000660", "name_ko": "SK하이닉스", "record_rate": None},
        ],
    },
    "pins": ["005930"],
    "excluded": [],
}  # fmt: skip


class Desk:
    """A collector that knows 005930 and notes what it was told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str, str]] = []

    async def override(self, action: Action, symbol: str, *, by: str, why: str) -> dict[str, Any]:
        if symbol == "999999":
            raise BadInput("symbol", symbol, "kis does not list it")
        if symbol == "111111":
            raise SiseError("the provider cannot be asked")
        self.said.append((action, symbol, by, why))
        return {"pins": [symbol], "excluded": []}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SISE_DATA_DIR", str(tmp_path))
    return tmp_path


async def sise(*words: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, cli, ["slots", *words])


async def test_a_pin_reaches_the_collector_with_who_and_why(folder: Path) -> None:
    desk = Desk()
    async with CollectorServer(folder, "kis", lambda: STATUS, desk.override):
        said = await sise("pin", "005930", "--provider", "kis", "--why", "results", "--json")
        human = await sise("pin", "005930", "--provider", "kis")
    assert json.loads(said.stdout) == {"pins": ["005930"], "excluded": []}
    assert human.stdout.split() == ["pinned", "005930", "excluded", "(none)"]
    action, symbol, by, why = desk.said[0]
    assert (action, symbol, why) == ("pin", "005930", "results")
    assert by


@pytest.mark.parametrize("action", ["unpin", "exclude", "allow"])
async def test_each_command_says_its_own_word(folder: Path, action: str) -> None:
    desk = Desk()
    async with CollectorServer(folder, "kis", lambda: STATUS, desk.override):
        assert (await sise(action, "005930", "--provider", "kis")).exit_code == 0
    assert desk.said[0][0] == action


async def test_refusals_are_sentences_by_whose_fault_they_are(folder: Path) -> None:
    async with CollectorServer(folder, "kis", lambda: STATUS, Desk().override):
        theirs = await sise("pin", "999999", "--provider", "kis")
        world = await sise("pin", "111111", "--provider", "kis")
    assert isinstance(theirs.exception, BadInput)
    assert "kis does not list it" in str(theirs.exception)
    assert isinstance(world.exception, SiseError)
    assert not isinstance(world.exception, BadInput)
    gone = await sise("show", "--provider", "kis")
    assert "no collector of kis is running" in str(gone.exception)


async def test_show_names_holders_pins_and_what_is_not_known(folder: Path) -> None:
    async with CollectorServer(folder, "kis", lambda: STATUS, Desk().override):
        human = await sise("show", "--provider", "kis")
        facts = json.loads((await sise("show", "--provider", "kis", "--json")).stdout)
    assert facts == STATUS
    for text in ("005930", "삼성전자", "volume_surge", "100.0%", "not known", "pinned"):
        assert text in human.stdout


async def test_the_door_is_shut_to_foreign_pages_and_to_nonsense(folder: Path) -> None:
    desk = Desk()
    word = {"symbol": "005930", "action": "pin"}
    async with (
        CollectorServer(folder, "kis", lambda: STATUS, desk.override),
        aiohttp.ClientSession(stated_url(folder, "kis")) as http,
    ):
        for headers, body, status in (
            ({}, word, 403),
            ({"X-Sise": "1", "Host": "evil.example"}, word, 403),
            ({"X-Sise": "1"}, word | {"action": "love"}, 400),
            ({"X-Sise": "1"}, {"symbol": 5}, 400),
            ({"X-Sise": "1"}, word | {"why": "x" * 10_000}, 413),
        ):
            async with http.post("/slots", json=body, headers=headers) as answer:
                assert answer.status == status, (headers, body)
        async with http.get("/status") as answer:
            assert await answer.json() == STATUS
    assert desk.said == []
    assert not address_file(folder, "kis").exists()
