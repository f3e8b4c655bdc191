"""Locks of MariaDB, which belong to a connection and not to a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from sise.model.errors import Unreachable


@contextmanager
def named_lock(connection: Connection, name: str, seconds: int, holder: str) -> Iterator[None]:
    """Hold the lock ``name`` of this database while the block lasts; wait ``seconds`` for another one.

    Raises :class:`Unreachable`, with ``holder`` as who had it, where that was not enough. An error in the
    block closes the connection, and the lock goes with it: it may be cut, and to ask it would hide why.
    """
    lock = {"name": name, "seconds": seconds}
    taken = connection.scalar(text("SELECT GET_LOCK(CONCAT(DATABASE(), ' ', :name), :seconds)"), lock)
    if taken != 1:
        raise Unreachable(f"{holder} went on for {seconds} s; run this again later")
    try:
        yield
    except BaseException:
        connection.invalidate()
        raise
    connection.execute(text("SELECT RELEASE_LOCK(CONCAT(DATABASE(), ' ', :name))"), lock)
