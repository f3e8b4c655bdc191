"""A master is cut in bytes, and a line that is not what it should be is refused, not misread."""

from __future__ import annotations

import io
import zipfile

import pytest

from sise.model.errors import Undecodable
from sise.providers.kis import master


def line(market: master.Market = "kospi", **parts: str) -> bytes:
    """A line with numbers of our own; ``at61="EF"`` puts a text at a byte."""
    length, shift = (288, 0) if market == "kospi" else (282, -5)
    cells = bytearray(b" " * length)
    value = 273 if market == "kospi" else 267
    known = {0: "0004Y0", 9: "KR70004Y0000", 61: "ST", 102 + shift: "000012345", 121 + shift: "NNN00"}
    known |= {129 + shift: "00", 142 + shift: "000000006789", 166 + shift: "20250722"}
    known |= {174 + shift: "000000000005315", value: "000000105"}
    for offset, text in known.items():
        cells[offset : offset + len(text)] = text.encode()
    for name, text in parts.items():
        offset = int(name.removeprefix("at"))
        raw = text.encode("cp949")
        cells[offset : offset + len(raw)] = raw
    return bytes(cells)


def packed(content: bytes, name: str = "kospi_code.mst") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("market", ["kospi", "kosdaq"])
def test_a_korean_name_moves_nothing(market: master.Market) -> None:
    plain = master.issues(line(market), market)
    named = master.issues(line(market, at21="가나다라마바사아자차카타파하가나다라마바") + b"\r\n", market)
    assert named[0].name == "가나다라마바사아자차카타파하가나다라마바"
    assert (named[0].base_price, named[0].prev_volume, named[0].market_value) == (12345.0, 6789.0, 105.0)
    assert named[0].prev_value == plain[0].prev_value == 12345.0 * 6789.0
    assert named[0].listed_on == "20250722"


def test_flags_groups_and_blanks() -> None:
    (halted,) = master.issues(line(at121="YNY02"), "kospi")
    assert (halted.halted, halted.liquidation, halted.managed, halted.warning) == (True, False, True, "02")
    (fund,) = master.issues(line(at0="F70100022", at61="EF", at102=" " * 9, at121="   "), "kospi")
    assert (fund.symbol, fund.is_share, fund.base_price, fund.halted) == ("F70100022", False, None, None)
    assert master.issues(line() + b"\n" + line() + b"\n\n", "kospi")[1].is_share


def test_a_column_more_at_the_end_is_passed_over() -> None:
    assert master.issues(line() + b"NEW", "kospi") == master.issues(line(), "kospi")


@pytest.mark.parametrize(
    "bad",
    [
        line()[:-1],
        line("kosdaq"),
        line(at0="      "),
        line(at102="0000x2345"),
        line(at102="-00012345"),
        line(at121="7"),
        "삼성전자".encode() * 30,
    ],
)
def test_what_is_refused(bad: bytes) -> None:
    with pytest.raises(Undecodable, match="line 2"):
        master.issues(line() + b"\n" + bad, "kospi")


def test_the_zip(monkeypatch: pytest.MonkeyPatch) -> None:
    assert master.unpacked(packed(line())) == line()
    damaged = bytearray(packed(line() * 50))
    damaged[60] ^= 0xFF
    for archive in (b"", b"<html>", packed(line())[:-30], bytes(damaged)):
        with pytest.raises(Undecodable):
            master.unpacked(archive)
    monkeypatch.setattr(master, "FILE_BYTES_MAX", 1000)
    with pytest.raises(Undecodable, match="sensible size"):
        master.unpacked(packed(b"0" * 1001))
