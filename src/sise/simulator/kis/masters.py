"""The symbol masters: fixed columns counted in bytes of cp949, zipped [wire/kis.md 3].

KOSPI's line has 288 bytes and KOSDAQ's 282; their tails differ by six flags. Columns that nobody needs
hold what real lines of quiet issues hold.
"""

from __future__ import annotations

import io
import zipfile
from typing import Final

from sise.simulator.kis.history import History
from sise.simulator.kis.issue import Issue
from sise.simulator.kis.listing import Listing

NAME_BYTES: Final = 40
HEAD_BYTES: Final = 61
LINE_BYTES: Final = {"KOSPI": 288, "KOSDAQ": 282}
FILES: Final = {"kospi_code.mst": "KOSPI", "kosdaq_code.mst": "KOSDAQ"}
_FLAGS: Final = {"KOSPI": "NNNNNN  NNNNNNNNN0NNNNNNNN", "KOSDAQ": "N  NNNNNNNN0NNNNNNNN "}
_AFTER_PREFERRED: Final = {"KOSPI": "NNYN", "KOSDAQ": "NNN"}


def master_zip(name: str, issues: list[Issue], history: History) -> bytes:
    """The zip file of ``kospi_code.mst`` or ``kosdaq_code.mst``."""
    market = FILES[name]
    lines = [_line(issue, history) for issue in issues if issue.listing.market == market]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), b"".join(lines))
    return packed.getvalue()


def _line(issue: Issue, history: History) -> bytes:
    listing = issue.listing
    head = f"{listing.code:<9}{isin(listing.code):<12}".encode() + _name(listing.name)
    line = head + _tail(listing, issue.base, history.previous(listing).volume).encode("ascii")
    assert len(line) == LINE_BYTES[listing.market], (listing.code, len(line))
    return line + b"\n"


def _name(name: str) -> bytes:
    encoded = name.encode("cp949")
    while len(encoded) > NAME_BYTES:
        name = name[:-1]
        encoded = name.encode("cp949")
    return encoded.ljust(NAME_BYTES)


def _tail(listing: Listing, base: int, previous_volume: int) -> str:
    market = listing.market
    yes_no = {True: "Y", False: "N"}
    columns = [
        listing.group,
        "3" if listing.group == "ST" else "0",
        listing.sector,
        "0000",
        "0000",
        _FLAGS[market],
        f"{base:09d}",
        "00001",
        "00001",
        yes_no[listing.halted],
        "N",
        yes_no[listing.managed],
        listing.warning,
        "N",
        "N",
        "N",
        "00",
        "00",
        "00",
        "100" if listing.warning != "00" or listing.managed else "040",
        yes_no[listing.warning == "00" and not listing.halted],
        "090" if listing.warning == "00" else "000",
        f"{previous_volume:012d}",
        f"{listing.face:012d}",
        listing.listed,
        f"{listing.shares // 1000:015d}",
        f"{listing.shares * listing.face:021d}",
        "12",
        " " * 7,
        "1" if listing.preferred else "0",
        _AFTER_PREFERRED[market],
        *("000000000", "-00000002", "000000000"),
        "00000",
        "000000.00",
        "20260630",
        f"{listing.shares * base // 100_000_000:09d}",
        "   ",
        "NNN",
    ]
    return "".join(columns)


def isin(code: str) -> str:
    """The ISIN of a short code, with its check digit."""
    body = f"KR7{code[-6:]:0>6}00" if len(code) <= 7 else f"KR5{code[-6:]}00"
    digits = "".join(str(int(letter, 36)) for letter in body)
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if i % 2 == 0 else 1)
        total += value // 10 + value % 10
    return f"{body}{-total % 10}"
