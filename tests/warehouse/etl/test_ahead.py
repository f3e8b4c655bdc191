"""Units come once each, in order, however they are read ahead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sise.journal.blocks import Block
from sise.warehouse.etl.ahead import UnitsAhead
from sise.warehouse.etl.reading import DayReader
from sise.warehouse.etl.tickarrays import LINE
from tests.warehouse.etl.journals import DAY, scalp, trade

ROWS = 3


def path_of(root: Path) -> str:
    (file,) = (root / DAY.folder("scalp")).iterdir()
    return f"{DAY.folder('scalp')}/{file.name}"


def numbers(units: UnitsAhead) -> Iterator[tuple[list[int], bool]]:
    """The line numbers of each unit, and whether they are old."""
    while (unit := units.take()) is not None:
        assert units.take() is unit
        told = [number for block in unit.blocks for number in range(block.first, block.last + 1)]
        assert unit.read.ticks.rows.counts[:, LINE].tolist() == told
        yield told, unit.old
        units.done()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[DayReader]:
    scalp(tmp_path, DAY, [trade(DAY, at, at) for at in range(10)])
    reader = DayReader(tmp_path, DAY)
    yield reader
    reader.close()


def test_old_lines_are_units_of_their_own(reader: DayReader, tmp_path: Path) -> None:
    units = UnitsAhead(reader, DAY, {path_of(tmp_path): 4}, ROWS)
    assert list(numbers(units)) == [
        ([1, 2, 3], True),
        ([4], True),
        ([5, 6, 7], False),
        ([8, 9, 10], False),
    ]
    scalp(tmp_path, DAY, [trade(DAY, 11, 11)])
    assert list(numbers(units)) == [([11], False)]
    units.close()


def test_what_reading_ahead_raises_is_raised_and_loses_no_line(
    reader: DayReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = reader.scalp, [0]

    def failing(max_lines: int) -> list[Block]:
        calls[0] += 1
        if calls[0] == 2:
            raise OSError("the disk is away")
        return real(max_lines)

    monkeypatch.setattr(reader, "scalp", failing)
    units = UnitsAhead(reader, DAY, {}, 10)
    assert next(numbers(units)) == (list(range(1, 11)), False)
    units.done()
    scalp(tmp_path, DAY, [trade(DAY, 11, 11)])
    with pytest.raises(OSError, match="away"):
        units.take()
    assert list(numbers(units)) == [([11], False)]
    units.close()
