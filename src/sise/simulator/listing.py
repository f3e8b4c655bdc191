"""What the live market lists: names as Upbit writes them, prices near those of late 2026.

One row a market, the busiest first: how often it trades follows from its place, by the power law
that traded value over coins shows. The numbers are invented, only their proportions are meant.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from sise.model.errors import BadInput
from sise.simulator.feed import MarketInfo
from sise.simulator.ticks import Ladder, as_units, ladder_of

BUSIEST_ORDERS_PER_SECOND: Final = 2.5
"""Taker orders of the first market before bursts; excitement multiplies it."""

_RATE_POWER: Final = 1.2
_VALUE_POWER: Final = 0.35
_BUSIEST_ORDER_VALUE: Final = {"KRW": 900_000.0, "BTC": 0.004, "USDT": 150.0}
_QUIET_ORDERS_PER_SECOND: Final = 0.004
_BUSY_ORDERS_PER_SECOND: Final = 0.1
_DEEP_BOOK_LEVELS: Final = 45
_QUIET_BOOK_LEVELS: Final = 12

# code, Korean, English, price, daily volatility in percent
_KRW: Final = (
    ("BTC", "비트코인", "Bitcoin", 116_000_000, 2.0),
    ("XRP", "엑스알피(리플)", "XRP", 3_160, 3.4),
    ("ETH", "이더리움", "Ethereum", 4_800_000, 3.0),
    ("USDT", "테더", "Tether", 1_418, 0.3),
    ("SOL", "솔라나", "Solana", 212_300, 3.8),
    ("DOGE", "도지코인", "Dogecoin", 241, 4.2),
    ("SUI", "수이", "Sui", 2_410, 4.6),
    ("ADA", "에이다", "Cardano", 688, 4.0),
    ("ONDO", "온도파이낸스", "Ondo Finance", 742, 4.5),
    ("LINK", "체인링크", "Chainlink", 21_380, 4.1),
    ("XLM", "스텔라루멘", "Stellar Lumen", 372, 3.9),
    ("SHIB", "시바이누", "Shiba Inu", 0.0129, 4.2),
    ("PEPE", "페페", "Pepe", 0.0078, 5.2),
    ("HBAR", "헤데라", "Hedera", 231, 4.2),
    ("AVAX", "아발란체", "Avalanche", 27_140, 4.3),
    ("TRX", "트론", "TRON", 431, 2.2),
    ("DOT", "폴카닷", "Polkadot", 4_312, 4.0),
    ("BCH", "비트코인캐시", "Bitcoin Cash", 742_500, 3.3),
    ("ETC", "이더리움클래식", "Ethereum Classic", 22_480, 3.6),
    ("NEAR", "니어프로토콜", "NEAR Protocol", 3_285, 4.5),
    ("UNI", "유니스왑", "Uniswap", 9_845, 4.6),
    ("AAVE", "에이브", "Aave", 318_700, 4.3),
    ("ENS", "이더리움네임서비스", "Ethereum Name Service", 23_110, 4.6),
    ("SEI", "세이", "Sei", 288, 4.8),
    ("APT", "앱토스", "Aptos", 4_655, 4.5),
    ("ARB", "아비트럼", "Arbitrum", 438, 4.7),
    ("STX", "스택스", "Stacks", 682, 4.7),
    ("SAND", "샌드박스", "The Sandbox", 302, 4.5),
    ("ATOM", "코스모스", "Cosmos", 4_870, 4.1),
    ("ALGO", "알고랜드", "Algorand", 279, 4.3),
    ("VET", "비체인", "VeChain", 28.4, 4.2),
    ("MANA", "디센트럴랜드", "Decentraland", 334, 4.4),
    ("POL", "폴리곤에코시스템토큰", "POL", 271, 4.4),
    ("IMX", "이뮤터블엑스", "Immutable X", 702, 4.8),
    ("GRT", "더그래프", "The Graph", 98.6, 4.6),
    ("CHZ", "칠리즈", "Chiliz", 47.3, 4.5),
    ("FLOW", "플로우", "Flow", 421, 4.4),
    ("THETA", "쎄타토큰", "Theta Token", 851, 4.4),
    ("AXS", "엑시인피니티", "Axie Infinity", 2_515, 4.8),
    ("EGLD", "멀티버스엑스", "MultiversX", 14_260, 4.5),
    ("XTZ", "테조스", "Tezos", 812, 4.0),
    ("NEO", "네오", "NEO", 6_790, 3.9),
    ("KAVA", "카바", "Kava", 386, 4.2),
    ("QTUM", "퀀텀", "Qtum", 2_604, 4.1),
    ("BAT", "베이직어텐션토큰", "Basic Attention Token", 241, 4.0),
    ("ZIL", "질리카", "Zilliqa", 12.7, 4.4),
    ("HIVE", "하이브", "Hive", 243, 4.6),
    ("ANKR", "앵커", "Ankr", 13.9, 4.6),
    ("JST", "저스트", "JUST", 79.4, 3.2),
    ("IOST", "아이오에스티", "IOST", 3.92, 4.8),
    ("WAXP", "왁스", "WAX", 18.6, 4.3),
    ("SC", "시아코인", "Siacoin", 3.04, 4.7),
    ("MVL", "엠블", "MVL", 3.41, 5.2),
    ("STMX", "스톰엑스", "StormX", 4.87, 5.6),
    ("XEC", "이캐시", "eCash", 0.0214, 4.4),
    ("AQT", "알파쿼크", "Alpha Quark Token", 1_284, 5.1),
    ("CBK", "코박토큰", "Cobak Token", 521, 5.0),
    ("TT", "썬더코어", "ThunderCore", 2.86, 5.0),
    ("MBL", "무비블록", "MovieBloc", 2.44, 5.6),
    ("BTT", "비트토렌트", "BitTorrent", 0.0006712, 4.0),
)
_QUIET: Final = (
    ("BTC-ETH", "이더리움", "Ethereum", 0.04138, 2.4),
    ("BTC-XRP", "엑스알피(리플)", "XRP", 0.00002724, 3.0),
    ("BTC-DOT", "폴카닷", "Polkadot", 0.00003717, 3.6),
    ("USDT-BTC", "비트코인", "Bitcoin", 81_806.0, 2.0),
    ("USDT-ETH", "이더리움", "Ethereum", 3_385.0, 3.0),
    ("USDT-XRP", "엑스알피(리플)", "XRP", 2.229, 3.4),
)
_UNDER_CAUTION: Final = frozenset({"KRW-STMX", "KRW-MBL"})

MARKETS_MAX: Final = len(_KRW)


class Listing(Struct, frozen=True):
    """A market and its temper; prices in 1e-8 units, values in the quote currency."""

    info: MarketInfo
    ladder: Ladder
    price: int
    day_volatility: float
    orders_per_second: float
    order_value: float
    book_levels: int
    busy: bool
    """Its book is published on the venue's grid, not at each change."""


