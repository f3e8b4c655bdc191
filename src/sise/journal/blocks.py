"""Whole lines that follow each other in a partition: read together, and given on together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from sise.journal.files import Line


class Block(Struct, frozen=True):
    """Lines of one partition without a hole between them; the checksum of each is right."""

    path: str
    first: int
    """The number of the first line, counted from 1."""
    count: int
    text: bytes
    """The lines, each with its newline."""

    @classmethod
    def of(cls, path: str, first: int, bodies: Sequence[bytes]) -> Block:
        """A block of lines without their newlines."""
        return cls(path, first, len(bodies), b"".join([body + b"\n" for body in bodies]))

    def __len__(self) -> int:
        return self.count

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.first + self.count - 1

    def bodies(self) -> list[bytes]:
        """The lines without their newlines."""
        return self.text[:-1].split(b"\n") if self.count else []

    def part(self, start: int, end: int) -> Block:
        """The lines at the positions ``[start, end)``."""
        begin, until = self._place(start), self._place(end)
        return Block(self.path, self.first + start, end - start, self.text[begin:until])

    def _place(self, line: int) -> int:
        """Where the line at a position begins."""
        return (
            len(self.text) - len(self.text.split(b"\n", line)[line]) if line < self.count else len(self.text)
        )

    def lines(self) -> Iterator[Line]:
        for number, body in enumerate(self.bodies(), self.first):
            yield Line(f"{self.path}:{number}", body)


def count_of(blocks: Iterable[Block]) -> int:
    """How many lines."""
    return sum(map(len, blocks))


def first_lines(blocks: list[Block], count: int) -> tuple[list[Block], list[Block]]:
    """The first ``count`` lines (all, where there are no more), and the rest."""
    first: list[Block] = []
    for at, block in enumerate(blocks):
        if len(block) > count:
            rest = [block.part(count, len(block)), *blocks[at + 1 :]]
            return ([*first, block.part(0, count)] if count else first), rest
        first.append(block)
        count -= len(block)
    return first, []
