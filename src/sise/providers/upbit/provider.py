"""Upbit as a :class:`~sise.providers.contract.Provider`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sise.model.errors import BadInput
from sise.model.time import Clock
from sise.providers.address import checked
from sise.providers.contract import OnAnswer, RestClient
from sise.providers.upbit import decode as decoding
from sise.providers.upbit import encode
from sise.providers.upbit.client import UpbitRest
from sise.providers.upbit.limits import BOOK_DEPTHS, SLOTS
from sise.providers.upbit.line import UpbitLine

REST_URL: Final = "https://api.upbit.com"
WS_URL: Final = "wss://api.upbit.com/websocket/v1"


class Upbit:
    """Upbit's public market data. ``rest_url`` has no ``/v1``; the paths bring it."""

    name = "upbit"
    market = "crypto"
    venue = "upbit"
    kinds = ("trade", "orderbook", "ticker")
    slots_max = SLOTS[-1].count

    without_secrets = None
    decode = staticmethod(decoding.decode)

    def __init__(
        self, *, rest_url: str | None = None, ws_url: str | None = None, book_depth: int = 5
    ) -> None:
        """Raises :class:`~sise.model.errors.BadInput` for an address or depth that cannot be used."""
        if book_depth not in BOOK_DEPTHS:
            depths = ", ".join(str(depth) for depth in BOOK_DEPTHS)
            raise BadInput("book_depth", book_depth, f"choose one of {depths}")
        self.rest_url = checked("rest_url", rest_url or REST_URL, ("https", "http"))
        self.ws_url = checked("ws_url", ws_url or WS_URL, ("wss", "ws"))
        self.book_depth = book_depth

    def subscription(self, symbols: Sequence[str], ticket: str) -> str:
        """See :func:`sise.providers.upbit.encode.subscription`; the format is SIMPLE."""
        return encode.subscription(symbols, ticket, self.kinds, self.book_depth)

    def line(self, rest: RestClient, name: str) -> UpbitLine:
        """See :class:`~sise.providers.upbit.line.UpbitLine`."""
        return UpbitLine(self.subscription, name)

    def rest(self, clock: Clock, on_answer: OnAnswer) -> UpbitRest:
        """A REST client with its own governor: one for a process, for limits count per address."""
        return UpbitRest(self.rest_url, clock, on_answer)
