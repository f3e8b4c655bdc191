"""What the market lists: some 2,700 issues made from the seed, with the proportions of the real one.

The names are invented from syllables that Korean companies like; only two issues have real ones,
because everybody asks for them first. Prices and traded values follow the spread of real days: two in
five shares close below 4,000 won, half of all shares trade less than 300 million won a day, a few
trade nothing, some are halted. Codes are digits, alphanumeric (new listings, funds), ``Q…`` (ETN) and
``F…`` (funds of the master file that nobody trades).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import product
from random import Random
from typing import Final, Literal

from msgspec import Struct

from sise.model.errors import BadInput
from sise.simulator.kis import rules
from sise.simulator.kis.names import FUND_HEADS, FUND_TAILS, HEADS, TAILS

Group = Literal["ST", "EF", "EN", "BC"]
"""The master's 증권그룹: share, ETF, ETN, fund certificate."""

ISSUES_MIN: Final = 50
ISSUES_MAX: Final = 5_000
_KOSPI_SHARE, _ETF_SHARE, _ETN_SHARE = 0.31, 0.12, 0.02
_NXT_SHARE: Final = 0.17
"""The part of shares that NXT trades: the busiest."""
_FUNDS: Final = 5

# traded value of a day in won, at quantiles of the issues from the quietest on
_VALUE_AT: Final = (
    (0.0, 0.0),
    (0.03, 3e4),
    (0.10, 1.0e7),
    (0.25, 5.8e7),
    (0.50, 2.6e8),
    (0.75, 1.7e9),
    (0.90, 1.2e10),
    (0.95, 3.0e10),
    (0.99, 1.1e11),
    (1.0, 1.4e12),
)
_PRICE_AT: Final = (
    (0.0, 110.0),
    (0.10, 1_040.0),
    (0.25, 2_140.0),
    (0.42, 4_000.0),
    (0.50, 5_200.0),
    (0.75, 14_000.0),
    (0.90, 38_800.0),
    (0.99, 236_000.0),
    (1.0, 1_170_000.0),
)
_FAMOUS: Final = ("005930", "000660")
_SHARE_OF_SECTORS: Final = ("0013", "0015", "0008", "0021", "0027", "0005", "0009", "0016")
_LETTERS: Final = "ABCDGHJKLMNPRSTVWXYZ"


class Listing(Struct, frozen=True):
    """An issue as it stands on the morning of the first day. Money in won, ``volatility`` a day's."""

    code: str
    name: str
    market: Literal["KOSPI", "KOSDAQ"]
    group: Group
    base: int
    shares: int
    face: int
    day_value: float
    volatility: float
    trades_per_day: float
    halted: bool
    warning: Literal["00", "01", "02", "03"]
    managed: bool
    nxt: bool
    listed: str
    sector: str
    preferred: bool

    @property
    def is_fund(self) -> bool:
        """ETF and ETN: other ticks, no after-market, not at NXT."""
        return self.group != "ST"


def listings(seed: int, count: int, day: str, activity: float = 1.0) -> list[Listing]:
    """``count`` issues and a few untraded funds, in the order of the master files.

    Parameters
    ----------
    activity
        Multiplies how many trades there are.

    Raises
    ------
    BadInput
        ``count`` is out of range.
    """
    if not ISSUES_MIN <= count <= ISSUES_MAX:
        raise BadInput("issues", count, f"give {ISSUES_MIN} to {ISSUES_MAX}")
    rng = Random(f"{seed} listing")
    etfs, etns = int(count * _ETF_SHARE), int(count * _ETN_SHARE)
    shares = count - etfs - etns
    kospi = int(count * _KOSPI_SHARE)
    names = [f"{head}{tail}" for head, tail in product(HEADS, TAILS)]
    rng.shuffle(names)
    codes = _codes(rng, shares)
    made = [
        _share(rng, codes[i], names[i % len(names)] + ("" if i < len(names) else "2"), i < kospi, day)
        for i in range(shares)
    ]
    made[0] = _famous(made[0], "삼성전자", 274_000, 5_846_278_000, 1.2e12)
    made[1] = _famous(made[1], "SK하이닉스", 1_650_000, 712_702_365, 1.4e12)
    taken = {listing.code for listing in made}
    made += [_fund(rng, i, "EF", taken, day) for i in range(etfs)]
    made += [_fund(rng, i, "EN", taken, day) for i in range(etns)]
    made += [_certificate(rng, i, day) for i in range(_FUNDS)]
    return sorted(_with_nxt(made, activity), key=lambda one: (one.market != "KOSPI", one.code))


def _with_nxt(made: list[Listing], activity: float) -> list[Listing]:
    shares = [one for one in made if one.group == "ST" and not one.halted]
    shares.sort(key=lambda one: one.day_value, reverse=True)
    at_nxt = {one.code for one in shares[: int(len(shares) * _NXT_SHARE)]}
    return [_changed(one, nxt=one.code in at_nxt, trades_per_day=_trades(one) * activity) for one in made]


def _changed(one: Listing, **changes: object) -> Listing:
    fields: dict[str, object] = {name: getattr(one, name) for name in Listing.__struct_fields__}
    return Listing(**(fields | changes))  # type: ignore[arg-type]


