"""What ``sise.connect`` takes from its arguments, the folder and the variables, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

import sise
from sise.model.errors import BadInput
from sise.warehouse import migrate
from tests.warehouse.databases import opened
from tests.warehouse.query_places import OPEN, bar, keep_bars, store_bars, trade, write_journal


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of this installation; its journal has Samsung's trade."""
    for name in ("SISE_HISTORY", "SISE_DATABASE_URL", "SISE_DATABASE_PASSWORD", "SISE_CALENDAR"):
        monkeypatch.delenv(name, raising=False)
    write_journal(tmp_path / "own", [trade(OPEN)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SISE_DATA_DIR", "own")
    return tmp_path / "own"


def database_with(file: Path, symbols: Iterable[str]) -> str:
    url = f"sqlite:///{file}"
    with opened(url) as engine:
        migrate.upgrade(engine, OPEN)
        store_bars(engine, [bar(0, symbol=symbol) for symbol in symbols])
    return url


def held(place: str | Path | None = None, **named: str) -> list[str]:
    with sise.connect(place, **named) as db:
        return db.symbols()["symbol"].to_list()


def test_without_a_place_it_is_the_installations_data_folder(own: Path) -> None:
    assert held() == held("own") == held(own) == ["005930"]


def test_the_database_of_the_variable_is_that_of_the_installations_folder_alone(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database_with(tmp_path / "elsewhere.db", ["000660"])
    write_journal(tmp_path / "other", [trade(OPEN, symbol="035720")])
    monkeypatch.setenv("SISE_DATABASE_URL", url)
    assert held() == ["000660"]
    assert held("other") == ["035720"]
    (tmp_path / "elsewhere.db").unlink()
    assert held() == ["005930"]


def test_what_is_named_goes_before_what_is_set(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = database_with(tmp_path / "named.db", ["000660"])
    monkeypatch.setenv("SISE_DATABASE_URL", database_with(tmp_path / "set.db", ["035720"]))
    keep_bars(tmp_path / "old", [bar(0, symbol="005490", source="import:f@0")])
    keep_bars(tmp_path / "set", [bar(0, symbol="051910", source="import:f@0")])
    monkeypatch.setenv("SISE_HISTORY", str(tmp_path / "set"))
    assert held() == ["035720", "051910"]
    assert held(database=named) == ["000660", "051910"]
    assert held(history="old") == ["005490", "035720"]
    assert held(named, history="old") == ["000660", "005490"]
    assert held("old", database=named) == ["000660", "005490"]


def test_a_thing_named_twice_or_not_there_is_said(own: Path, tmp_path: Path) -> None:
    url = database_with(tmp_path / "a.db", ["000660"])
    keep_bars(tmp_path / "old", [bar(0)])
    for wrong, words in (
        ({"place": url, "database": url}, "database: .*leave one of the two out"),
        ({"place": "old", "history": "old"}, "history: .*leave one of the two out"),
        ({"place": "own", "database": "sqlite:///no.db"}, "there is no such file; run: sise db upgrade"),
        ({"place": "own", "journal": "nowhere"}, "journal: .*name a data folder"),
        ({"place": "postgres:/user:secret@host/x"}, "name a data folder"),
    ):
        with pytest.raises(BadInput, match=words) as refused:
            sise.connect(**wrong)
        assert "secret" not in str(refused.value)


def test_a_password_of_the_variable_is_not_given_to_another_database(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, str | None]] = []

    def spy(url: str, password: str | None) -> None:
        given.append((url, password))
        raise BadInput("x", None, "y")

    monkeypatch.setattr("sise.warehouse.engine.open_engine", spy)
    monkeypatch.setenv("SISE_DATABASE_URL", "postgresql://sise@here/sise")
    monkeypatch.setenv("SISE_DATABASE_PASSWORD", "canary")
    for place, named in (("own", {}), ("postgresql://sise@there/x", {}), ("own", {"password": "p"})):
        with pytest.raises(BadInput):
            sise.connect(place, **named)
    assert [password for _, password in given] == ["canary", None, "p"]
