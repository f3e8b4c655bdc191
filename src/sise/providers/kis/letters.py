"""Sealed notices on a line: their registration, the keys that came with it, what they say once opened.

The keys live here and nowhere else, for as long as the socket does: the log keeps the answer that brought
them without them. So a recorded notice stays sealed for ever, for us too; that one came, when and about which
issue is what is recorded of it (:class:`~sise.model.events.OrderNotice`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from sise.model.errors import Undecodable
from sise.model.events import NoticeKind, OrderNotice
from sise.providers.kis import texts, wire
from sise.providers.kis.encode import Registration
from sise.providers.kis.notices import Notice, NoticeKeys, keys_of, open_notice

NOTICES_KEPT_MAX: Final = 1_000
"""Between two calls of :meth:`Letters.taken`; the oldest go first, their frames are in the wire log."""

ACCOUNT_CHARACTERS_SHOWN: Final = 4
"""Of ten: the last two of the account and the product's two, enough to tell two accounts apart."""


class Letters:
    """The notices of one line; ``registration`` is None where they are not wanted."""

    def __init__(self, registration: Registration | None) -> None:
        self.wanted = () if registration is None else (registration,)
        self._keys: NoticeKeys | None = None
        self._read: deque[OrderNotice] = deque(maxlen=NOTICES_KEPT_MAX)

    def lost(self) -> None:
        """The socket is gone, and its keys with it."""
        self._keys = None

    def keyed(self, ack: wire.Ack) -> None:
        """An answer came: it may bring the keys."""
        self._keys = keys_of(ack) or self._keys

    def heard(self, payload: bytes, received_at: int) -> None:
        """A frame that is no answer came: where it is a sealed notice, open it."""
        if payload[:1] != b"1":
            return
        try:
            if self._keys is None:
                raise Undecodable("a notice without keys")
            self._read += [_told(each, received_at) for each in open_notice(payload, self._keys)]
        except Undecodable:
            self._read.append(OrderNotice(kind="unreadable", event_time=received_at))

    def taken(self) -> list[OrderNotice]:
        """What was opened since the last call."""
        read = list(self._read)
        self._read.clear()
        return read


def symbols_of(keys: Iterable[Registration]) -> list[Registration]:
    """Those whose key is a symbol: that of a notice is an HTS id, which nobody else may see."""
    return [key for key in keys if key.tr_id not in wire.NOTICE_TR_IDS]


def feeds(keys: Iterable[Registration]) -> list[Registration]:
    """Those that bring trades or books."""
    return [key for key in keys if key.tr_id in wire.FEEDS]


def _told(notice: Notice, received_at: int) -> OrderNotice:
    kind: NoticeKind = "refused" if notice.refused else "filled" if notice.filled else "taken"
    return OrderNotice(
        kind=kind,
        event_time=texts.moment_near(notice.hour, received_at),
        symbol=texts.code(notice.symbol, "notice"),
        account=_masked(notice.account.reveal()),
    )


def _masked(account: str) -> str:
    shown = account[-ACCOUNT_CHARACTERS_SHOWN:] if len(account) > 2 * ACCOUNT_CHARACTERS_SHOWN else ""
    return "*" * (len(account) - len(shown)) + shown
