"""Symbol masters: every issue of a market with its base price, made by KIS once a day.

A master is a zip of one cp949 file, one issue a line, fixed in *bytes*: a Korean letter takes two,
so a line is cut before it is decoded. Codes are not always six digits. Offsets count from the
left; what a newer file adds at the end of a line is passed over.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Final, Literal

from msgspec import Struct

from sise.model.errors import Undecodable

Market = Literal["kospi", "kosdaq"]

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Unpacked; 2,700 issues are 0.8 MB."""

_CODE: Final = re.compile(r"[0-9A-Z]{6,9}")
_FLAG: Final = {b"Y": True, b"N": False, b" ": None}


class _Layout(Struct, frozen=True):
    """Byte offsets of one market's line; ``shift`` moves what follows the classes of a share."""

    line_bytes: int
    shift: int


_LAYOUTS: Final[dict[Market, _Layout]] = {"kospi": _Layout(288, 0), "kosdaq": _Layout(282, -5)}
_MARKET_VALUE: Final[dict[Market, int]] = {"kospi": 273, "kosdaq": 267}


KINDS: Final = {"ST": "stock", "FS": "stock", "EF": "etf", "EN": "etn", "EW": "elw", "RT": "reit", "DR": "dr"}
"""KIS's group -> our kind; of any other group, KIS's own word."""


class Issue(Struct, frozen=True, kw_only=True):
    """One line of a master. Prices in won, as of the morning of the file's day; a blank is ``None``."""

    symbol: str
    isin: str
    name: str
    market: Market
    group: str
    """ST shares, EF ETF, EN ETN, EW ELW, RT REIT, DR, FS foreign shares, …"""
    base_price: float | None
    """기준가: the previous close, adjusted where rights went off; what price limits are made from."""
    halted: bool | None
    liquidation: bool | None
    managed: bool | None
    warning: str
    """``00`` none, ``01`` caution, ``02`` warning, ``03`` risk."""
    ex_rights: str
    """``00`` none, ``01`` rights, ``02`` dividend, …"""
    prev_volume: float | None
    """Shares traded on the day before."""
    listed_on: str
    """YYYYMMDD."""
    listed_shares: float | None
    """As KIS writes it: thousands of shares."""
    market_value: float | None
    """100 million won, of the day before."""

    @property
    def kind(self) -> str:
        """``stock``, ``etf``, ``reit``, …"""
        return KINDS.get(self.group, self.group.lower())

    @property
    def is_share(self) -> bool:
        """A Korean or foreign company's share, with a code of six characters."""
        return self.kind == "stock" and len(self.symbol) == 6

    @property
    def prev_value(self) -> float:
        """About what was traded on the day before, in won: volume times base price."""
        return (self.prev_volume or 0.0) * (self.base_price or 0.0)


def unpacked(archive: bytes) -> bytes:
    """The one file of a master's zip.

    Raises
    ------
    Undecodable
        It is no zip, holds not exactly one file, is damaged, or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            names = [entry for entry in opened.infolist() if not entry.is_dir()]
            if len(names) != 1 or names[0].file_size > FILE_BYTES_MAX:
                raise Undecodable("a master's zip holds one file of a sensible size; this one does not")
            return opened.read(names[0])
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise Undecodable(f"a master that is no zip file: {type(error).__name__}") from None


def issues(text: bytes, market: Market) -> list[Issue]:
    """Every issue of an unpacked master, in the file's order.

    Raises
    ------
    Undecodable
        A line is too short, or what stands at an offset is not what belongs there.
    """
    lines = [line.rstrip(b"\r") for line in text.split(b"\n")]
    return [_issue(line, market, at) for at, line in enumerate(lines, 1) if line]


def _issue(line: bytes, market: Market, at: int) -> Issue:
    layout = _LAYOUTS[market]
    if len(line) < layout.line_bytes:
        raise Undecodable(f"{market} master, line {at}: {len(line)} bytes, not {layout.line_bytes}")
    shift = layout.shift

    def cut(offset: int, width: int) -> str:
        return line[offset : offset + width].decode("ascii", "replace").strip()

    def number(offset: int, width: int) -> float | None:
        text = cut(offset, width)
        if not text:
            return None
        if not text.isdigit():
            raise Undecodable(f"{market} master, line {at}: no number at byte {offset}: {text[:24]!r}")
        return float(text)

    def flag(offset: int) -> bool | None:
        letter = line[offset : offset + 1]
        if letter not in _FLAG:
            raise Undecodable(f"{market} master, line {at}: neither Y nor N at byte {offset}")
        return _FLAG[letter]

    symbol = cut(0, 9)
    if not _CODE.fullmatch(symbol):
        raise Undecodable(f"{market} master, line {at}: no code of an issue: {symbol!r}")
    return Issue(
        symbol=symbol,
        isin=cut(9, 12),
        name=line[21:61].decode("cp949", "replace").strip(),
        market=market,
        group=cut(61, 2),
        base_price=number(102 + shift, 9),
        halted=flag(121 + shift),
        liquidation=flag(122 + shift),
        managed=flag(123 + shift),
        warning=cut(124 + shift, 2),
        ex_rights=cut(129 + shift, 2),
        prev_volume=number(142 + shift, 12),
        listed_on=cut(166 + shift, 8),
        listed_shares=number(174 + shift, 15),
        market_value=number(_MARKET_VALUE[market], 9),
    )
