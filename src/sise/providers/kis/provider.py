"""KIS (한국투자증권) as a provider of Korean shares; the real market or the mock one (모의투자)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from sise.model.errors import BadInput
from sise.model.time import Clock
from sise.providers.address import checked
from sise.providers.contract import OnAnswer, RestClient
from sise.providers.kis import decode as decoding
from sise.providers.kis import encode, wire
from sise.providers.kis.client import KisRest
from sise.providers.kis.keys import KisKeys
from sise.providers.kis.limits import BOOK_DEPTH, SLOTS
from sise.providers.kis.line import KisLine

REST_URL: Final = "https://openapi.koreainvestment.com:9443"
WS_URL: Final = "ws://ops.koreainvestment.com:21000"
MOCK_REST_URL: Final = "https://openapivts.koreainvestment.com:29443"
MOCK_WS_URL: Final = "ws://ops.koreainvestment.com:31000"
MASTER_URL: Final = "https://new.real.download.dws.co.kr"


class Kis:
    """KIS's market data.

    A socket does not take one subscription but registrations, one by one: :meth:`line` makes them.
    """

    name = "kis"
    market = "kr_stocks"

    decode = staticmethod(decoding.decode)
    without_secrets = staticmethod(wire.without_secrets)

    def __init__(
        self,
        *,
        rest_url: str | None = None,
        ws_url: str | None = None,
        master_url: str | None = None,
        book_depth: int = 1,
        books: bool = False,
        states: bool = False,
        notices: bool = False,
        venue: wire.Venue = "KRX",
        mock: bool = False,
        keys: KisKeys | None = None,
        tokens_dir: Path | None = None,
        customer_since: date | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Nothing is asked or opened yet.

        Parameters
        ----------
        master_url
            Where the symbol masters lie; with a ``rest_url`` of one's own, that one.
        book_depth
            Of no effect: KIS sends one level with each trade, and ten where ``books`` are wanted.
        books
            Also register the book of each issue, which costs a second slot for each.
        states
            Also register its halts, interruptions and phases (H0STMKO0), which costs one more.
        notices
            Also register the notices of one's own orders, one slot: an :class:`OrderNotice` for each.
        venue
            ``KRX``, ``NXT`` or ``UN``, the unified feed. The mock market has only KRX, and no states.
        keys, tokens_dir
            Needed by :meth:`rest`; decoding needs neither.
        customer_since
            The first day of a new customer, who is allowed less for three days.
        rng
            Dice for the waits between tries.

        Raises
        ------
        BadInput
            An address, the venue or an option cannot be used; ``notices`` need ``keys`` with an HTS id.
        """
        if venue not in encode.TRADE_TR_IDS or (mock and venue != "KRX"):
            raise BadInput("venue", venue, "choose KRX, NXT or UN; the mock market has only KRX")
        if states and mock:
            raise BadInput("states", states, "the mock market has no H0STMKO0: leave it out")
        if keys is not None and keys.mock != mock:
            raise BadInput(
                "mock", mock, "keys of the mock market are no keys of the real one: give the other ones"
            )
        self.mock = mock
        self.venue = venue
        self.rest_url = checked(
            "rest_url", rest_url or (MOCK_REST_URL if mock else REST_URL), ("https", "http")
        )
        self.ws_url = checked("ws_url", ws_url or (MOCK_WS_URL if mock else WS_URL), ("ws", "wss"))
        self.master_url = checked("master_url", master_url or rest_url or MASTER_URL, ("https", "http"))
        self.kinds: tuple[str, ...] = (encode.TRADE_TR_IDS[venue],)
        if books:
            self.kinds += (encode.BOOK_TR_IDS[venue],)
        if states:
            self.kinds += (encode.STATE_TR_IDS[venue],)
        self._notices = (
            encode.notices(keys.hts_id.reveal() if keys is not None else "", mock=mock) if notices else None
        )
        self.book_depth = BOOK_DEPTH if books else 1
        self.slots_max = (SLOTS[-1].count - bool(notices)) // len(self.kinds)
        self._keys = keys
        self._tokens_dir = tokens_dir
        self._customer_since = customer_since
        self._rng = rng if rng is not None else random.Random()

    def registration_keys(self, symbols: Sequence[str]) -> list[encode.Registration]:
        """What to want for ``symbols``: each once for each of ``kinds``.

        Raises :class:`~sise.model.errors.BadInput` for a symbol that KIS would accept and ignore.
        """
        return encode.registrations(symbols, self.kinds)

    def line(self, rest: RestClient, name: str) -> KisLine:
        """See :class:`~sise.providers.kis.line.KisLine`; ``rest`` is one that :meth:`rest` made."""
        if not isinstance(rest, KisRest):
            raise TypeError("a line of KIS needs KIS's own REST client: it fetches the approval key")
        return KisLine(rest, self.registration_keys, self._notices)

    def rest(self, clock: Clock, on_answer: OnAnswer) -> KisRest:
        """A REST client with its own governor: one for a process, for limits count per app key.

        Raises :class:`~sise.model.errors.BadInput` where keys or their folder were not given.
        """
        if self._keys is None or self._tokens_dir is None:
            raise BadInput(
                "kis keys", "(none)", "give app key and secret: SISE_KIS_APP_KEY and SISE_KIS_APP_SECRET"
            )
        return KisRest(
            self.rest_url,
            self.master_url,
            clock,
            on_answer,
            keys=self._keys,
            tokens_dir=self._tokens_dir,
            venue=self.venue,
            customer_since=self._customer_since,
            rng=self._rng,
        )
