"""What KIS allows, as dated rows with their source, and what we take of it.

A change of rules is a new row with its own date; nothing else in the code holds a number of KIS's.
Sources: [off] KIS's repository of samples, [wb] its workbook of 2026-09-11, [cap] captured on the
wire, [3p] third parties who quote a notice; all collected in ``README.md``.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from sise.providers.dated import Cap, RateLimit, in_force

_NOTICE: Final = "[3p] quoting KIS's notice of 2026-04"
_HELPER: Final = "[off] the official helper sleeps as long between calls"

RATE_LIMITS: Final = (
    RateLimit("rest", 20, 1.0, "app_key", date(2024, 1, 1), "[3p] the rule before the notice of 2026-04"),
    RateLimit("rest", 18, 1.0, "app_key", date(2026, 4, 20), _NOTICE),
    RateLimit("rest", 1, 0.05, "app_key", date(2024, 1, 1), _HELPER),
    RateLimit("rest-new", 3, 1.0, "app_key", date(2026, 4, 3), f"{_NOTICE}; the first 3 days of a customer"),
    RateLimit("rest-mock", 2, 1.0, "app_key", date(2024, 1, 1), "[3p] the rule before the notice of 2026-04"),
    RateLimit("rest-mock", 1, 1.0, "app_key", date(2026, 4, 20), _NOTICE),
    RateLimit("rest-mock", 1, 0.5, "app_key", date(2024, 1, 1), _HELPER),
    RateLimit("token", 1, 60.0, "app_key", date(2024, 1, 1), "[off] README, EGW00133; kept in tokens.py"),
    RateLimit("oauth", 1, 1.0, "app_key", date(2026, 4, 20), _NOTICE),
    RateLimit("master", 1, 1.0, "address", date(2024, 1, 1), "ours: files of a web server, two a day"),
    RateLimit("ws-registration", 1, 0.1, "connection", date(2024, 1, 1), "[3p] 50 to 100 ms, after the ack"),
    RateLimit(
        "ws-connect", 1, 10.0, "app_key", date(2024, 1, 1), "[3p] connect/close loops are blocked; >= 10 s"
    ),
    RateLimit(
        *("ws-connect-in-use", 1, 18.0, "app_key", date(2024, 1, 1)),
        "[3p] after OPSP8996: about 18 s without a word, then one try usually works",
    ),
)

REST_GROUPS: Final = ("rest", "rest-new", "rest-mock")

SLOTS: Final = (
    Cap(
        "registrations of one socket, over all products and feeds",
        41,
        date(2024, 1, 1),
        "[cap] 2026-08-17 and 2026-09-08: 41 accepted, the 42nd OPSP0008",
    ),
)

SHARE_TAKEN: Final = 0.8
"""Of each published rate: the rest is for whoever else uses the app key, and for jitter."""

NEW_CUSTOMER: Final = timedelta(days=3)

ACK_SECONDS_MAX: Final = 10.0
"""How long an answer to a registration may take before it is given up for lost; ours."""

PRICES_COUNT_MAX: Final = 30
DAILY_ROWS_MAX: Final = 100
MINUTE_ROWS_MAX: Final = 30
PAST_MINUTE_ROWS_MAX: Final = 120
BOOK_DEPTH: Final = 10


def rate_limits(group: str, on: date) -> tuple[RateLimit, ...]:
    """The rows of ``group`` in force ``on`` a day (:func:`sise.providers.dated.in_force`)."""
    return in_force(RATE_LIMITS, group, on)


def windows(group: str, on: date) -> list[tuple[int, float]]:
    """Counts and seconds for a governor: below the published rows, the shortest window first.

    Where our share of a row is less than one request, its window grows instead.
    """
    taken: list[tuple[int, float]] = []
    for row in sorted(rate_limits(group, on), key=lambda row: row.seconds):
        share = row.count * SHARE_TAKEN
        taken.append((int(share), row.seconds) if share >= 1 else (1, row.count * row.seconds / share))
    # A shorter window that allows no less than a longer one is of no effect, and so left out.
    return [pair for n, pair in enumerate(taken) if all(pair[0] < other[0] for other in taken[n + 1 :])]


def rest_group(*, mock: bool, customer_since: date | None, on: date) -> str:
    """Whose limits count: those of the mock market, of a new customer, or of everyone else."""
    if mock:
        return "rest-mock"
    new = customer_since is not None and on < customer_since + NEW_CUSTOMER
    return "rest-new" if new else "rest"
