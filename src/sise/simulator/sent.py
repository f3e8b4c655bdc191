"""What was handed to the sockets: the simulator's own account, to hold a recording against."""

from __future__ import annotations

import zlib
from collections import Counter, deque
from itertools import islice
from typing import Final

from sise.model.time import iso

MAX_SENT_KEPT: Final = 200_000
MAX_SENT_ANSWERED: Final = 10_000

_Row = tuple[int, int, str, str, int | None, int, int, str]


class SentLog:
    """The last :data:`MAX_SENT_KEPT` data frames, numbered from 1 for ever.

    Parameters
    ----------
    mark_name
        What the provider's frames are told apart by, as the log names it.
    """

    def __init__(self, mark_name: str = "sequential_id") -> None:
        self._mark_name = mark_name
        self._rows: deque[_Row] = deque(maxlen=MAX_SENT_KEPT)
        self.left_out: deque[int] = deque(maxlen=MAX_SENT_KEPT)
        """When (UTC ns) a data frame was due that did not go to a socket: the line was cut, silent, half-open
        or slow."""
        self.last_index = 0
        self.counts: Counter[str] = Counter()

    def add(
        self,
        *,
        now_ns: int,
        connection: int,
        kind: str,
        code: str,
        mark: int | None,
        payload: bytes,
        records: int = 1,
        fault: str = "",
    ) -> None:
        """Note a frame; ``fault`` names what was done to it (``duplicate truncate …``)."""
        self.last_index += 1
        self.counts[kind] += 1
        self._rows.append((now_ns, connection, kind, code, mark, records, zlib.crc32(payload), fault))

    def leave_out(self, due_ns: int) -> None:
        """A data frame was due at that moment, and did not go to the socket."""
        self.left_out.append(due_ns)

    def after(self, index: int, limit: int) -> list[dict[str, object]]:
        """At most ``limit`` frames with a number above ``index``, oldest first."""
        first = self.last_index - len(self._rows) + 1
        begin = max(index + 1, first) - first
        end = min(begin + min(limit, MAX_SENT_ANSWERED), len(self._rows))
        rows = islice(self._rows, begin, end)
        return [self._shown(first + begin + i, row) for i, row in enumerate(rows)]

    def _shown(self, index: int, row: _Row) -> dict[str, object]:
        ns, connection, kind, code, mark, records, crc, fault = row
        return {
            "index": index,
            "ns": ns,
            "at": iso(ns),
            "connection": connection,
            "kind": kind,
            "code": code,
            self._mark_name: mark,
            "records": records,
            "crc32": f"{crc:08x}",
            "fault": fault,
        }
