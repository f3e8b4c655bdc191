"""Ticks for ever: the trades and samples of a finished day, as Parquet beside the bars.

    ticks/provider=kis/market=kr_stocks/day=2026-11-20/<id>-000.parquet     trades, sorted by symbol and time
    quotes/provider=kis/market=kr_stocks/day=2026-11-20/<id>-000.parquet    samples of the best orders
    ticks/manifest/<id>.json                                                the day's entry, written last

A day is kept whole: where it is loaded again with another outcome, that is a new entry beside the old one,
and the last added counts for all of the day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import polars as pl
from msgspec import Struct, structs

from sise.model.errors import SiseError
from sise.model.time import iso
from sise.warehouse.candles import moment_text
from sise.warehouse.history import History
from sise.warehouse.history_entry import (
    Entry,
    HistoryDamaged,
    Origin,
    StoredFile,
    encode,
    entry_id,
    entry_name,
)
from sise.warehouse.history_ticks_file import decoded, encoded
from sise.warehouse.history_ticks_form import FORMS, stored, told

SOURCE: Final = "journal"
FILE_ROWS_MAX: Final = 131_072
"""So many rows are held in memory at once, and lie in one file: a row group."""
HASHED_ROWS: Final = 10_000
"""The text of so many rows is made at once."""


class NotExact(SiseError):
    """Ticks hold a value that the history's form cannot give back as it is."""


class Day(Struct, frozen=True):
    """Whose day it is."""

    provider: str
    market: str
    day: date

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.market}/{self.day}"

    def folder(self, kind: str) -> str:
        """Where its files lie below the history."""
        return f"{kind}/provider={self.provider}/market={self.market}/day={self.day}"


def keep_ticks(
    history: History, kind: str, day: Day, frames: Iterable[pl.DataFrame], now_ns: int
) -> list[str]:
    """Keep a day's rows of a kind (see :data:`FORMS`); the files written, none where it holds the same.

    ``frames`` are in the order in which they are to lie: by symbol, then by time. Memory holds
    FILE_ROWS_MAX of their rows; what is written waits in a temporary folder until all is there, and is read
    back before it counts.

    Raises
    ------
    NotExact
        A value would not come back as it is; then nothing is kept.
    """
    with TemporaryDirectory(prefix="sise-ticks-") as folder:
        spooled = _spooled(Path(folder), kind, day, frames)
        if not spooled.files:
            return []
        before = latest(history.entries(kind)).get(day.folder(kind))
        origin = Origin(f"{SOURCE} {day.name}", spooled.sha256, spooled.bytes)
        if before is not None and before.made_from.sha256 == origin.sha256:
            return []
        # what was told before, then otherwise, then as before again, is told anew each time
        identity = entry_id(origin, kind, day.provider, day.market, before.id if before else "")
        files = [
            structs.replace(file, file=_named(day.folder(kind), identity, file)) for file in spooled.files
        ]
        for spool, file in zip(spooled.files, files, strict=True):
            history.files.write(file.file, (Path(folder) / spool.file).read_bytes())
        entry = Entry(
            id=identity,
            kind=kind,
            provider=day.provider,
            market=day.market,
            source=SOURCE,
            prices="raw",
            made_from=origin,
            added_at=iso(now_ns),
            rows=sum(file.rows for file in files),
            symbols=sorted(spooled.symbols),
            files=files,
        )
        history.files.write(entry_name(kind, identity), encode(entry))
    return [file.file for file in files]


def latest(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The entry that counts for each day, by the folder of its files; ``entries`` are oldest first."""
    return {entry.files[0].file.rpartition("/")[0]: entry for entry in entries}


def rows_of(history: History, entry: Entry, where: pl.Expr) -> Iterator[pl.DataFrame]:
    """The rows of an entry that a condition on ``venue symbol event_time`` lets through, file by file.

    Raises
    ------
    HistoryDamaged
        A file is missing or cannot be read.
    """
    for file in entry.files:
        try:
            yield told(entry.kind, history.scan(file.file).filter(where).collect())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise HistoryDamaged(str(error).partition("\n")[0][:200]) from error


class _Spooled(Struct):
    """What lies in the temporary folder: a day's files, and the hash of the rows themselves."""

    files: list[StoredFile]
    symbols: set[str]
    sha256: str
    bytes: int


def _spooled(folder: Path, kind: str, day: Day, frames: Iterable[pl.DataFrame]) -> _Spooled:
    digest, size = hashlib.sha256(), 0
    files: list[StoredFile] = []
    symbols: set[str] = set()
    for rows in _parts(frame.select(*FORMS[kind]) for frame in frames):
        for piece in rows.iter_slices(HASHED_ROWS):
            text = piece.write_csv(include_header=False, null_value="\\N").encode()
            digest.update(text)
            size += len(text)
        symbols |= set(rows["symbol"].unique())
        content = encoded(stored(rows))
        _prove(kind, day, rows, content)
        name = f"{len(files):03}.parquet"
        (folder / name).write_bytes(content)
        first, last = (moment_text(each) for each in (rows["event_time"].min(), rows["event_time"].max()))
        sha256 = hashlib.sha256(content).hexdigest()
        files.append(StoredFile(name, rows.height, len(content), sha256, first, last))
    return _Spooled(files, symbols, digest.hexdigest(), size)


def _parts(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    for frame in frames:
        for piece in frame.iter_slices(FILE_ROWS_MAX):
            if held and sum(each.height for each in held) + piece.height > FILE_ROWS_MAX:
                yield pl.concat(held)
                held = []
            if piece.height:
                held.append(piece)
    if held:
        yield pl.concat(held)


def _prove(kind: str, day: Day, rows: pl.DataFrame, content: bytes) -> None:
    """What was written gives the very same rows back."""
    back = told(kind, decoded(content))
    if back.equals(rows):
        return
    differ = [name for name in rows.columns if not back[name].equals(rows[name])]
    name = differ[0]
    at = rows[name].ne_missing(back[name]).cast(pl.Int8).arg_max() or 0
    raise NotExact(
        f"the history cannot keep the {kind} of {day.name} as they are: {name} {rows[name][at]!r} "
        f"({rows['raw_ref'][at]}) would read {back[name][at]!r}; nothing of them is kept. "
        "The trading database has them; sise etl --no-keep leaves the history out"
    )


def _named(folder: str, identity: str, file: StoredFile) -> str:
    return f"{folder}/{identity}-{file.file}"
