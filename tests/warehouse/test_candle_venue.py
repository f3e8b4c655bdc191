"""A venue has one name, whoever tells of it: a file, the provider and the journal are one series."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sise
from sise.model.time import iso
from sise.providers.kis.provider import Kis
from sise.providers.upbit.provider import Upbit
from sise.warehouse.candles import VENUES_OF_SHARES, venue_of
from tests.run.command_line import in_folder
from tests.warehouse.candle_files import HEADER, imported
from tests.warehouse.etl.journals import DAY, sample, scalp, seconds, slots, trade, write


def test_the_name_is_that_of_the_providers_client() -> None:
    assert venue_of("crypto", Upbit.name) == Upbit.venue
    assert venue_of("kr_stocks", Kis.name) == "KRX"
    assert venue_of("us_stocks", "yahoo") == "XNYS"


@pytest.mark.parametrize("named", ["UPBIT", "Upbit", "upbit"])
def test_other_letters_are_the_same_venue(tmp_path: Path, named: str) -> None:
    rows = f"{HEADER}\n2025-09-01 00:00:00,1,2,1,2,5\n"
    assert imported(tmp_path, rows, venue=named).bars["venue"].to_list() == ["upbit"]
    assert imported(tmp_path, rows).bars["venue"].to_list() == ["upbit"]


def test_shares_have_their_exchanges() -> None:
    for name in VENUES_OF_SHARES["kr_stocks"]:
        assert venue_of("kr_stocks", "kis", name.lower()) == name
    assert venue_of("us_stocks", "yahoo", "BATS") == "BATS"


def test_a_file_and_the_journal_of_one_coin_exchange_are_one_series(tmp_path: Path) -> None:
    """Of a minute that both have what was heard counts; nobody is asked which venue is meant."""
    data = tmp_path / "data"
    write(data, DAY.events, [slots(DAY, 0, "KRW-BTC")])
    lines = [sample(DAY, at / 2, venue=Upbit.venue) for at in range(260)]
    scalp(data, DAY, [*lines, trade(DAY, 61, 1, venue=Upbit.venue)])
    rows = (f"{iso(seconds(DAY, minute * 60))},900,900,900,900,1.5" for minute in range(4))
    (tmp_path / "minutes.csv").write_text("\n".join([HEADER, *rows]))
    command = ("candles", "import", "minutes.csv", "--provider", "upbit", "--market", "crypto")
    said = in_folder(tmp_path)(*command, "--size", "1m", "--symbol", "KRW-BTC", "--json")
    assert json.loads(said.stdout)["kept"] == 4, said.stderr
    with sise.connect(data) as db:
        found = db.bars("KRW-BTC")
        assert db.symbols().rows() == [("upbit", "crypto", "upbit", "KRW-BTC")]
    assert found["source"].to_list() == ["journal"] * 3 + [found["source"][3]]
    assert found["state"].to_list() == ["empty", "traded", "unknown", "traded"]
    assert found["start"].dt.timestamp("us")[0] * 1_000 == seconds(DAY, 0)


def test_a_provider_in_other_letters_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER)
    said = in_folder(tmp_path)(
        "candles", "import", "a.csv", "--provider", "UPBIT", "--market", "crypto", "--size", "1m"
    )
    assert (said.returncode, len(said.stderr.strip().splitlines())) == (2, 1)
    assert "use small letters" in said.stderr
