"""KIS's volume rank: the thirty issues of the whole market that are traded most, in one request."""

from __future__ import annotations

from typing import Final, Protocol

from sise.model.errors import BadInput
from sise.model.events import Ranked
from sise.model.time import Clock
from sise.providers.contract import Ranking
from sise.providers.kis import answers
from sise.providers.kis.wire import Venue

ORDERS: Final[dict[Ranking, str]] = {"value": "3", "surge": "1"}
"""FID_BLNG_CLS_CODE of FHPST01710000; 0 volume, 2 and 4 turnover are not asked for."""


class Asking(Protocol):
    """What the rank needs of a client."""

    @property
    def clock(self) -> Clock: ...

    async def ask(self, name: str, tr_id: str, query: dict[str, str]) -> bytes:
        """The body of one answer."""


async def busiest(client: Asking, division: str, venue: Venue, by: Ranking) -> list[Ranked]:
    """At most thirty, best first. ``division`` is FID_COND_MRKT_DIV_CODE of ``venue``."""
    query = {
        "FID_COND_MRKT_DIV_CODE": division,
        "FID_COND_SCR_DIV_CODE": "20171",
        "FID_INPUT_ISCD": "0000",
        "FID_DIV_CLS_CODE": "0",
        "FID_BLNG_CLS_CODE": ORDERS[by],
        "FID_TRGT_CLS_CODE": "1" * 9,
        "FID_TRGT_EXLS_CLS_CODE": "0" * 10,
        "FID_INPUT_PRICE_1": "",
        "FID_INPUT_PRICE_2": "",
        "FID_VOL_CNT": "",
        "FID_INPUT_DATE_1": "",
    }
    reply = await client.ask("volume-rank", "FHPST01710000", query)
    return answers.rank(reply, venue, client.clock.now_ns())


def checked(count: int, by: Ranking, offered: tuple[Ranking, ...]) -> None:
    """Raises ``BadInput`` for a question that has no answer."""
    if count < 1:
        raise BadInput("count", count, "ask for at least one issue")
    if by not in offered:
        raise BadInput("by", by, f"choose one of: {', '.join(offered) or '(the mock market ranks nothing)'}")
