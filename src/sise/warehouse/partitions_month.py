"""Months of UTC time, the measure of partitions and of what is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from sise.model.time import NS_PER_SECOND, iso


class Month(NamedTuple):
    """A calendar month in UTC."""

    year: int
    month: int

    @property
    def after(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def start_ns(self) -> int:
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * NS_PER_SECOND

    @property
    def end_ns(self) -> int:
        """The first moment that is not in it."""
        return self.after.start_ns

    @property
    def name(self) -> str:
        """Of its partition: ``p202611``."""
        return f"p{self.year:04d}{self.month:02d}"

    @property
    def first_day(self) -> str:
        return f"{self.year:04d}-{self.month:02d}-01"


def month_of(ns: int) -> Month:
    """The month that a moment lies in."""
    text = iso(ns)
    return Month(int(text[:4]), int(text[5:7]))


def month_named(name: str) -> Month | None:
    """The month of a name that ends like a partition's; ``None`` for other names."""
    digits = name[-6:]
    if name[-7:-6] != "p" or not digits.isdigit() or not 1 <= int(digits[4:]) <= 12:
        return None
    return Month(int(digits[:4]), int(digits[4:]))
