"""Whole lines that follow each other in a partition: read together, and given on together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from sise.journal.files import Line


class Block(Struct, frozen=True):
    """Lines of one partition without a hole between them; the checksum of each is right.

    ``first`` is the number of the first line, counted from 1; ``bodies`` are the lines without newlines.
    """

    path: str
    first: int
    bodies: list[bytes]

    def __len__(self) -> int:
        return len(self.bodies)

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.first + len(self.bodies) - 1

    def part(self, start: int, end: int) -> Block:
        """The lines at the positions ``[start, end)``."""
        return Block(self.path, self.first + start, self.bodies[start:end])

    def lines(self) -> Iterator[Line]:
        for number, body in enumerate(self.bodies, self.first):
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