def _trades(one: Listing) -> float:
    """How many trades make a day's value: the larger the value, the larger each trade too."""
    return 0.0 if one.halted or one.group == "BC" else min(60.0 * (one.day_value / 1e8) ** 0.68, 45_000.0)


def _codes(rng: Random, count: int) -> list[str]:
    """Different codes of shares: most are digits that end in 0, one in twenty has a letter."""
    numbers = rng.sample(range(1, 49_000), count)
    codes = dict.fromkeys(_FAMOUS)
    for i, number in enumerate(numbers):
        lettered = f"{number % 9_999 + 1:04d}{rng.choice(_LETTERS)}0"
        codes[lettered if i % 20 == 7 and lettered not in codes else f"{number * 10:06d}"] = None
    return [*codes][:count]


def _share(rng: Random, code: str, name: str, kospi: bool, day: str) -> Listing:
    preferred = kospi and rng.random() < 0.06
    place = rng.random()
    price = _at(_PRICE_AT, min(1.0, place * 0.93 + (0.07 if kospi else 0.0)))
    # dear issues are the busier ones, loosely
    value = _at(_VALUE_AT, min(1.0, max(0.0, rng.random() * 0.75 + place * 0.2 + (0.05 if kospi else 0))))
    halted = rng.random() < 0.025
    risk = rng.random()
    return Listing(
        code=f"{code[:5]}5" if preferred and code.isdigit() and code not in _FAMOUS else code,
        name=f"{name}우" if preferred else name,
        market="KOSPI" if kospi else "KOSDAQ",
        group="ST",
        base=rules.share_ladder(day).nearest(price),
        shares=max(1_000_000, int(rng.lognormvariate(17.0, 0.9)) // 1_000 * 1_000),
        face=rng.choice((100, 500, 500, 1_000, 5_000)),
        day_value=value,
        volatility=min(0.09, 0.022 * rng.lognormvariate(0, 0.45)),
        trades_per_day=0.0,
        halted=halted,
        warning="03" if risk < 0.002 else "02" if risk < 0.01 else "01" if risk < 0.03 else "00",
        managed=rng.random() < 0.02,
        nxt=False,
        listed=f"{rng.randint(1975, 2025)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}",
        sector=rng.choice(_SHARE_OF_SECTORS),
        preferred=preferred,
    )


def _famous(one: Listing, name: str, base: int, shares: int, value: float) -> Listing:
    return _changed(
        one,
        name=name,
        base=base,
        shares=shares,
        day_value=value,
        volatility=0.02,
        halted=False,
        warning="00",
        managed=False,
        preferred=False,
    )


def _fund(rng: Random, place: int, group: Literal["EF", "EN"], taken: set[str], day: str) -> Listing:
    while True:
        number = rng.randint(1, 49_999)
        code = (
            f"Q{500_000 + place:06d}"
            if group == "EN"
            else f"{number % 9_999 + 1:04d}{rng.choice(_LETTERS)}0"
            if place % 4 == 0
            else f"{number * 10:06d}"
        )
        if code not in taken:
            taken.add(code)
            break
    theme, house = divmod(place, len(FUND_HEADS))
    tail = FUND_TAILS[theme % len(FUND_TAILS)]
    again = theme // len(FUND_TAILS)
    name = f"{FUND_HEADS[house]} {tail}{f' {again + 1}호' if again else ''}{' ETN' if group == 'EN' else ''}"
    return Listing(
        code=code,
        name=name,
        market="KOSPI",
        group=group,
        base=rules.fund_ladder(day).nearest(rng.lognormvariate(9.4, 0.6)),
        shares=rng.randint(10, 3_000) * 50_000,
        face=0,
        day_value=_at(_VALUE_AT, min(1.0, rng.random() ** 1.2 * 0.985)),
        volatility=0.011 * rng.lognormvariate(0, 0.4),
        trades_per_day=0.0,
        halted=False,
        warning="00",
        managed=False,
        nxt=False,
        listed=f"{rng.randint(2002, 2026)}0315",
        sector="0000",
        preferred=False,
    )


def _certificate(rng: Random, place: int, day: str) -> Listing:
    base = rules.share_ladder(day).nearest(rng.uniform(1_000, 9_000))
    return Listing(
        code=f"F7010{place:04d}",
        name=f"{FUND_HEADS[place % len(FUND_HEADS)]}특별자산투자신탁{place + 1}",
        market="KOSPI",
        group="BC",
        base=base,
        shares=1_000_000,
        face=0,
        day_value=0.0,
        volatility=0.001,
        trades_per_day=0.0,
        halted=False,
        warning="00",
        managed=False,
        nxt=False,
        listed="20150601",
        sector="0000",
        preferred=False,
    )


def _at(table: tuple[tuple[float, float], ...], place: float) -> float:
    """The value of a table of quantiles at ``place``, on a logarithmic scale."""
    i = min(bisect_right(table, (place, float("inf"))), len(table) - 1)
    (x0, y0), (x1, y1) = table[i - 1], table[i]
    part = (place - x0) / (x1 - x0)
    if y0 <= 0:
        return float(y1 * part)
    return float(y0 * (y1 / y0) ** part)