def listings(krw_markets: int) -> list[Listing]:
    """The ``krw_markets`` busiest KRW markets, then the quiet ones of the other quote currencies.

    Raises
    ------
    BadInput
        More markets are asked for than are listed, or none.
    """
    if not 1 <= krw_markets <= MARKETS_MAX:
        raise BadInput("markets", krw_markets, f"give 1 to {MARKETS_MAX}")
    krw = [_krw(place, row) for place, row in enumerate(_KRW[:krw_markets], 1)]
    return krw + [_quiet(row) for row in _QUIET]


def info_of(code: str) -> MarketInfo:
    """The market as listed here; one that is not listed is named by its base currency."""
    base = code.partition("-")[2] or code
    return _NAMES.get(code, MarketInfo(code, base, base))


def _krw(place: int, row: tuple[str, str, str, float, float]) -> Listing:
    rate = BUSIEST_ORDERS_PER_SECOND / place**_RATE_POWER
    value = _BUSIEST_ORDER_VALUE["KRW"] / place**_VALUE_POWER
    return _listing((f"KRW-{row[0]}", *row[1:]), rate, value, _DEEP_BOOK_LEVELS - place // 2)


def _quiet(row: tuple[str, str, str, float, float]) -> Listing:
    value = _BUSIEST_ORDER_VALUE[row[0].partition("-")[0]]
    return _listing(row, _QUIET_ORDERS_PER_SECOND, value, _QUIET_BOOK_LEVELS)


def _listing(row: tuple[str, str, str, float, float], rate: float, value: float, levels: int) -> Listing:
    code, korean, english, price, volatility_percent = row
    ladder = ladder_of(code)
    return Listing(
        info=MarketInfo(code, korean, english, code in _UNDER_CAUTION),
        ladder=ladder,
        price=ladder.snap(as_units(price)),
        day_volatility=volatility_percent / 100,
        orders_per_second=rate,
        order_value=value,
        book_levels=levels,
        busy=rate >= _BUSY_ORDERS_PER_SECOND,
    )


_NAMES: Final = {listing.info.code: listing.info for listing in listings(MARKETS_MAX)}
